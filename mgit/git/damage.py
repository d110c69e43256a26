"""Tells whether a git directory is damaged: cheaply on every look, thoroughly when asked.

The cheap look opens no object. It finds what a kill, a full disk or a power cut leave behind:
missing files, empty files, packs without their index, packs that were cut. A flipped bit in a
pack that nobody reads is found by `mgit.git.reading` only; or by git when it reads there, and then
`note` keeps it for the next run. Layout: gitrepository-layout(5), gitformat-pack(5).
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from mgit.credentials.files import write_private
from mgit.git.disk import DiskRefs, read_file
from mgit.git.identity import Identity
from mgit.model import CopyKind
from mgit.text import escape_untrusted

NOTE = "mgit.damage"
"""Where damage is noted that only git could find."""

REPACKING = "mgit.repacking"
"""There while a git of mgit's packs a mirror anew; it holds the names of the packs before that."""

CONFIG_CHANGED = "its configuration is not as mgit wrote it"
LEFT_BEHIND = "a killed git left half-written files in it"
STALE_AFTER = 3600.0
"""Seconds without a write after which a temporary file of git is nobody's any more."""

_TEMPORARY = ("tmp_", ".tmp-")
_NEEDED = (("HEAD", "its HEAD is"), ("objects", "its objects are"), ("refs", "its refs are"))
_LONGEST_NOTE = 500
_SMALLEST_PACK = 32
_MANY_PACKS = 16
_LOOSE = re.compile(r"[0-9a-f]{2}")


def note(git_dir: Path, message: str) -> None:
    """Remember that git found damage; the next look at the clone tells it.

    Args:
        git_dir: of the clone.
        message: what git said, one line, cleaned.
    """
    with suppress(OSError):  # a disk that takes no note has told so already
        write_private(git_dir / NOTE, message.encode("utf-8", "replace")[:_LONGEST_NOTE] + b"\n")


def damage_before_refs(
    git_dir: Path, names: set[str], kind: CopyKind, identity: Identity | None
) -> str:
    """What is wrong with a git directory, but for its refs; empty when it looks sound.

    Args:
        git_dir: of the clone.
        names: what is in it.
        kind: of the clone.
        identity: what mgit knows of it; without one it is judged by git's rules alone.
    """
    for name, words in _NEEDED:
        if name not in names:
            return f"{words} missing"
    if NOTE in names:
        return _noted(git_dir)
    if identity is None:
        return ""
    try:
        return _damage_of_files(git_dir, names, identity.config if kind is CopyKind.MIRROR else "")
    except OSError as error:
        return f"it cannot be read: {error.strerror}"


def damage_of_objects(git_dir: Path, names: set[str], kind: CopyKind, disk: DiskRefs) -> str:
    """What is wrong with the objects as far as it shows from outside; empty when they look sound.

    Args:
        git_dir: of the clone.
        names: what is in it.
        kind: of the clone.
        disk: its refs.
    """
    if REPACKING in names and kind is CopyKind.MIRROR:
        return LEFT_BEHIND
    if kind is CopyKind.MIRROR and next(stale_locks(git_dir, names), None) is not None:
        return LEFT_BEHIND
    folder = f"{git_dir}/objects/pack"
    packs = _listed(folder)
    unpaired = _unpaired(packs)
    if unpaired:
        time.sleep(0.05)  # a git at work renames a pack and its index one after the other
        packs = _listed(folder)
        unpaired = _unpaired(packs)
    if unpaired:
        return f"of pack {unpaired} a part is missing"
    stems = [n[:-5] for n in packs if n.endswith(".pack") and not n.startswith(_TEMPORARY)]
    for stem in stems if len(stems) <= _MANY_PACKS else ():
        if _is_cut(f"{folder}/{stem}"):
            return f"pack {stem} is cut short"
    suspicious = kind is CopyKind.MIRROR and any(name.startswith(_TEMPORARY) for name in packs)
    if suspicious and next(leftovers(git_dir), None) is not None:
        return LEFT_BEHIND
    if not disk.refs:
        gone = kind is CopyKind.WORKTREE and "index" in names and disk.head_oid is None
        return "its branches are gone, though files were checked out" if gone else ""
    if not stems and not has_objects(git_dir):
        return "its objects are gone"
    return _damage_of_head(git_dir, disk.head_oid, packed=bool(stems))


def has_objects(git_dir: Path) -> bool:
    """Whether there is any object, or another repository to take them from."""
    objects = git_dir / "objects"
    if any(name.endswith(".pack") for name in _listed(objects / "pack")):
        return True
    if (objects / "info" / "alternates").is_file():
        return True
    return any(_LOOSE.fullmatch(name) for name in _listed(objects))


def leftovers(git_dir: Path) -> Iterator[Path]:
    """Temporary files of a git that was killed long ago: after ENOSPC they keep the disk full."""
    objects = git_dir / "objects"
    before = time.time() - STALE_AFTER
    for name in _listed(objects):
        if name == "pack" or _LOOSE.fullmatch(name):
            for file in _listed(objects / name):
                if file.startswith(_TEMPORARY):
                    path = objects / name / file
                    with suppress(OSError):
                        if path.lstat().st_mtime < before:
                            yield path


def stale_locks(git_dir: Path, names: Iterable[str]) -> Iterator[Path]:
    """Locks right in a mirror that a git left which was killed long ago.

    Args:
        git_dir: of the mirror.
        names: what is in it.
    """
    before = time.time() - STALE_AFTER
    for name in names:
        if name.endswith(".lock"):
            with suppress(OSError):
                if (git_dir / name).lstat().st_mtime < before:
                    yield git_dir / name


def remove_half_packed(git_dir: Path) -> None:
    """Remove what a git left that packed a mirror anew: all that was not there before, half made.

    A new pack counts from when its index is there; git writes that last, and removes the old
    packs only then.
    """
    try:
        before = set((git_dir / REPACKING).read_text("utf-8").split())
    except (OSError, UnicodeDecodeError):
        before = None
    folder = git_dir / "objects" / "pack"
    names = set(_listed(folder))
    for name in names:
        stem, _, kind = name.partition(".")
        half = (
            before is not None
            and kind in {"pack", "rev", "bitmap"}
            and f"{stem}.pack" not in before
            and f"{stem}.idx" not in names
        )
        if half or name.startswith(".tmp-" if before is None else _TEMPORARY):
            (folder / name).unlink(missing_ok=True)
    (git_dir / REPACKING).unlink(missing_ok=True)


def _damage_of_files(git_dir: Path, names: set[str], config: str) -> str:
    if "config" not in names:
        return "its config is missing"
    place = os.fspath(git_dir)
    if config:
        if hashlib.sha256(read_file(f"{place}/config")).hexdigest() != config:
            return CONFIG_CHANGED
    elif os.stat(f"{place}/config").st_size == 0:  # noqa: PTH116 - quick
        return "its config is empty"
    if "packed-refs" in names and os.stat(f"{place}/packed-refs").st_size == 0:  # noqa: PTH116
        return "its packed-refs is empty"  # git always writes a first line
    return ""


def _noted(git_dir: Path) -> str:
    try:
        with (git_dir / NOTE).open("rb") as file:
            text = file.read(_LONGEST_NOTE).decode("utf-8", "replace").strip()
    except OSError:
        return "git found damage in it"
    return f"{escape_untrusted(text)} (noted in {NOTE}; remove that file once it is mended)"


def _listed(folder: Path | str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names alone, quickly: once for every clone
    except OSError:
        return []


def _unpaired(names: list[str]) -> str:
    whole = [name for name in names if not name.startswith(_TEMPORARY)]
    packs = {name[:-5] for name in whole if name.endswith(".pack")}
    indexes = {name[:-4] for name in whole if name.endswith(".idx")}
    return min(packs ^ indexes, default="")


def _is_cut(stem: str) -> bool:
    """Whether a pack does not end with the checksum that its index names."""
    try:
        pack, index = _tail(f"{stem}.pack", 32), _tail(f"{stem}.idx", 64)
    except OSError:
        return True
    if len(pack) < _SMALLEST_PACK or len(index) < 64:
        return True
    return pack[-20:] != index[-40:-20] and pack != index[:32]  # SHA-1, SHA-256


def _tail(path: str, size: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        end = os.lseek(descriptor, 0, os.SEEK_END)
        return os.pread(descriptor, size, max(0, end - size))
    finally:
        os.close(descriptor)


def _damage_of_head(git_dir: Path, oid: str | None, *, packed: bool) -> str:
    """The newest commit is what a power cut empties first."""
    if oid is None:
        return ""
    try:
        size = os.stat(f"{git_dir}/objects/{oid[:2]}/{oid[2:]}").st_size  # noqa: PTH116 - quick
    except OSError:
        if packed or (git_dir / "objects" / "info" / "alternates").is_file():
            return ""
        return f"its newest commit {oid[:12]} is missing"
    return f"its newest commit {oid[:12]} is empty" if size == 0 else ""
