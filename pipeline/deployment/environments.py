"""The places to deploy to: `deploy/environments.toml`, one table per environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from pipeline.deployment.places import (
    ComposePlace,
    KubernetesPlace,
    Place,
    SwarmPlace,
    checked_name,
)
from pipeline.project import Project
from pipeline.step import Exit, PipelineError


class Approval(StrEnum):
    """Who has to agree to a deployment."""

    NONE = "none"  # nobody
    ASK = "ask"  # somebody with a name, each time


class Digests(StrEnum):
    """Which images an environment takes, always by digest."""

    REGISTRY = "registry"  # those of the registry that releases go to
    ANY = "any"  # of any registry


class Gates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a version has to show before it stays.

    Args:
        timeout: seconds until the platform has to call it healthy.
        settle: seconds that it has to stay ready without a restart.
        answer_ms: milliseconds in which `/readyz` has to answer, the best of some times.
        canary: what is synced with the new image before it goes live; empty: nothing.
    """

    timeout: int = 90
    settle: int = 10
    answer_ms: int = 1000
    canary: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.timeout <= 3600:
            raise ValueError(f"a timeout of {self.timeout} s is not between 1 and 3600")
        if not 0 <= self.settle <= 3600:
            raise ValueError(f"settling for {self.settle} s is not between 0 and 3600")
        if not 0 < self.answer_ms <= 60_000:
            raise ValueError(f"an answer in {self.answer_ms} ms is not between 1 and 60000")
        if self.canary.startswith("-") or not self.canary.isprintable():
            raise ValueError(f"{self.canary!a} is nothing to sync")


class _Entry(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    context: str = ""
    approval: Approval = Approval.NONE
    release: bool = False
    digests: Digests = Digests.REGISTRY
    ledger: str = ""
    gates: Gates = Gates()

    def __post_init__(self) -> None:
        if self.context.startswith("-") or not self.context.isprintable():
            raise ValueError(f"{self.context!a} is no context")


class _Compose(_Entry, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="compose"):
    compose: ComposePlace


class _Swarm(_Entry, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="swarm"):
    swarm: SwarmPlace


class _Kubernetes(_Entry, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="kubernetes"):
    kubernetes: KubernetesPlace


@dataclass(frozen=True, slots=True)
class Environment:
    """One place to deploy to.

    Args:
        name: as in the file.
        place: where on its platform; its type is the kind of the platform.
        context: docker context or kubectl context; empty is the machine's own.
        approval: who has to agree.
        release: whether a release deploys here at its end.
        digests: which images are taken.
        gates: what a version has to show.
        ledger: folder of ledger and lock; empty: `dist/deploy/ledger` of the repository.
    """

    name: str
    place: Place
    context: str = ""
    approval: Approval = Approval.NONE
    release: bool = False
    digests: Digests = Digests.REGISTRY
    gates: Gates = field(default_factory=Gates)
    ledger: str = ""

    @property
    def kind(self) -> str:
        """`compose`, `swarm` or `kubernetes`."""
        return type(self.place).__name__.removesuffix("Place").lower()


def load_environments(project: Project) -> tuple[Environment, ...]:
    """Read the file that the endpoints name.

    Raises:
        PipelineError: ENVIRONMENT, it is missing or malformed.
    """
    path = project.root / project.endpoints.environments
    try:
        entries = msgspec.toml.decode(
            path.read_bytes(),
            type=dict[str, _Compose | _Swarm | _Kubernetes],
            dec_hook=_path,
        )
        return tuple(_environment(project, name, entry) for name, entry in entries.items())
    except OSError as error:
        raise _wrong(f"cannot read {path}: {error.strerror}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise _wrong(f"{path}: {error}") from None


def find_environment(project: Project, name: str) -> Environment:
    """One environment by name, with all its files there; an empty name is the only one there is.

    Raises:
        PipelineError: USAGE, there is none of that name, or none was named and there are several;
            ENVIRONMENT, a file that it names is not there.
    """
    found = load_environments(project)
    known = ", ".join(environment.name for environment in found)
    if not name and len(found) == 1:
        return checked_files(found[0])
    for environment in found:
        if environment.name == name:
            return checked_files(environment)
    what = f"there is no environment {name!a}" if name else "no environment was named"
    raise PipelineError(what, exit_code=Exit.USAGE, advice=f"name one of: {known}")


def checked_files(environment: Environment) -> Environment:
    """The environment, if the files that it names are there.

    Raises:
        PipelineError: ENVIRONMENT, names the first that is not.
    """
    for path in environment.place.needed():
        if not path.exists():
            raise _wrong(f"{environment.name}: {path} is not there")
    return environment


def _environment(
    project: Project, name: str, entry: _Compose | _Swarm | _Kubernetes
) -> Environment:
    match entry:
        case _Compose(compose=place) | _Swarm(swarm=place) | _Kubernetes(kubernetes=place):
            return Environment(
                name=checked_name(name, "environment"),
                place=place.at(project.root),
                context=entry.context,
                approval=entry.approval,
                release=entry.release,
                digests=entry.digests,
                gates=entry.gates,
                ledger=entry.ledger,
            )


def _path(kind: type, value: Any) -> Any:
    """Paths are strings in the file."""
    if kind is Path and isinstance(value, str) and value and value.isprintable():
        return Path(value)
    raise ValueError(f"{value!a} is no path")


def _wrong(message: str) -> PipelineError:
    return PipelineError(
        message.replace("\n", " "),
        exit_code=Exit.ENVIRONMENT,
        advice="repair the file of environments, see docs/operations/deploy.md",
    )
