"""Text that somebody else wrote, made harmless for a terminal, a log or a file name. Pure."""

from __future__ import annotations

import unicodedata

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\e"}
# Cc: C0 and C1 controls (ANSI, OSC, CSI). Cf: bidi overrides, zero-width characters. Zl, Zp: line
# breaks. Cs: lone surrogates, how Python spells undecodable bytes. Co, Cn: no agreed glyph.
_UNSAFE = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"})


def is_unsafe(character: str) -> bool:
    """Whether a character moves the cursor, reorders or hides text, or has no glyph."""
    return unicodedata.category(character) in _UNSAFE


def escape_untrusted(text: str, *, limit: int | None = None) -> str:
    r"""Make every character visible and leave it on one line.

    Args:
        text: anything: a repository name, a ref, what git or a forge printed.
        limit: longest result in characters; the rest is replaced by `…`.

    Returns:
        The text with control, bidi, zero-width and undecodable characters written as `\n`,
        `\x07`, `\u202e`; printable text of any language stays as it is. A backslash stays too:
        the result is for reading, not for reading back.
    """
    escaped = text
    if not (text.isascii() and text.isprintable()):
        escaped = "".join(_visible(character) for character in text)
    if limit is not None and len(escaped) > limit:
        return escaped[: max(limit - 1, 0)] + "…"
    return escaped


def _visible(character: str) -> str:
    if not is_unsafe(character):
        return character
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape: the byte that could not be decoded
        return f"\\x{code - 0xDC00:02x}"
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
