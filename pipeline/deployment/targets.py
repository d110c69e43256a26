"""From an environment to the target that its kind asks for."""

from __future__ import annotations

from functools import partial
from typing import assert_never

from pipeline.deployment.environments import Environment, checked_files
from pipeline.deployment.places import ComposePlace, KubernetesPlace, SwarmPlace
from pipeline.deployment.target import Target
from pipeline.faults import effect
from pipeline.project import Project


def open_target(project: Project, environment: Environment) -> Target:
    """Set up the target of an environment; the platform is not asked anything yet.

    Raises:
        PipelineError: ENVIRONMENT, a file that the environment names is not there.
    """
    checked_files(environment)
    match environment.place:
        case ComposePlace() as place:
            from pipeline.deployment.compose import open_compose

            return open_compose(project, environment, place, partial(effect, project))
        case SwarmPlace() as place:
            from pipeline.deployment.swarm import open_swarm

            return open_swarm(project, environment, place, partial(effect, project))
        case KubernetesPlace() as place:
            from pipeline.deployment.kubernetes import open_kubernetes

            return open_kubernetes(project, environment, place, partial(effect, project))
        case _ as never:
            assert_never(never)
