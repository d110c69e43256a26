"""Conditions on what a forge says of a repository: `archived`, `!fork`, `size<100m`.

The same language stands behind `--filter`, in `[sources.NAME]` and in `[selections.NAME]`:

    archived  fork  empty             it is so; `!` in front: it is not
    visibility=private                public, internal or private
    topic=backend  language=go        `*` stands for any characters
    size<100m  size>=1g               by the forge's own figure; units k, m, g, t of 1024
    pushed-since=90d  pushed-before=2026-01-31
    pushed<90d  pushed>2026-01-31     the same: an age is compared as one, a date as one

Several values after `=` mean any of them: `language=go,rust`.

What the forge does not say is neither so nor not so. A condition on it never leaves a repository
out; `unsure` tells where that happened.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from mgit.errors import InvalidInput
from mgit.model import RemoteRepo, Visibility
from mgit.plan.hints import meant
from mgit.plan.patterns import Glob, Subject, fold

_MAX_CONDITION = 256
_ADVICE = (
    "conditions: archived, fork, empty, visibility=, topic=, language=, size<, pushed-since=, "
    "pushed-before=; `!` in front turns one round"
)
_WORDS = (
    "archived",
    "fork",
    "empty",
    "visibility",
    "topic",
    "language",
    "size",
    "pushed",
    "pushed-since",
    "pushed-before",
)
_SHAPE = re.compile(r"(?P<name>[A-Za-z_-]+)\s*(?:(?P<op><=|>=|!=|=|<|>)\s*(?P<value>.*))?")
_AGE = re.compile(r"(\d{1,5})([hdwy])")
_HOURS = {"y": 24 * 365, "w": 24 * 7, "d": 24, "h": 1}
_SIZE = re.compile(r"(\d{1,12})([kmgt]?)(?:i?b)?")
_SHIFT = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_COMPARE: Mapping[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_OPPOSITE = {"<": ">=", ">=": "<", ">": "<=", "<=": ">"}

# What a listing of these says nothing about, although the model has a place for it.
_SILENT: Mapping[str, frozenset[str]] = {
    "github": frozenset(),
    "gitea": frozenset(),
    "forgejo": frozenset(),
    "gitlab": frozenset({"language"}),
    "bitbucket": frozenset({"topic"}),
    "bitbucket-datacenter": frozenset({"topic", "language"}),
    "azuredevops": frozenset({"topic", "language"}),
    "manifest": frozenset({"topic", "language", "fork", "archived"}),
}


class Fact(StrEnum):
    """What is so or is not."""

    ARCHIVED = "archived"
    FORK = "fork"
    EMPTY = "empty"


class Label(StrEnum):
    """What has one of some values."""

    VISIBILITY = "visibility"
    TOPIC = "topic"
    LANGUAGE = "language"


@dataclass(frozen=True, slots=True)
class Is:
    """`archived`, `!fork`."""

    fact: Fact
    so: bool

    def __str__(self) -> str:
        return self.fact if self.so else f"!{self.fact}"

    def test(self, subject: Subject, now: datetime | None) -> bool | None:
        """See `Condition`."""
        del now
        repo = subject.repo
        if repo is None or self.fact in _SILENT.get(subject.kind, ()):
            return None
        match self.fact:
            case Fact.ARCHIVED:
                return repo.archived is self.so
            case Fact.FORK:
                return repo.fork is self.so
            case Fact.EMPTY:
                return None if repo.empty is None else repo.empty is self.so


@dataclass(frozen=True, slots=True)
class Has:
    """`language=go,rust`, `!topic=legacy-*`."""

    label: Label
    values: tuple[str, ...]
    so: bool

    def __str__(self) -> str:
        text = f"{self.label}={','.join(self.values)}"
        return text if self.so else f"!{text}"

    def test(self, subject: Subject, now: datetime | None) -> bool | None:
        """See `Condition`."""
        del now
        there = None if subject.repo is None else _labels(self.label, subject.repo, subject.kind)
        if there is None:
            return None
        globs = [Glob.of(value) for value in self.values]
        return any(glob.fits(fold(text)) for text in there for glob in globs) is self.so


@dataclass(frozen=True, slots=True)
class Size:
    """`size<100m`; in bytes."""

    compare: str
    limit: int

    def __str__(self) -> str:
        unit = next(
            unit for unit in ("t", "g", "m", "k", "") if not self.limit % (1 << _SHIFT[unit])
        )
        unit = unit if self.limit else ""
        return f"size{self.compare}{self.limit >> _SHIFT[unit]}{unit}"

    def test(self, subject: Subject, now: datetime | None) -> bool | None:
        """See `Condition`."""
        del now
        repo = subject.repo
        if repo is None or repo.size_kib is None:
            return None
        return _COMPARE[self.compare](repo.size_kib * 1024, self.limit)


@dataclass(frozen=True, slots=True)
class Pushed:
    """`pushed-since=90d`, `pushed-before=2026-01-31`.

    Args:
        since: at or after the moment; False: before it.
        when: a moment (aware), or how long ago.
    """

    since: bool
    when: datetime | timedelta

    def __str__(self) -> str:
        return f"pushed-{'since' if self.since else 'before'}={_written(self.when)}"

    def test(self, subject: Subject, now: datetime | None) -> bool | None:
        """See `Condition`."""
        repo = subject.repo
        if repo is None or repo.pushed_at is None:
            return None
        moment = self.when
        if isinstance(moment, timedelta):
            if now is None:
                return None
            moment = now - moment
        return (repo.pushed_at >= moment) is self.since


Condition = Is | Has | Size | Pushed
"""`test(subject, now)` is True, False, or None where the forge does not say."""


def parse_condition(text: str) -> Condition:
    """Read one condition; `str` of it is a text that means the same.

    Raises:
        InvalidInput: it is none; the message names the nearest known word.
    """
    body = text.strip()
    shape = _SHAPE.fullmatch(body.removeprefix("!").strip())
    if shape is None or len(text) > _MAX_CONDITION or not text.isprintable():
        raise _wrong(text, "is not one")
    name = shape["name"].lower().replace("_", "-")
    compare, value = shape["op"] or "", (shape["value"] or "").strip()
    turned = body.startswith("!") is not (compare == "!=")
    condition = _read(text, name, "=" if compare == "!=" else compare, value)
    return _opposite(condition) if turned else condition


def _read(text: str, name: str, compare: str, value: str) -> Condition:
    if name in tuple(Fact):
        return _read_fact(text, Fact(name), compare, value)
    if name in tuple(Label):
        return _read_label(text, Label(name), compare, value)
    match name:
        case "size":
            return _read_size(text, compare, value)
        case "pushed":
            return _read_pushed(text, compare, value)
        case "pushed-since" | "pushed-before":
            when = _read_when(value)
            if when is None or compare != "=":
                raise _wrong(text, f"must be like {name}=90d or {name}=2026-01-31")
            return Pushed(name == "pushed-since", when)
        case _:
            raise _unknown(text, name)


def _opposite(condition: Condition) -> Condition:
    match condition:
        case Is() | Has():
            return replace(condition, so=not condition.so)
        case Size():
            return replace(condition, compare=_OPPOSITE[condition.compare])
        case Pushed():
            return replace(condition, since=not condition.since)


def _read_fact(text: str, fact: Fact, compare: str, value: str) -> Is:
    if not compare:
        return Is(fact, so=True)
    if compare != "=" or value.lower() not in ("true", "yes", "false", "no"):
        raise _wrong(text, f"must be {fact} or !{fact}")
    return Is(fact, so=value.lower() in ("true", "yes"))


def _read_label(text: str, label: Label, compare: str, value: str) -> Has:
    values = tuple(part.strip() for part in value.split(","))
    if compare != "=" or not all(values):
        raise _wrong(text, f"must be {label}=VALUE")
    if label is Label.VISIBILITY:
        values = tuple(part.lower() for part in values)
        for part in values:
            if part not in tuple(Visibility):
                words = ", ".join(Visibility)
                raise _wrong(text, f"must be one of {words}{meant(part, tuple(Visibility))}")
    return Has(label, values, so=True)


def _read_size(text: str, compare: str, value: str) -> Size:
    shape = _SIZE.fullmatch(value.lower())
    if compare not in _COMPARE or shape is None:
        raise _wrong(text, "must be like size<100m or size>=1g")
    return Size(compare, int(shape[1]) << _SHIFT[shape[2]])


def _read_pushed(text: str, compare: str, value: str) -> Pushed:
    when = _read_when(value)
    if when is None or compare not in ("<", ">"):
        raise _wrong(text, "must be like pushed<90d (within them) or pushed>90d (longer ago)")
    # "Less than 90 days" is a young age; "less than a date" is an early one.
    return Pushed((compare == "<") is isinstance(when, timedelta), when)


def _read_when(text: str) -> datetime | timedelta | None:
    age = _AGE.fullmatch(text.lower())
    if age is not None:
        return timedelta(hours=int(age[1]) * _HOURS[age[2]])
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _written(when: datetime | timedelta) -> str:
    if isinstance(when, timedelta):
        hours = when // timedelta(hours=1)
        return f"{hours}h" if hours % 24 or not hours else f"{hours // 24}d"
    midnight = (when.hour, when.minute, when.second, when.microsecond) == (0, 0, 0, 0)
    return when.date().isoformat() if midnight else when.isoformat()


def _labels(label: Label, repo: RemoteRepo, kind: str) -> tuple[str, ...] | None:
    """The values that are there; None when the forge does not say."""
    match label:
        case Label.VISIBILITY:
            return None if repo.visibility is None else (repo.visibility,)
        case Label.TOPIC:
            silent = not repo.topics and label in _SILENT.get(kind, ())
            return None if silent else repo.topics
        case Label.LANGUAGE:
            if repo.language is not None:
                return (repo.language,)
            return None if kind not in _SILENT or label in _SILENT[kind] else ()


def _unknown(text: str, name: str) -> InvalidInput:
    if name in tuple(Visibility):
        return _wrong(text, f"is not one; did you mean visibility={name}?")
    return _wrong(text, f"is not one{meant(name, _WORDS)}")


def _wrong(text: str, why: str) -> InvalidInput:
    return InvalidInput(f"condition {text[:60]!a} {why}", advice=_ADVICE)
