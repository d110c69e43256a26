"""The journal of a release: what was begun and what was learned, line by line, forgery-evident.

One JSON object per line: `seq`, `prev`, `hash`, `time`, `event`, `step`, `seconds`, `facts`. `hash`
is the SHA-256 of the line's other fields in canonical JSON, `prev` the hash of the line before. A
line is written with one write and fsynced before the release goes on. A last line without its
newline was torn by a crash: it is dropped. Any other damage is a conflict, nothing to repair.

Format 2 has a line `process` for every process of a step (see `pipeline.witness`), and `begin` and
`resume` say which format follows. Readers of format 1 see one more kind of event.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from pipeline.step import Exit, PipelineError

GENESIS = "0" * 64
FORMAT = 2


class Event(StrEnum):
    """What a line says."""

    BEGIN = "begin"
    RESUME = "resume"
    START = "start"
    PROCESS = "process"
    DONE = "done"
    FAILED = "failed"
    UNDONE = "undone"
    END = "end"


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line.

    Args:
        seq: 0, 1, 2 …
        prev: hash of the line before, `GENESIS` for the first.
        hash: hash of this line's other fields.
        time: RFC 3339, UTC.
        event: what happened.
        step: to which step; empty for the release as a whole.
        seconds: how long it took.
        facts: what was learned, or why it failed.
    """

    seq: int
    prev: str
    hash: str
    time: str
    event: Event
    step: str
    seconds: float
    facts: dict[str, Any]


def read_journal(path: Path) -> tuple[Entry, ...]:
    """Read and check a journal without changing it; a torn last line is left out.

    Raises:
        PipelineError: CONFLICT, when a line was changed, removed from the middle, or added by hand.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return ()
    return _checked(path, raw[: _whole(raw)])


@dataclass(slots=True)
class Journal:
    """A journal open for appending; only one process has it open.

    Args:
        path: the file.
        now: the clock.
    """

    path: Path
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    entries: tuple[Entry, ...] = field(default=(), init=False)
    _fd: int = field(default=-1, init=False, repr=False)

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            self._lock()
            raw = self.path.read_bytes()
            self.entries = _checked(self.path, raw[: _whole(raw)])
            if len(raw) != _whole(raw):
                os.ftruncate(self._fd, _whole(raw))
            os.lseek(self._fd, 0, os.SEEK_END)
            _sync_folder(self.path.parent)
        except BaseException:
            os.close(self._fd)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._fd)

    def write(
        self,
        event: Event,
        step: str = "",
        *,
        seconds: float = 0.0,
        facts: Mapping[str, Any] | None = None,
    ) -> Entry:
        """Append one line; it is on the disk when this returns."""
        last = self.entries[-1] if self.entries else None
        unsealed = Entry(
            seq=last.seq + 1 if last else 0,
            prev=last.hash if last else GENESIS,
            hash="",
            time=self.now().astimezone(UTC).isoformat(timespec="milliseconds"),
            event=event,
            step=step,
            seconds=round(float(seconds), 3),
            facts=dict(facts or {}),
        )
        entry = msgspec.structs.replace(unsealed, hash=_hash(unsealed))
        line = msgspec.json.encode(entry) + b"\n"
        if os.write(self._fd, line) != len(line):
            raise PipelineError(f"cannot write all of a line to {self.path}: the disk is full?")
        os.fsync(self._fd)
        self.entries = (*self.entries, entry)
        return entry

    def _lock(self) -> None:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PipelineError(
                f"another release works in {self.path.parent}",
                exit_code=Exit.ENVIRONMENT,
                advice="wait for it, or stop it, then run again with --resume",
            ) from None


def _whole(raw: bytes) -> int:
    """Length of the part that ends in a newline."""
    return raw.rfind(b"\n") + 1


def _checked(path: Path, raw: bytes) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    prev = GENESIS
    for number, line in enumerate(raw.splitlines()):
        try:
            entry = msgspec.json.decode(line, type=Entry)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise _tampered(path, number) from None
        exact = line == msgspec.json.encode(entry) and entry.hash == _hash(entry)
        if not exact or entry.seq != number or entry.prev != prev:
            raise _tampered(path, number)
        entries.append(entry)
        prev = entry.hash
    return tuple(entries)


def _hash(entry: Entry) -> str:
    content = msgspec.structs.replace(entry, hash="")
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def _tampered(path: Path, number: int) -> PipelineError:
    return PipelineError(
        f"line {number + 1} of the journal {path} is not what the release wrote",
        exit_code=Exit.CONFLICT,
        advice="move the journal aside; --resume then looks at the world instead",
    )


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
