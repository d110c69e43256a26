"""Reads the body of an answer: bounded, whole, decompressed."""

from __future__ import annotations

import http.client
import zlib
from collections.abc import Iterator

from mgit.address import Origin
from mgit.errors import MalformedAnswer, NetworkError

_CHUNK = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS


def read_body(answer: http.client.HTTPResponse, origin: Origin, limit: int) -> bytes:
    """The whole body, never more than `limit` bytes of it in memory.

    Raises:
        NetworkError: it ends before its announced length.
        MalformedAnswer: larger than `limit`, or not compressed as announced.
    """
    encoding = (answer.getheader("Content-Encoding") or "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise MalformedAnswer(f"{origin} sent a body in an encoding that was not asked for")
    pieces = _wire_bytes(answer, origin)
    if encoding != "identity":
        pieces = _gunzip(pieces, origin)
    size = 0
    parts: list[bytes] = []
    for piece in pieces:
        size += len(piece)
        if size > limit:
            raise MalformedAnswer(
                f"{origin} sent an answer of more than {limit // 1024} KiB",
                advice="check that the address is the forge's, and not some other service's",
            )
        parts.append(piece)
    return b"".join(parts)


def broken_off(origin: Origin) -> NetworkError:
    """The connection ended before the answer did."""
    return NetworkError(f"{origin} broke off the connection", advice="try again later")


def _wire_bytes(answer: http.client.HTTPResponse, origin: Origin) -> Iterator[bytes]:
    declared = answer.length  # None where the body is chunked or ends with the connection
    received = 0
    while chunk := answer.read(_CHUNK):
        received += len(chunk)
        yield chunk
    if declared is not None and received != declared:
        raise broken_off(origin)  # read(n) reports a short body as a plain end


def _gunzip(pieces: Iterator[bytes], origin: Origin) -> Iterator[bytes]:
    unzip = zlib.decompressobj(_GZIP)
    started = False
    for piece in pieces:
        started = True
        rest = piece
        while rest:
            try:
                yield unzip.decompress(rest, _CHUNK)
            except zlib.error:
                raise MalformedAnswer(f"{origin} sent a damaged gzip body") from None
            if unzip.unused_data:
                raise MalformedAnswer(f"{origin} sent something after the end of a gzip body")
            rest = unzip.unconsumed_tail
    if started and not unzip.eof:
        raise broken_off(origin)
