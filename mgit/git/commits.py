"""Finds the tree of one commit without git, where the commit is stored plainly.

gitformat-pack(5): a loose object, or a whole one (no delta) in a pack with an index of version 2.
"""

from __future__ import annotations

import os
import re
import struct
import zlib
from contextlib import suppress

from mgit.git.disk import read_file

_TREE = re.compile(rb"tree ([0-9a-f]{40})\n")
_LOOSE = re.compile(rb"commit [0-9]+\0tree ([0-9a-f]{40})\n")
_NEEDED = 128  # of a commit: more than a loose object's head and its first line
_INDEX = b"\xfftOc\x00\x00\x00\x02"
_FANOUT = 8 + 256 * 4
_COMMIT = 1


def tree_of(git_dir: str, commit: str) -> str | None:
    """The tree of a commit, in hex; None where it is not stored plainly here.

    Args:
        git_dir: the git directory; its objects are named by SHA-1.
        commit: object id in hex.
    """
    with suppress(OSError, zlib.error, struct.error, IndexError):  # damage is for git to tell
        loose = _loose(f"{git_dir}/objects/{commit[:2]}/{commit[2:]}")
        if loose is not None:
            found = _LOOSE.match(loose)
            return found[1].decode() if found else None
        wanted = bytes.fromhex(commit)
        with os.scandir(f"{git_dir}/objects/pack") as entries:
            for entry in entries:
                if entry.name.endswith(".idx"):
                    offset = _offset(entry.path, wanted)
                    if offset is not None:
                        return _packed(f"{entry.path[:-4]}.pack", offset)
    return None


def _loose(path: str) -> bytes | None:
    try:
        return zlib.decompressobj().decompress(read_file(path, 4096), _NEEDED)
    except FileNotFoundError:
        return None


def _offset(path: str, wanted: bytes) -> int | None:
    """Where an object is in the pack that this is the index of."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        head = os.pread(descriptor, _FANOUT, 0)
        if len(head) != _FANOUT or not head.startswith(_INDEX):
            return None
        first = wanted[0]
        below = struct.unpack_from(">I", head, 4 + first * 4)[0] if first else 0
        upto, total = (struct.unpack_from(">I", head, 8 + at * 4)[0] for at in (first, 255))
        whole = _FANOUT + total * 24 <= os.fstat(descriptor).st_size
        if not whole or not below <= upto <= total:  # else memory for as many names as it claims
            return None
        names = os.pread(descriptor, (upto - below) * 20, _FANOUT + below * 20)
        at = names.find(wanted)
        while at > 0 and at % 20:  # across two names
            at = names.find(wanted, at + 1)
        if at < 0:
            return None
        place = _FANOUT + total * 24 + (below + at // 20) * 4
        offset = int(struct.unpack(">I", os.pread(descriptor, 4, place))[0])
        return offset if offset < 1 << 31 else None
    finally:
        os.close(descriptor)


def _packed(path: str, offset: int) -> str | None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.pread(descriptor, 4096, offset)
    finally:
        os.close(descriptor)
    if not data or data[0] >> 4 & 7 != _COMMIT:
        return None
    at = 0
    while data[at] & 0x80:  # the rest of its size
        at += 1
    found = _TREE.match(zlib.decompressobj().decompress(data[at + 1 :], _NEEDED))
    return found[1].decode() if found else None
