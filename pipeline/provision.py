"""What the release needs from this machine, and how it gets there.

`python -m pipeline.provision` installs what is missing on a Debian machine where it may (root);
with `--check`, or anywhere else, it names each missing tool and the command that gets it.
It says what it will do before it does it, may be run twice, and leaves a working engine alone.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipeline.machine import apt
from pipeline.machine.emulation import Emulation
from pipeline.machine.tools import (
    BASE_IMAGE,
    EMULATION,
    ENGINE,
    REGISTRY_IMAGE,
    Missing,
    can_build_on,
    engine_answers,
    has_registry,
    look,
    missing_emulation,
    missing_for_tests,
    missing_tools,
    runs,
    tries,
)
from pipeline.project import child_environment
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError

__all__ = ["Missing", "look", "main", "missing_tools", "provision"]

_BASE_EPOCH = "1735689600"  # any fixed time does: it makes the base image the same each time
_DAEMON_JSON = Path("/etc/docker/daemon.json")
_DAEMON_LOG = Path("/var/log/mgit-dockerd.log")
_DAEMON_PID = Path("/run/mgit-dockerd.pid")
_LOCK = Path("/run/lock/mgit-provision.lock")
_START_SECONDS = 60
_OLDEST_ENGINE = 24  # the first with the containerd image store that does what we need


def provision(
    shell: Shell,
    say: Callable[[str], None],
    base_image: str = BASE_IMAGE,
    *,
    tests: bool = False,
    emulation: bool = False,
) -> tuple[Missing, ...]:
    """Get what is missing, as far as this machine lets us, and say what is done.

    Args:
        shell: starts everything.
        say: gets one line per thing that will be done, before it is done.
        base_image: reference that the Dockerfile builds on.
        tests: also what only the tests need.
        emulation: also what runs programs for arm64 here.

    Returns:
        What is still missing afterwards.

    Raises:
        PipelineError: an installation failed.
    """
    missing = _look(shell, base_image, tests=tests, emulation=emulation)
    if not missing:
        return ()
    suite = apt.codename()
    if suite and os.geteuid() == 0:
        with _one_at_a_time():
            missing = _look(shell, base_image, tests=tests, emulation=emulation)
            _install(apt.Debian(shell, suite), missing, say)
            if any(tool.name == EMULATION for tool in missing):
                Emulation().register(shell, say)
            if not engine_answers(shell):
                start_engine(shell, say)
    if engine_answers(shell):
        _get_base(shell, base_image, suite, say)
        if not has_registry(shell):
            say(f"docker pull {REGISTRY_IMAGE}")
            tries(shell, ("docker", "pull", "--quiet", REGISTRY_IMAGE))
    return _look(shell, base_image, tests=tests, emulation=emulation)


def _look(shell: Shell, base_image: str, *, tests: bool, emulation: bool) -> tuple[Missing, ...]:
    return (
        *look(shell, base_image),
        *(missing_for_tests(shell) if tests else ()),
        *(missing_emulation(shell) if emulation else ()),
    )


def _install(debian: apt.Debian, missing: Sequence[Missing], say: Callable[[str], None]) -> None:
    own = [name for tool in missing for name in tool.own]
    newer = [name for tool in missing for name in tool.newer]
    if any(tool.name == ENGINE.name for tool in missing):
        _configure_daemon(say)
        if _has_recent_daemon(debian.shell):
            newer = [name for name in newer if name not in {"docker.io", "containerd"}]
    if not own and not newer:
        return
    if own:
        say(f"apt-get install from {debian.codename}: {' '.join(own)}")
    if newer:
        say(f"apt-get install from {apt.SUITE}, pinned low: {' '.join(newer)}")
        debian.add_suite()
    debian.install(own, newer)


def _has_recent_daemon(shell: Shell) -> bool:
    """Whether dockerd is there, new enough, and only has to be started."""
    if not runs(shell, "dockerd", "--version"):
        return False
    said = shell.run(("dockerd", "--version")).stdout
    version = re.search(r"version (\d+)\.", said)
    return version is not None and int(version[1]) >= _OLDEST_ENGINE


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
    if can_build_on(shell, reference):
        return
    if not can_make_base(shell, suite):
        return
    say(f"{reference} is not to be had: make it with mmdebstrap from this machine's own mirror")
    make_base(apt.Debian(shell, suite), reference)


def can_make_base(shell: Shell, suite: str) -> bool:
    """Whether `make_base` can work here: Debian of this name, root, mmdebstrap."""
    return bool(suite) and os.geteuid() == 0 and runs(shell, "mmdebstrap", "--version")


def make_base(debian: apt.Debian, reference: str, architecture: str = "") -> None:
    """Make a minimal Debian image from the package mirror and give it a name.

    Args:
        debian: this machine.
        reference: the name, for example `debian:trixie-slim`.
        architecture: in Debian's words, of one that the kernel emulates; empty: the machine's own.
    """
    # mmdebstrap asks another package whether the kernel emulates; it was looked at before.
    other = (f"--architectures={architecture}", "--skip=check/qemu") if architecture else ()
    platform = ("--platform", f"linux/{architecture}") if architecture else ()
    with tempfile.TemporaryDirectory(prefix="mgit-base-") as folder:
        sources, tar = Path(folder, "trixie.sources"), Path(folder, "base.tar")
        sources.write_text(debian.sources(), encoding="utf-8")
        # mmdebstrap drops its rights for parts of the work and must still read the file.
        Path(folder).chmod(0o755)
        debian.shell.run(
            ("mmdebstrap", "--quiet", "--variant=minbase", *other, apt.SUITE, tar, sources),
            env={"SOURCE_DATE_EPOCH": _BASE_EPOCH},
        )
        change = ("--change", 'CMD ["bash"]')
        debian.shell.run(("docker", "import", *platform, *change, tar, reference))


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    import fcntl

    _LOCK.parent.mkdir(parents=True, exist_ok=True)
    with _LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(argv: Sequence[str] | None = None, shell: Shell | None = None) -> int:
    """The command `python -m pipeline.provision`."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.provision", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only name what is missing")
    parser.add_argument("--tests", action="store_true", help="also what only the tests need")
    parser.add_argument("--emulation", action="store_true", help="also what runs arm64 here")
    options = parser.parse_args(argv)
    chosen = {"tests": options.tests, "emulation": options.emulation}
    shell = shell or Shell(env=child_environment())
    try:
        if options.check:
            missing = _look(shell, BASE_IMAGE, **chosen)
        else:
            missing = provision(shell, _say, **chosen)
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
