"""Apply: do what the plan says, repository by repository, and tell how each action ended."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from mgit.errors import AuthenticationError, ForgeError, MgitError, RepositoryBroken
from mgit.fleet.pacing import TRIES, Refused
from mgit.fleet.phases import Task, run_tasks
from mgit.fleet.pool import Driver, Stop
from mgit.fleet.spans import spanned_action
from mgit.fleet.values import Phase, Progress, skipped
from mgit.git.runner import Interrupted
from mgit.model import (
    Action,
    Archive,
    Move,
    Outcome,
    Plan,
    Reason,
    Remove,
    Result,
    Skip,
    action_key,
    action_name,
)
from mgit.telemetry.tracing import UNTRACED, Tracer

Group = tuple[Action, ...]
"""The actions of one repository, in their order."""


@dataclass(frozen=True, slots=True)
class Applier:
    """Applies plans.

    Args:
        perform: does one action; raises MgitError or OSError when it could not, and `Later` when
            its host pauses.
        clean: takes secrets and control characters out of messages.
        clock: monotonic seconds.
        tracer: has a span for each action.
    """

    perform: Callable[[Action], Outcome]
    clean: Callable[[str], str]
    clock: Callable[[], float] = time.monotonic
    tracer: Tracer = UNTRACED

    def run(
        self, plan: Plan, *, workers: int, driver: Driver, progress: Progress | None
    ) -> Generator[Outcome, None, None]:
        """Apply a plan; outcomes come as they are there.

        What only says why something is left alone comes first. Moves come next, one after the
        other, for they free and take folders that others want. Then everything else side by
        side. After `driver.stop` nothing is begun; what was not done has no outcome.
        """
        for action in plan.actions:
            if isinstance(action, Skip):
                yield skipped(action)
        groups = group(action for action in plan.actions if not isinstance(action, Skip))
        moving = in_order([one for one in groups if _moves(one)])
        failed: set[str] = set()
        first = [self._task(one, one[:1], failed, driver.stop) for one in moving]
        then = [self._task(one, one[1:], failed, driver.stop) for one in moving if len(one) > 1]
        then += [self._task(one, one, failed, driver.stop) for one in groups if not _moves(one)]
        total = len(first) + len(then)
        yield from run_tasks(
            Phase.APPLY, first, workers=1, driver=driver, progress=progress, total=total
        )
        yield from run_tasks(
            Phase.APPLY,
            then,
            workers=workers,
            driver=driver,
            progress=progress,
            done=len(first),
            total=total,
        )

    def _task(self, whole: Group, actions: Group, failed: set[str], stop: Stop) -> Task[Outcome]:
        """Some actions of a repository; `failed` holds the first folders of those that failed."""
        here = whole[0].folder
        left = deque(actions)
        refused: list[Refused] = []

        def work() -> Iterator[Outcome]:
            while left:
                action = left[0]
                if here in failed:
                    left.popleft()
                    yield _not_reached(action)
                    continue
                outcome = self._outcome(action, stop, refused)
                left.popleft()
                if outcome is None:  # interrupted: it was not done, so there is nothing to tell
                    return
                if outcome.result is not Result.MOVED and _moves((action,)):
                    failed.add(here)
                yield outcome

        return Task(action_name(whole[0]), work)

    def _outcome(self, action: Action, stop: Stop, refused: list[Refused]) -> Outcome | None:
        """How it ended; None when it was interrupted and is for the next run to do.

        Raises:
            Later: its host pauses; `refused` holds the refusals so far.
        """
        with spanned_action(self.tracer, action) as told:
            outcome = self._done(action, stop, refused)
            return None if outcome is None else told(outcome)

    def _done(self, action: Action, stop: Stop, refused: list[Refused]) -> Outcome | None:
        began = self.clock()
        try:
            outcome = self.perform(action)
        except Interrupted:
            return None
        except Refused as later:
            refused.append(later)
            if len(refused) < TRIES:
                raise
            outcome = _failed(action, later.error)
        except MgitError as error:
            if stop.requested:  # most likely our own doing: the connections were shut
                return None
            outcome = _failed(action, error)
        except OSError as error:
            words = f"{action.folder}: {error.strerror or error}"
            advice = "check the folder's rights and the free space"
            outcome = Outcome(action, Result.FAILED, None, words, advice, 1)
        return replace(
            outcome,
            message=self.clean(outcome.message),
            advice=self.clean(outcome.advice),
            seconds=self.clock() - began,
        )


def _failed(action: Action, error: MgitError) -> Outcome:
    code = int(error.exit_code)
    return Outcome(action, Result.FAILED, _reason(error), error.message, error.advice, code)


def _moves(actions: Group) -> bool:
    return isinstance(actions[0], Move | Archive | Remove)


def group(actions: Iterable[Action]) -> list[Group]:
    """Put the actions of one repository together; the order within each stays."""
    groups: dict[object, Group] = {}
    for action in actions:
        name = action_key(action) or action.folder
        groups[name] = (*groups.get(name, ()), action)
    return list(groups.values())


def in_order(moving: Sequence[Group]) -> list[Group]:
    """Put moves in an order in which each finds its target free where that is possible.

    `a -> b` has to wait for `b -> c`. Of a ring (`a -> b`, `b -> a`) none can begin; its members
    come last, are refused by the folder in their way, and stay as they are.
    """
    left = {one[0].folder: one for one in moving}
    ordered: list[Group] = []
    while left:
        free = [
            folder
            for folder, one in left.items()
            if _target(one[0]) == folder or _target(one[0]) not in left
        ]
        if not free:
            return ordered + list(left.values())
        ordered += [left.pop(folder) for folder in free]
    return ordered


def _target(action: Action) -> str:
    return action.to if isinstance(action, Move | Archive) else action.folder


def _not_reached(action: Action) -> Outcome:
    return Outcome(
        action,
        Result.SKIPPED,
        Reason.DRIFTED,
        "not done, for the move before it was not",
    )


def _reason(error: MgitError) -> Reason | None:
    match error:
        case AuthenticationError():
            return Reason.REFUSED
        case ForgeError():
            return Reason.UNREACHABLE
        case RepositoryBroken():
            return Reason.BROKEN
        case _:
            return None
