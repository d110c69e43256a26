"""Queries of the API and the page, read strictly; cursors that only we can make sense of. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import msgspec

from mgit.state.overview import Filter, Mark, Show, Sort

E = TypeVar("E", bound=StrEnum)

MOST = 500
USUAL = 100
LONGEST_TEXT = 200


class Unfit(Exception):
    """A field of the query is not what it must be.

    Args:
        code: for programs.
        detail: one sentence.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class RepositoriesQuery:
    """What somebody wants to see of the repositories.

    Args:
        source: only this one, empty for all.
        show: only these, None for all.
        text: part of the name.
        sort: in which order.
        limit: most on a page.
        after: where the page before ended.
    """

    source: str
    show: Show | None
    text: str
    sort: Sort
    limit: int
    after: Mark | None = None

    def filter(self, cutoffs: Mapping[str, float]) -> Filter:
        """The same as the state is asked."""
        return Filter(cutoffs, self.source, self.show, self.text)


def only(query: Mapping[str, str], known: Collection[str]) -> None:
    """Refuse what is not known: a misspelt filter must not pass for none.

    Raises:
        Unfit: a field has another name.
    """
    for name in query:
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            raise Unfit("parameter-unknown", f"A parameter is not known; known are: {names}.")


def read_repositories(query: Mapping[str, str], sources: Collection[str]) -> RepositoriesQuery:
    """Read the query of `/api/v1/repositories`.

    Args:
        query: decoded.
        sources: names that are configured.

    Raises:
        Unfit: something in it is not what it must be.
    """
    only(query, ("source", "state", "q", "sort", "limit", "cursor"))
    source = query.get("source", "")
    if source and source not in sources:
        raise Unfit("source-unknown", "There is no source of this name.")
    sort = _word(Sort, "sort", query.get("sort", "")) or Sort.NAME
    return RepositoriesQuery(
        source,
        _word(Show, "state", query.get("state", "")),
        query.get("q", "").strip()[:LONGEST_TEXT],
        sort,
        read_limit(query),
        read_cursor(query.get("cursor", ""), sort),
    )


def read_limit(query: Mapping[str, str]) -> int:
    """The most on a page.

    Raises:
        Unfit: it is no number from 1 to `MOST`.
    """
    return _number("limit", query.get("limit", ""), USUAL, MOST)


def read_page(query: Mapping[str, str]) -> int:
    """Which page, counted from 1.

    Raises:
        Unfit: it is no such number.
    """
    return _number("page", query.get("page", ""), 1, 1_000_000)


def write_cursor(sort: Sort, mark: Mark) -> str:
    """Where a page ended, as a text for the next request."""
    body = msgspec.json.encode((sort.value, mark.value, mark.name, mark.forge, mark.repo_id))
    return base64.urlsafe_b64encode(body).decode("ascii").rstrip("=")


def read_cursor(text: str, sort: Sort) -> Mark | None:
    """Undo `write_cursor`; None for the first page.

    Raises:
        Unfit: it is not one of ours, or was made for another order.
    """
    if not text:
        return None
    try:
        body = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        word, value, *names = msgspec.json.decode(body, type=tuple[str, float, str, str, str])
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise Unfit("cursor-invalid", "The cursor is not one that was given out.") from None
    if word != sort.value:
        raise Unfit("cursor-invalid", "The cursor was made for another order.")
    return Mark(float(value), *(str(name) for name in names))


def write_moment(at: float) -> str:
    """A time as a cursor."""
    return float(at).hex()


def read_moment(text: str) -> float | None:
    """Undo `write_moment`; None for none.

    Raises:
        Unfit: it is not one of ours.
    """
    if not text:
        return None
    try:
        at = float.fromhex(text)
    except (ValueError, OverflowError):
        at = -1.0
    if not 0 <= at < 1e12:
        raise Unfit("cursor-invalid", "The cursor is not one that was given out.")
    return at


def _word(kind: type[E], name: str, text: str) -> E | None:
    if not text:
        return None
    try:
        return kind(text)
    except ValueError:
        words = ", ".join(one.value for one in kind)
        raise Unfit("parameter-invalid", f"`{name}` is one of: {words}.") from None


def _number(name: str, text: str, usual: int, most: int) -> int:
    if not text:
        return usual
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= most):
        raise Unfit("parameter-invalid", f"`{name}` is a number from 1 to {most}.")
    return int(text)
