"""docs/quickstart-server.md, taken apart: its steps, and the table of times at its end."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "quickstart-server.md"
_STEP = re.compile(r"^## (\d+)\. (.+?)\n(.*?)(?=^## )", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TIMES = re.compile(r"(<!-- times: .*? -->\n).*?(<!-- end of times -->)", re.DOTALL)


@dataclass(frozen=True)
class Step:
    """One numbered part of the page.

    Args:
        title: what it is called.
        commands: what is typed, as it stands there.
    """

    title: str
    commands: str


def steps(text: str) -> list[Step]:
    """The steps of the page, in order."""
    found = _STEP.findall(text)
    assert [int(number) for number, _, _ in found] == list(range(1, len(found) + 1))
    return [Step(title, "".join(_BLOCK.findall(body))) for _, title, body in found]


def script(parts: Sequence[Step], yours: str) -> str:
    """All commands as one script that says when each step begins; the first is replaced by ours."""
    lines = ["set -eu"]
    for number, part in enumerate(parts, 1):
        commands = yours if number == 1 else part.commands
        lines.append(f'echo "@@ {number} $EPOCHREALTIME"\n{commands}')
    return "\n".join([*lines, f'echo "@@ {len(parts) + 1} $EPOCHREALTIME"', ""])


def with_times(text: str, table: str) -> str:
    """The page with another table of times."""
    made, count = _TIMES.subn(lambda found: f"{found[1]}{table}{found[2]}", text)
    assert count == 1
    return made


def times(text: str) -> list[tuple[str, int]]:
    """What the page says: steps and their seconds."""
    found = _TIMES.search(text)
    assert found is not None
    rows = re.findall(r"^\| \d+\. (.+?) \| (\d+) s \|$", found[0], re.MULTILINE)
    return [(title, int(seconds)) for title, seconds in rows]
