"""docs/security/faults.md, made from its rows and from the tests that show them.

The rows and their words are in `docs/security/faults.toml`. A test says which of them it shows:
`@pytest.mark.fault("the words of the row")`. `python -m tests.faults.page` writes the page anew.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = ROOT / "docs" / "security" / "faults.toml"
PAGE = ROOT / "docs" / "security" / "faults.md"


@dataclass(frozen=True)
class Row:
    """One thing that goes wrong.

    Args:
        what: it.
        does: what mgit does then.
    """

    what: str
    does: str


def read_rows() -> tuple[str, dict[str, tuple[Row, ...]]]:
    """The words above the tables, and the rows by table."""
    told = tomllib.loads(ROWS.read_text(encoding="utf-8"))
    tables = {
        name: tuple(Row(one["what"], one["does"]) for one in told[name])
        for name in ("fault", "input")
    }
    return told["words"], tables


def shown_by() -> Mapping[str, tuple[str, ...]]:
    """The tests that carry the marker, by row; read from their files, without importing them."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "mark.fault(" in text:
            for what, name in _marked(ast.parse(text)):
                found[what].append(f"{path.relative_to(ROOT).as_posix()}::{name}")
    return {what: tuple(names) for what, names in found.items()}


def _marked(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                match decorator:
                    case ast.Call(func=ast.Attribute(attr="fault"), args=args):
                        for one in args:
                            yield ast.literal_eval(one), node.name
                    case _:
                        pass


def rendered() -> str:
    """The page as it should be."""
    words, tables = read_rows()
    shown = shown_by()
    parts = ["# Faults and bad input", words.strip()]
    for name, title, head in (
        ("fault", "Faults", "fault"),
        ("input", "Bad input", "input"),
    ):
        lines = [f"| {head} | what mgit does | shown by |", "| --- | --- | --- |"]
        for row in tables[name]:
            proof = " ".join(f"`{one}`" for one in shown.get(row.what, ()))
            lines.append(f"| {row.what} | {row.does} | {proof} |")
        parts += [f"## {title}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def main() -> int:
    """Write the page."""
    PAGE.write_text(rendered(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
