"""What both parts of the image share: compiled Python, fixed times, plain modes."""

from __future__ import annotations

import os
import py_compile
import stat
from collections.abc import Iterator
from pathlib import Path


def regular_files(folder: Path) -> Iterator[Path]:
    """Every regular file below a folder, in a fixed order; links are not followed."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path


def compile_python(root: Path, folder: Path) -> None:
    """Replace each `.py` below `folder` by its `.pyc`, which is never compared with a source.

    Args:
        root: what will be `/` in the image; tracebacks show paths below it.
        folder: where to look.
    """
    for path in list(regular_files(folder)):
        if path.suffix != ".py":
            continue
        py_compile.compile(
            str(path),
            cfile=str(path.with_suffix(".pyc")),
            dfile=f"/{path.relative_to(root)}",
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
        path.unlink()


def settle(root: Path, epoch: int) -> None:
    """Give everything one time and modes that do not depend on the builder's umask.

    Args:
        root: folder of the image.
        epoch: seconds since 1970.
    """
    for path in [*sorted(root.rglob("*"), reverse=True), root]:
        if not path.is_symlink():
            kept = stat.S_IMODE(path.stat().st_mode)
            if path.is_dir():
                # A sticky or private folder was made so on purpose.
                path.chmod(kept if kept in {0o1777, 0o700} else 0o755)
            else:
                path.chmod(0o755 if kept & stat.S_IXUSR else 0o644)
        os.utime(path, (epoch, epoch), follow_symlinks=False)
