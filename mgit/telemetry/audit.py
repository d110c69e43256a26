"""Audit: who used which credential and what was changed, as a chain of JSON lines.

Each record carries the hash of the one before it (`prev`) and its own (`hash`), so that a record
taken out, changed or put in shows. A chain alone does not stop somebody with the rights to rebuild
the whole file: keep the hash of its head in a second place. Names follow the Elastic Common Schema
(`@timestamp`, `event.action`, `event.outcome`, …).
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable, Iterator, Mapping
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
    parse_record,
)

AUDIT_FILE = "audit.jsonl"
"""Its name in the state folder."""
_MAX_TEXT = 2000


class AuditTrail:
    """Appends records; several processes may use one file.

    Args:
        path: the file; made with mode 0600 in a folder with 0700.
        clean: takes secrets and control characters out of a text.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        path: Path,
        *,
        clean: Callable[[str], str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._clean = clean
        self._clock = clock

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
            StateError: the record could not be kept.
        """
        try:
            with _locked(self._path) as descriptor:
                last, torn = _last_record(descriptor)
                if torn:
                    last = self._append(
                        descriptor, last, "audit-recovered", "success", "", {"torn_bytes": torn}
                    )
                self._append(descriptor, last, action, outcome, run_id, labels)
        except OSError as error:
            raise StateError(
                f"audit log {self._path} cannot be written: {error.strerror}",
                advice="check the folder's rights and free space",
            ) from None

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
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        lock_file(descriptor, wait=True)
        yield descriptor
    finally:
        os.close(descriptor)  # gives the lock back


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
