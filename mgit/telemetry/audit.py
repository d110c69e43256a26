"""Audit: who used which credential and what was changed, as a chain of JSON lines.

Each record carries the hash of the one before it (`prev`) and its own (`hash`), so that a record
taken out, changed or put in shows. A chain alone does not stop somebody with the rights to rebuild
the whole file: keep the hash of its head in a second place. Names follow the Elastic Common Schema
(`@timestamp`, `event.action`, `event.outcome`, …).
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from mgit.credentials.locks import lock_file
from mgit.errors import StateError

_GENESIS = "0" * 64
_TAIL_BYTES = 1 << 20
_MAX_TEXT = 2000

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify_audit` found.

    Args:
        records: how many hold together from the beginning.
        head: hash of the last of them; keep it elsewhere.
        problem: the first thing that is wrong, empty when nothing is.
    """

    records: int
    head: str
    problem: str = ""


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
            "prev": _GENESIS if last is None else str(last["hash"]),
        }
        record["hash"] = _hash(record)
        line = msgspec.json.encode(record, order="sorted") + b"\n"
        if os.write(descriptor, line) != len(line):  # the torn rest is cut off by the next record
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
        return record

    def _label(self, value: str | int | None) -> str | int | None:
        return self._clean(value)[:_MAX_TEXT] if isinstance(value, str) else value


def verify_audit(path: Path) -> Verdict:
    """Read the whole chain.

    Raises:
        StateError: the file cannot be read.
    """
    count, head = 0, _GENESIS
    try:
        with path.open("rb") as file:
            for line in file:
                record = _parsed(line)
                if record is None:
                    return Verdict(count, head, f"record {count + 1} is torn or not a record")
                if record["prev"] != head or record["seq"] != count + 1:
                    return Verdict(
                        count, head, f"record {count + 1} does not follow the one before"
                    )
                if record["hash"] != _hash(record):
                    return Verdict(count, head, f"record {count + 1} was changed")
                count, head = count + 1, str(record["hash"])
    except OSError as error:
        raise StateError(f"audit log {path} cannot be read: {error.strerror}") from None
    return Verdict(count, head)


def _hash(record: Record) -> str:
    body = {name: value for name, value in record.items() if name != "hash"}
    return hashlib.sha256(msgspec.json.encode(body, order="sorted")).hexdigest()


def _parsed(line: bytes) -> Record | None:
    """A whole record, None for a line that is torn or of another kind."""
    if not line.endswith(b"\n"):
        return None
    try:
        record = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError:
        return None
    shaped = all(isinstance(record.get(name), str) for name in ("prev", "hash"))
    return record if shaped and isinstance(record.get("seq"), int) else None


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
    start = max(0, size - _TAIL_BYTES)
    tail = os.pread(descriptor, size - start, start)
    whole = tail.rfind(b"\n") + 1
    torn = len(tail) - whole
    if torn:
        os.ftruncate(descriptor, start + whole)
    lines = tail[:whole].splitlines(keepends=True)
    return (_parsed(lines[-1]) if lines else None), torn
