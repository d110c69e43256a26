"""What `mgit audit` says, as sentences, tables and documents, and how it exports."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mgit.cli.console import Console
from mgit.cli.words import count
from mgit.config.nearest import did_you_mean
from mgit.errors import InvalidInput, StateError
from mgit.telemetry.chain import GENESIS, Record, read_chain
from mgit.telemetry.kinds import ACTIONS
from mgit.telemetry.rotation import closed_files, moment_of
from mgit.telemetry.verifying import Verdict

if TYPE_CHECKING:
    from mgit.cli.documents import Json

HEAD = ("time", "action", "outcome", "source", "repo", "details")
_HASH = re.compile(rb"\b[0-9a-f]{64}\b")
_MAX_HEAD_FILE = 1 << 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records are to be shown.

    Args:
        actions: only these, empty for all.
        since: only those made since then (seconds since 1970), None for all.
    """

    actions: frozenset[str] = frozenset()
    since: float | None = None

    def too_old(self, record: Record) -> bool:
        """Whether a record was made before that time."""
        return self.since is not None and _moment(record) < self.since

    def has(self, record: Record) -> bool:
        """Whether a record is one of them."""
        action = record["event"].get("action")
        return not self.too_old(record) and (not self.actions or action in self.actions)


def cells(record: Record) -> tuple[str, ...]:
    """One row of the table; not escaped yet."""
    event, labels = record["event"], dict(record["labels"])
    source, repo = labels.pop("source", ""), labels.pop("repo", "")
    details = " ".join(f"{name}={value}" for name, value in labels.items())
    when = str(record["@timestamp"]).replace("T", " ").replace("Z", "")
    return (
        when,
        str(event.get("action", "")),
        str(event.get("outcome", "")),
        str(source),
        str(repo),
        details,
    )


def tail_document(path: Path, records: list[Record]) -> Json:
    """`mgit audit tail`: schema `mgit.audit.tail/1`."""
    return {"schema": "mgit.audit.tail/1", "file": str(path), "records": records}


def verify_document(path: Path, verdict: Verdict, kept: str | None) -> Json:
    """`mgit audit verify`: schema `mgit.audit.verify/1`."""
    problem = None
    if verdict.problem:
        problem = {
            "file": None if verdict.file is None else str(verdict.file),
            "line": verdict.line,
            "message": verdict.problem,
            "advice": verdict.advice,
        }
    return {
        "schema": "mgit.audit.verify/1",
        "file": str(path),
        "records": verdict.records,
        "begins": verdict.begins,
        "first": verdict.first or None,
        "last": verdict.last or None,
        "head": verdict.head,
        "kept": kept and {"head": kept, "records_since": verdict.since_kept},
        "problem": problem,
    }


def verify_sentences(verdict: Verdict, kept: str | None) -> Iterator[str]:
    """The same for a person."""
    hold = "holds" if verdict.records == 1 else "hold"
    span = f", from {verdict.first} to {verdict.last}" if verdict.records else ""
    yield f"{count(verdict.records, 'record')} {hold}{span}"
    if verdict.begins > 1:
        yield f"the first of them is number {verdict.begins}: a kept head says what it follows"
    if kept is not None and verdict.since_kept is not None:
        yield f"the head that was kept is in the chain; {count(verdict.since_kept, 'record')} since"
    yield f"head {verdict.head}"


def read_actions(words: Sequence[str] | None) -> frozenset[str]:
    """`--action ACTION`, several times.

    Raises:
        InvalidInput: mgit records no such action.
    """
    for word in words or ():
        if word not in ACTIONS:
            raise InvalidInput(
                f"--action does not know {word[:40]!a}{did_you_mean(word, ACTIONS)}",
                advice=f"actions: {', '.join(ACTIONS)}",
            )
    return frozenset(words or ())


def read_heads(text: str | None, file: str | None) -> tuple[str, ...]:
    """`--head HASH` or `--head-file FILE`: the hashes that stand in it, the latest last.

    Raises:
        InvalidInput: there is none.
    """
    if text is not None:
        found = _HASH.fullmatch(text.strip().lower().encode(errors="replace"))
        if found is None:
            raise InvalidInput(
                "--head must be a hash of 64 hexadecimal digits",
                advice="`mgit audit verify` and `mgit audit export` print it as `head`",
            )
        return (found[0].decode(),)
    if file is None:
        return ()
    try:
        with Path(file).open("rb") as opened:
            opened.seek(max(0, opened.seek(0, os.SEEK_END) - _MAX_HEAD_FILE))
            hashes = _HASH.findall(opened.read(_MAX_HEAD_FILE).lower())
    except OSError as error:
        raise InvalidInput(
            f"--head-file {file} cannot be read: {error.strerror}", advice="check its path"
        ) from None
    if not hashes:
        raise InvalidInput(
            f"--head-file {file} holds no hash of 64 hexadecimal digits",
            advice="keep there what `mgit audit verify` prints: the last hash in it counts",
        )
    return tuple(found.decode() for found in hashes)


def export(path: Path, out: Path | None, since: float | None, console: Console) -> tuple[str, str]:
    """Write checked records as they are.

    Args:
        path: the log; all of its files are one export.
        out: a file to make, private and whole or not at all; standard output if None.
        since: leave out what was made before, in seconds since 1970. It is checked all the same.
        console: where standard output is.

    Returns:
        How many there were, and the head.

    Raises:
        StateError: the log does not hold, or the file cannot be written.
        InvalidInput: the file is the log itself.
    """
    wanted, written, head = Wanted(since=since), 0, GENESIS
    with _opened(path, out, console) as file:
        for record, line in read_chain(path):
            head = str(record["hash"])
            if not wanted.too_old(record):
                file.write(line)
                written += 1
    where = f" to {out}" if out is not None else ""
    return f"{count(written, 'record')} exported{where}", f"head {head}"


@contextlib.contextmanager
def _opened(path: Path, out: Path | None, console: Console) -> Iterator[BinaryIO]:
    if out is None:
        console.out.flush()
        yield console.out.buffer
        console.out.flush()
        return
    from mgit.credentials.files import private_file

    parts = (path, *(closed.path for closed in closed_files(path)))
    if out.exists() and any(part.exists() and out.samefile(part) for part in parts):
        raise InvalidInput(
            "--out names the audit log itself", advice="name another file to export to"
        )
    try:
        with private_file(out) as file:
            yield file
    except OSError as error:
        raise StateError(
            f"{out} cannot be written: {error.strerror}",
            advice="check the folder's rights and free space",
        ) from None


def _moment(record: Mapping[str, object]) -> float:
    """When a record was made; far away for what is no time, so that nothing hides there."""
    moment = moment_of(record)
    return float("inf") if moment is None else moment
