"""What a deployment or a rollback has to do, from what runs and what the ledger remembers. Pure.

The platform says what runs and what ran before it. The ledger adds two things: whether what runs
passed its gates here, and what a change that was cut off wanted. Both may be missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pipeline.deployment.ledger import Action, Record, is_proven, last_good, unfinished
from pipeline.deployment.target import Running
from pipeline.step import Exit, PipelineError

_STALE = "it runs, with other files than there are now"


class Way(StrEnum):
    """How to get there."""

    KEEP = "keep"  # it is there
    LOOK = "look"  # it runs, but nobody knows whether it is good: only the gates are asked
    PUT = "put"  # it has to be rolled out


@dataclass(frozen=True, slots=True)
class Known:
    """Something that can be gone back to.

    Args:
        reference: by digest.
        previous: what its label named; empty for nothing.
    """

    reference: str
    previous: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """What is to be done.

    Args:
        action: what was asked for.
        way: how to get there.
        reference: what is to be live, by digest.
        previous: what its label is to name.
        fallback: what comes back when it is not good. None: nothing ran before, so nothing is to
            run. The same as `reference`: nothing better is known, so it stays.
        why: for people.
    """

    action: Action
    way: Way
    reference: str
    previous: str
    fallback: Known | None
    why: str


def decide_deploy(reference: str, now: Running | None, records: Sequence[Record]) -> Move:
    """How to get an image live.

    Args:
        reference: the image by digest.
        now: what the platform holds.
        records: the ledger, oldest first; may be empty.
    """
    if now is None or now.reference != reference:
        before = _what_ran(now, records)
        if before is not None and before.reference == reference:
            previous = before.previous
        else:
            previous = before.reference if before else ""
        why = "nothing runs" if now is None else "another image runs"
        return _deploy(Way.PUT, reference, previous, before, _cut_off(why, records))
    if is_proven(records, reference):
        stays = Known(reference, now.previous)
        if now.healthy and now.stale:
            return _deploy(Way.PUT, reference, now.previous, stays, _STALE)
        if now.healthy:
            return _deploy(Way.KEEP, reference, now.previous, stays, "it runs and passed its gates")
        return _deploy(Way.PUT, reference, now.previous, stays, "it runs and is not healthy")
    way, why = (Way.LOOK, "it runs, and whether it passed its gates is not known")
    if now.stale:
        way, why = (Way.PUT, _STALE)
    if not now.healthy:
        way, why = (Way.PUT, "it runs and is not healthy")
    back = _before_unproven(now, records)
    return _deploy(way, reference, now.previous, back, _cut_off(why, records))


def decide_rollback(environment: str, now: Running | None, records: Sequence[Record]) -> Move:
    """How to get back what ran before.

    Args:
        environment: for the message.
        now: what the platform holds.
        records: the ledger, oldest first; may be empty.

    Raises:
        PipelineError: USAGE, there is nothing to go back to.
    """
    cut_off = unfinished(records)
    if cut_off is not None and cut_off.action is Action.ROLLBACK:
        goal = Known(cut_off.deed.reference, cut_off.deed.previous)
        back = _before(cut_off) or goal
        return _rollback(goal, now, back, "a rollback was cut off")
    if cut_off is not None and (known := _before(cut_off)):
        return _rollback(known, now, known, "a deployment was cut off; this ran before it")
    if now is None or not now.previous:
        what = "runs nothing" if now is None else f"runs {now.reference}, and nothing before it"
        raise PipelineError(
            f"{environment} {what}: there is nothing to go back to",
            exit_code=Exit.USAGE,
            advice="deploy an image by digest: invoke deploy",
        )
    back = Known(now.reference, now.previous)
    return _rollback(Known(now.previous), now, back, "what runs names it as the one before")


def _deploy(way: Way, reference: str, previous: str, fallback: Known | None, why: str) -> Move:
    return Move(Action.DEPLOY, way, reference, previous, fallback, why)


def _rollback(goal: Known, now: Running | None, back: Known, why: str) -> Move:
    """Afterwards the label is that of the goal, so a second rollback does not come back here."""
    there = now is not None and now.reference == goal.reference and now.healthy
    way = Way.LOOK if there else Way.PUT
    return Move(Action.ROLLBACK, way, goal.reference, goal.previous, back, why)


def _what_ran(now: Running | None, records: Sequence[Record]) -> Known | None:
    """What to go back to when something else than what runs was asked for."""
    cut_off = unfinished(records)
    if now is None:
        return _before(cut_off) if cut_off else None
    if cut_off and cut_off.action is Action.DEPLOY:
        return _before(cut_off)  # in the middle of a change: what was good before it counts
    good_once = last_good(records)
    proven = good_once is not None and good_once.deed.live == now.reference
    if now.healthy or proven or not now.previous:
        return Known(now.reference, now.previous)
    return Known(now.previous)  # what runs never was healthy, as far as anybody knows


def _before(cut_off: Record) -> Known | None:
    """What a change that was cut off would have left when it went wrong."""
    deed = cut_off.deed
    return Known(deed.before, deed.before_previous) if deed.before else None


def _before_unproven(now: Running, records: Sequence[Record]) -> Known | None:
    """What to go back to when what runs is what was asked for and may be no good."""
    cut_off = unfinished(records)
    if cut_off and (cut_off.action is Action.DEPLOY or cut_off.deed.reference == now.reference):
        return _before(cut_off)
    return Known(now.previous) if now.previous else Known(now.reference)


def _cut_off(why: str, records: Sequence[Record]) -> str:
    cut_off = unfinished(records)
    if cut_off is None:
        return why
    return f"{why}; a {cut_off.action} by {cut_off.deed.who or 'somebody'} was cut off"
