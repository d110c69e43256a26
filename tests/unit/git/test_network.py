"""Git is told of proxy and certificates by configuration, for all hosts and for the very one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mgit.address import Origin
from mgit.config.environ import Environment
from mgit.config.load import load_settings
from mgit.config.settings import NetworkSettings
from mgit.credentials import Askpass, Credential, CredentialBook, Redactor, Secret
from mgit.fleet.network import git_network, proxy_credential
from mgit.git.environment import Channel, command_environment, git_environment
from mgit.git.network import Network, network_config
from mgit.transport import ProxyServer, TlsSettings, parse_proxy

FORGE = Origin("https", "git.test", 8443)
PROXY_SECRET = "s3cret-of-the-proxy"
PROXY = f"http://mona:{PROXY_SECRET}@proxy.test:3128"


def config(network: Network, origin: Origin = FORGE, **variables: str) -> dict[str, str]:
    return dict(network_config(network, origin, variables))


def test_without_any_setting_git_goes_straight_and_checks_certificates() -> None:
    told = config(Network())
    assert told["http.proxy"] == told["http.https://git.test:8443.proxy"] == ""
    assert told["http.https://git.test:8443.sslVerify"] == "true"
    assert told["http.https://git.test:8443.followRedirects"] == "false"
    assert not [key for key in told if "CAInfo" in key or "Cert" in key]


def test_the_proxy_is_said_without_its_secret() -> None:
    told = config(Network(proxy=parse_proxy(PROXY)))
    assert told["http.https://git.test:8443.proxy"] == "http://mona@proxy.test:3128"
    assert PROXY_SECRET not in str(told)


def test_an_origin_that_no_proxy_names_is_reached_straight_and_others_are_not() -> None:
    told = config(Network(proxy=parse_proxy(PROXY, "git.test:8443")))
    assert told["http.proxy"] == "http://mona@proxy.test:3128"
    assert told["http.https://git.test:8443.proxy"] == ""


@pytest.mark.parametrize(
    ("url", "value"),
    [
        ("http://proxy.test", "http://proxy.test:80"),
        ("http://[fd00::1]:3128", "http://[fd00::1]:3128"),
        ("http://m%40x:@proxy.test:1", "http://m%40x:@proxy.test:1"),
        ("proxy.test:3128", "http://proxy.test:3128"),
    ],
)
def test_how_a_proxy_is_written_for_git(url: str, value: str) -> None:
    assert config(Network(proxy=parse_proxy(url)))["http.proxy"] == value


def test_certificates(tmp_path: Path) -> None:
    tls = TlsSettings(Path("/ca.pem"), Path("/me.pem"))
    told = config(Network(tls=tls), SSL_CERT_FILE=__file__)
    assert told["http.sslCAInfo"] == "/ca.pem"
    assert told["http.https://git.test:8443.sslKey"] == "/me.pem"
    assert config(Network(), SSL_CERT_FILE=__file__)["http.sslCAInfo"] == __file__
    assert config(Network(), SSL_CERT_DIR=str(tmp_path))["http.sslCAPath"] == str(tmp_path)
    gone = str(tmp_path / "gone")
    assert config(Network(), SSL_CERT_FILE=gone, SSL_CERT_DIR=gone) == config(Network())


def test_git_gets_no_proxy_variable_and_a_token_command_gets_them_all() -> None:
    base = {"HTTPS_PROXY": PROXY, "all_proxy": PROXY, "NO_PROXY": "x.test", "PATH": "/bin"}
    network = git_network(NetworkSettings(https_proxy=PROXY))
    account = proxy_credential(network.proxy)
    assert account is not None
    redactor = Redactor([account])
    told = git_environment(
        base, Channel(FORGE, network=network), redactor, personal=False, ceiling=None
    )
    assert PROXY_SECRET not in str(told)
    assert told["NO_PROXY"] == "x.test"
    assert not {name for name in told if name.lower() in ("https_proxy", "all_proxy")}
    assert command_environment(base, redactor) == base


@pytest.mark.parametrize("shell", [Path("/bin/sh"), Path("/nowhere/sh")])
def test_askpass_answers_for_the_proxy_on_the_way_to_any_origin(
    tmp_path: Path, shell: Path
) -> None:
    book = CredentialBook([Credential(FORGE, "me", Secret("tok3n"), "test")])
    through = proxy_credential(parse_proxy(PROXY))
    question = "Password for 'http://mona@proxy.test:3128': "
    with Askpass(book, [tmp_path / "run"], proxy=through, shell=shell) as askpass:
        for origin in (FORGE, Origin("https", "public.test", 443)):
            program = askpass.program_for(origin)
            assert program is not None
            assert PROXY_SECRET not in program.read_text()
            assert _answer(program, question) == (0, f"{PROXY_SECRET}\n")
            assert _answer(program, question.replace("mona", "eve")) == (1, "")
            assert _answer(program, question.replace("3128", "3129")) == (1, "")
        own = "Password for 'https://me@git.test:8443': "
        assert _answer(askpass.program_for(FORGE), own) == (0, "tok3n\n")
        public = askpass.program_for(Origin("https", "public.test", 443))
        assert _answer(public, own) == (1, "")


def _answer(program: Path | None, question: str) -> tuple[int, str]:
    assert program is not None
    ran = subprocess.run([program, question], capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout


def test_without_an_account_at_the_proxy_nothing_is_answered(tmp_path: Path) -> None:
    assert proxy_credential(parse_proxy("http://proxy.test:1")) is None
    assert proxy_credential(parse_proxy("http://mona:@proxy.test:1")) is None
    assert ProxyServer("proxy.test", 1, "mona").authorization.startswith("Basic ")
    with Askpass(CredentialBook(), [tmp_path / "run"]) as askpass:
        assert askpass.program_for(FORGE) is None


@pytest.mark.parametrize(
    ("variables", "used"),
    [
        ({"HTTPS_PROXY": "a.test:1", "https_proxy": "b.test:2"}, "b.test:2"),
        ({"HTTPS_PROXY": "a.test:1", "all_proxy": "c.test:3"}, "a.test:1"),
        ({"ALL_PROXY": "d.test:4", "HTTPS_PROXY": ""}, "d.test:4"),
        ({"HTTP_PROXY": "e.test:5"}, ""),
    ],
)
def test_the_variables_are_looked_at_as_curl_does(
    tmp_path: Path, variables: dict[str, str], used: str
) -> None:
    settings = load_settings(environment=Environment({"HOME": str(tmp_path), **variables}))
    proxy = git_network(settings.network).proxy.https
    assert (proxy.address if proxy else "") == used
