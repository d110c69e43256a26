"""Putting an image live, and the one before it back: the same on every platform."""

from __future__ import annotations

import time

from pipeline.deployment.environments import Environment
from pipeline.deployment.target import Running, Target, check_reference
from pipeline.step import Exit, PipelineError

_READY_SECONDS = 10.0


def deploy_to(environment: Environment, target: Target, reference: str) -> None:
    """Put an image live.

    Args:
        environment: where.
        target: the same, on its platform.
        reference: the image by digest.

    Raises:
        PipelineError: GATE, it was not healthy: the previous image is live again (or, where there
            was none, nothing is).
    """
    check_reference(reference)
    before = target.observe()
    if is_live(before, reference.rpartition("@")[2]) and not not_ready(target):
        return
    target.pull(reference)
    if why := _put(target, reference, _previous(before, reference)):
        _put_back(environment, target, before, reference, why)


def rollback(environment: Environment, target: Target) -> None:
    """Put the image back that ran before, as the label of what runs names it.

    Raises:
        PipelineError: nothing runs or nothing ran before; GATE, the old image is not healthy
            either, and the one that ran is live again.
    """
    now = target.observe()
    if now is None or not now.previous:
        what = "runs nothing" if now is None else f"runs {now.reference}, the first one there"
        raise PipelineError(
            f"{environment.name} {what}: there is nothing to go back to",
            exit_code=Exit.USAGE,
            advice="deploy an image by digest: invoke deploy",
        )
    check_reference(now.previous)
    target.pull(now.previous)
    if why := _put(target, now.previous, ""):
        _put_back(environment, target, now, now.previous, why)


def is_live(running: Running | None, digest: str) -> bool:
    """Whether a digest is what runs, and healthy."""
    return running is not None and running.digest == digest and running.healthy


def not_ready(target: Target) -> str:
    """Why the service is not ready within some seconds; empty if it is."""
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        answer = target.ask("/readyz")
        if answer is not None and answer.ok:
            return ""
        if time.monotonic() > deadline:
            return "/readyz does not say ready"
        time.sleep(0.2)


def _put(target: Target, reference: str, previous: str) -> str:
    return target.put(reference, previous) or not_ready(target)


def _put_back(
    environment: Environment, target: Target, before: Running | None, failed: str, why: str
) -> None:
    """Restore what ran, check it, and say so.

    Raises:
        PipelineError: always GATE; the message says what is live now.
    """
    told = f"{failed} is not healthy in {environment.name}: {why}"
    if before is None:
        target.remove()
        raise _gate(f"{told}; nothing ran before, so nothing runs now")
    if still := _put(target, before.reference, before.previous):
        raise _gate(f"{told}; {before.reference} was put back and is not healthy either: {still}")
    raise _gate(f"{told}; rolled back to {before.reference}, which is healthy")


def _previous(before: Running | None, reference: str) -> str:
    """What to go back to later; an image that is deployed again keeps what it had."""
    if before is None:
        return ""
    return before.previous if before.reference == reference else before.reference


def _gate(message: str) -> PipelineError:
    return PipelineError(
        message, exit_code=Exit.GATE, advice="look at `docker compose logs`, repair, release again"
    )
