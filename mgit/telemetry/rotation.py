"""When an audit log is closed and the next file begun, and how closed files are called.

A closed file is renamed once, whole and under the writers' lock, to a name that follows from its
last record: `audit-000000000412-9f3a1c2e.jsonl` ends with record 412, whose hash begins so. What
was closed last is thus known from the names alone, also after a crash between closing one file
and beginning the next.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

_CLOSED = re.compile(r"-([0-9]{12,19})-([0-9a-f]{8})\Z")


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a file is closed; always between two records.

    Args:
        size: at so many bytes, 0 for never.
        age: so many seconds after its first record, 0 for never.
    """

    size: int = 0
    age: float = 0.0


@dataclass(frozen=True, slots=True)
class ClosedFile:
    """A file that gets no more records.

    Args:
        path: where it is.
        last: number of its last record, as its name has it.
    """

    path: Path
    last: int


def closed_path(path: Path, last: Mapping[str, Any]) -> Path:
    """Where a log goes when it is closed.

    Args:
        path: the log.
        last: its last record.
    """
    name = f"{path.stem}-{int(last['seq']):012}-{str(last['hash'])[:8]}{path.suffix}"
    return path.with_name(name)


def closed_files(path: Path) -> list[ClosedFile]:
    """The closed files that belong to a log, the oldest first.

    Raises:
        OSError: the folder cannot be read.
    """
    found: list[ClosedFile] = []
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for other in path.parent.iterdir():
            name = _CLOSED.search(other.stem)
            if name and other.suffix == path.suffix and other.stem[: name.start()] == path.stem:
                found.append(ClosedFile(other, int(name[1])))
    return sorted(found, key=lambda closed: (closed.last, closed.path.name))


def moment_of(record: Mapping[str, Any]) -> float | None:
    """When a record was made, in seconds since 1970; None for what is no time."""
    try:
        return datetime.fromisoformat(str(record["@timestamp"])).timestamp()
    except (ValueError, OverflowError):
        return None
