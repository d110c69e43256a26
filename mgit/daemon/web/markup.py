"""HTML from parts that cannot be confused: text is escaped, markup is made by `tag` only. Pure."""

from __future__ import annotations

import html
from collections.abc import Iterable

from mgit.text import escape_untrusted

_VOID = frozenset({"input", "link", "meta", "rect"})


class Markup(str):
    """Text that is HTML already; only `tag` and `many` make it."""

    __slots__ = ()


Part = str | Markup
"""A plain `str` is a text that somebody else may have written: it is escaped where it is put in."""


def text(part: Part) -> Markup:
    """A part as HTML. Control and bidi characters are made visible, so that no name can hide."""
    if isinstance(part, Markup):
        return part
    return Markup(html.escape(escape_untrusted(part)))


def tag(name: str, /, *parts: Part, **attributes: str | int | bool | None) -> Markup:
    """An element.

    Args:
        name: of the element, ours.
        parts: what is in it.
        attributes: None and False are left out, True stands without a value; a trailing
            underscore is dropped and others become dashes: `class_`, `aria_label`.
    """
    given = "".join(
        _attribute(key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items()
    )
    if name in _VOID:
        return Markup(f"<{name}{given}/>")  # HTML does not mind, SVG wants it
    return Markup(f"<{name}{given}>{many(parts)}</{name}>")


def many(parts: Iterable[Part]) -> Markup:
    """Several parts, one behind the other."""
    return Markup("".join(text(part) for part in parts))


def _attribute(name: str, value: str | int | bool | None) -> str:  # noqa: FBT001 - the value itself
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{text(str(value))}"'
