"""Every error that a person may see, with its advice, read from the sources of mgit.

What is put into a message at run time stands there in capitals, by the name that the code has for
it, or as `…`.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from handbook.reference import text
from mgit import errors
from mgit.errors import ExitCode, MgitError

SOURCES = Path(errors.__file__).parent
_KINDS: dict[str, type[MgitError]] = {
    name: kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, MgitError)
}
_TITLES = {
    ExitCode.USAGE: "Exit 2: what was typed, or the configuration",
    ExitCode.AUTHENTICATION: "Exit 3: a credential",
    ExitCode.UNREACHABLE: "Exit 4: a forge, or the way to it",
    ExitCode.SOME_FAILED: "Exit 1: a clone, git, or the state",
}
_HOLES = re.compile(r"…{2,}")
_SPECIAL = re.compile(r"([*<>\[\]])")
_PLAIN = 2  # letters that a name has at least to be worth reading
# What these hold is known only when they are raised.
_DULL = frozenset({"error", "e", "text", "told", "word", "words", "near", "more", "hint", "unfit"})


@dataclass(frozen=True, slots=True, order=True)
class Message:
    """One error of the code.

    Args:
        code: what mgit ends with where nothing worse happens.
        words: what it says.
        advice: what it says to do; empty where the caller knows that better.
        module: the file, relative to the folder of `mgit`.
    """

    code: ExitCode
    words: str
    advice: str
    module: str


def shown(node: ast.expr) -> str:
    """The text of an expression, as far as it is written in the code."""
    match node:
        case ast.Constant(value=str() as value):
            return value
        case ast.JoinedStr(values=values):
            return _joined(map(shown, values))
        case ast.FormattedValue(value=value):
            return _hole(value)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return shown(left) + shown(right)
        case ast.IfExp(body=body):
            return shown(body)
        case _:
            return "…"


def _joined(parts: Iterable[str]) -> str:
    """A name that would grow into the word before it is no word: `thisSAID`."""
    whole = ""
    for part in parts:
        grown = part.isupper() and (whole[-1:].isalnum() or whole.endswith("…"))
        whole += "…" if grown else part
    return whole


def _hole(value: ast.expr) -> str:
    match value:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            plain = name.strip("_")
            fine = len(plain) > _PLAIN and plain not in _DULL
            return plain.upper() if fine else "…"
        case _:
            return "…"


def _in(module: str, tree: ast.AST) -> Iterator[Message]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in _KINDS:
                advice = next((one.value for one in node.keywords if one.arg == "advice"), None)
                words = shown(first)
                if words.strip("…: "):
                    said = shown(advice) if advice is not None else ""
                    code = _KINDS[name].exit_code
                    yield Message(code, words, said if said.strip("…") else "", module)


@cache
def messages() -> tuple[Message, ...]:
    """All of them, each once, by code and words."""
    found = {
        message
        for file in SOURCES.rglob("*.py")
        for message in _in(
            file.relative_to(SOURCES).as_posix(), ast.parse(file.read_text(encoding="utf-8"))
        )
    }
    return tuple(sorted(found))


def _tables() -> Iterator[str]:
    every = messages()
    for code, title in _TITLES.items():
        rows: dict[tuple[str, str], None] = {}
        for one in every:
            if one.code is code:
                rows[_said(one.words), _advice(one.advice)] = None
        yield f"## {title}\n\n{text.table(('it says', 'what to do'), sorted(rows))}"


def _said(words: str) -> str:
    return text.code(tidy(words).replace("`", "'"))


def _advice(words: str) -> str:
    """As it is printed: what stands between backticks stays code, the rest is plain."""
    parts = tidy(words).split("`")
    if len(parts) % 2 == 0:
        return text.code("'".join(parts))
    for number in range(0, len(parts), 2):
        parts[number] = _SPECIAL.sub(r"\\\1", parts[number])
    return "`".join(parts)


def tidy(words: str) -> str:
    """In one line, several holes in a row as one."""
    return _HOLES.sub("…", words.replace("\n", " ")).strip()


def page() -> str:
    """The whole page."""
    return text.page(
        "Messages",
        "Every error that mgit raises, as it stands in the code, and the advice that it gives\n"
        "with it. Words in CAPITALS and `…` are filled in. Where the advice is empty, it follows\n"
        "from what was being done, and mgit prints it then. What lies behind the frequent ones:\n"
        "[Troubleshooting](../troubleshooting.md).",
        *_tables(),
    )
