"""Words that name a folder where patterns are expected: `mgit sync 'acme/*' ~/src`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePath

from mgit.errors import InvalidInput

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def is_folder_name(word: str) -> bool:
    r"""Whether a word can only be a path: `.`, `..`, `~`, `./x`, `../x`, `~/x`, `/x`, `C:\x`.

    None of them is a pattern: a pattern has no empty part and none of dots alone.
    """
    first = word.replace("\\", "/").split("/", 1)[0]
    return first in (".", "..", "~") or word.startswith("/") or _DRIVE.match(word) is not None


def split_places(words: Sequence[str]) -> tuple[Path | None, tuple[str, ...]]:
    """The folder and the patterns among the words of a command line.

    Raises:
        InvalidInput: there is more than one folder.
    """
    places = [word for word in words if is_folder_name(word)]
    if len(places) > 1:
        raise InvalidInput(
            f"{len(places)} folders are named, {places[0][:60]!a} first; one is possible",
            advice="run the command once for each of them",
        )
    patterns = tuple(word for word in words if not is_folder_name(word))
    return (Path(places[0]).expanduser().absolute() if places else None), patterns


def below(folder: str, prefix: PurePath) -> bool:
    """Whether a clone lies in a folder, is it, or holds it.

    Args:
        folder: of the clone, relative to the root.
        prefix: relative to the root, `.` for the root itself.
    """
    here = PurePath(folder)
    return here.is_relative_to(prefix) or prefix.is_relative_to(here)


def refuse_bare_folder(patterns: Sequence[str], names: Sequence[str]) -> None:
    """Refuse `sync 'acme/*' backup` where no repository has that name: it may mean a folder.

    mgit 0.x took it for one. Refusing costs nothing before anything is done.

    Raises:
        InvalidInput: the last of several patterns is a bare word that is no repository's name.
    """
    if len(patterns) < 2 or set(patterns[-1]) & set("*!/:@?["):
        return
    word = patterns[-1].casefold()
    if not any(name.rpartition("/")[2].casefold() == word for name in names):
        raise InvalidInput(
            f"no repository is called {patterns[-1][:60]!a}; nothing was done",
            advice="if it is the folder to clone into, write --root before it",
        )


def existing_folder(word: str) -> bool:
    """Whether a bare word names a folder here: `mgit status work` may mean one."""
    return not set(word) & set("*!:@?[") and Path(word).is_dir()


def require_root(root: Path) -> None:
    """Make sure that the folder of the clones is there: nothing is to be said of one that is not.

    Raises:
        InvalidInput: it is not there.
    """
    if not root.is_dir():
        raise InvalidInput(
            f"there is no folder {root}",
            advice="name the folder that holds the clones, or run `mgit sync` to make them",
        )
