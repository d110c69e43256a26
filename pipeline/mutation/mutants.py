"""What came of the mutants, as mutmut left it beside the mutated files. Pure, but for reading them.

`FILE.meta` (JSON) has the exit code of pytest for each mutant, `FILE.spans` the lines of each in
the mutated file, which holds the function as it was and all of its mutants one after the other.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_KILLED = frozenset({1, 3})
_TIMED_OUT = frozenset({24, -24, 36, 152, 255})
_NO_TESTS = frozenset({5, 33})
_SEPARATOR = "\N{LATIN LETTER LATERAL CLICK}"  # between a class and its method, in mutmut's names


class Verdict(StrEnum):
    """What the tests said of a mutant."""

    KILLED = "killed"
    TIMEOUT = "timeout"
    SURVIVED = "survived"
    NO_TESTS = "no tests"
    UNCHECKED = "unchecked"


NOTICED = frozenset({Verdict.KILLED, Verdict.TIMEOUT})


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault that was put in.

    Args:
        name: what mutmut calls it: `mgit.plan.gone.x_plan_gone__mutmut_7`.
        package: what it counts for: `mgit.plan`.
        function: where it is: `mgit.plan.gone.plan_gone`.
        verdict: whether it was noticed.
        before: the lines that it changes, stripped.
        after: what it makes of them.
    """

    name: str
    package: str
    function: str
    verdict: Verdict
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Equivalent:
    """A mutant that no test can tell from the original, with the reason.

    Args:
        function: as in `Mutant`.
        before: its changed lines, joined with a space.
        after: what they become.
        reason: why it makes no difference.
    """

    function: str
    before: str
    after: str
    reason: str

    def is_one(self, mutant: Mutant) -> bool:
        """Whether a mutant is this one."""
        same = self.function == mutant.function and self.before == " ".join(mutant.before)
        return same and self.after == " ".join(mutant.after)


@dataclass(frozen=True, slots=True)
class Score:
    """What a package reached.

    Args:
        package: `mgit.plan`.
        mutants: how many counted.
        noticed: of them.
        excluded: equivalent ones, which do not count.
    """

    package: str
    mutants: int
    noticed: int
    excluded: int

    @property
    def share(self) -> float:
        """Of those that count, 0 to 1."""
        return self.noticed / self.mutants if self.mutants else 0.0


def read_mutants(work: Path, packages: Sequence[str]) -> list[Mutant]:
    """All mutants of some packages.

    Args:
        work: where mutmut ran.
        packages: dotted names.
    """
    found: list[Mutant] = []
    for package in packages:
        folder = work / "mutants" / package.replace(".", "/")
        for meta in sorted(folder.rglob("*.py.meta")):
            found += _of_file(meta, package)
    return found


def _of_file(meta: Path, package: str) -> Iterator[Mutant]:
    codes: Mapping[str, int | None] = json.loads(meta.read_text("utf-8"))["exit_code_by_key"]
    source = meta.with_suffix("")
    spans: Mapping[str, Sequence[int]] = json.loads(
        source.with_suffix(".py.spans").read_text("utf-8")
    )["spans"]
    lines = source.read_text("utf-8").splitlines()
    for name, code in codes.items():
        module, _, mangled = name.rpartition(".")
        whole, _, number = mangled.partition("__mutmut_")
        function = whole[2:].replace(_SEPARATOR, ".")  # after `x_`, or `x` and the separator
        before, after = _changed(
            _body(lines, spans.get(f"{whole}__mutmut_orig")),
            _body(lines, spans.get(f"{whole}__mutmut_{number}")),
        )
        yield Mutant(name, package, f"{module}.{function}", _verdict(code), before, after)


def _body(lines: Sequence[str], span: Sequence[int] | None) -> Sequence[str]:
    """The lines of a function without its head, which has another name in each."""
    return () if span is None else [line.strip() for line in lines[span[0] : span[1]]]


def _changed(
    before: Sequence[str], after: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    gone: list[str] = []
    come: list[str] = []
    for line in difflib.ndiff(before, after):
        if line.startswith("- ") and "__mutmut_" not in line:
            gone.append(line[2:])
        elif line.startswith("+ ") and "__mutmut_" not in line:
            come.append(line[2:])
    return tuple(gone), tuple(come)


def _verdict(code: int | None) -> Verdict:
    if code is None:
        return Verdict.UNCHECKED
    if code in _KILLED:
        return Verdict.KILLED
    if code in _TIMED_OUT:
        return Verdict.TIMEOUT
    return Verdict.NO_TESTS if code in _NO_TESTS else Verdict.SURVIVED


def read_equivalents(path: Path) -> tuple[Equivalent, ...]:
    """The list of `[[equivalent]]` with `function`, `before`, `after` and `reason`.

    Raises:
        ValueError: an entry lacks one of them.
    """
    found = []
    for entry in tomllib.loads(path.read_text("utf-8")).get("equivalent", []):
        if set(entry) != {"function", "before", "after", "reason"} or not all(entry.values()):
            raise ValueError(f"{path}: an entry needs function, before, after and reason: {entry}")
        found.append(Equivalent(**entry))
    return tuple(found)


def scores(
    mutants: Iterable[Mutant], equivalents: Sequence[Equivalent], packages: Sequence[str]
) -> list[Score]:
    """What each package reached; mutants that were not checked do not count."""
    checked = [one for one in mutants if one.verdict is not Verdict.UNCHECKED]
    found = []
    for package in packages:
        own = [one for one in checked if one.package == package]
        out = [one for one in own if is_excluded(one, equivalents)]
        noticed = sum(one.verdict in NOTICED for one in own)
        found.append(Score(package, len(own) - len(out), noticed, len(out)))
    return found


def is_excluded(mutant: Mutant, equivalents: Iterable[Equivalent]) -> bool:
    """Whether it is on the list. One that was noticed is not equivalent, whatever a list says."""
    if mutant.verdict in NOTICED:
        return False
    return any(one.is_one(mutant) for one in equivalents)


def survivors(mutants: Iterable[Mutant], equivalents: Sequence[Equivalent]) -> list[Mutant]:
    """Those that count and were not noticed."""
    return [
        one
        for one in mutants
        if one.verdict in (Verdict.SURVIVED, Verdict.NO_TESTS) and not is_excluded(one, equivalents)
    ]


def stale(mutants: Sequence[Mutant], equivalents: Iterable[Equivalent]) -> list[Equivalent]:
    """Entries of the list that no mutant fits, or one that was noticed: they want taking out."""
    return [
        one
        for one in equivalents
        if not any(one.is_one(mutant) and mutant.verdict not in NOTICED for mutant in mutants)
    ]
