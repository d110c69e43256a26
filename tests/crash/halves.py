"""One command of a release as a process of its own, made to be killed."""

from __future__ import annotations

import multiprocessing
import os
import sys
from contextlib import ExitStack
from multiprocessing.connection import wait
from pathlib import Path
from threading import Lock
from typing import NoReturn

# Loaded before the first fork, so that no run waits for it.
import requests  # noqa: F401
import twine.package
import twine.repository  # noqa: F401

import pipeline.abort
import pipeline.release
import pipeline.undo
import pipeline.withdraw  # noqa: F401
from pipeline import commands, invocation
from pipeline.deployment import commands as deploying
from pipeline.endpoints import FAULT_VARIABLE, VARIABLE
from pipeline.invocation import Options
from pipeline.step import Exit
from tests.crash import standins
from tests.crash.world import TAG, World

_SECONDS = 240
_ONE_AT_A_TIME = Lock()
_PASSED = {"PATH", "HOME", "LANG", "TMPDIR", "TZ"}

HALVES = ("laptop", "abort", "ci", "sign", "deploy")
"""The commands: `release`, `release --abort`, `publish`, `publish` with a key, `deploy`."""


def play(world: World, half: str, fault: str = "", *, resume: bool = False) -> int:
    """Run one command to its end.

    Returns:
        its exit code, as a shell tells it: 137 for one that was killed.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    given = (half, str(world.here), str(world.endpoints), str(world.engine), fault, resume)
    process = context.Process(target=_child, args=given)
    # Starting one process looks after all others, and an exit code can be read only once.
    with _ONE_AT_A_TIME:
        process.start()
    wait([process.sentinel], _SECONDS)
    with _ONE_AT_A_TIME:
        code = process.exitcode
    if code is None:
        process.kill()
        raise TimeoutError(f"{half} took longer than {_SECONDS} s")
    return code if code >= 0 else 128 - code


def said(world: World) -> str:
    """What the last commands of a world printed."""
    log = world.here.with_name("said.txt")
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""


def _child(half: str, here: str, endpoints: str, engine: str, fault: str, resume: bool) -> NoReturn:
    place = Path(here)
    log = os.open(place.with_name("said.txt"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(place)
    kept = {name: value for name, value in os.environ.items() if name in _PASSED}
    os.environ.clear()
    os.environ.update(kept)
    os.environ["PATH"] = f"{engine}{os.pathsep}{kept['PATH']}"
    os.environ["HOME"] = str(place.parent)
    os.environ[VARIABLE] = endpoints
    os.environ[FAULT_VARIABLE] = fault
    options = Options(resume=resume)
    with ExitStack() as stack:
        standins.install(stack)
        code = invocation.guarded(lambda: _command(half, place, options))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(code))


def _command(half: str, here: Path, options: Options) -> Exit:
    match half:
        case "laptop":
            return commands.release(here, options)
        case "abort":
            return commands.release_as_asked(here, options, plan=False, undo=True)
        case "ci" | "sign":
            return commands.publish(here, options, TAG)
        case _:
            return deploying.deploy(here, deploying.Asked())
