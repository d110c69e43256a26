"""A company's network: a proxy that wants a name, an own authority, client certificates.

The forge's name, `forge.test`, is known to the proxy alone: what comes through came through it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mgit.address import parse_origin
from mgit.errors import NetworkError
from mgit.git.network import Network
from mgit.git.runner import GitRunner
from mgit.transport import TlsSettings, parse_proxy
from sandbox.certificates import Authority, Pair
from sandbox.forge import SandboxForge
from sandbox.proxy import SandboxProxy
from tests.story.laptop import CANARY, Laptop

PROXY_SECRET = "p@ss wört:9d1f"  # needs percent-encoding, and is not ASCII
ENCODED = "p%40ss%20w%C3%B6rt%3A9d1f"
TARGET = "forge.test:443"


@dataclass(frozen=True)
class Company:
    """What a company puts between a laptop and its forge."""

    authority: Authority
    client: Pair
    forge: SandboxForge
    proxy: SandboxProxy
    laptop: Laptop

    def configure(self, network: str = "") -> None:
        self.laptop.configure(
            "[defaults]\nlayout = 'owner'\n"
            f"[network]\n{network}\n"
            f"[sources.work]\nforge = 'github'\nurl = '{self.forge.api_url}'\nowners = ['acme']\n"
        )

    def configure_manifest(self, network: str) -> None:
        file = self.laptop.home / "repos.toml"
        url = self.forge.clone_url("acme", "repo-001")
        file.write_text(f"version = 1\n[[repo]]\nurl = '{url}'\n")
        self.laptop.configure(
            f"[network]\n{network}\n[sources.work]\nforge = 'manifest'\nfile = '{file}'\n"
        )

    @property
    def everything(self) -> str:
        return (
            f"ca_file = '{self.authority.file}'\n"
            f"client_cert = '{self.client.certificate}'\nclient_key = '{self.client.key}'"
        )

    @property
    def agents(self) -> set[str]:
        """The programs that used the proxy, by the first letters of what they call themselves."""
        return {tunnel.agent[:4] for tunnel in self.proxy.tunnels if tunnel.status == 200}


@pytest.fixture
def company(tmp_path: Path, laptop: Laptop) -> Iterator[Company]:
    authority = Authority(tmp_path / "certificates")
    server = authority.server("forge.test")
    forge = SandboxForge(
        tmp_path / "forge",
        token=CANARY,
        tls=authority.context(server, clients=True),
        public="https://forge.test",
    )
    with forge, SandboxProxy({TARGET: forge.port}, user="mona", secret=PROXY_SECRET) as proxy:
        forge.add_repos("acme", 2)
        equipped = replace(
            laptop,
            variables={
                "MGIT_TOKEN_WORK": CANARY,
                "HTTPS_PROXY": f"http://mona:{ENCODED}@{proxy.address}",
            },
        )
        made = Company(authority, authority.client("mona"), forge, proxy, equipped)
        made.configure(made.everything)
        yield made


def test_list_clone_and_fetch_go_through_proxy_own_authority_and_client_certificate(
    company: Company,
) -> None:
    laptop, forge = company.laptop, company.forge

    listed = laptop.mgit("list", "--format", "jsonl")
    assert listed.code == 0, listed.err
    assert len(listed.lines) == 2

    cloned = laptop.mgit("sync", "--debug")
    assert cloned.code == 0, cloned.err
    assert (laptop.root / "acme" / "repo-001" / "README.md").exists()
    assert {tunnel.target for tunnel in company.proxy.tunnels} == {TARGET}
    assert {tunnel.status for tunnel in company.proxy.tunnels} == {200}
    assert len([tunnel for tunnel in company.proxy.tunnels if tunnel.agent[:4] == "git/"]) == 2

    company.proxy.forget()
    laptop.forget_gits()
    pushed = forge.push("acme", "repo-001")
    fetched = laptop.mgit("sync", "--format", "json", "--debug")
    assert fetched.code == 0, fetched.err
    assert laptop.git("acme/repo-001", "rev-parse", "HEAD") == pushed
    assert "git/" in company.agents

    said = [ran.out + ran.err for ran in (listed, cloned, fetched)]
    assert_nowhere(laptop, said, PROXY_SECRET, ENCODED)


def assert_nowhere(laptop: Laptop, said: list[str], *secrets: str) -> None:
    """Neither printed, nor in git's arguments or environment, nor in any file of mgit's."""
    files = [file for file in laptop.home.rglob("*") if file.is_file() and not file.is_symlink()]
    texts = [*said, *(file.read_bytes().decode("utf-8", "replace") for file in files)]
    texts += [file.read_text(errors="replace") for file in laptop.git_log.iterdir()]
    assert len(texts) > 20
    for secret in secrets:
        assert not [text for text in texts if secret in text]


def _no_authority(company: Company) -> str:
    return company.everything.replace("ca_file", "# ca_file")


def _no_client(company: Company) -> str:
    return f"ca_file = '{company.authority.file}'"


def _foreign_client(company: Company) -> str:
    other = Authority(company.laptop.home / "elsewhere", "Somebody Else").client("mona")
    return (
        _no_client(company) + f"\nclient_cert = '{other.certificate}'\nclient_key = '{other.key}'"
    )


@pytest.mark.parametrize(
    ("network", "told", "advice"),
    [
        (_no_authority, "certificate that is not trusted", "ca_file"),
        (_no_client, "https://forge.test wants a client certificate", "client_cert"),
        (_foreign_client, "refused the client certificate", "right one for this host"),
    ],
)
def test_what_lacks_is_told_by_its_name(
    company: Company, network: Callable[[Company], str], told: str, advice: str
) -> None:
    company.configure(network(company))
    for command in ("list", "sync"):
        company.proxy.forget()
        ran = company.laptop.mgit(command)
        assert len(company.proxy.tunnels) == 1  # to ask again would be of no use
        assert ran.code == 4, ran.err
        assert told in ran.err
        assert advice in ran.err
    assert not list(company.laptop.root.glob("*/*"))


@pytest.mark.parametrize(
    ("network", "advice"),
    [(_no_authority, "ca_file"), (_no_client, "client_cert"), (_foreign_client, "client_cert")],
)
def test_git_itself_is_told_the_same_where_it_asks_first(
    company: Company, network: Callable[[Company], str], advice: str
) -> None:
    """A manifest's clones: nothing was asked before git is started."""
    company.configure_manifest(network(company))
    ran = company.laptop.mgit("sync")
    assert ran.code == 4, ran.err
    assert f"`{advice}`" in ran.err
    assert not list(company.laptop.root.glob("[!.]*"))

    company.configure_manifest(company.everything)
    assert company.laptop.mgit("sync").code == 0


@pytest.mark.parametrize(
    ("network", "told"),
    [
        ("ca_file = '/nowhere/ca.pem'", "/nowhere/ca.pem"),
        ("client_cert = '/nowhere/me.pem'", "/nowhere/me.pem"),
        ("client_key = '/nowhere/me.key'", "client_cert"),
    ],
)
def test_a_file_that_is_not_there_ends_the_run_before_it_begins(
    company: Company, network: str, told: str
) -> None:
    company.configure(network)
    ran = company.laptop.mgit("sync")
    assert ran.code == 2, ran.err
    assert told in ran.err
    assert not company.proxy.tunnels


def test_an_encrypted_key_is_refused_with_the_way_out(company: Company) -> None:
    locked = company.authority.client("mona", phrase=b"open sesame")
    company.configure(
        f"client_cert = '{locked.certificate}'\nclient_key = '{locked.key}'\n"
        f"ca_file = '{company.authority.file}'"
    )
    ran = company.laptop.mgit("sync")
    assert ran.code == 2
    assert "is encrypted" in ran.err
    assert "openssl pkey" in ran.last_line


def test_the_proxys_refusal_is_told_without_its_secret(company: Company) -> None:
    wrong = "wr0ng-5e1f"
    env = {"HTTPS_PROXY": f"http://mona:{wrong}@{company.proxy.address}"}
    ran = company.laptop.mgit("sync", "--debug", env=env)
    assert ran.code == 4, ran.err
    assert f"the proxy {company.proxy.address} refused a tunnel to https://forge.test" in ran.err
    assert "correct user and password" in ran.err
    assert wrong not in ran.out + ran.err


def test_ssl_cert_file_counts_for_git_as_well(company: Company) -> None:
    company.configure(company.everything.replace("ca_file", "# ca_file"))
    ran = company.laptop.mgit("sync", env={"SSL_CERT_FILE": str(company.authority.file)})
    assert ran.code == 0, ran.err
    assert len(list(company.laptop.root.glob("acme/*/.git"))) == 2


@pytest.mark.parametrize("no_proxy", ["forge.test", ".test", "example.com *.forge.test", "*"])
def test_no_proxy_is_honoured_by_mgit_and_by_git(company: Company, no_proxy: str) -> None:
    """Only the proxy knows the forge's name: whoever goes straight there does not find it."""
    assert company.laptop.mgit("sync").code == 0
    company.proxy.forget()
    ran = company.laptop.mgit("sync", env={"NO_PROXY": no_proxy})
    assert ran.code == 4, ran.err
    assert "forge.test is not known to the name service" in ran.err

    proxy = parse_proxy(f"http://mona:{ENCODED}@{company.proxy.address}", no_proxy)
    runner = GitRunner(
        environment=company.laptop.environment, network=Network(TlsSettings(), proxy)
    )
    origin = parse_origin(company.forge.url)
    with pytest.raises(NetworkError, match="resolve host"):
        runner.run(["ls-remote", "--end-of-options", f"{origin}/acme/repo-001.git"], origin=origin)
    assert not company.proxy.tunnels


def test_this_machine_is_never_reached_through_the_proxy(tmp_path: Path, company: Company) -> None:
    context = company.authority.context(company.authority.server("127.0.0.1"))
    with SandboxForge(tmp_path / "direct", token=CANARY, tls=context) as forge:
        forge.add_repos("acme", 1)
        replace(company, forge=forge).configure(company.everything)
        ran = company.laptop.mgit("sync")
    assert ran.code == 0, ran.err
    assert not company.proxy.tunnels


def test_a_clones_own_configuration_does_not_weaken_tls(company: Company) -> None:
    laptop = company.laptop
    assert laptop.mgit("sync").code == 0
    for key, value in (("sslVerify", "false"), ("proxy", ""), ("followRedirects", "true")):
        laptop.git("acme/repo-001", "config", f"http.https://forge.test.{key}", value)
    company.proxy.forget()
    company.forge.push("acme", "repo-001")
    assert laptop.mgit("sync").code == 0
    assert "git/" in company.agents  # the proxy was not passed by

    laptop.forget_gits()
    company.forge.push("acme", "repo-001")
    seen = laptop.mgit("sync")
    assert seen.code == 0
    (environment,) = [
        text
        for file in laptop.git_log.glob("*.env")
        if "GIT_ALLOW_PROTOCOL=https" in (text := file.read_text())
    ]
    assert "http.https://forge.test.sslVerify" in environment
    assert "HTTPS_PROXY" not in environment


def test_nobody_reads_the_secret_in_the_process_list(company: Company) -> None:
    """A git that waits for its answer is looked at from outside, as `ps` does."""
    laptop = company.laptop
    with company.forge.hold("*/git-upload-pack") as held:
        running = laptop.start("sync")
        try:
            assert held.arrived.wait(60)
            listed = subprocess.run(
                ["ps", "axww", "-o", "args"] if sys.platform != "linux" else ["true"],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            listed += "".join(
                file.read_bytes().decode("utf-8", "replace")
                for file in Path("/proc").glob("[0-9]*/cmdline")
                if file.exists()
            )
        finally:
            held.release()
            out, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    for secret in (PROXY_SECRET, ENCODED, CANARY):
        assert secret not in listed + out + err
