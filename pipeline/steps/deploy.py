"""deploy: the digest goes live where the environments say, or the previous one stays live.

A rollout is gated by health, see `pipeline.deployment`. When a gate says no the previous digest is
put back and checked in the same way.
"""

from __future__ import annotations

from dataclasses import replace

from pipeline.deployment.environments import Environment, find_environment, load_environments
from pipeline.deployment.rollout import deploy_to as put_live
from pipeline.deployment.rollout import is_live
from pipeline.deployment.rollout import rollback as roll_back
from pipeline.deployment.targets import open_target
from pipeline.project import Project
from pipeline.publishing.places import registry_of
from pipeline.step import Done, Effect, Exit, Facts, PipelineError, Step, Todo, Verdict


def check(project: Project, facts: Facts) -> Verdict:
    """Does the digest run and answer everywhere?"""
    places = [place for place in load_environments(project) if place.release]
    if not facts.image_digest:
        return Todo(tuple(f"deploy to {place.name}" for place in places))
    waiting = [place for place in places if not _runs(project, place, facts.image_digest)]
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
        PipelineError: see `pipeline.deployment.rollout.deploy_to`.
    """
    place = find_environment(project, environment)
    put_live(place, open_target(project, place), reference or _latest(project))


def rollback(project: Project, environment: str) -> None:
    """Put the image back that ran before.

    Raises:
        PipelineError: see `pipeline.deployment.rollout.rollback`.
    """
    place = find_environment(project, environment)
    roll_back(place, open_target(project, place))


def _runs(project: Project, place: Environment, digest: str) -> bool:
    return is_live(open_target(project, place).observe(), digest)


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
