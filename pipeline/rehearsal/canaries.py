"""Looks for the tokens of the rehearsal where no token may be: every file, every layer, every argv.

Each token is a canary: a text that exists nowhere else. The one place where it may be is its own
store, the folder of secrets (and the copy that is mounted into the deployed service).
"""

from __future__ import annotations

import base64
import threading
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.git import Git
from pipeline.report import Proof
from pipeline.shell import Shell

_PROC = Path("/proc")
_EVERY = 0.1
_PIECE = 1 << 20
_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"


def needles(tokens: Mapping[str, str]) -> dict[str, tuple[bytes, ...]]:
    """What to look for: each token as it is, and inside Basic credentials at any alignment."""
    return {name: (token.encode(), *_encoded(token)) for name, token in tokens.items()}


def _encoded(token: str) -> Iterator[bytes]:
    """Base64 of the token behind any text: the three alignments, without the mixed ends."""
    for lead in range(3):
        code = base64.b64encode(b" " * lead + token.encode())
        yield code[4 if lead else 0 : len(code) - 4]


@dataclass(slots=True)
class Watch:
    """Reads the command line and the environment of every process, again and again.

    Args:
        wanted: see `needles`.
        looks: how often it has looked.
        seen: what was found: `NAME in argv of PROGRAM`.
    """

    wanted: Mapping[str, tuple[bytes, ...]]
    looks: int = 0
    processes: set[tuple[str, str]] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)

    def look(self) -> None:
        """Look once."""
        self.looks += 1
        for folder in _PROC.iterdir():
            if not folder.name.isdecimal():
                continue
            for what in ("cmdline", "environ"):
                try:
                    text = (folder / what).read_bytes()
                except OSError:
                    continue
                if what == "cmdline":
                    self.processes.add((folder.name, text[:200].decode(errors="replace")))
                for name in found_in(text, self.wanted):
                    self.seen.add(f"{name} in {what} of {_program(folder)}")


def _program(folder: Path) -> str:
    try:
        return (folder / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "a process that has ended"


@contextmanager
def watching(wanted: Mapping[str, tuple[bytes, ...]]) -> Iterator[Watch]:
    """Watch all processes while the block runs; does nothing where there is no /proc."""
    watch, stop = Watch(wanted), threading.Event()

    def run() -> None:
        while not stop.wait(_EVERY):
            watch.look()

    thread = threading.Thread(target=run, name="canaries", daemon=True)
    if _PROC.is_dir():
        thread.start()
    try:
        yield watch
    finally:
        stop.set()
        if thread.is_alive():
            thread.join()


def found_in(text: bytes, wanted: Mapping[str, Iterable[bytes]]) -> list[str]:
    """Names of the tokens that a text holds."""
    return [name for name, forms in wanted.items() if any(form in text for form in forms)]


def search_files(
    root: Path, wanted: Mapping[str, tuple[bytes, ...]], stores: tuple[Path, ...]
) -> tuple[int, list[str]]:
    """Search every file below a folder, compressed layers and wheels unpacked.

    Args:
        root: where to look.
        wanted: see `needles`.
        stores: folders where tokens may be.

    Returns:
        how many files were read, and where something was found.
    """
    count = 0
    hits: list[str] = []
    for path in sorted(root.rglob("*")):
        if path.is_symlink() or not path.is_file() or any(path.is_relative_to(s) for s in stores):
            continue
        count += 1
        hits += [f"{name} in {path.relative_to(root)}" for name in _in_file(path, wanted)]
    return count, hits


def search_texts(paths: Iterable[Path], wanted: Mapping[str, tuple[bytes, ...]]) -> list[str]:
    """Search some files; those that are not there hold nothing."""
    return [
        f"{name} in {path.name}"
        for path in paths
        if path.is_file()
        for name in found_in(path.read_bytes(), wanted)
    ]


def search_git(
    shell: Shell, repository: Path, wanted: Mapping[str, tuple[bytes, ...]]
) -> tuple[int, list[str]]:
    """Search every object of a repository: commits, tags, trees and files of all times."""
    git = Git(shell, repository)
    listed = git.out("cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
    text = git.run("cat-file", "--batch", stdin=listed + "\n").stdout.encode()
    return len(listed.splitlines()), [f"{n} in {repository.name}" for n in found_in(text, wanted)]


def _in_file(path: Path, wanted: Mapping[str, tuple[bytes, ...]]) -> list[str]:
    found: set[str] = set()
    for pieces in (_pieces(path), _unpacked(path), *_members(path)):
        overlap = b""
        for piece in pieces:
            found.update(found_in(overlap + piece, wanted))
            overlap = piece[-256:]
    return sorted(found)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            yield piece


def _unpacked(path: Path) -> Iterator[bytes]:
    """What a gzip file holds; nothing for any other file."""
    pieces = _pieces(path)
    first = next(pieces, b"")
    if not first.startswith(_GZIP):
        return
    inflate = zlib.decompressobj(wbits=31)
    try:
        yield inflate.decompress(first)
        for piece in pieces:
            yield inflate.decompress(piece)
    except zlib.error:
        return


def _members(path: Path) -> Iterator[Iterator[bytes]]:
    """What each file inside a zip holds, as a wheel is one; nothing for any other file."""
    with path.open("rb") as stream:
        if stream.read(len(_ZIP)) != _ZIP or not zipfile.is_zipfile(path):
            return
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            yield iter((archive.read(name),))


def verdict(what: str, looked: str, hits: Iterable[str]) -> Proof:
    """The proof for one place."""
    found = sorted(set(hits))
    return Proof(
        f"no token in {what}",
        ok=not found,
        detail=f"{looked}, {len(found)} hits{': ' + '; '.join(found[:3]) if found else ''}",
    )
