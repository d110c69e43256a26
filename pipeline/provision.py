"""What the release needs from this machine, and how it gets there.

`python -m pipeline.provision` installs what is missing on a Debian machine where it may (root);
with `--check`, or anywhere else, it names each missing tool and the command that gets it.
It says what it will do before it does it, may be run twice, and leaves a working engine alone.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline import apt
from pipeline.project import Project, child_environment
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError

BASE_IMAGE = "debian:trixie-slim"
REGISTRY_IMAGE = "registry:2"
_BASE_EPOCH = "1735689600"  # any fixed time does: it makes the base image the same each time
_DAEMON_JSON = Path("/etc/docker/daemon.json")
_DAEMON_LOG = Path("/var/log/mgit-dockerd.log")
_DAEMON_PID = Path("/run/mgit-dockerd.pid")
_LOCK = Path("/run/lock/mgit-provision.lock")
_PULL_SECONDS = 90
_START_SECONDS = 60


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


_ENGINE = Missing(
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


def missing_tools(project: Project) -> tuple[Missing, ...]:
    """What this release would lack here, in the order in which to get it.

    Only a rehearsal needs a registry of its own.
    """
    missing = look(project.shell, project.endpoints.base_image)
    needed = project.endpoints.rehearsal
    return tuple(tool for tool in missing if needed or tool.name != _REGISTRY.name)


def look(shell: Shell, base_image: str = BASE_IMAGE) -> tuple[Missing, ...]:
    """What this machine lacks. Read-only.

    Args:
        shell: starts the probes.
        base_image: reference that the Dockerfile builds on.
    """
    engine = engine_answers(shell)
    found = (
        (_GIT, _runs(shell, "git", "--version")),
        (_ENGINE, engine),
        (_BUILDX, _runs(shell, "docker", "buildx", "version")),
        (_COMPOSE, _runs(shell, "docker", "compose", "version")),
        (_SKOPEO, _runs(shell, "skopeo", "--version")),
        (_REGISTRY, _has_registry(shell)),
        (_TRIVY, _has_trivy(shell)),
    )
    missing = [_with_command(tool) for tool, is_there in found if not is_there]
    if not (engine and _can_build_on(shell, base_image)):
        missing.append(
            Missing(
                f"base image {base_image}",
                "the image is built on it",
                f"docker pull {base_image}",
                own=() if _runs(shell, "mmdebstrap", "--version") else _MMDEBSTRAP.own,
            )
        )
    return tuple(missing)


def engine_answers(shell: Shell) -> bool:
    """Whether `docker` reaches an engine."""
    return _runs(shell, "docker", "version", "--format", "{{.Server.Version}}")


def provision(
    shell: Shell, say: Callable[[str], None], base_image: str = BASE_IMAGE
) -> tuple[Missing, ...]:
    """Get what is missing, as far as this machine lets us, and say what is done.

    Args:
        shell: starts everything.
        say: gets one line per thing that will be done, before it is done.
        base_image: reference that the Dockerfile builds on.

    Returns:
        What is still missing afterwards.

    Raises:
        PipelineError: an installation failed.
    """
    missing = look(shell, base_image)
    if not missing:
        return ()
    suite = apt.codename()
    if suite and os.geteuid() == 0:
        with _one_at_a_time():
            missing = look(shell, base_image)
            _install(apt.Debian(shell, suite), missing, say)
            if not engine_answers(shell):
                start_engine(shell, say)
    if engine_answers(shell):
        _get_base(shell, base_image, suite, say)
        if not _has_registry(shell):
            say(f"docker pull {REGISTRY_IMAGE}")
            _tries(shell, ("docker", "pull", "--quiet", REGISTRY_IMAGE))
    return look(shell, base_image)


def _install(debian: apt.Debian, missing: Sequence[Missing], say: Callable[[str], None]) -> None:
    own = [name for tool in missing for name in tool.own]
    newer = [name for tool in missing for name in tool.newer]
    if any(tool.name == _ENGINE.name for tool in missing):
        _configure_daemon(say)
        if _runs(debian.shell, "dockerd", "--version"):
            newer = [name for name in newer if name not in {"docker.io", "containerd"}]
    if not own and not newer:
        return
    if own:
        say(f"apt-get install from {debian.codename}: {' '.join(own)}")
    if newer:
        say(f"apt-get install from {apt.SUITE}, pinned low: {' '.join(newer)}")
        debian.add_suite()
    debian.install(own, newer)


def _configure_daemon(say: Callable[[str], None]) -> None:
    """Ask for the containerd image store: it alone builds several platforms into one layout."""
    try:
        settings = json.loads(_DAEMON_JSON.read_text(encoding="utf-8"))
    except FileNotFoundError:
        settings = {}
    except ValueError as error:
        raise PipelineError(
            f"{_DAEMON_JSON} is not valid JSON: {error}",
            exit_code=Exit.ENVIRONMENT,
            advice="repair or remove the file",
        ) from None
    features = settings.setdefault("features", {})
    if features.get("containerd-snapshotter") is True:
        return
    features["containerd-snapshotter"] = True
    say(f"write {_DAEMON_JSON}: features.containerd-snapshotter = true")
    _DAEMON_JSON.parent.mkdir(parents=True, exist_ok=True)
    _DAEMON_JSON.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def start_engine(shell: Shell, say: Callable[[str], None]) -> None:
    """Start dockerd detached from this process and wait until it answers.

    Raises:
        PipelineError: it does not answer within a minute; names its log.
    """
    say(f"start dockerd, log in {_DAEMON_LOG}")
    shell.run(
        (
            *("start-stop-daemon", "--start", "--oknodo", "--background", "--make-pidfile"),
            *("--pidfile", _DAEMON_PID, "--output", _DAEMON_LOG),
            *("--exec", "/usr/sbin/dockerd"),
        )
    )
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if engine_answers(shell):
            return
        time.sleep(0.5)
    raise PipelineError(
        f"dockerd was started but does not answer after {_START_SECONDS} s",
        exit_code=Exit.ENVIRONMENT,
        advice=f"look at the end of {_DAEMON_LOG}",
    )


def _get_base(shell: Shell, reference: str, suite: str, say: Callable[[str], None]) -> None:
    if _can_build_on(shell, reference):
        return
    if not (suite and os.geteuid() == 0 and _runs(shell, "mmdebstrap", "--version")):
        return
    say(f"{reference} is not to be had: make it with mmdebstrap from this machine's own mirror")
    make_base(apt.Debian(shell, suite), reference)


def make_base(debian: apt.Debian, reference: str) -> None:
    """Make a minimal Debian image from the package mirror and give it a name.

    Args:
        debian: this machine.
        reference: the name, for example `debian:trixie-slim`.
    """
    with tempfile.TemporaryDirectory(prefix="mgit-base-") as folder:
        sources, tar = Path(folder, "trixie.sources"), Path(folder, "base.tar")
        sources.write_text(debian.sources(), encoding="utf-8")
        # mmdebstrap drops its rights for parts of the work and must still read the file.
        Path(folder).chmod(0o755)
        debian.shell.run(
            ("mmdebstrap", "--quiet", "--variant=minbase", apt.SUITE, tar, sources),
            env={"SOURCE_DATE_EPOCH": _BASE_EPOCH},
        )
        debian.shell.run(("docker", "import", "--change", 'CMD ["bash"]', tar, reference))


def _has_registry(shell: Shell) -> bool:
    return _runs(shell, "docker-registry", "--version") or _has_image(shell, REGISTRY_IMAGE)


def _has_trivy(shell: Shell) -> bool:
    from pipeline.trivy import find_trivy

    try:
        find_trivy(shell)
    except PipelineError:
        return False
    return True


def _can_build_on(shell: Shell, reference: str) -> bool:
    """Whether the engine has a base image, or its registry answers that it does."""
    ask = ("docker", "buildx", "imagetools", "inspect", reference)
    return _has_image(shell, reference) or _runs(shell, *ask)


def _has_image(shell: Shell, reference: str) -> bool:
    return _runs(shell, "docker", "image", "inspect", "--format", "{{.Id}}", reference)


def _runs(shell: Shell, *argv: str) -> bool:
    return _tries(shell, argv)


def _tries(shell: Shell, argv: Sequence[str]) -> bool:
    try:
        return shell.run(argv, check=False, timeout=_PULL_SECONDS).ok
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


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    _LOCK.parent.mkdir(parents=True, exist_ok=True)
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(argv: Sequence[str] | None = None, shell: Shell | None = None) -> int:
    """The command `python -m pipeline.provision`."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.provision", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only name what is missing")
    options = parser.parse_args(argv)
    shell = shell or Shell(env=child_environment())
    try:
        missing = look(shell) if options.check else provision(shell, _say)
    except PipelineError as error:
        _say(f"error: {error.message}" + (f"; {error.advice}" if error.advice else ""))
        return int(error.exit_code)
    for tool in missing:
        _say(f"missing: {tool.name} ({tool.why}); get it: {tool.command}")
    if not missing:
        _say("everything that a release needs is here")
    return int(Exit.ENVIRONMENT if missing else Exit.DONE)


def _say(line: str) -> None:
    sys.stderr.write(f"provision: {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
