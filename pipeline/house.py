"""Rules of the house that no linter knows: `python -m pipeline.house`, part of `nox -s lint`.

Every rule is a pure function from file names and texts to complaints.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from pipeline.project import environment
from pipeline.shell import Shell

MAX_LINES = 400
_LINK = re.compile(r"(?<!!)\[[^\]\n]+\]\(([^)\s#]+)(?:#[^)\s]*)?\)")
# Taken apart so that this file does not break the rule it checks.
_HOSTS = (("pypi", "org"), ("pythonhosted", "org"), ("registry", "npmjs"), ("deb", "debian"))
_INDEX_HOSTS = re.compile("|".join(r"\.".join(labels) for labels in _HOSTS))

Rule = Callable[[Mapping[str, str]], Iterator[str]]


def short_modules(files: Mapping[str, str]) -> Iterator[str]:
    """A module past 400 lines wants splitting."""
    for name, text in files.items():
        count = text.count("\n")
        if name.endswith(".py") and not name.startswith("tests/") and count > MAX_LINES:
            yield f"{name}: {count} lines, split it (limit {MAX_LINES})"


def no_index_hosts(files: Mapping[str, str]) -> Iterator[str]:
    """Packages come from wherever the tools are set up to look; no address is written down."""
    for name, text in files.items():
        for number, line in enumerate(text.splitlines(), 1):
            if not name.startswith("tests/data/") and _INDEX_HOSTS.search(line):
                yield f"{name}:{number}: names a package registry's host"


def locked_by_hash(files: Mapping[str, str]) -> Iterator[str]:
    """Every package in a lock file carries hashes, and none an address."""
    for name, text in files.items():
        if not (name.startswith("requirements/") and name.endswith(".txt")):
            continue
        for entry in re.split(r"\n(?=\S)", text.strip()):
            if "--hash=sha256:" not in entry:
                yield f"{name}: {entry.splitlines()[0]!r} has no hash"
            if "://" in entry:
                yield f"{name}: {entry.splitlines()[0]!r} holds an address"


def living_links(files: Mapping[str, str]) -> Iterator[str]:
    """A relative link in a document leads to a file of the repository."""
    known = set(files) | {str(parent) for name in files for parent in PurePosixPath(name).parents}
    for name, text in files.items():
        if not name.endswith(".md") or name.startswith("tests/data/"):
            continue
        for match in _LINK.finditer(text):
            target = match[1]
            if "://" in target or target.startswith("mailto:"):
                continue
            path = _resolve(PurePosixPath(name).parent, target)
            if path not in known:
                yield f"{name}: link to {target} leads nowhere"


def _resolve(folder: PurePosixPath, target: str) -> str:
    parts: list[str] = [] if target.startswith("/") else list(folder.parts)
    for part in target.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return str(PurePosixPath(*parts)) if parts else "."


RULES: tuple[Rule, ...] = (short_modules, no_index_hosts, locked_by_hash, living_links)


def complaints(files: Mapping[str, str]) -> list[str]:
    """Everything that any rule says of these files (name -> text)."""
    return [complaint for rule in RULES for complaint in rule(files)]


def _tracked(root: Path) -> dict[str, str]:
    shell = Shell(environment())
    listed = shell.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root
    )
    texts: dict[str, str] = {}
    for name in filter(None, listed.stdout.split("\0")):
        path = root / name
        if path.is_file():
            texts[name] = path.read_text(encoding="utf-8", errors="replace")
    return texts


def main() -> int:
    """Print what breaks a rule; 1 if anything does."""
    files = _tracked(Path.cwd())
    found = complaints(files)
    for complaint in found:
        sys.stdout.write(f"{complaint}\n")
    sys.stdout.write(f"house rules: {len(files)} files read, {len(found)} complaints\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
