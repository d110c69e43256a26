"""What a release needs from a machine: which tools, what for, how to get them. Only looks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.machine import apt, emulation
from pipeline.project import Project
from pipeline.shell import Shell
from pipeline.step import PipelineError

BASE_IMAGE = "debian:trixie-slim"
REGISTRY_IMAGE = "registry:2"
EMULATION = "arm64 emulation"
_PROBE_SECONDS = 90


@dataclass(frozen=True, slots=True)
class Missing:
    """A tool that is not there.

    Args:
        name: what a person calls it.
        why: what cannot be done without it.
        command: how to get it.
        own: Debian packages from the machine's own suite.
        newer: Debian packages from trixie, because older ones lack what is needed.
    """

    name: str
    why: str
    command: str
    own: tuple[str, ...] = ()
    newer: tuple[str, ...] = ()


ENGINE = Missing(
    "container engine",
    "builds, runs and deploys the image",
    "install Docker Engine 24 or later and start it",
    newer=("docker.io", "docker-cli", "containerd"),
)
_BUILDX = Missing(
    "docker buildx",
    "builds for several platforms",
    "install docker-buildx",
    newer=("docker-buildx",),
)
_COMPOSE = Missing(
    "docker compose", "deploys", "install docker-compose (v2)", newer=("docker-compose",)
)
_SKOPEO = Missing(
    "skopeo", "copies images between layouts and registries", "install skopeo", own=("skopeo",)
)
_REGISTRY = Missing(
    "docker-registry",
    "stands in for the image registry in a rehearsal",
    f"install docker-registry, or docker pull {REGISTRY_IMAGE}",
    own=("docker-registry",),
)
_SSH = Missing("ssh-keygen", "signs the tag", "install openssh-client", own=("openssh-client",))
_MMDEBSTRAP = Missing(
    "mmdebstrap",
    "makes the base image where it cannot be pulled",
    "install mmdebstrap",
    own=("mmdebstrap",),
)
_GIT = Missing("git", "everything starts from a commit", "install git", own=("git",))
_TRIVY = Missing(
    "trivy",
    "scans the image and the tree",
    "python3 -m pip install -r requirements/security.txt (Linux, x86-64), or install trivy",
)
_COSIGN = Missing(
    "cosign",
    "signs checksums, provenance and image, and verifies them",
    "install cosign 2.4 or 2.5",
    newer=("cosign",),
)
_KUBECTL = Missing(
    "kubectl",
    "renders the overlays of deploy/kubernetes for the scanners, and deploys to a cluster",
    "install kubectl 1.29 or later",
    newer=("kubectl",),
)
# What only tests start; no release lacks them.
_FOR_TESTS = tuple(
    Missing(name, f"the tests try {what}", f"install {package}", own=(package,))
    for name, package, what in (
        ("git-lfs", "git-lfs", "large files"),
        ("zsh", "zsh", "completion in it"),
        ("fish", "fish", "completion in it"),
        ("strace", "strace", "kills and errors of the disk at chosen system calls"),
        ("systemd-analyze", "systemd", "the units of deploy/systemd"),
        ("promtool", "prometheus", "alert rules and the dashboard's queries"),
        ("prometheus-alertmanager", "prometheus-alertmanager", "an alert on its way to people"),
        ("chromium", "chromium", "the status page in it"),
    )
)


def missing_for_tests(shell: Shell) -> tuple[Missing, ...]:
    """What the tests lack here beside that. Read-only."""
    lacking = (tool for tool in _FOR_TESTS if not runs(shell, tool.name, "--version"))
    return tuple(map(_with_command, lacking))


def missing_emulation(shell: Shell) -> tuple[Missing, ...]:
    """What the tests lack here that run the image for arm64. Read-only."""
    why = emulation.Emulation().lacking()
    if not why or os.uname().machine in {"aarch64", "arm64"}:
        return ()
    there = runs(shell, emulation.PROGRAM, "--version")
    own = () if there else (emulation.PACKAGE,)
    return (Missing(EMULATION, f"runs the image for arm64; {why}", emulation.COMMAND, own=own),)


def missing_tools(project: Project) -> tuple[Missing, ...]:
    """What this release would lack here, in the order in which to get it.

    Only a rehearsal needs a registry of its own, and only what is signed a program that signs.
    """
    missing = look(project.shell, project.endpoints.base_image)
    needless = set() if project.endpoints.rehearsal else {_REGISTRY.name}
    if not project.endpoints.signing_key_file:
        needless.add(_SSH.name)
    if not project.endpoints.cosign_public_file:
        needless.add(_COSIGN.name)
    return tuple(tool for tool in missing if tool.name not in needless)


def look(shell: Shell, base_image: str = BASE_IMAGE) -> tuple[Missing, ...]:
    """What this machine lacks. Read-only.

    Args:
        shell: starts the probes.
        base_image: reference that the Dockerfile builds on.
    """
    engine = engine_answers(shell)
    found = (
        (_GIT, runs(shell, "git", "--version")),
        (ENGINE, engine),
        (_BUILDX, runs(shell, "docker", "buildx", "version")),
        (_COMPOSE, runs(shell, "docker", "compose", "version")),
        (_SKOPEO, runs(shell, "skopeo", "--version")),
        (_SSH, runs(shell, "ssh", "-V")),
        (_REGISTRY, has_registry(shell)),
        (_TRIVY, _has_trivy(shell)),
        (_COSIGN, runs(shell, "cosign", "version")),
        (_KUBECTL, runs(shell, "kubectl", "version", "--client")),
    )
    missing = [_with_command(tool) for tool, is_there in found if not is_there]
    if not (engine and can_build_on(shell, base_image)):
        missing.append(
            Missing(
                f"base image {base_image}",
                "the image is built on it",
                f"docker pull {base_image}",
                own=() if runs(shell, "mmdebstrap", "--version") else _MMDEBSTRAP.own,
            )
        )
    return tuple(missing)


def engine_answers(shell: Shell) -> bool:
    """Whether `docker` reaches an engine."""
    return runs(shell, "docker", "version", "--format", "{{.Server.Version}}")


def has_registry(shell: Shell) -> bool:
    """Whether a stand-in for the image registry can be started."""
    return runs(shell, "docker-registry", "--version") or _has_image(shell, REGISTRY_IMAGE)


def _has_trivy(shell: Shell) -> bool:
    from pipeline.security.trivy import find_trivy

    try:
        find_trivy(shell)
    except PipelineError:
        return False
    return True


def can_build_on(shell: Shell, reference: str) -> bool:
    """Whether the engine has a base image, or its registry answers that it does."""
    ask = ("docker", "buildx", "imagetools", "inspect", reference)
    return _has_image(shell, reference) or runs(shell, *ask)


def _has_image(shell: Shell, reference: str) -> bool:
    return runs(shell, "docker", "image", "inspect", "--format", "{{.Id}}", reference)


def runs(shell: Shell, *argv: str) -> bool:
    """Whether a program is there and ends well."""
    return tries(shell, argv)


def tries(shell: Shell, argv: Sequence[str]) -> bool:
    """Whether a command ends well, in bounded time."""
    try:
        return shell.run(argv, check=False, timeout=_PROBE_SECONDS).ok
    except PipelineError:
        return False


def _with_command(tool: Missing) -> Missing:
    """On Debian and its kin the packages say more than a general word."""
    packages = " ".join(
        [*tool.own, *(f"{name}/{apt.SUITE}" for name in tool.newer if apt.codename() != apt.SUITE)]
    )
    if not packages or not apt.codename():
        return tool
    command = f"as root: nox -s rehearse -- --provision (apt-get install {packages})"
    return Missing(tool.name, tool.why, command, tool.own, tool.newer)
