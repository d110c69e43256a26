"""deploy: the digest goes live where the environments say, or the previous one stays live.

A rollout is gated by health: compose waits for the container's health check, then `/readyz` is
asked over HTTP. When either fails the previous digest is put back and checked in the same way.
"""

from __future__ import annotations

from dataclasses import replace

from pipeline.deployment.environments import find_environment, load_environments
from pipeline.deployment.rollout import Rollout, Running, check_reference, open_rollout
from pipeline.project import Project
from pipeline.publishing.places import registry_of
from pipeline.step import Done, Effect, Exit, Facts, PipelineError, Step, Todo, Verdict


def check(project: Project, facts: Facts) -> Verdict:
    """Does the digest run and answer everywhere?"""
    places = [place for place in load_environments(project) if place.release]
    if not facts.image_digest:
        return Todo(tuple(f"deploy to {place.name}" for place in places))
    rollouts = [open_rollout(project, place) for place in places]
    waiting = [each for each in rollouts if not _is_live(each, facts.image_digest)]
    if waiting:
        return Todo(
            tuple(f"deploy {facts.image_digest} to {each.environment.name}" for each in waiting)
        )
    return Done(replace(facts, deployed=facts.image_digest if places else ""))


def run(project: Project, facts: Facts) -> Facts:
    """Deploy to every environment that a release goes to, one after the other.

    Raises:
        PipelineError: GATE, one was not healthy and has its previous digest back.
    """
    reference = f"{project.endpoints.registry}@{facts.image_digest}"
    for place in load_environments(project):
        if place.release:
            deploy_to(project, place.name, reference)
    return replace(facts, deployed=facts.image_digest)


def deploy_to(project: Project, environment: str, reference: str) -> None:
    """Put an image live in one environment.

    Args:
        project: where the file of environments is.
        environment: its name; empty is the only one there is.
        reference: the image by digest; empty is what the registry's `latest` names.

    Raises:
        PipelineError: GATE, it was not healthy: the previous image is live again (or, where there
            was none, nothing is).
    """
    place = find_environment(project, environment)
    reference = reference or _latest(project)
    check_reference(reference)
    rollout = open_rollout(project, place)
    before = rollout.observe()
    if _is_live(rollout, reference.rpartition("@")[2]) and rollout.answers():
        return
    rollout.pull(reference)
    why = rollout.put(reference, _previous(before, reference))
    if why:
        _put_back(rollout, before, reference, why)


def rollback(project: Project, environment: str) -> None:
    """Put the image back that ran before, as the running container's label names it.

    Raises:
        PipelineError: nothing runs or nothing ran before; GATE, the old image is not healthy
            either, and the one that ran is live again.
    """
    place = find_environment(project, environment)
    rollout = open_rollout(project, place)
    now = rollout.observe()
    if now is None or not now.previous:
        what = "runs nothing" if now is None else f"runs {now.reference}, the first one there"
        raise PipelineError(
            f"{place.name} {what}: there is nothing to go back to",
            exit_code=Exit.USAGE,
            advice="deploy an image by digest: invoke deploy",
        )
    check_reference(now.previous)
    rollout.pull(now.previous)
    why = rollout.put(now.previous, "")
    if why:
        _put_back(rollout, now, now.previous, why)


def _put_back(rollout: Rollout, before: Running | None, failed: str, why: str) -> None:
    """Restore what ran, check it, and say so.

    Raises:
        PipelineError: always GATE; the message says what is live now.
    """
    place = rollout.environment
    told = f"{failed} is not healthy in {place.name}: {why}"
    if before is None:
        rollout.remove()
        raise _gate(f"{told}; nothing ran before, so nothing runs now")
    if still := rollout.put(before.reference, before.previous):
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


def _is_live(rollout: Rollout, digest: str) -> bool:
    running = rollout.observe()
    return running is not None and running.digest == digest and running.healthy


def _latest(project: Project) -> str:
    """The digest that the registry's `latest` names."""
    digest = registry_of(project.endpoints).digest("latest")
    if not digest:
        raise PipelineError(
            f"{project.endpoints.registry} has no `latest`",
            exit_code=Exit.USAGE,
            advice="name an image by digest: REGISTRY/NAME@sha256:…",
        )
    return f"{project.endpoints.registry}@{digest}"


STEP = Step("deploy", ("verify",), check, run, None, Effect.PUBLIC)
