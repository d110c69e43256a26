"""A line that is still being typed, as bash has it: words, and the last one with its quote."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PLAIN = re.compile(r"[\w@%+=:,./~-]")
_BREAKS = ":=@"


@dataclass(frozen=True, slots=True)
class Last:
    """The word at the cursor.

    Args:
        text: without quotes and backslashes.
        quote: the quote that is still open, empty for none.
    """

    text: str
    quote: str


def split_line(line: str) -> tuple[list[str], Last]:
    """Take a line up to the cursor apart; quotes may still be open.

    Returns:
        The whole words, and the one that was begun (empty behind a blank).
    """
    words: list[str] = []
    text, quote, begun, escaped = "", "", False, False
    for letter in line:
        if escaped:
            text, escaped = text + letter, False
        elif letter == "\\" and quote != "'":
            escaped = begun = True
        elif quote:
            quote, text = ("", text) if letter == quote else (quote, text + letter)
        elif letter in "'\"":
            quote, begun = letter, True
        elif letter.isspace():
            if begun:
                words.append(text)
            text, begun = "", False
        else:
            text, begun = text + letter, True
    return words, Last(text, quote)


def for_bash(value: str, last: Last, breaks: str) -> str:
    """A candidate as bash wants it.

    Without an open quote bash replaces only what stands behind the last of its word breaks, and
    takes what it gets as it is: blanks need a backslash.

    Args:
        value: the whole word.
        last: the word that it completes.
        breaks: `COMP_WORDBREAKS`.
    """
    if last.quote:
        return value
    kept = max((last.text.rfind(letter) for letter in _BREAKS if letter in breaks), default=-1)
    rest = value[kept + 1 :]
    return "".join(one if _PLAIN.match(one) else f"\\{one}" for one in rest)
