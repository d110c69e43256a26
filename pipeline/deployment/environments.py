"""The places to deploy to: `deploy/environments.toml`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pipeline.project import Project
from pipeline.step import Exit, PipelineError

_NAME = re.compile(r"^[a-z0-9][a-z0-9_-]{0,62}$")


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    config: str
    secrets: str
    port: int
    project: str = "mgit"
    compose: tuple[str, ...] = ("docker/compose.yaml",)
    context: str = ""
    memory: str = "1g"
    timeout: int = 90
    release: bool = False


@dataclass(frozen=True, slots=True)
class Environment:
    """One place to deploy to.

    Args:
        name: as in the file.
        project: compose project; containers and volumes carry its name.
        compose: compose files, the later ones change the earlier ones.
        config: folder with `config.toml`.
        secrets: folder with token files.
        port: where the service answers on loopback of this machine.
        context: docker context of the engine; empty is the current one.
        memory: limit, for example `1g`.
        timeout: seconds in which it must be healthy.
        release: whether a release deploys here at its end.
    """

    name: str
    project: str
    compose: tuple[Path, ...]
    config: Path
    secrets: Path
    port: int
    context: str
    memory: str
    timeout: int
    release: bool

    def url(self, path: str) -> str:
        """Where the service answers."""
        return f"http://127.0.0.1:{self.port}{path}"


def load_environments(project: Project) -> tuple[Environment, ...]:
    """Read the file that the endpoints name.

    Raises:
        PipelineError: missing or malformed, or it names a file that is not there.
    """
    path = project.root / project.endpoints.environments
    try:
        entries = msgspec.toml.decode(path.read_bytes(), type=dict[str, _Entry])
    except OSError as error:
        raise _wrong(f"cannot read {path}: {error.strerror}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _wrong(f"{path}: {error}") from None
    return tuple(_environment(project, name, entry) for name, entry in entries.items())


def find_environment(project: Project, name: str) -> Environment:
    """One environment by name; an empty name is the only one there is.

    Raises:
        PipelineError: there is none of that name, or none was named and there are several.
    """
    found = load_environments(project)
    known = ", ".join(environment.name for environment in found)
    if not name and len(found) == 1:
        return found[0]
    for environment in found:
        if environment.name == name:
            return environment
    what = f"there is no environment {name!a}" if name else "no environment was named"
    raise PipelineError(what, exit_code=Exit.USAGE, advice=f"name one of: {known}")


def _environment(project: Project, name: str, entry: _Entry) -> Environment:
    for text in (name, entry.project):
        if not _NAME.fullmatch(text):
            raise _wrong(f"{text!a} is no name for an environment or a compose project")
    if not 0 < entry.port < 65536:
        raise _wrong(f"{name}: {entry.port} is no port")
    compose = tuple(project.root / file for file in entry.compose)
    config, secrets = project.root / entry.config, project.root / entry.secrets
    for path in (*compose, config / "config.toml", secrets):
        if not path.exists():
            raise _wrong(f"{name}: {path} is not there")
    return Environment(
        name=name,
        project=entry.project,
        compose=compose,
        config=config,
        secrets=secrets,
        port=entry.port,
        context=entry.context,
        memory=entry.memory,
        timeout=entry.timeout,
        release=entry.release,
    )


def _wrong(message: str) -> PipelineError:
    return PipelineError(
        message, exit_code=Exit.ENVIRONMENT, advice="repair the file of environments"
    )
