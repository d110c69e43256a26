"""What mgit meets while it is watched: a forge over https, a host over ssh, work of every kind."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.certificates import Authority
from sandbox.forge import SandboxForge
from tests.story.monitoring import end, free_port

TOKEN = "confinement-9b1d4f0c7e3a5862d1f4b7a9"
UID = 65532


@dataclass(frozen=True)
class World:
    """A forge, an ssh host, and the folders that the container gets.

    Args:
        forge: speaks https.
        config: becomes `/etc/mgit`.
        home: becomes `/home/mgit`.
        ssh_url: the repository of the ssh host.
    """

    forge: SandboxForge
    config: Path
    home: Path
    ssh_url: str


@contextlib.contextmanager
def open_world(folder: Path) -> Iterator[World]:
    """All of it, on loopback, for as long as the block lasts."""
    config, home = folder / "config", folder / "home"
    config.mkdir(parents=True)
    (home / ".ssh").mkdir(parents=True)
    authority = Authority(folder / "authority")
    tls = authority.context(authority.server("127.0.0.1", "localhost"))
    with SandboxForge(folder / "forge", "gitea", token=TOKEN, tls=tls) as forge:
        forge.add_repos("acme", 4)  # private: whoever asks without the token is refused
        with _ssh_host(folder, home / ".ssh") as address:
            shutil.copyfile(authority.file, config / "authority.pem")
            (config / "token").write_text(f"{TOKEN}\n")
            (config / "repositories.toml").write_text(
                f'version = 1\nrepo = [{{ url = "{address}", name = "tools/tool" }}]\n'
            )
            (config / "config.toml").write_text(_config(forge.api_url))
            for path in (*folder.glob("config/*"), home, *home.rglob("*")):
                shutil.chown(path, UID, UID)
            (config / "token").chmod(0o400)
            yield World(forge, config, home, address)


def _config(url: str) -> str:
    return f"""\
version = 1
[network]
ca_file = "/etc/mgit/authority.pem"
[serve]
interval = "2s"
web = "127.0.0.1:0"
token_file = "/etc/mgit/token"
scrub_every = "1m"
[sources.forge]
forge = "gitea"
url = "{url}"
owners = ["acme"]
token_file = "/etc/mgit/token"
[sources.listed]
forge = "manifest"
file = "repositories.toml"
"""


@contextlib.contextmanager
def _ssh_host(folder: Path, keys: Path) -> Iterator[str]:
    """A real sshd with one bare repository; the URL of that."""
    bare, seed = folder / "tool.git", folder / "seed"
    _git("init", "--quiet", "--initial-branch=main", str(seed))
    for number in range(3):
        _git(
            *("-C", str(seed), "-c", "user.name=Mona", "-c", "user.email=mona@example.com"),
            *("commit", "--quiet", "--allow-empty", "--message", f"change {number}"),
        )
    _git("clone", "--quiet", "--bare", str(seed), str(bare))
    for name in ("host", "id_ed25519"):
        place = folder / name if name == "host" else keys / name
        ask = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(place))
        subprocess.run(ask, check=True)
    port = free_port()
    public = (folder / "host.pub").read_text()
    (keys / "known_hosts").write_text(f"[127.0.0.1]:{port} {public}")
    Path("/run/sshd").mkdir(exist_ok=True)
    options = {
        "HostKey": folder / "host",
        "ListenAddress": f"127.0.0.1:{port}",
        "AuthorizedKeysFile": keys / "id_ed25519.pub",
        "PermitRootLogin": "yes",
        "StrictModes": "no",
        "UsePAM": "no",
        "PidFile": "none",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    host = subprocess.Popen(
        ["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(folder / "sshd.log").open("wb"),
    )
    time.sleep(0.5)
    try:
        yield f"ssh://root@127.0.0.1:{port}{bare}"
    finally:
        end(host)


def _git(*words: str) -> None:
    subprocess.run(["git", *words], check=True)
