"""A world to release into, many times over: real git, index, registry, releases; a small engine."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.index import Index, open_index
from sandbox.registry import open_registry
from sandbox.releases import Releases, open_releases
from sandbox.serving import LOOPBACK, Handler, Server, bound, running
from sandbox.transparency import TransparencyLog, open_transparency

VERSION = "0.1.0"
TAG = f"v{VERSION}"
_TIME = "1790000000 +0000"
_FILES = {
    "CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n",
    "mgit/version.py": '"""The version."""\n\n__version__ = "0.0.0"\n',
    ".gitignore": "dist/\n__pycache__/\n",
    "changelog.d/README.md": "Fragments.\n",
    "changelog.d/first.added.md": "The first thing.\n",
    "requirements/image.txt": "",
    "docker/compose.yaml": "services: {}\n",
    "docker/without.txt": "",
    "config/config.toml": "",
    "secrets/README": "None.\n",
}
_ENDPOINTS = """\
rehearsal = true
git_remote = "{remote}"
index_upload = "{index}"
index_simple = "{index}/simple/"
index_token_file = "{token}"
registry = "{registry}"
registry_insecure = true
forge_api = "{forge}"
forge_repo = "{repo}"
forge_token_file = "{token}"
"""
_SIGNED = """\
cosign_public_file = "{key}.pub"
cosign_key_file = "{key}.key"
cosign_password_file = "{token}"
log_url = "{log}"
"""
_ENVIRONMENTS = """\
[production]
kind = "compose"
release = true
gates = {{ settle = 0 }}
compose = {{ config = "config", secrets = "secrets", port = {port} }}
"""
# What runs is one file, put there by one rename; every change is a line of `changes`.
_DOCKER = """\
#!/bin/sh
state=$(dirname "$0")
id=1111111111111111111111111111111111111111111111111111111111111111
case "$*" in
"container list"*) if [ -f "$state/container" ]; then echo $id; fi ;;
"container inspect"*) cat "$state/container" ;;
"image inspect"*)
    if [ ! -f "$state/pulled" ]; then echo "Error: No such image: $3" >&2; exit 1; fi
    echo "[{\\"Id\\": \\"sha256:$id\\"}]" ;;
"image pull"*) echo pull >> "$state/changes"; touch "$state/pulled" ;;
compose*" up "*)
    while [ "$1" != --env-file ]; do shift; done
    . "$2"
    printf '[{"Id": "%s", "State": {"Health": {"Status": "healthy"}}, "Config":
      {"Image": "%s", "Labels": {"mgit.previous": "%s"}}}]' \\
      $id "$MGIT_IMAGE" "$MGIT_PREVIOUS" > "$state/container.new"
    echo up >> "$state/changes"
    mv "$state/container.new" "$state/container" ;;
compose*" down "*) echo down >> "$state/changes"; rm -f "$state/container" ;;
compose*" logs "*) ;;
*) echo "what is $*" >&2; exit 1 ;;
esac
"""


@dataclass(frozen=True)
class Services:
    """What runs for all releases of one process.

    Args:
        folder: for worlds; taken away at the end by whoever gave it.
        index: a package index; `open_world` empties it.
        packages: its folder.
        releases: releases of any number of repositories.
        registry: `HOST` of the images.
        token: file with the token of index and releases.
        key: pair that signs, without the endings `.key` and `.pub`.
        log: transparency logs.
        ready: port of something that says it is ready.
    """

    folder: Path
    index: Index
    packages: Path
    releases: Releases
    registry: str
    token: Path
    key: Path
    log: TransparencyLog
    ready: int


@dataclass(frozen=True)
class World:
    """The places of one release.

    Args:
        services: what they are places of.
        name: in registry and forge.
        root: folder with the remote, the clones and the engine.
        clone: name of the clone that commands are run in.
    """

    services: Services
    name: str
    root: Path
    clone: str = "here"

    @property
    def remote(self) -> Path:
        return self.root / "remote.git"

    @property
    def here(self) -> Path:
        return self.root / self.clone

    @property
    def endpoints(self) -> Path:
        return self.root / "endpoints.toml"

    @property
    def engine(self) -> Path:
        return self.root / "engine"

    @property
    def repo(self) -> str:
        return f"crash/{self.name}"

    def refs(self) -> dict[str, str]:
        """Everything that the remote has."""
        listed = git(self.root, "ls-remote", str(self.remote)).splitlines()
        return {name: oid for oid, name in (line.split("\t") for line in listed)}


class _Ready(Handler):
    def serve(self) -> None:
        self.answer(200, {"ready": True})


@contextmanager
def open_services(folder: Path, count: int = 1) -> Iterator[tuple[Services, ...]]:
    """Start everything, with its data in a folder.

    Args:
        folder: is there, and empty.
        count: how many releases are made at a time; each has an index of its own.
    """
    token = folder / "token"
    token.write_text("canary-of-a-crash\n")
    with ExitStack() as stack:
        ready = Server((LOOPBACK, 0), bound(_Ready, _Ready.serve))
        stack.enter_context(running(ready))
        releases = open_releases(folder / "releases", token="canary-of-a-crash")
        forge = stack.enter_context(releases)
        registry = stack.enter_context(open_registry(folder / "registry")).host
        log = stack.enter_context(open_transparency())
        if shutil.which("cosign"):
            _make_pair(folder, token)
        made = []
        for number in range(count):
            packages = folder / f"packages-{number}"
            index = stack.enter_context(open_index(packages, token_file=token))
            made.append(
                Services(
                    folder,
                    index,
                    packages,
                    forge,
                    registry,
                    token,
                    key=folder / "cosign",
                    log=log,
                    ready=ready.server_port,
                )
            )
        yield tuple(made)


def _make_pair(folder: Path, password: Path) -> None:
    argv = ("cosign", "generate-key-pair", "--output-key-prefix", "cosign")
    env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    said = password.read_text().strip()
    subprocess.run(
        argv, cwd=folder, env=env, input=said, text=True, check=True, capture_output=True
    )


def make_project(root: Path, port: int) -> None:
    """A remote with the commit to be released."""
    remote, here = root / "remote.git", root / "here"
    root.mkdir(parents=True)
    git(root, "init", "--quiet", "--bare", "-b", "main", str(remote))
    git(root, "init", "--quiet", "-b", "main", str(here))
    texts = {**_FILES, "deploy/environments.toml": _ENVIRONMENTS.format(port=port)}
    for name, text in texts.items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(text, encoding="utf-8")
    git(here, "add", "--all")
    git(here, "commit", "--quiet", "-m", "Begin")
    git(here, "push", "--quiet", str(remote), "main")
    shutil.rmtree(here)


def open_world(
    services: Services, name: str, remote: Path, *, images: str = "", signed: bool = False
) -> World:
    """A world in which nothing is published yet.

    Args:
        services: the index among them is emptied.
        name: no other world has it.
        remote: repository that its own is a copy of.
        images: name in the registry; empty: its own.
        signed: whether a key signs and a log is told; cosign takes its time.
    """
    world = World(services, name, services.folder / "worlds" / name)
    world.root.mkdir(parents=True)
    shutil.copytree(remote, world.remote)
    world.engine.mkdir()
    docker = world.engine / "docker"
    docker.write_text(_DOCKER, encoding="utf-8")
    docker.chmod(0o755)
    for package in services.packages.iterdir():
        package.unlink()
    services.index.log.write_text("")
    world.endpoints.write_text(
        (_ENDPOINTS + _SIGNED if signed else _ENDPOINTS).format(
            remote=world.remote,
            index=services.index.url,
            token=services.token,
            registry=f"{services.registry}/crash/{images or name}",
            forge=services.releases.url,
            repo=world.repo,
            key=services.key,
            log=f"{services.log.url}/{name}",
        ),
        encoding="utf-8",
    )
    return world


def check_out(world: World) -> None:
    """The person's clone, or CI's checkout of the tag where there is one."""
    shutil.rmtree(world.here, ignore_errors=True)
    git(world.root, "clone", "--quiet", str(world.remote), str(world.here))
    if f"refs/tags/{TAG}" in world.refs():
        git(world.here, "checkout", "--quiet", "--detach", TAG)


def git(where: Path, *args: str) -> str:
    """git as Ada, at a fixed time, without anybody's settings."""
    who = {"NAME": "Ada", "EMAIL": "ada@example.invalid", "DATE": _TIME}
    env = {
        f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()
    }
    done = subprocess.run(
        ("git", *args),
        cwd=where,
        env={"PATH": os.environ["PATH"], "HOME": str(where), "GIT_CONFIG_NOSYSTEM": "1", **env},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def digest_of(path: Path) -> str:
    """The digest of a file."""
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def running_image(world: World) -> str:
    """The digest that the engine runs; empty for nothing."""
    container = world.engine / "container"
    if not container.exists():
        return ""
    image: str = json.loads(container.read_text())[0]["Config"]["Image"]
    return image.rpartition("@")[2]
