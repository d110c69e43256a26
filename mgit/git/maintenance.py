"""Packs old mirrors anew, only where they need it. git-repack(1), `--geometric`.

Every fetch leaves a pack, and git looks an object up in each of them. A geometric repack joins the
small ones and leaves the large ones alone: its cost follows what came, not what is there. Nothing
that no ref holds is dropped by it. The root is locked, so that no other mgit is at work.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from mgit.credentials.files import write_private
from mgit.errors import MgitError
from mgit.git.damage import REPACKING, remove_half_packed
from mgit.git.runner import GitRunner, Interrupted

MANY_PACKS = 50
"""git itself calls that too many (`gc.autoPackLimit`)."""

MANY_LOOSE = 6700
"""The same for loose objects (`gc.auto`); judged by one of their 256 folders, as git does."""

_DEADLINE = 3600.0
_SAMPLE = "17"


def wants_repacking(git_dir: Path) -> bool:
    """Whether there are so many packs or loose objects that every access is slow."""
    packs = sum(name.endswith(".pack") for name in _listed(git_dir / "objects" / "pack"))
    return packs > MANY_PACKS or len(_listed(git_dir / "objects" / _SAMPLE)) > MANY_LOOSE // 256


def maintain(runner: GitRunner, git_dir: Path) -> str:
    """Pack a mirror anew if it needs it.

    It is marked meanwhile: what a killed git leaves is known by the mark, and removed by the next
    run. A mirror that cannot be packed is as good as it was.

    Returns:
        One line for a person, empty where nothing was done.

    Raises:
        Interrupted: mgit is ending.
    """
    if not wants_repacking(git_dir):
        return ""
    before = _packs(git_dir)
    try:
        write_private(git_dir / REPACKING, "".join(f"{name}\n" for name in before).encode())
        runner.run(
            ["repack", "-d", "-l", "--geometric=2", "--quiet"],
            git_dir=git_dir,
            deadline=_DEADLINE,
            config=[("pack.threads", "1"), ("pack.windowMemory", "256m")],
        )
    except Interrupted:
        raise
    except (MgitError, OSError) as error:
        return f"not packed anew: {getattr(error, 'message', error)}"
    finally:
        remove_half_packed(git_dir)
    return f"packed {len(before)} packs anew to {len(_packs(git_dir))}"


def _packs(git_dir: Path) -> list[str]:
    return sorted(n for n in _listed(git_dir / "objects" / "pack") if n.endswith(".pack"))


def _listed(folder: Path) -> list[str]:
    with suppress(OSError):
        return os.listdir(folder)  # noqa: PTH208 - names alone
    return []
