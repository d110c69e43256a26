"""What an environment's own table says of its platform: one checked type per kind.

Paths are relative to the repository in the file; `at` makes them whole. What is checked here needs
no look at the disk: an environment whose secrets lie on another machine can still be listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import msgspec

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_MOST_SHARDS = 4096  # of `mgit serve --shard`
_MEMORY = re.compile(r"[1-9][0-9]{0,11}[bkmg]?")


class _Paths(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Knows which of its fields are paths."""

    def at(self, root: Path) -> Self:
        """The same with whole paths.

        Args:
            root: the repository.
        """
        whole: dict[str, object] = {}
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, Path):
                whole[name] = root / value
            elif isinstance(value, tuple):
                whole[name] = tuple(root / each for each in value if isinstance(each, Path))
        return msgspec.structs.replace(self, **whole)

    def needed(self) -> Iterator[Path]:
        """What has to be on this machine's disk to deploy there."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            yield from (value,) if isinstance(value, Path) else ()
            yield from value if isinstance(value, tuple) else ()


class ComposePlace(_Paths, frozen=True, forbid_unknown_fields=True):
    """One compose project on one engine.

    Args:
        config: folder with `config.toml`.
        secrets: folder with token files.
        port: where the service answers on loopback of this machine.
        project: compose project; containers and volumes carry its name.
        files: compose files, the later ones change the earlier ones.
        memory: limit, for example `1g`.
    """

    config: Path
    secrets: Path
    port: int
    project: str = "mgit"
    files: tuple[Path, ...] = (Path("docker/compose.yaml"),)
    memory: str = "1g"

    def __post_init__(self) -> None:
        checked_name(self.project, "compose project")
        _checked_port(self.port)
        _checked_memory(self.memory)

    def needed(self) -> Iterator[Path]:
        yield from (*self.files, self.config / "config.toml", self.secrets)

    def url(self, path: str) -> str:
        """Where the service answers."""
        return f"http://127.0.0.1:{self.port}{path}"


class SwarmPlace(_Paths, frozen=True, forbid_unknown_fields=True):
    """One stack in one swarm.

    Args:
        config: folder with `config.toml`.
        secrets: folder with token files.
        port: where each shard answers on its node, so one shard a node; 0: each engine takes a free
            one, and the next task can be made ready before the old one stops.
        shards: how many services divide the repositories.
        stack: name of the stack; services and volumes carry it.
        files: stack files, the later ones change the earlier ones.
        memory: limit, for example `1g`.
    """

    config: Path
    secrets: Path
    port: int = 0
    shards: int = 1
    stack: str = "mgit"
    files: tuple[Path, ...] = (Path("deploy/swarm/stack.yaml"),)
    memory: str = "1g"

    def __post_init__(self) -> None:
        checked_name(self.stack, "stack")
        if self.port:
            _checked_port(self.port)
        if not 0 < self.shards <= _MOST_SHARDS:
            raise ValueError(f"{self.shards} is no number of shards")
        _checked_memory(self.memory)

    def needed(self) -> Iterator[Path]:
        yield from (*self.files, self.config / "config.toml", self.secrets)


class KubernetesPlace(_Paths, frozen=True, forbid_unknown_fields=True):
    """One namespace of one cluster.

    Args:
        overlay: folder with the overlay's `kustomization.yaml`.
        namespace: where its objects live.
    """

    overlay: Path
    namespace: str = "mgit"

    def __post_init__(self) -> None:
        if not _LABEL.fullmatch(self.namespace):
            raise ValueError(f"{self.namespace!a} is no name for a namespace")

    def needed(self) -> Iterator[Path]:
        yield self.overlay / "kustomization.yaml"


Place = ComposePlace | SwarmPlace | KubernetesPlace


def checked_name(name: str, what: str) -> str:
    """A name as docker takes it.

    Raises:
        ValueError: it is none.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!a} is no name for a {what}")
    return name


def _checked_port(port: int) -> None:
    if not 0 < port < 65536:
        raise ValueError(f"{port} is no port")


def _checked_memory(memory: str) -> None:
    if not _MEMORY.fullmatch(memory):
        raise ValueError(f"{memory!a} is no limit for memory, write for example 1g")
