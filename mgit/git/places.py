"""Folders below a root: free or not, made, moved, flushed. Nothing is ever replaced."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from mgit.credentials.files import sync_folder

_MANY = 1000


def obstruction(root: Path, folder: str) -> str:
    """Why a clone cannot be put at `folder`; empty when it can.

    It can where nothing is, or an empty folder. The folders above must be real ones: a symbolic
    link could lead out of the root.
    """
    path = root
    *above, name = folder.split("/")
    for part in above:
        path = path / part
        if path.is_symlink():
            return f"{path} is a symbolic link"
        if path.exists() and not path.is_dir():
            return f"{path} is not a folder"
    path = path / name
    if path.is_symlink():
        return f"{path} is a symbolic link"
    if path.is_dir():
        return f"{path} is not empty" if any(path.iterdir()) else ""
    return f"{path} is in the way" if path.exists() else ""


def is_below_links(root: Path, folder: str) -> bool:
    """Whether a symbolic link is on the way from the root to `folder`, or is that folder."""
    path = root
    for part in folder.split("/"):
        path = path / part
        if path.is_symlink():
            return True
    return False


def free_place(root: Path, folder: str) -> str:
    """`folder`, or the first of `folder~2`, `folder~3`, … where nothing is.

    Raises:
        OSError: all numbers are taken.
    """
    for number in range(1, _MANY):
        place = folder if number == 1 else f"{folder}~{number}"
        if not obstruction(root, place):
            return place
    raise OSError(errno.EEXIST, f"{folder} and all its numbers are taken")


def put(source: Path, target: Path) -> None:
    """Rename a whole folder to a free place; it survives a power cut once this returns.

    Raises:
        OSError: the place is not free any more, or on another file system.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)  # onto an empty folder works, onto a full one is refused
    sync_folder(target.parent)
    if source.parent != target.parent:
        sync_folder(source.parent)


def remove_empty_parents(root: Path, folder: str) -> None:
    """Remove the folders above `folder` that hold nothing any more, but never the root."""
    path = (root / folder).parent
    while path != root and path.is_relative_to(root):
        try:
            path.rmdir()
        except OSError:
            return
        path = path.parent


def remove_stale_locks(
    git_dir: Path, subfolders: Iterable[str], files_beside: Iterable[str] = ()
) -> int:
    """Remove lock files that a killed git left; only while nobody else can be writing.

    Args:
        git_dir: the git directory.
        subfolders: where to look, recursively, relative to it.
        files_beside: lock files right in it to remove as well.

    Returns:
        How many there were.
    """
    removed = 0
    for subfolder in subfolders:
        for folder, _, files in os.walk(git_dir / subfolder):
            for name in files:
                if name.endswith(".lock"):
                    Path(folder, name).unlink(missing_ok=True)
                    removed += 1
    return removed + _remove(git_dir, files_beside)


def _remove(git_dir: Path, names: Iterable[str]) -> int:
    there = [path for name in names if (path := git_dir / name).exists()]
    for path in there:
        path.unlink(missing_ok=True)
    return len(there)


def temporary_packs(git_dir: Path) -> frozenset[str]:
    """Names of the packs that some git is writing, or has given up."""
    with suppress(OSError):
        names = os.listdir(git_dir / "objects" / "pack")  # noqa: PTH208 - names alone
        return frozenset(name for name in names if name.startswith(("tmp_", ".tmp-")))
    return frozenset()


def remove_leftover_packs(git_dir: Path, *, before: Iterable[str] = ()) -> None:
    """Remove the half written packs of a failed fetch: after ENOSPC they keep the disk full.

    Args:
        git_dir: the git directory.
        before: those that were there before that fetch; they are somebody else's.
    """
    for name in temporary_packs(git_dir).difference(before):
        path = git_dir / "objects" / "pack" / name
        with suppress(OSError):
            if not _is_open(path):
                path.unlink(missing_ok=True)


def _is_open(path: Path) -> bool:
    """Whether somebody has a file open: a person's own git may be fetching too.

    A write lease is only given on a file that nobody else has open. fcntl(2), F_SETLEASE.
    """
    import fcntl

    if not hasattr(fcntl, "F_SETLEASE"):
        return True
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    else:
        return False
    finally:
        os.close(descriptor)
