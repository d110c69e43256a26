"""deploy: the digest goes live where the environments say, or the previous one stays live.

A rollout is gated by health, see `pipeline.deployment`. When a gate says no the previous digest is
put back and checked in the same way.
"""

from __future__ import annotations

from dataclasses import replace

from pipeline.deployment import commands
from pipeline.deployment.commands import Asked, Hands
from pipeline.deployment.environments import Environment, find_environment, load_environments
from pipeline.deployment.ledger import is_proven, ledger_path, read_ledger
from pipeline.deployment.targets import open_target
from pipeline.project import Project
from pipeline.step import Done, Effect, Facts, Step, Todo, Verdict


def check(project: Project, facts: Facts) -> Verdict:
    """Does the digest run everywhere, and did it pass its gates?"""
    places = [place for place in load_environments(project) if place.release]
    if not facts.image_digest:
        return Todo(tuple(f"deploy to {place.name}" for place in places))
    waiting = [place for place in places if not _is_live(project, place, facts.image_digest)]
    if waiting:
        return Todo(tuple(f"deploy {facts.image_digest} to {place.name}" for place in waiting))
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
        PipelineError: see `pipeline.deployment.rollout.deploy`.
    """
    place = find_environment(project, environment)
    commands.deploy_to(project, place, Asked(reference=reference), Hands())


def rollback(project: Project, environment: str) -> None:
    """Put the image back that ran before.

    Raises:
        PipelineError: see `pipeline.deployment.rollout.rollback`.
    """
    commands.roll_back(project, find_environment(project, environment), Hands())


def _is_live(project: Project, place: Environment, digest: str) -> bool:
    running = open_target(project, place).observe()
    if running is None or running.digest != digest or not running.healthy:
        return False
    return is_proven(read_ledger(ledger_path(project, place)), running.reference)


STEP = Step("deploy", ("verify",), check, run, None, Effect.PUBLIC)
