"""The pages about security cannot go stale: what they name as a proof is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.faults.page import read_rows, rendered, shown_by

ROOT = Path(__file__).parents[2]
PAGES = ("threat-model.md", "faults.md")
_PROOF = re.compile(r"`(tests/[\w./-]+\.py)(?:::(\w+))?`")
_PROVEN = re.compile(r"^\| (?!what \||fault \||input \||---)(.+) \| *([^|]*) *\|$")


def rows(page: str) -> list[tuple[str, str]]:
    """What the tables with proofs say, and the proofs: their last column is `shown by`."""
    found: list[tuple[str, str]] = []
    proven = False
    for line in (ROOT / "docs" / "security" / page).read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            proven = False
        elif line.endswith("| shown by |"):
            proven = True
        elif proven and (row := _PROVEN.match(line)):
            found.append((row[1], row[2]))
    return found


def functions_of(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("page", PAGES)
def test_every_row_names_a_test_or_says_that_there_is_none_yet(page: str) -> None:
    found = rows(page)
    assert len(found) > 20
    for words, proof in found:
        assert bool(_PROOF.search(proof)) != ("not yet" in words), words


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_is_named_is_there(page: str) -> None:
    for path, name in _PROOF.findall((ROOT / "docs" / "security" / page).read_text("utf-8")):
        assert (ROOT / path).is_file(), path
        assert not name or name in functions_of(ROOT / path), f"{path}::{name}"


# What the service was asked to survive; each is a row of the page, in its own words.
SURVIVED = (
    "killed anywhere",
    "the service dies, its gits live on",
    "two services on one root",
    "no space, no inodes",
    "an error of the disk while syncing",
    "a folder that cannot be written",
    "a connection that breaks, resets or goes nowhere",
    "a slow drip, silence",
    "a storm of 429 or 500",
    "a cut pack or advertisement, HTML or nothing with 200",
    "upstream emptied",
    "upstream rewritten",
    "a token that expired",
    "a redirect to another host",
    "a damaged clone, in fifteen ways",
    "the wall clock jumps",
    "a listing that is partial or fails",
    "a pack bomb",
)


def test_the_page_of_faults_is_as_its_rows_and_the_tests_say() -> None:
    said = (ROOT / "docs" / "security" / "faults.md").read_text(encoding="utf-8")
    assert said == rendered(), "run `python -m tests.faults.page`"


def test_every_fault_is_shown_by_a_test_and_none_is_left() -> None:
    _, tables = read_rows()
    shown = shown_by()
    known = [row.what for rows in tables.values() for row in rows]
    assert [what for what in known if not shown.get(what)] == []
    assert sorted(shown.keys() - set(known)) == [], "a test shows a row that is not there"
    assert set(SURVIVED) <= {row.what for row in tables["fault"]}
    assert len(tables["input"]) >= 9
    assert "not yet" not in rendered()
