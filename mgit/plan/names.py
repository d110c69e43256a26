"""A name that somebody else chose, as one safe folder name. Reversible, so never ambiguous.

`%XX` stands for a byte, as in URLs. Encoded are: what a file system, a shell or an eye could
misread, `%` itself, and `~`, which mgit keeps for its own suffixes.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from urllib.parse import unquote

from mgit.text import is_unsafe

MAX_BYTES = 255
_RESERVED_CHARACTERS = frozenset('%~/\\:*?"<>|')
# Names of devices on Windows, with or without an extension, before which spaces do not count.
_DEVICE = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(\..*)?", re.IGNORECASE
)
# mgit's own folder below the root. `.github` and other dotted names stay as they are known.
_OWN = frozenset({".mgit"})
_SUFFIX_SAFE = re.compile(r"[A-Za-z0-9._-]+")
# 12 hex digits of SHA-256: the chance that two of a million names meet is 2 in 1,000.
# Whoever meets gets the id as a suffix besides.
_DIGEST = 12


def encode_segment(name: str) -> str:
    """One folder name for one segment of a path.

    Args:
        name: any text but the empty one.

    Returns:
        At most 255 bytes of UTF-8 that no system refuses, hides or reads as an option. Names of
        up to that length come back with `decode_segment`; longer ones are cut and end in `~` and
        a digest.
    """
    text = "".join(_encode(character) for character in name)
    if text.startswith(("-", " ")) or text.casefold() in _OWN or not text.strip("."):
        text = _percent(text[0]) + text[1:]
    if text.endswith((".", " ")):
        text = text[:-1] + _percent(text[-1])
    if _looks_like_git(text) and text.startswith("%"):  # what is encoded is not encoded again
        text = text[:-4] + _percent(".") + text[-3:]
    elif _DEVICE.fullmatch(text) or _looks_like_git(text):
        text = _percent(text[0]) + text[1:]
    if len(text.encode()) <= MAX_BYTES:
        return text
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
    return _cut(text, MAX_BYTES - _DIGEST - 1) + f"~{digest}"


def decode_segment(segment: str) -> str | None:
    """The name that a folder was made for; None for one that was cut or got a suffix."""
    return None if "~" in segment else unquote(segment, errors="surrogatepass")


def with_suffix(segment: str, suffix: str) -> str:
    """A folder name made unique by an id: `name~id`, cut where it would be too long."""
    plain = suffix if _SUFFIX_SAFE.fullmatch(suffix) and len(suffix) <= 64 else _short(suffix)
    if plain.endswith("."):
        plain = _short(suffix)
    return _cut(segment, MAX_BYTES - len(plain) - 1) + f"~{plain}"


def _encode(character: str) -> str:
    if character in _RESERVED_CHARACTERS or is_unsafe(character):
        return _percent(character)
    # Not composed (NFD twins), or a compatibility blank: keep the exact code points visible.
    if unicodedata.category(character) == "Zs" and character != " ":
        return _percent(character)
    return character


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _looks_like_git(text: str) -> bool:
    # `x.git` reads as a bare repository, and `git~1` (already encoded) is `.git` on Windows.
    return text.casefold().endswith(".git")


def _cut(text: str, size: int) -> str:
    data = text.encode()[:size]
    cut = data.decode(errors="ignore")
    # Not in the middle of a %XX.
    return re.sub(r"%[0-9A-F]?$", "", cut)


def _short(suffix: str) -> str:
    return hashlib.sha256(suffix.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
