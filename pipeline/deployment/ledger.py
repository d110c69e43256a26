"""Who deployed what, where and when, and what came of it: one file of JSON lines per environment.

A ledger is a journal (`pipeline.journal`): append-only, chained by hash, on the disk before the
next thing is done. Each change is two lines of the same deed: `start` before anything is touched,
then `done` (what was asked for is live), `undone` (it was not good, what ran before is live again)
or `failed` (nothing was changed, or something was and could not be taken back: `live` says what
runs). A `start` that is the last line was cut off.

The ledger decides little: what runs, and what ran before it, is read from the platform. Without a
ledger a deployment ends the same; it looks again at what it could have remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from pipeline.deployment.environments import Environment
from pipeline.deployment.target import Effects
from pipeline.journal import Entry, Event, Journal, read_journal
from pipeline.project import Project
from pipeline.step import Exit, PipelineError


class Action(StrEnum):
    """What was asked for."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """One change.

    Args:
        reference: the image that was asked for, by digest; empty where it never became known.
        version: its version, where that is known.
        previous: what its label is to name: what `invoke rollback` goes back to.
        before: what comes back when it is not good, by digest; empty for nothing.
        before_previous: what the label of that one named.
        who: `USER@HOST`, or CI's name for who started it.
        approved: who agreed, where that was asked.
        why: why this was done at the start; at the end why it went wrong, empty when it did not.
        live: at the end: what is live, by digest; empty for nothing.
    """

    reference: str
    version: str = ""
    previous: str = ""
    before: str = ""
    before_previous: str = ""
    who: str = ""
    approved: str = ""
    why: str = ""
    live: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """One line.

    Args:
        time: RFC 3339, UTC.
        event: `start`, `done`, `undone` or `failed`.
        action: what was asked for.
        deed: see `Deed`.
        seconds: how long it took, at the end.
    """

    time: str
    event: Event
    action: Action
    deed: Deed
    seconds: float = 0.0


def ledger_folder(project: Project, environment: Environment) -> Path:
    """Where ledger and lock of an environment are."""
    if environment.ledger:
        return project.root / environment.ledger
    return project.out / "ledger"


def ledger_path(project: Project, environment: Environment) -> Path:
    """The ledger of an environment."""
    return ledger_folder(project, environment) / f"{environment.name}.jsonl"


def read_ledger(path: Path) -> tuple[Record, ...]:
    """Read and check a ledger; none is an empty one.

    Raises:
        PipelineError: CONFLICT, a line is not what a deployment wrote.
    """
    try:
        return _records(path, read_journal(path))
    except OSError as error:
        raise _unusable(path, error) from None


@dataclass(slots=True)
class Ledger:
    """A ledger open for writing; whoever opens it holds the environment's lock.

    Args:
        path: the file.
        environment: for the names of effects.
        effect: entered around each line.
    """

    path: Path
    environment: str
    effect: Effects
    records: tuple[Record, ...] = field(default=(), init=False)
    _journal: Journal = field(init=False, repr=False)
    _stack: ExitStack = field(default_factory=ExitStack, init=False, repr=False)

    def __enter__(self) -> Self:
        self._journal = Journal(self.path)
        try:
            self._stack.enter_context(self._journal)
        except OSError as error:
            raise _unusable(self.path, error) from None
        except PipelineError as error:
            raise PipelineError(error.message, exit_code=error.exit_code, advice=_ADVICE) from None
        try:
            self.records = _records(self.path, self._journal.entries)
        except PipelineError:
            self._stack.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def begin(self, action: Action, deed: Deed) -> None:
        """Write down what is about to be done.

        Raises:
            PipelineError: ENVIRONMENT, it cannot be written; nothing was changed yet.
        """
        with self.effect("deploy:begin", self.environment):
            self._write(Event.START, action, deed, 0.0)

    def end(self, event: Event, action: Action, deed: Deed, seconds: float) -> str:
        """Write down what came of it.

        Returns:
            Why it could not be written, empty when it was: the deployment itself is over, and its
            outcome counts more than the note of it.
        """
        try:
            with self.effect("deploy:record", self.environment):
                self._write(event, action, deed, seconds)
        except PipelineError as error:
            return error.message
        return ""

    def _write(self, event: Event, action: Action, deed: Deed, seconds: float) -> None:
        facts = {name: value for name, value in msgspec.structs.asdict(deed).items() if value}
        try:
            entry = self._journal.write(event, action, seconds=seconds, facts=facts)
        except OSError as error:
            raise _unusable(self.path, error) from None
        self.records = (*self.records, *_records(self.path, (entry,)))


def unfinished(records: Sequence[Record]) -> Record | None:
    """The start of a change that was cut off, or that went wrong half way and was not taken back.

    An end stands right after its start, because of the lock. A `failed` elsewhere is of a change
    that was refused before it began.
    """
    begun: Record | None = None
    last: Record | None = None
    for record in records:
        if record.event is Event.START:
            begun = record
        elif record.event is not Event.FAILED or (last is begun and _as_before(record)):
            begun = None
        last = record
    return begun


def _as_before(failed: Record) -> bool:
    return failed.deed.live == failed.deed.before


def last_good(records: Sequence[Record]) -> Record | None:
    """The last change after which something was known to be good: it passed the gates here."""
    ended = (each for each in reversed(records) if each.event in {Event.DONE, Event.UNDONE})
    return next(ended, None)


def is_proven(records: Sequence[Record], reference: str) -> bool:
    """Whether an image is the last that was good here, and nothing was begun since."""
    good = last_good(records)
    return good is not None and good.deed.live == reference and unfinished(records) is None


def _records(path: Path, entries: Sequence[Entry]) -> tuple[Record, ...]:
    try:
        return tuple(
            Record(
                each.time,
                each.event,
                Action(each.step),
                msgspec.convert({"reference": "", **each.facts}, Deed),
                each.seconds,
            )
            for each in entries
        )
    except (ValueError, msgspec.ValidationError) as error:
        raise PipelineError(
            f"{path} is no ledger of deployments: {error}", exit_code=Exit.CONFLICT, advice=_ADVICE
        ) from None


_ADVICE = "move the ledger aside; a deployment then looks at the platform instead"


def _unusable(path: Path, error: OSError) -> PipelineError:
    return PipelineError(
        f"the ledger {path} cannot be used: {error.strerror}",
        exit_code=Exit.ENVIRONMENT,
        advice="make room or give the rights, then run the same command again",
    )
