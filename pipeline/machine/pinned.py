"""Which versions of its tools a release is made with: a table, and what of it does not hold.

Programs of the system have a range that was tried; those of the environment are what the lock file
says, which names the sha256 of each file that may be installed. Only looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from pipeline.machine.tools import tries
from pipeline.project import Project
from pipeline.publishing.places import file_digest
from pipeline.shell import Shell
from pipeline.step import PipelineError

LOCK = Path("requirements", "pipeline.txt")
_ASKED = (Path("requirements", "pipeline.in"), Path("requirements", "security.in"))
_NUMBER = r"(?<![\d.])v?(\d+)\.(\d+)(?:\.(\d+))?"
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")
_WHOLE = "python3 -m pip install --require-hashes -r requirements/pipeline.txt"


@dataclass(frozen=True, slots=True)
class Program:
    """A program of the system.

    Args:
        name: what a person calls it.
        argv: asks for its version.
        lowest: the first version that was tried.
        below: the first that was not.
        command: how to get another one.
        says: what stands before the version, as a regular expression.
        mute: some builds of it do not say their version; then it is not judged.
    """

    name: str
    argv: tuple[str, ...]
    lowest: tuple[int, int]
    below: tuple[int, int]
    command: str
    says: str = ""
    mute: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """A line of the table.

    Args:
        name: of the program or the package.
        version: what is here; empty where it does not say.
        wanted: the range, or the version of the lock.
        digest: of the lock file that pins it; empty for a program of the system.
        command: how to get a wanted one; empty where this one is.
    """

    name: str
    version: str
    wanted: str
    digest: str = ""
    command: str = ""


PROGRAMS = (
    Program("git", ("git", "--version"), (2, 34), (3, 0), "install git 2.34 or later"),
    Program(
        "container engine",
        ("docker", "version", "--format", "{{.Server.Version}}"),
        (24, 0),
        (30, 0),
        "install Docker Engine 24 to 29",
    ),
    Program(
        "docker buildx",
        ("docker", "buildx", "version"),
        (0, 11),
        (1, 0),
        "install docker-buildx 0.11 or later",
    ),
    Program(
        "docker compose",
        ("docker", "compose", "version"),
        (2, 20),
        (6, 0),
        "install docker-compose 2.20 or later",
    ),
    Program("skopeo", ("skopeo", "--version"), (1, 9), (2, 0), "install skopeo 1.9 or later"),
    Program(
        "cosign",
        ("cosign", "version"),
        (2, 4),
        (3, 0),
        "install cosign 2.4 to 2.6",
        says=r"GitVersion:\s*",
        mute=True,  # Debian's says `devel`
    ),
    Program(
        "kubectl",
        ("kubectl", "version", "--client"),
        (1, 29),
        (1, 40),
        "install kubectl 1.29 or later",
        says=r"Client Version:\s*",
    ),
    Program("trivy", ("trivy", "--version"), (0, 59), (0, 75), _WHOLE),
)


def tools(project: Project) -> tuple[Tool, ...]:
    """The table: each program that is here, each package that the lock names for this machine."""
    return (*_programs(project), *_packages(project.root))


def _programs(project: Project) -> Iterator[Tool]:
    for program in PROGRAMS:
        argv = _found(project.shell, program)
        if not argv or not tries(project.shell, argv):
            continue  # whether it is needed is told elsewhere
        said = project.shell.run(argv, check=False, timeout=60)
        match = re.search(program.says + _NUMBER, said.stdout + said.stderr)
        low, below = (".".join(map(str, each)) for each in (program.lowest, program.below))
        wanted = f"from {low}, below {below}"
        if match is None:
            yield Tool(program.name, "", wanted, command="" if program.mute else program.command)
            continue
        number = (int(match[1]), int(match[2]))
        fits = program.lowest <= number < program.below
        version = ".".join(filter(None, match.groups()))
        yield Tool(program.name, version, wanted, command="" if fits else program.command)


def _found(shell: Shell, program: Program) -> tuple[str, ...]:
    """How to ask; Trivy is the one of the lock, which is checked by sha256, where there is one."""
    if program.name != "trivy":
        return program.argv
    from pipeline.security.trivy import find_trivy

    try:
        return (str(find_trivy(shell)), *program.argv[1:])
    except PipelineError:
        return ()


def _packages(root: Path) -> Iterator[Tool]:
    """What the pipeline asks for by name; the rest comes with it."""
    if not (root / LOCK).is_file():
        return
    digest = file_digest(root / LOCK)
    asked = {name for path in _ASKED for name in _asked(root / path)}
    for requirement in _locked(root / LOCK):
        name = canonicalize_name(requirement.name)
        if name not in asked or not (requirement.marker is None or requirement.marker.evaluate()):
            continue
        wanted = str(requirement.specifier).removeprefix("==")
        here = _installed(name)
        yield Tool(name, here, wanted, digest, "" if here == wanted else _WHOLE)


def _asked(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := _NAME.match(line):
            yield canonicalize_name(match[0])


def _locked(path: Path) -> Iterator[Requirement]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line[:1].isalnum():
            try:
                yield Requirement(line.rstrip("\\ "))
            except InvalidRequirement:
                continue


def _installed(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
