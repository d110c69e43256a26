"""Audit: who used which credential and what was changed, as a chain of JSON lines.

Each record carries the hash of the one before it (`prev`) and its own (`hash`), so that a record
taken out, changed or put in shows. A chain alone does not stop somebody with the rights to rebuild
the whole file: keep the hash of its head in a second place. Names follow the Elastic Common Schema
(`@timestamp`, `event.action`, `event.outcome`, …).

A file that has become large or old is closed and another begun; the chain goes on in it. After a
kill at any moment the next record finds either the file, or none and the one closed last.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mgit.credentials.files import sync_folder
from mgit.credentials.locks import lock_file
from mgit.errors import StateError
from mgit.telemetry.chain import (
    GENESIS,
    MAX_LINE,
    Record,
    encode_record,
    hash_record,
    is_at,
    parse_record,
    read_file_backwards,
)
from mgit.telemetry.rotation import Rotation, closed_files, closed_path, moment_of

AUDIT_FILE = "audit.jsonl"
"""Its name in the state folder."""
_MAX_TEXT = 2000


@dataclass(frozen=True, slots=True)
class Head:
    """The last record, for whoever keeps it in a second place.

    Args:
        moment: when it was made (ISO 8601, UTC).
        seq: its number.
        hash: its hash.
        action: what it says was done.
    """

    moment: str
    seq: int
    hash: str
    action: str

    def __str__(self) -> str:
        return f"{self.moment} {self.seq} {self.hash}"


class AuditTrail:
    """Appends records; several processes may use one file.

    Args:
        path: the file; made with mode 0600 in a folder with 0700.
        clean: takes secrets and control characters out of a text.
        clock: seconds since 1970.
        rotation: when it is closed and another begun; never without it.
        heads: told of each record that was kept.
    """

    def __init__(
        self,
        path: Path,
        *,
        clean: Callable[[str], str],
        clock: Callable[[], float] = time.time,
        rotation: Rotation | None = None,
        heads: Callable[[Head], None] | None = None,
    ) -> None:
        self._path = path
        self._clean = clean
        self._clock = clock
        self._rotation = rotation or Rotation()
        self._heads = heads
        self._began: tuple[int, float | None] = (0, None)  # inode, when its first record was made

    def record(
        self, action: str, outcome: str, *, run_id: str = "", **labels: str | int | None
    ) -> None:
        """Append one record and wait until it is on the disk.

        Args:
            action: what was done: `credential-used`, `repository-moved`, …
            outcome: `success`, `failure` or `unknown`, as ECS has it.
            run_id: the run it belongs to.
            labels: what it was done to; texts are cleaned and cut.

        Raises:
            StateError: the record could not be kept, or its head not in the second place.
        """
        try:
            made = self._keep(action, outcome, run_id, labels)
        except OSError as error:
            raise StateError(
                f"audit log {self._path} cannot be written: {error.strerror}",
                advice="check the folder's rights and free space",
            ) from None
        if self._heads is not None:
            self._heads(Head(str(made["@timestamp"]), int(made["seq"]), made["hash"], action))

    def _keep(
        self,
        action: str,
        outcome: str,
        run_id: str,
        labels: Mapping[str, str | int | None],
        *,
        may_close: bool = True,
    ) -> Record:
        with _locked(self._path) as descriptor:
            last, torn = _last_record(descriptor)
            # What is torn is told of in the file that it stood in.
            due = may_close and last is not None and not torn and self._due(descriptor)
            if not due or last is None or not self._close(last):
                if os.fstat(descriptor).st_size == 0:
                    last = self._continue(descriptor)
                if torn:
                    last = self._append(
                        descriptor, last, "audit-recovered", "success", "", {"torn_bytes": torn}
                    )
                return self._append(descriptor, last, action, outcome, run_id, labels)
        # Once: the file that begins now is not looked at again.
        return self._keep(action, outcome, run_id, labels, may_close=False)

    def _continue(self, descriptor: int) -> Record | None:
        """Begin a file: the chain of the one that was closed last goes on, where there is one."""
        closed = closed_files(self._path)
        if not closed:
            return None
        newest = closed[-1].path
        last = next(read_file_backwards(newest), None)
        labels = {"before": newest.name}
        return self._append(descriptor, last, "audit-rotated", "success", "", labels)

    def _close(self, last: Record) -> bool:
        """Give the file the name of a closed one. Its lock is held."""
        aside = closed_path(self._path, last)
        # A folder that lets nobody rename (or Windows, where the file is open) only means that
        # the file grows on: no record is lost for it.
        with contextlib.suppress(OSError):
            if not aside.exists():
                self._path.rename(aside)
                sync_folder(self._path.parent)
                aside.chmod(0o400)
                return True
        return False

    def _due(self, descriptor: int) -> bool:
        rotation, status = self._rotation, os.fstat(descriptor)
        if status.st_size == 0:
            return False
        if rotation.size and status.st_size >= rotation.size:
            return True
        if not rotation.age:
            return False
        inode, began = self._began
        if inode != status.st_ino:
            began = _first_moment(descriptor)
            self._began = (status.st_ino, began)
        return began is not None and self._clock() - began >= rotation.age

    def _append(
        self,
        descriptor: int,
        last: Record | None,
        action: str,
        outcome: str,
        run_id: str,
        labels: Mapping[str, str | int | None],
    ) -> Record:
        moment = datetime.fromtimestamp(self._clock(), UTC)
        record: Record = {
            "@timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "event": {"action": action, "outcome": outcome},
            "process": {"pid": os.getpid()},
            "user": {"id": str(os.getuid()) if hasattr(os, "getuid") else ""},
            "labels": {name: self._label(value) for name, value in labels.items() if value},
            "trace": {"id": run_id},
            "seq": 1 if last is None else int(last["seq"]) + 1,
            "prev": GENESIS if last is None else str(last["hash"]),
        }
        record["hash"] = hash_record(record)
        self._write(descriptor, encode_record(record) + b"\n")
        return record

    def _write(self, descriptor: int, line: bytes) -> None:
        before = os.fstat(descriptor).st_size
        if os.write(descriptor, line) != len(line):
            with contextlib.suppress(OSError):  # else the next record cuts the torn one off
                os.ftruncate(descriptor, before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        # Also makes the new size durable, and spares the disk the times of the file.
        getattr(os, "fdatasync", os.fsync)(descriptor)
        if before == 0:
            sync_folder(self._path.parent)

    def _label(self, value: str | int | None) -> str | int | None:
        return self._clean(value)[:_MAX_TEXT] if isinstance(value, str) else value


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The file, opened for reading and appending, while no other process appends."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = -1
    while descriptor < 0:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            lock_file(descriptor, wait=True)
        except BaseException:
            os.close(descriptor)
            raise
        if not is_at(path, descriptor):  # it was closed while this one waited: take the next
            os.close(descriptor)
            descriptor = -1
    try:
        yield descriptor
    finally:
        os.close(descriptor)  # gives the lock back


def _first_moment(descriptor: int) -> float | None:
    line, found, _ = os.pread(descriptor, MAX_LINE, 0).partition(b"\n")
    record = parse_record(line + found)
    return None if record is None else moment_of(record)


def _last_record(descriptor: int) -> tuple[Record | None, int]:
    """The last whole record and how many bytes of a torn one were cut off behind it."""
    size = os.fstat(descriptor).st_size
    start = max(0, size - MAX_LINE)
    tail = os.pread(descriptor, size - start, start)
    whole = tail.rfind(b"\n") + 1
    torn = len(tail) - whole
    if torn:
        os.ftruncate(descriptor, start + whole)
    last = tail[tail.rfind(b"\n", 0, max(whole - 1, 0)) + 1 : whole]
    return parse_record(last), torn
