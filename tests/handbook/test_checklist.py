"""The production checklist and the page of capacity say nothing that is not there."""

from __future__ import annotations

import ast
import re
import shlex

import pytest

from mgit.cli.parser import parse
from tests.story.laptop import REPOSITORY

OPERATIONS = REPOSITORY / "docs" / "operations"
_TEST = re.compile(r"`(tests/[\w./-]+\.py)(?:::(\w+))?`")
_CODE = re.compile(r"`([^`]+)`")
# What the machine of an operator has, beside mgit.
PROGRAMS = {"amtool", "curl", "df", "docker", "find", "git", "promtool", "systemd-analyze"}


def lines() -> list[tuple[str, str]]:
    text = (OPERATIONS / "checklist.md").read_text("utf-8")
    rows = [line[2:-2].split(" | ") for line in text.splitlines() if line.startswith("| ")]
    assert all(len(row) == 2 for row in rows)
    return [(row[0], row[1]) for row in rows if row[0] not in ("it holds that", "---")]


@pytest.mark.parametrize(("holds", "shown"), lines())
def test_each_line_has_a_command_that_can_be_typed_or_a_test_that_is_there(
    holds: str, shown: str
) -> None:
    proven = 0
    for path, name in _TEST.findall(shown):
        tree = ast.parse((REPOSITORY / path).read_text("utf-8"))
        found = {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)}
        assert not name or name in found, f"{path}::{name}"
        proven += 1
    for words in map(shlex.split, _CODE.findall(_TEST.sub("", shown))):
        match words:
            case ["mgit", *arguments]:
                parse(arguments)
            case ["invoke", task, *_]:
                tasks = (REPOSITORY / "tasks.py").read_text("utf-8")
                assert f"def {task.replace('-', '_')}(" in tasks
            case [program, _, *_] if program in PROGRAMS:
                assert not [
                    word for word in words if word.startswith("deploy/") and not _there(word)
                ]
            case _:
                continue  # a key, a value
        proven += 1
    assert proven, holds


def _there(path: str) -> bool:
    return (REPOSITORY / path).exists()


def test_there_is_a_line_for_whatever_matters() -> None:
    assert len(lines()) >= 25


def test_the_figures_of_capacity_are_those_of_the_benchmarks() -> None:
    benchmarks = (REPOSITORY / "docs" / "benchmarks.md").read_text("utf-8")
    text = (OPERATIONS / "capacity.md").read_text("utf-8")
    told = re.findall(r"^\| [^|]+ \| ([\d.]+) [^|]* \| `(\w+)` \|$", text, re.MULTILINE)
    told += [(figure, name) for figure, name in re.findall(r"\(([\d.]+) [\w ]+, `(\w+)`\)", text)]
    assert len(told) >= 5
    for figure, name in told:
        row = re.search(rf"^\| {name} \| [^|]+ \| ([\d.]+) ", benchmarks, re.MULTILINE)
        assert row, name
        assert float(figure) == float(row[1]), f"{name}: {figure} here, {row[1]} there"
