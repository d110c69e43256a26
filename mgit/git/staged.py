"""Reads git's index as far as it is needed to see that a work tree is clean. gitformat-index(5).

Only what is plain is read: versions 2 and 3 with SHA-1, no unfinished merge, no flag that makes git
look away from a file. For all else the answer is None, and git is asked.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass

_HEAD = struct.Struct(">4sII")
_ENTRY = struct.Struct(">10I20sH")
_EXTENSION = struct.Struct(">4sI")
# The cached tree, resolve-undo, untracked cache, and two tables of offsets. Others change what the
# entries mean (a split or sparse index), or what git believes of them (fsmonitor).
_HARMLESS = frozenset({b"TREE", b"REUC", b"UNTR", b"EOIE", b"IEOT"})
_HASH = 20
_EMPTY_BLOB = bytes.fromhex("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")
_KINDS = frozenset({0o100644, 0o100755, 0o120000})


@dataclass(frozen=True, slots=True)
class Staged:
    """What the index says.

    Args:
        stats: path -> what `lstat` must say: `of_stat`.
        tree: object id of the tree that the entries make, in hex.
    """

    stats: dict[bytes, tuple[int, ...]]
    tree: str


def read_index(path: str) -> Staged | None:
    """Read an index; None where it is not plain, or where git would have to look into files."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        data = os.read(descriptor, status.st_size + 1)
    finally:
        os.close(descriptor)
    if len(data) != status.st_size or len(data) < _HEAD.size + _HASH:
        return None
    signature, version, count = _HEAD.unpack_from(data)
    if signature != b"DIRC" or version not in (2, 3):
        return None
    stats: dict[bytes, tuple[int, ...]] = {}
    end = _entries(data, count, int(status.st_mtime_ns // 10**9), stats)
    tree = None if end is None else _tree(data, end, count)
    return None if tree is None else Staged(stats, tree)


def of_stat(status: os.stat_result) -> tuple[int, ...]:
    """What git compares of a file: times, inode, kind and executable bit, owner, size."""
    mode = status.st_mode
    kind = mode & 0o170000
    if kind == 0o100000:
        kind = 0o100755 if mode & 0o100 else 0o100644
    changed, modified = status.st_ctime_ns, status.st_mtime_ns
    return (
        changed // 10**9 & 0xFFFFFFFF,
        changed % 10**9,
        modified // 10**9 & 0xFFFFFFFF,
        modified % 10**9,
        status.st_ino & 0xFFFFFFFF,
        kind,
        status.st_uid & 0xFFFFFFFF,
        status.st_gid & 0xFFFFFFFF,
        status.st_size & 0xFFFFFFFF,
    )


def _entries(
    data: bytes, count: int, written: int, stats: dict[bytes, tuple[int, ...]]
) -> int | None:
    """Read the entries; returns where they end."""
    at, last = _HEAD.size, len(data) - _HASH
    unpack, size = _ENTRY.unpack_from, _ENTRY.size
    for _ in range(count):
        if at + size >= last:
            return None
        cs, cn, ms, mn, _, ino, mode, uid, gid, length, oid, flags = unpack(data, at)
        # Flags: assume unchanged, extended (skip-worktree, intent to add), stage of a merge.
        # A file as young as the index may have changed since without looking different.
        if flags & 0xF000 or mode not in _KINDS or ms >= written:
            return None
        if length == 0 and oid != _EMPTY_BLOB:  # git's mark for "look into it"
            return None
        start = at + size
        end = data.find(b"\0", start)
        if end < 0:
            return None
        stats[data[start:end]] = (cs, cn, ms, mn, ino, mode, uid, gid, length)
        at += (end - at + 8) & ~7
    return at


def _tree(data: bytes, at: int, count: int) -> str | None:
    """The root of the cached tree, where it is valid and stands for all entries."""
    tree: str | None = None
    last = len(data) - _HASH
    while at < last:
        if at + _EXTENSION.size > last:
            return None
        name, size = _EXTENSION.unpack_from(data, at)
        body = data[at + _EXTENSION.size : at + _EXTENSION.size + size]
        if name not in _HARMLESS or len(body) != size:
            return None
        if name == b"TREE":
            numbers, _, rest = body[1:].partition(b"\n")
            if not body.startswith(b"\0") or numbers.partition(b" ")[0] != b"%d" % count:
                return None
            tree = rest[:_HASH].hex()
        at += _EXTENSION.size + size
    return tree if tree is not None and len(tree) == 2 * _HASH and at == last else None
