"""Putting an image live, and the one before it back: the same on every platform.

The order is what makes it safe to be killed anywhere: the ledger says what is wanted before
anything is touched, the image is at hand (and has synced, where a canary is asked for) before
anything is stopped, what comes back is known before something else goes live. A second call looks
at the platform and goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from pipeline.deployment.decide import Known, Move, Way, decide_deploy, decide_rollback
from pipeline.deployment.environments import Environment
from pipeline.deployment.gates import Clock, not_ready, why_not
from pipeline.deployment.images import Wanted, check_policy
from pipeline.deployment.ledger import Action, Deed, Ledger
from pipeline.deployment.target import Target, check_reference, shortened
from pipeline.journal import Event
from pipeline.step import Exit, PipelineError

Agree = Callable[[Move], str]
"""Gets the name of who agrees to a change; raises a `PipelineError` when nobody does."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """One environment whose lock is held, ready to be changed.

    Args:
        environment: where.
        target: the same, on its platform.
        ledger: open for writing.
        who: is written into it.
        agree: asks for an approval where the environment wants one.
        registry: `HOST/NAME` that releases go to.
        say: gets one line of progress at a time.
        clock: time.
    """

    environment: Environment
    target: Target
    ledger: Ledger
    who: str
    agree: Agree
    registry: str
    say: Callable[[str], None]
    clock: Clock


@dataclass(frozen=True, slots=True)
class _End:
    """How a change ended."""

    event: Event
    live: str
    why: str = ""


def deploy(rollout: Rollout, find: Callable[[], Wanted]) -> Move:
    """Put an image live.

    Args:
        rollout: where.
        find: asks for the image; that nobody could tell is written into the ledger.

    Returns:
        What was done.

    Raises:
        PipelineError: GATE, it is not fit or nobody agreed: the previous image is live (or, where
            there was none, nothing is). Others: nothing was changed.
    """
    try:
        wanted = find()
    except PipelineError as error:
        _refuse(rollout, Wanted(""), error)
        raise
    try:
        check_reference(wanted.reference)
        check_policy(rollout.environment, wanted.reference, rollout.registry)
    except PipelineError as error:
        if error.exit_code is not Exit.USAGE:
            _refuse(rollout, wanted, error)
        raise
    move = decide_deploy(wanted.reference, rollout.target.observe(), rollout.ledger.records)
    if move.way is Way.KEEP:
        why = not_ready(rollout.target, rollout.clock)
        if not why:
            return move
        move = replace(move, way=Way.PUT, why=f"it runs, but {why}")
    _carry_out(rollout, move, wanted.version)
    return move


def rollback(rollout: Rollout) -> Move:
    """Put the image back that ran before; needs nobody's approval, it had one.

    Returns:
        What was done.

    Raises:
        PipelineError: USAGE, there is nothing to go back to; GATE, the old image is not good
            either, and the one that ran is put back.
    """
    now = rollout.target.observe()
    move = decide_rollback(rollout.environment.name, now, rollout.ledger.records)
    check_reference(move.reference)
    _carry_out(rollout, move, "")
    return move


def _carry_out(rollout: Rollout, move: Move, version: str) -> None:
    """Do it, with a line in the ledger before and after."""
    approved = rollout.agree(move) if move.action is Action.DEPLOY else ""
    back = move.fallback
    deed = Deed(
        reference=move.reference,
        version=version,
        previous=move.previous,
        before=back.reference if back else "",
        before_previous=back.previous if back else "",
        who=rollout.who,
        approved=approved,
        why=move.why,
    )
    rollout.ledger.begin(move.action, deed)
    started = rollout.clock.now()

    def note(end: _End) -> None:
        ended = msgspec.structs.replace(deed, why=end.why, live=end.live)
        seconds = rollout.clock.now() - started
        if trouble := rollout.ledger.end(end.event, move.action, ended, seconds):
            rollout.say(f"warning: {trouble}")

    try:
        end = _change(rollout, move, version)
    except PipelineError as error:
        note(_End(Event.FAILED, _live(rollout.target), error.message))
        raise
    note(end)
    if end.why:
        advice = "look at the service's log, repair, deploy again"
        raise PipelineError(end.why, exit_code=Exit.GATE, advice=advice)


def _change(rollout: Rollout, move: Move, version: str) -> _End:
    """Prepare, change, look, and go back if need be.

    Raises:
        PipelineError: it could not be prepared and nothing was changed, or the platform cannot be
            asked any more.
    """
    target, name = rollout.target, rollout.environment.name
    why = ""
    if move.way is Way.PUT:
        _prepare(rollout, move)
        rollout.say(f"{name}: {shortened(move.reference)} goes live")
        why = _attempt(lambda: target.put(move.reference, move.previous))
    if not why:
        rollout.say(f"{name}: it runs; looking whether it stays good")
        gates = rollout.environment.gates
        why = _attempt(lambda: why_not(target, gates, move.reference, version, rollout.clock))
    if not why:
        return _End(Event.DONE, move.reference)
    told = f"{move.reference} is not healthy in {name}: {why}"
    rollout.say(f"{name}: {why}")
    return _go_back(rollout, move, told)


def _prepare(rollout: Rollout, move: Move) -> None:
    """What can go wrong goes wrong here, before anything is stopped.

    Raises:
        PipelineError: the image is not to be had, or its canary failed (GATE).
    """
    name, selector = rollout.environment.name, rollout.environment.gates.canary
    rollout.target.pull(move.reference)
    if not selector or move.action is not Action.DEPLOY:
        return
    rollout.say(f"{name}: a canary syncs {selector}")
    if why := rollout.target.canary(move.reference, selector):
        raise PipelineError(
            f"{move.reference} did not pass its canary in {name}: {why}; nothing was changed",
            exit_code=Exit.GATE,
            advice="repair it, release again",
        )


def _go_back(rollout: Rollout, move: Move, told: str) -> _End:
    """Put back what ran, look whether it is good, and tell.

    It was good here before, so it is asked only whether it is ready: nothing better is known.
    """
    target, back = rollout.target, move.fallback
    if back is None:
        target.remove()
        return _End(Event.UNDONE, "", f"{told}; nothing ran before, so nothing runs now")
    if back.reference == move.reference:
        words = "nothing better is known, so it stays"
        return _End(Event.FAILED, move.reference, f"{told}; {words}")
    still = _restore(rollout, back)
    if still:
        words = f"{back.reference} was put back and is not healthy either: {still}"
        return _End(Event.FAILED, _live(target), f"{told}; {words}")
    words = f"rolled back to {back.reference}, which is healthy"
    return _End(Event.UNDONE, back.reference, f"{told}; {words}")


def _restore(rollout: Rollout, back: Known) -> str:
    """Why what ran before is not healthy; empty when it is."""
    target, clock = rollout.target, rollout.clock
    now = target.observe()
    if now and (now.reference, now.healthy) == (back.reference, True):
        return not_ready(target, clock)  # it was never replaced
    rollout.say(f"{rollout.environment.name}: {shortened(back.reference)} comes back")
    why = _attempt(lambda: target.put(back.reference, back.previous))
    return why or not_ready(target, clock)


def _attempt(change: Callable[[], str]) -> str:
    """Why something did not work, also where it could not even be asked for."""
    try:
        return change()
    except PipelineError as error:
        return error.message


def _live(target: Target) -> str:
    """What is there, for the ledger."""
    try:
        running = target.observe()
    except PipelineError:
        return ""
    return running.reference if running else ""


def _refuse(rollout: Rollout, wanted: Wanted, error: PipelineError) -> None:
    """Write down what was refused before anything was begun."""
    deed = Deed(
        reference=wanted.reference,
        version=wanted.version,
        who=rollout.who,
        why=error.message,
        live=_live(rollout.target),
    )
    if trouble := rollout.ledger.end(Event.FAILED, Action.DEPLOY, deed, 0.0):
        rollout.say(f"warning: {trouble}")
