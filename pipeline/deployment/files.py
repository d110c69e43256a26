"""Files that a platform is handed: there as a whole or not at all."""

from __future__ import annotations

from pathlib import Path

from pipeline.step import Exit, PipelineError


def write_whole(path: Path, text: str) -> None:
    """Write a file by writing another one beside it and renaming that; folders are made.

    Raises:
        PipelineError: ENVIRONMENT, the disk refused; what was there before still is.
    """
    fresh = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise PipelineError(
            f"cannot write {path}: {error.strerror}",
            exit_code=Exit.ENVIRONMENT,
            advice="make room on the disk, then run the same command again",
        ) from None
