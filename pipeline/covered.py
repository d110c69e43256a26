"""How much of the product the tests reach: `python -m pipeline.covered FILE`.

Part of `nox -s coverage`. Reads the JSON report of coverage.py and holds two marks for `mgit/`
alone, lines and branches; what makes the product is measured too, without a mark.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pipeline.step import Exit

MARK = 95.0
"""Per cent of lines, and of branches, of `mgit/`."""
_SHOWN = 10


class _Summary(msgspec.Struct, frozen=True):
    covered_lines: int
    num_statements: int
    covered_branches: int = 0
    num_branches: int = 0


class _File(msgspec.Struct, frozen=True):
    summary: _Summary


class _Report(msgspec.Struct, frozen=True):
    files: dict[str, _File]


@dataclass(frozen=True, slots=True)
class Share:
    """How much of something is reached.

    Args:
        reached: lines or branches that some test takes.
        all: how many there are.
    """

    reached: int
    all: int

    @property
    def per_cent(self) -> float:
        return 100.0 * self.reached / self.all if self.all else 100.0

    def __str__(self) -> str:
        return f"{self.per_cent:.1f}% ({self.reached} of {self.all})"


def shares_of(report: Mapping[str, _Summary], package: str) -> tuple[Share, Share]:
    """Lines and branches of all files of a package.

    Args:
        report: by file name relative to the repository.
        package: its folder.
    """
    chosen = [one for name, one in report.items() if name.startswith(f"{package}/")]
    lines = Share(
        sum(one.covered_lines for one in chosen), sum(one.num_statements for one in chosen)
    )
    branches = Share(
        sum(one.covered_branches for one in chosen), sum(one.num_branches for one in chosen)
    )
    return lines, branches


def least_covered(report: Mapping[str, _Summary], package: str) -> Iterator[str]:
    """The files of a package in which most is left, one line each."""

    def left(one: _Summary) -> int:
        return one.num_statements - one.covered_lines + one.num_branches - one.covered_branches

    chosen = [(left(one), name) for name, one in report.items() if name.startswith(f"{package}/")]
    for count, name in sorted(chosen, reverse=True)[:_SHOWN]:
        if count:
            yield f"{count:5} left in {name}"


def read_report(content: bytes) -> dict[str, _Summary]:
    """Take the JSON report of coverage.py apart.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    report = msgspec.json.decode(content, type=_Report)
    return {name.replace("\\", "/"): file.summary for name, file in report.files.items()}


def main(arguments: list[str]) -> Exit:
    """Say how much is reached; `Exit.GATE` where `mgit/` is below a mark."""
    report = read_report(Path(arguments[0]).read_bytes())
    below = False
    for package, mark in (("mgit", MARK), ("pipeline", 0.0), ("sandbox", 0.0)):
        for what, share in zip(("lines", "branches"), shares_of(report, package), strict=True):
            low = share.per_cent < mark
            below = below or low
            wanted = f", {mark:g}% wanted" if low else ""
            print(f"{package}: {share} of {what}{wanted}")  # noqa: T201 - a command
    for line in least_covered(report, "mgit"):
        print(line)  # noqa: T201 - a command
    return Exit.GATE if below else Exit.DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
