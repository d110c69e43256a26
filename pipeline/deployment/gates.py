"""What a version has to show after the platform calls it healthy.

It answers, is the version that was asked for, is not slow, and stays as it is.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.deployment.environments import Gates
from pipeline.deployment.target import Answer, Running, Target
from pipeline.step import PipelineError
from pipeline.versioning.versions import to_pep440

_READY_SECONDS = 10.0
_ASKED = 5  # times, for the fastest answer: one slow answer says something of the machine
_MISSES = 3  # looks in a row that find it unready, before that counts
_BUILD = re.compile(r'^mgit_build_info\{(?:[^}]*,)?version="([^"]*)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, as the gates see it.

    Args:
        now: monotonic seconds.
        sleep: waits for some seconds.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def why_not(target: Target, gates: Gates, reference: str, version: str, clock: Clock) -> str:
    """Why what runs is not to stay, gate by gate.

    Args:
        target: where it runs.
        gates: how long, how fast.
        reference: what has to run, by digest.
        version: what it has to call itself; empty: what its image's label says.
        clock: time.

    Returns:
        The first gate's no; empty when all say yes.

    Raises:
        PipelineError: the platform cannot be asked.
    """
    running = target.observe()
    if running is None or running.reference != reference:
        return f"{running.reference if running else 'nothing'} runs instead"
    return (
        not_ready(target, clock)
        or _other_version(target, running, version)
        or _slow(target, gates.answer_ms, clock)
        or _unsettled(target, running, gates.settle, clock)
    )


def not_ready(target: Target, clock: Clock) -> str:
    """Why the service is not ready within some seconds; empty if it is."""
    deadline = clock.now() + _READY_SECONDS
    while True:
        answer = target.ask("/readyz")
        if answer is not None and answer.ok:
            return ""
        if clock.now() > deadline:
            return _unready(answer)
        clock.sleep(0.2)


def _unready(answer: Answer | None) -> str:
    if answer is None:
        return "/readyz does not answer"
    lines = answer.body.strip().splitlines()
    said = "".join(character for character in lines[0] if character.isprintable()) if lines else ""
    return f"/readyz does not say ready: {answer.status} {said[:100]}".rstrip()


def _other_version(target: Target, running: Running, version: str) -> str:
    """Why it is another version; empty if label and metrics agree.

    What says nothing, for example metrics that ask for a token, is not held against it.
    """
    wanted = version or running.version
    if running.version and not _same(running.version, wanted):
        return f"its image says that it is {running.version}, {wanted} was asked for"
    answer = target.ask("/metrics") if wanted else None
    told = _BUILD.search(answer.body) if answer is not None and answer.ok else None
    if told is not None and not _same(told[1], wanted):
        return f"it says that it is {told[1]}, {wanted} was asked for"
    return ""


def _slow(target: Target, most: int, clock: Clock) -> str:
    best = float("inf")
    for _ in range(_ASKED):
        answer = target.ask("/readyz")
        if answer is not None and answer.ok:
            best = min(best, answer.seconds)
        if best * 1000 <= most:
            return ""
        clock.sleep(0.2)
    took = "got no answer" if best == float("inf") else f"took {best * 1000:.0f} ms"
    return f"/readyz {took}, the best of {_ASKED} times; at most {most} ms are allowed"


def _unsettled(target: Target, begun: Running, settle: int, clock: Clock) -> str:
    """Look once a second whether it is still the same one and still ready."""
    deadline = clock.now() + settle
    misses = 0
    while True:
        look = _look(target, begun)
        if look.another:
            return look.another
        misses = misses + 1 if look.unready else 0
        if misses >= _MISSES:
            return f"it was ready and is not any more: {look.unready}"
        rest = deadline - clock.now()
        if rest <= 0 and not misses:
            return ""
        clock.sleep(min(1.0, max(rest, 0.2)))


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look found: that something else runs, or that it is not ready; else nothing."""

    another: str = ""
    unready: str = ""


def _look(target: Target, begun: Running) -> _Look:
    try:
        now = target.observe()
    except PipelineError as error:  # a platform that is busy for a moment is no reason to go back
        return _Look(unready=error.message)
    if now is None or now.reference != begun.reference:
        return _Look(another=f"{now.reference if now else 'nothing'} runs instead")
    if now.restarts > begun.restarts or (begun.since and now.since and now.since > begun.since):
        return _Look(another="it ended and was started again")
    answer = target.ask("/readyz")
    if answer is None or not answer.ok:
        return _Look(unready=_unready(answer))
    return _Look(unready="" if now.healthy else "the platform calls it unhealthy")


def _same(one: str, other: str) -> bool:
    """Whether two spellings mean one version: `1.0.0-rc.1` is `1.0.0rc1`."""
    return _spelt(one) == _spelt(other)


def _spelt(version: str) -> str:
    try:
        return to_pep440(version)
    except PipelineError:
        return version
