"""Patterns as they come from the shell."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mgit.cli.console import Console
from mgit.config import Settings
from mgit.config.nearest import nearest
from mgit.errors import InvalidInput
from mgit.model import RepoPath

if TYPE_CHECKING:
    from mgit.plan.select import Selection


def refuse_expanded(command: str, patterns: Sequence[str], folder: Path) -> None:
    """Recognise an unquoted `*` that the shell turned into file names.

    Names of several existing files are taken for that when one is a plain file (no repository is
    one), or when they are all that the folder has: completing two names by hand stays possible.

    Args:
        command: for the advice.
        patterns: as they were given.
        folder: where the shell expanded them.

    Raises:
        InvalidInput: it looks like file names, not patterns.
    """
    if len(patterns) < 2 or any(set(word) & set("*!") for word in patterns):
        return
    paths = [folder / word for word in patterns]
    if not all(path.exists() for path in paths):
        return
    parents = {path.parent for path in paths}
    everything = len(parents) == 1 and {path.name for path in paths} == _visible(parents.pop())
    if everything or any(path.is_file() for path in paths):
        raise InvalidInput(
            f"the shell seems to have turned a * into {len(patterns)} file names, "
            f"{patterns[0][:40]!a} first",
            advice=f"quote the pattern: mgit {command} '*'",
        )


def only_sources(settings: Settings, names: Sequence[str] | None) -> Settings:
    """The settings reduced to the sources named by `--source`, which must exist.

    Raises:
        ConfigurationError: no source is configured, or none has that name.
    """
    settings.require_sources()
    if not names:
        return settings
    return dataclasses.replace(settings, sources=tuple(settings.source(name) for name in names))


def nothing_found(patterns: Sequence[str], known: Iterable[str]) -> InvalidInput:
    """The error for patterns or conditions that leave nothing, or for sources that list nothing.

    Args:
        patterns: as they were given.
        known: the names of all that the sources list.
    """
    known = list(known)
    if not patterns and known:
        return InvalidInput(
            "the conditions leave no repository over",
            advice="check --filter, and `filter` and `include` of the sources: `mgit config show`",
        )
    if not patterns:
        return InvalidInput(
            "the sources list no repository at all",
            advice="check `owners` in the configuration and what the token may see: `mgit doctor`",
        )
    names = {name.lower(): name for name in known}
    near = nearest(patterns[0], names)
    guess = f"; did you mean {names[near]}?" if near else ""
    return InvalidInput(
        f"no repository matches {' '.join(patterns)[:80]!a}{guess}",
        advice="`mgit list` shows all names; a pattern is OWNER/REPO, with * inside a part",
    )


def tell_unmatched(console: Console, selection: Selection, names: Iterable[str]) -> None:
    """Warn about patterns that match nothing of what was found: most likely a typing error.

    Args:
        console: for the warning.
        selection: what was asked for.
        names: of the repositories that were found, as `owner/[project/]name`.
    """
    paths = [_path(name) for name in names]
    for pattern in selection.unmatched(paths):
        console.warn(f"no repository matches {pattern.text!a}; the others were found")


def _path(name: str) -> RepoPath:
    owner, _, rest = name.partition("/")
    project, slash, last = rest.rpartition("/")
    return RepoPath(owner, last, project if slash else None)


def _visible(folder: Path) -> set[str]:
    try:
        return {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    except OSError:
        return set()
