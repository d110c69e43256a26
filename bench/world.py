"""What is measured upon: a forge, and estates of mirrors and work trees on disk.

A handful of clones are made by mgit itself. All others are copies of those under another name:
objects are hard links, everything else files of their own.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import templates
from bench.listing import pages, repo_id, repo_name
from bench.measuring import Cost, measure
from bench.server import TOKEN, Forge, Page, Running, open_port, serving
from bench.templates import Template
from sandbox.certificates import Authority

SOURCE = Path(__file__).resolve().parents[1]
WORKERS = 2
_SEEDS = "seeds"
_CONFIGS = ("config", ".git/config")
_SYSTEM_BUNDLES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
    Path("/etc/ssl/cert.pem"),
)
_ASKPASS = f"#!/bin/sh\nprintf '%s\\n' {TOKEN}\n"


@dataclass(frozen=True, slots=True)
class Estate:
    """One owner's repositories.

    Args:
        owner: name of the organisation.
        count: how many repositories it has.
        kind: `mirror` or `worktree`.
        folder: holds its root, its configuration and its state.
    """

    owner: str
    count: int
    kind: str
    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def clones(self) -> list[Path]:
        return [self.root / self.owner / repo_name(number) for number in range(self.count)]

    def url(self, base: str, number: int) -> str:
        return f"{base}/{self.owner}/{repo_name(number)}.git"


@dataclass(frozen=True, slots=True)
class World:
    """Everything that a figure needs.

    Args:
        folder: where all of it is.
        running: the forge.
        authorities: PEM file for both sides.
        estates: by owner.
        kinds: the histories.
        first: number of each estate's first repository in the server's shared states.
    """

    folder: Path
    running: Running
    authorities: Path
    estates: Mapping[str, Estate]
    kinds: tuple[Template, ...]
    first: Mapping[str, int]

    def mgit(self, estate: Estate, *arguments: str, path: str = "") -> Cost:
        """Run mgit over an estate; `path` is put before PATH."""
        command = [sys.executable, "-m", "mgit", *arguments]
        return measure(command, self.folder, self.environment(estate, path))

    def plain(self, estate: Estate, argv: Sequence[str], *, cwd: Path | None = None) -> Cost:
        """Run what a person would run without mgit."""
        return measure(argv, self.folder, self.plain_environment(estate), cwd=cwd)

    def environment(self, estate: Estate, path: str = "") -> dict[str, str]:
        before = f"{path}{os.pathsep}" if path else ""
        return {
            "HOME": str(self.folder / "home"),
            "PATH": before + os.environ["PATH"],
            "PYTHONPATH": str(SOURCE),
            "MGIT_CONFIG": str(estate.folder / "config.toml"),
            "MGIT_STATE_DIR": str(estate.folder / "state"),
        }

    def plain_environment(self, estate: Estate) -> dict[str, str]:
        """Git with the same certificates and the cheapest helper for the same credential."""
        del estate
        return {
            "HOME": str(self.folder / "home"),
            "PATH": os.environ["PATH"],
            "GIT_SSL_CAINFO": str(self.authorities),
            "GIT_ASKPASS": str(self.folder / "askpass"),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "credential.username",
            "GIT_CONFIG_VALUE_0": "x-access-token",
        }

    def push(self, estate: Estate, numbers: Sequence[int], state: int) -> None:
        """Let some repositories of the forge be as they are before or after a push."""
        for number in numbers:
            self.running.shared.set_state(self.first[estate.owner] + number, state)

    def template(self, number: int) -> Template:
        return self.kinds[number % len(self.kinds)]

    def seed(self, estate: Estate) -> Estate:
        """The estate whose clones are copied for this one."""
        return self.estates[f"{_SEEDS}-{estate.kind}"]

    def fill(self, estate: Estate, numbers: Sequence[int] | None = None) -> None:
        """Put clones in place as a first `mgit sync` would; those that are there are replaced."""
        patterns = [read_pattern(folder) for folder in self.seed(estate).clones]
        for number in range(estate.count) if numbers is None else numbers:
            target = estate.root / estate.owner / repo_name(number)
            if target.exists():
                shutil.rmtree(target)
            pattern = patterns[number % len(patterns)]
            pattern.write(target, estate, number, self.running.url)


@contextmanager
def build(folder: Path, wanted: Sequence[tuple[str, int, str]]) -> Iterator[World]:
    """Make a forge and empty estates, and serve for as long as the block lasts.

    Args:
        folder: empty; everything is made in it.
        wanted: owner, number of repositories and kind of each estate.
    """
    kinds = templates.make_templates(folder / "forge")
    (folder / "home").mkdir()
    authorities, certificate, key = _certificates(folder / "tls")
    askpass = folder / "askpass"
    askpass.write_text(_ASKPASS, encoding="utf-8")
    askpass.chmod(0o700)
    seeds = [(f"{_SEEDS}-{kind}", len(kinds), kind) for kind in ("mirror", "worktree")]
    with open_port() as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        estates = {
            owner: Estate(owner, count, kind, folder / owner)
            for owner, count, kind in (*seeds, *wanted)
        }
        repos: dict[str, tuple[Path, ...]] = {}
        listings: dict[str, Page] = {}
        first: dict[str, int] = {}
        for estate in estates.values():
            first[estate.owner] = len(repos)
            for number in range(estate.count):
                path = f"/{estate.owner}/{repo_name(number)}.git"
                repos[path] = kinds[number % len(kinds)].states
            listings.update(pages(url, estate.owner, estate.count))
            _configure(estate, url, authorities, folder / "token")
        forge = Forge(repos, listings)
        with serving(listener, forge, certificate, key, WORKERS) as running:
            world = World(folder, running, authorities, estates, kinds, first)
            for owner, _, _ in seeds:
                world.mgit(estates[owner], "sync")
            yield world


@dataclass(frozen=True, slots=True)
class Pattern:
    """One clone, to be written many times.

    Args:
        folders: relative paths, each after its parent.
        links: objects, which never change: relative path -> file.
        files: everything else: relative path -> content.
    """

    folders: tuple[str, ...]
    links: Mapping[str, Path]
    files: Mapping[str, bytes]

    def write(self, target: Path, estate: Estate, number: int, base: str) -> None:
        """Make the clone of another repository."""
        target.parent.mkdir(parents=True, exist_ok=True)
        target.mkdir()
        for name in self.folders:
            os.mkdir(f"{target}/{name}")  # noqa: PTH102 - 100,000 of them
        for name, source in self.links.items():
            os.link(source, f"{target}/{name}")
        for name, kept in self.files.items():
            content = kept
            if name.endswith("mgit.json"):
                content = _identity(kept, self._config(estate, number, base), estate, number, base)
            elif name in _CONFIGS:
                content = self._config(estate, number, base)
            with open(f"{target}/{name}", "wb") as file:  # noqa: PTH123
                file.write(content)

    def _config(self, estate: Estate, number: int, base: str) -> bytes:
        """Git's configuration with the other repository's URL."""
        content = next(self.files[name] for name in _CONFIGS if name in self.files)
        return _remote(content, estate.url(base, number))


def read_pattern(folder: Path) -> Pattern:
    """Read a clone into memory."""
    folders: list[str] = []
    links: dict[str, Path] = {}
    files: dict[str, bytes] = {}
    for place, names, leaves in os.walk(folder):
        here = Path(place).relative_to(folder)
        names.sort()
        folders += [(here / name).as_posix() for name in names]
        for leaf in leaves:
            path = Path(place, leaf)
            name = (here / leaf).as_posix()
            if "objects" in here.parts:
                links[name] = path
            else:
                files[name] = path.read_bytes()
    return Pattern(tuple(folders), links, files)


def _identity(content: bytes, config: bytes, estate: Estate, number: int, base: str) -> bytes:
    document = json.loads(content)
    if document.get("config"):  # how mgit sees that nobody has changed a mirror's configuration
        document["config"] = hashlib.sha256(config).hexdigest()
    document |= {
        "id": str(repo_id(estate.owner, number)),
        "path": [estate.owner, repo_name(number)],
        "url": estate.url(base, number),
    }
    return json.dumps(document).encode()


def _remote(content: bytes, url: str) -> bytes:
    lines = content.decode().splitlines()
    changed = [f"\turl = {url}" if line.strip().startswith("url = ") else line for line in lines]
    return ("\n".join(changed) + "\n").encode()


def _configure(estate: Estate, url: str, authorities: Path, token: Path) -> None:
    estate.folder.mkdir()
    if not token.exists():
        token.touch(mode=0o600)
        token.write_text(TOKEN, encoding="utf-8")
    (estate.folder / "config.toml").write_text(
        f"""version = 1
[defaults]
root = "{estate.root}"
kind = "{estate.kind}"
[sources.bench]
forge = "github"
url = "{url}"
owners = ["{estate.owner}"]
token_file = "{token}"
[network]
ca_file = "{authorities}"
""",
        encoding="utf-8",
    )


def _certificates(folder: Path) -> tuple[Path, Path, Path]:
    """The authorities that clients trust, and the server's certificate and key.

    As on a real machine the authorities are many: whoever starts anew reads all of them anew.
    """
    authority = Authority(folder)
    pair = authority.server("127.0.0.1")
    bundle = folder / "bundle.pem"
    system = next((path for path in _SYSTEM_BUNDLES if path.is_file()), None)
    known = system.read_bytes() if system is not None else b""
    bundle.write_bytes(known + authority.file.read_bytes())
    return bundle, pair.certificate, pair.key
