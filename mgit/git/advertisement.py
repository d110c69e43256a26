"""Reads what a git server says about its refs: protocol v2 `ls-refs`, and v0/v1 advertisements.

Grammar: gitprotocol-v2(5) and gitprotocol-pack(5). All of it comes from the network and is
checked before it is believed. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from mgit.errors import ForgeError
from mgit.git import quick
from mgit.git.pktline import DELIMITER, FLUSH, Packet, Special, decode, encode
from mgit.model import RefSnapshot
from mgit.text import escape_untrusted

KEPT = ("refs/heads/", "refs/tags/")
_OID = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})")
# git-check-ref-format(1), without what only matters for short names.
_BAD_NAME = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|//|/\.|@\{|\.lock(/|$)|[./]$|\.$")
# A branch named HEAD would be written through refs/remotes/origin/HEAD. git warns of it too.
_IGNORED = frozenset({"refs/heads/HEAD"})
_NO_REFS = "capabilities^{}"


@dataclass(frozen=True, slots=True)
class Advertisement:
    """What a GET of `info/refs` told.

    Args:
        version: 2 when only capabilities came and the refs have to be asked for; else 0 or 1.
        object_format: `sha1` or `sha256`.
        snapshot: the refs; None for version 2.
    """

    version: int
    object_format: str = "sha1"
    snapshot: RefSnapshot | None = None


@lru_cache(maxsize=4)
def ls_refs_request(object_format: str, agent: str) -> bytes:
    """The body of a protocol v2 `ls-refs` for HEAD, branches and tags."""
    packets: list[Packet] = [b"command=ls-refs\n", f"agent={agent}\n".encode()]
    # Servers from before 2.28 don't know object-format, and sha1 is what they assume.
    if object_format != "sha1":
        packets.append(f"object-format={object_format}\n".encode())
    packets += [DELIMITER, b"symrefs\n", b"ref-prefix HEAD\n"]
    packets += [f"ref-prefix {prefix}\n".encode() for prefix in KEPT]
    packets.append(FLUSH)
    return encode(packets)


def read_ls_refs(body: bytes) -> RefSnapshot:
    """`parse_ls_refs` of a whole answer, quickly where it is plain.

    Raises:
        ForgeError: as `parse_ls_refs`.
    """
    known = quick.ls_refs(body)
    return parse_ls_refs(decode(body)) if known is None else known


def parse_ls_refs(packets: Iterable[Packet]) -> RefSnapshot:
    """Read the answer to `ls-refs`.

    Raises:
        ForgeError: it is not one: malformed, an error of the server, or not ended by a flush
            packet. An empty answer is none either: an empty repository still sends the flush.
    """
    refs: dict[str, str] = {}
    head: str | None = None
    ended = False
    for packet in packets:
        if ended or isinstance(packet, Special):
            if packet is not FLUSH or ended:
                raise ForgeError("the answer to ls-refs has packets out of place")
            ended = True
            continue
        oid, _, rest = _line(packet).partition(" ")
        name, *attributes = rest.split(" ")
        if name == "HEAD":
            head = _symref_target(attributes)
        elif _keep(name, oid):
            refs[name] = oid
    if not ended:
        raise ForgeError("the answer to ls-refs is empty or cut short")
    return _snapshot(refs, head)


def parse_advertisement(packets: Iterable[Packet]) -> Advertisement:
    """Read the answer to `GET info/refs?service=git-upload-pack`.

    Raises:
        ForgeError: it is not one, see `parse_ls_refs`.
    """
    lines = list(packets)
    if len(lines) > 1 and lines[0] == b"# service=git-upload-pack\n" and lines[1] is FLUSH:
        lines = lines[2:]
    if not lines or lines[-1] is not FLUSH or any(isinstance(p, Special) for p in lines[:-1]):
        raise ForgeError("the ref advertisement is empty or cut short")
    texts = [_line(packet) for packet in lines if not isinstance(packet, Special)]
    if texts and texts[0] == "version 2":
        return Advertisement(2, _object_format(texts[1:]))
    version = 1 if texts and texts[0] == "version 1" else 0
    if version == 1:
        texts = texts[1:]
    if not texts:
        # Only servers older than 2009 say "no refs" without a capability line. What sends this
        # today is a broken proxy, and believing it would empty the clone.
        raise ForgeError("the ref advertisement holds nothing, not even capabilities")
    return _read_v0(texts, version)


def _read_v0(texts: list[str], version: int) -> Advertisement:
    first, _, capabilities = texts[0].partition("\0")
    words = capabilities.split(" ")
    refs: dict[str, str] = {}
    for text in (first, *texts[1:]):
        oid, _, name = text.partition(" ")
        if name in ("HEAD", _NO_REFS) or name.endswith("^{}") or oid in ("shallow", "ERR"):
            if oid == "ERR":
                raise ForgeError(f"the forge's git says: {escape_untrusted(name, limit=200)}")
            continue
        if _keep(name, oid):
            refs[name] = oid
    heads = [word[12:] for word in words if word.startswith("symref=HEAD:")]
    return Advertisement(
        version, _object_format(words), _snapshot(refs, heads[0] if heads else None)
    )


def _line(packet: bytes) -> str:
    text = packet.decode("utf-8", errors="surrogateescape")
    text = text.removesuffix("\n")
    if text.startswith("ERR "):
        raise ForgeError(f"the forge's git says: {escape_untrusted(text[4:], limit=200)}")
    return text


def _keep(name: str, oid: str) -> bool:
    if not _OID.fullmatch(oid):
        raise ForgeError(f"the forge sent a malformed ref line near {name[:80]!a}")
    if not name.startswith(KEPT) or name in _IGNORED:
        return False
    if _BAD_NAME.search(name):
        raise ForgeError(f"the forge sent the ref name {name[:80]!a}, which git forbids")
    return True


def _symref_target(attributes: list[str]) -> str | None:
    for attribute in attributes:
        if attribute.startswith("symref-target:"):
            return attribute.removeprefix("symref-target:")
    return None


def _object_format(words: Iterable[str]) -> str:
    for word in words:
        if word.startswith("object-format="):
            return "sha256" if word == "object-format=sha256" else "sha1"
    return "sha1"


def _snapshot(refs: dict[str, str], head: str | None) -> RefSnapshot:
    # A HEAD that points nowhere, or outside the branches, is as good as unknown.
    return RefSnapshot(refs, head if head in refs else None)
