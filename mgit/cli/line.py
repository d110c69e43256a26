"""The one line that shows how far the work is. Pure: text and width in, text out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mgit.cli.pace import left_words, rate_words
from mgit.cli.tables import width
from mgit.text import escape_untrusted

_NAME_WIDTH = 30
_NAMES_SHOWN = 3
_BAR_FROM = 60
_BAR_COLUMNS = 20


@dataclass(frozen=True, slots=True)
class View:
    """What is to be shown.

    Args:
        word: what is being done.
        done: how many are.
        total: of how many.
        rate: per second, None when unknown.
        left: seconds until the end, None when unknown.
        busy: names of what is in work, the one that began first at the front. Untrusted.
    """

    word: str
    done: int
    total: int
    rate: float | None = None
    left: float | None = None
    busy: Sequence[str] = ()


def progress_line(view: View, columns: int) -> str:
    """One line that is narrower than the terminal; what matters least is left out first.

    Args:
        view: what is to be shown.
        columns: of the terminal; the last one stays free, or some terminals break the line.
    """
    room = max(columns - 1, 1)
    bar = f" {_bar(view.done, view.total)}" if columns >= _BAR_FROM else ""
    parts = [f"{view.word}{bar} {view.done}/{view.total}"]
    if view.rate is not None:
        parts.append(rate_words(view.rate))
    if view.left is not None and view.done < view.total:
        parts.append(left_words(view.left))
    while len(parts) > 1 and width("  ".join(parts)) > room:
        parts.pop(1)  # the rate goes before the time that is left
    line = cut("  ".join(parts), room)
    names = _names(view.busy, room - width(line) - 2)
    return f"{line}  {names}" if names else line


def plain_line(view: View) -> str:
    """The same for a log: `applying: 120 of 1000, 24/s, 37 s left`."""
    parts = [f"{view.done} of {view.total}"]
    if view.rate is not None:
        parts.append(rate_words(view.rate))
    if view.left is not None:
        parts.append(left_words(view.left))
    return f"{view.word}: {', '.join(parts)}"


def cut(text: str, columns: int) -> str:
    """The text in at most so many columns; `…` stands for what was left out."""
    if width(text) <= columns:
        return text
    kept, used = "", 0
    for letter in text:
        used += width(letter)
        if used > columns - 1:
            break
        kept += letter
    return f"{kept}…" if columns > 0 else ""


def _names(busy: Sequence[str], room: int) -> str:
    """As many names as fit; empty when there is no room for a whole one."""
    names = [cut(escape_untrusted(name), _NAME_WIDTH) for name in busy[:_NAMES_SHOWN]]
    for shown in range(len(names), 0, -1):
        more = len(busy) - shown
        text = ", ".join(names[:shown]) + (f" +{more}" if more else "")
        if width(text) <= room:
            return text
    return ""


def _bar(done: int, total: int) -> str:
    full = _BAR_COLUMNS * done // total if total else 0
    return "━" * full + "─" * (_BAR_COLUMNS - full)
