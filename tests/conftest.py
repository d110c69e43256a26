"""What all tests share: a missing tool is a skip in plain sight here, and a failure in CI."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from functools import cache
from pathlib import Path

import pytest
from hypothesis import Phase, settings


@cache
def engine_problem() -> str:
    """Why no container engine can be used, empty when one answers."""
    if shutil.which("docker") is None:
        return "no docker command"
    probe = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return "" if probe.returncode == 0 else "no container engine answers"


_ALSO_CALLED = {"chromium": ("google-chrome", "chromium-browser")}


_FOR_ONE_SESSION = frozenset({"kind"})  # of `nox -s cluster`; nothing else provisions it


def found(tool: str) -> bool:
    """Whether a program is there, under any of its names."""
    return any(map(shutil.which, (tool, *_ALSO_CALLED.get(tool, ()))))


def problem_of(item: pytest.Item) -> str:
    """Which tool a test lacks, by its markers, empty when it can run."""
    if item.get_closest_marker("engine") and (problem := engine_problem()):
        return f"{problem}: `nox -s rehearse -- --provision` installs one"
    for marker in item.iter_markers("needs"):
        for tool in marker.args:
            if not found(tool) and tool in _FOR_ONE_SESSION:
                return f"{tool} is not installed; on Debian: apt-get install {tool}/trixie"
            if not found(tool):
                return f"{tool} is not installed: `nox -s rehearse -- --provision` installs it"
    return ""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--pictures", action="store_true", help="renew the pictures of the documentation"
    )


def pytest_configure() -> None:
    """Fix the draw of property tests where a verdict hangs on it; let Ctrl-C mean something.

    Property tests explore on a laptop; in CI and at the gates of a release (`MGIT_TESTS_FIXED`)
    the same tree gets the same verdict. A shell has its background jobs ignore SIGINT, and every
    process that they start inherits it.
    """
    fixed = bool(os.environ.get("CI") or os.environ.get("MGIT_TESTS_FIXED"))
    settings.register_profile("mgit", deadline=None, derandomize=fixed, max_examples=60)
    # Mutation testing runs each of them hundreds of times and wants a verdict, no small example.
    few = int(os.environ.get("MGIT_TESTS_EXAMPLES", "0"))
    quick = (Phase.explicit, Phase.generate)
    settings.register_profile(
        "mutants", deadline=None, derandomize=fixed, max_examples=few or 100, phases=quick
    )
    settings.load_profile("mutants" if few else "mgit")
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


# Provisioned from Debian's newer suite; on another Linux there is nothing to provision them from.
_ONLY_ON_DEBIAN = frozenset({"chromium", "cosign"})


def cannot_be_had(item: pytest.Item) -> bool:
    """Whether what a test lacks is nothing that this system's CI could have provisioned."""
    wanted = {tool for marker in item.iter_markers("needs") for tool in marker.args}
    missing = {tool for tool in wanted if not found(tool)}
    system = Path("/etc/os-release")
    debian = system.is_file() and "\nID=debian\n" in f"\n{system.read_text(encoding='utf-8')}\n"
    return bool(missing) and missing <= _ONLY_ON_DEBIAN and not debian


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if problem := problem_of(item):
        if os.environ.get("CI") and not cannot_be_had(item):
            pytest.fail(f"{problem} (a skip for want of a tool is a failure in CI)", pytrace=False)
        pytest.skip(problem)
