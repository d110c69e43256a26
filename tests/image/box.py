"""Containers of the image, seen from outside."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECCOMP = Path(__file__).parents[2] / "docker" / "seccomp.json"
HARDENED = (
    *("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
    *("--security-opt", f"seccomp={SECCOMP}"),
    *("--tmpfs", "/tmp:rw,noexec,nosuid,nodev,size=64m,mode=1777", "--pids-limit", "256"),
)
NOTHING_TO_MIRROR = """\
version = 1
[sources.listed]
forge = "manifest"
file = "repositories.toml"
"""


def docker(*words: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", *map(str, words)], capture_output=True, text=True, check=check, timeout=300
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(holds: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Look again and again until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def empty_configuration(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(NOTHING_TO_MIRROR)
    (folder / "repositories.toml").write_text("version = 1\nrepo = []\n")
    return folder


def mirroring_configuration(folder: Path, api_url: str, token: str) -> tuple[Path, Path]:
    """What mirrors the owner `acme` of a Gitea, its token in the file `forge` of the secrets.

    Returns:
        The folders of configuration and secrets.
    """
    config, secrets = folder / "config", folder / "secrets"
    config.mkdir()
    secrets.mkdir()
    (config / "config.toml").write_text(
        f"""
        version = 1
        [defaults]
        kind = "mirror"
        [sources.forge]
        forge = "gitea"
        url = "{api_url}"
        owners = ["acme"]
        """
    )
    (secrets / "forge").write_text(f"{token}\n")
    (secrets / "forge").chmod(0o444)
    return config, secrets


def files_of(image: str, archive: Path) -> list[tarfile.TarInfo]:
    """All files of an image, without those that the engine adds; `archive` is a file to make."""
    name = docker("create", image).stdout.strip()
    try:
        docker("export", "--output", archive, name)
    finally:
        docker("rm", "--force", "--volumes", name)
    with tarfile.open(archive) as tar:
        return [member for member in tar if not member.name.startswith(("dev/", ".dockerenv"))]


@dataclass(frozen=True)
class Container:
    """A container of the image that serves on this machine's loopback."""

    name: str
    port: int

    def get(self, path: str) -> int:
        """The status of a page, 0 where nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            reply.read()
            return reply.status
        except OSError:
            return 0
        finally:
            connection.close()

    def page(self, path: str) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request("GET", path)
        text = connection.getresponse().read().decode()
        connection.close()
        return text

    def is_ready(self) -> bool:
        return eventually(lambda: self.get("/readyz") == 200)

    def logs(self) -> str:
        said = docker("logs", self.name, check=False)
        return said.stdout + said.stderr

    def inspect(self) -> dict[str, Any]:
        return dict(json.loads(docker("inspect", self.name).stdout)[0])

    def health(self) -> str:
        return str(self.inspect()["State"]["Health"]["Status"])

    def runs(self, *words: str) -> subprocess.CompletedProcess[str]:
        return docker("exec", self.name, *words, check=False)
