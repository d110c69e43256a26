"""An OCI registry on loopback: Debian's `docker-registry`, or `registry:2` by a container engine.

Deletion is switched on, so that what was staged can be taken back. Plain http; a container engine
takes that from 127.0.0.0/8 without being told.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.serving import LOOPBACK, end, following, serve_until_told

BINARY = "docker-registry"
IMAGE = "registry:2"
_LISTENING = re.compile(rb"listening on 127\.0\.0\.1:(\d+)")
_PATIENCE = 30.0
_CONFIG = """\
version: 0.1
log:
  level: info
  accesslog:
    disabled: true
storage:
  filesystem:
    rootdirectory: {root}
  delete:
    enabled: true
  maintenance:
    uploadpurging:
      enabled: false
http:
  addr: 127.0.0.1:{port}
"""


class RegistryMissing(Exception):
    """Neither the program nor an engine that can run the image is here."""


@dataclass(frozen=True, slots=True)
class Registry:
    """A running registry.

    Args:
        url: base URL.
        host: `127.0.0.1:PORT`, the first part of an image's name.
    """

    url: str
    host: str


@contextmanager
def open_registry(root: Path, *, port: int = 0) -> Iterator[Registry]:
    """Serve the images kept in a folder.

    Args:
        root: folder of configuration, data and log; made where it is missing.
        port: 0 takes a free one.

    Raises:
        RegistryMissing: there is nothing here that can serve.
    """
    root = root.resolve()
    (root / "data").mkdir(parents=True, exist_ok=True)
    program = shutil.which(BINARY)
    if program is not None:
        with _by_program(program, root, port) as registry:
            yield registry
    elif shutil.which("docker") is not None:
        with _by_engine(root, port) as registry:
            yield registry
    else:
        raise RegistryMissing(f"no {BINARY} and no docker here")


@contextmanager
def _by_program(program: str, root: Path, port: int) -> Iterator[Registry]:
    config = root / "config.yml"
    config.write_text(_CONFIG.format(root=root / "data", port=port), encoding="utf-8")
    log = root / "registry.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            following([program, "serve", str(config)]),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={"PATH": os.environ.get("PATH", os.defpath)},
        )
    try:
        host = f"{LOOPBACK}:{_port_of(process, log)}"
        _wait_until_it_answers(host)
        yield Registry(f"http://{host}", host)
    finally:
        end(process)


def _port_of(process: subprocess.Popen[bytes], log: Path) -> int:
    """The port that the program says it listens on."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if match := _LISTENING.search(log.read_bytes()):
            return int(match[1])
        if process.poll() is not None:
            break
        time.sleep(0.02)
    last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-1:]
    raise RegistryMissing(f"{BINARY} did not start: {' '.join(last) or 'it said nothing'}")


@contextmanager
def _by_engine(root: Path, port: int) -> Iterator[Registry]:
    name = f"mgit-sandbox-registry-{hashlib.sha256(bytes(root)).hexdigest()[:12]}"
    # One that a killed run left behind holds the name and the port.
    subprocess.run(["docker", "rm", "-f", name], capture_output=True, check=False)
    started = subprocess.run(
        [
            *("docker", "run", "--detach", "--rm", "--name", name),
            *("--publish", f"{LOOPBACK}:{port or ''}:5000"),
            *("--volume", f"{root / 'data'}:/var/lib/registry"),
            *("--env", "REGISTRY_STORAGE_DELETE_ENABLED=true", IMAGE),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if started.returncode != 0:
        last = started.stderr.strip().splitlines()[-1:]
        raise RegistryMissing(f"docker could not run {IMAGE}: {' '.join(last)}")
    try:
        shown = subprocess.run(
            ["docker", "port", name, "5000/tcp"], capture_output=True, text=True, check=True
        )
        host = shown.stdout.splitlines()[0].strip()
        _wait_until_it_answers(host)
        yield Registry(f"http://{host}", host)
    finally:
        subprocess.run(["docker", "rm", "-f", name], capture_output=True, check=False)


def _wait_until_it_answers(host: str) -> None:
    """Poll the version check until it answers."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            with direct.open(f"http://{host}/v2/", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RegistryMissing(f"the registry on {host} does not answer")


def main() -> int:
    """`python -m sandbox.registry --root DIR [--port N]`."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.registry", description=main.__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    return serve_until_told(open_registry(given.root, port=given.port))


if __name__ == "__main__":
    sys.exit(main())
