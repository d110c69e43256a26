"""As process 1 of a container the service waits for what its gits leave behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sandbox.forge import SandboxForge
from tests.faults.estate import OWNER, Estate
from tests.story.laptop import CANARY

PATIENCE = 60.0
# Whoever is killed leaves its children to process 1; here it is an end in good order, each time.
_LEAVING_GIT = """\
#!/bin/sh
/bin/sh -c '/bin/sleep 0.5 & echo $! >> {log}' </dev/null >/dev/null 2>&1 &
wait
exec {git} "$@"
"""


def children_of(parent: int) -> Iterator[tuple[int, str]]:
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, above, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(above) == parent:
                yield int(entry.name), state


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    with SandboxForge(tmp_path / "forge", token=CANARY) as forge:
        forge.add_owner(OWNER)
        yield Estate.new(tmp_path / "laptop", forge)


@pytest.mark.needs("unshare")
@pytest.mark.fault("a killed git leaves orphans to process 1")
def test_no_zombie_stays(estate: Estate) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can start a process 1 of its own")
    for number in range(3):
        estate.forge.add_repo(OWNER, f"repo-{number}")
    log, git = estate.folder / "orphans", estate.laptop.home / "bin" / "git"
    git.parent.mkdir()
    git.write_text(_LEAVING_GIT.format(log=log, git=shutil.which("git")))
    git.chmod(0o755)
    outer = subprocess.Popen(
        [
            *("unshare", "--pid", "--fork", "--mount-proc", "--kill-child"),
            *(sys.executable, "-m", "mgit", "serve", "--interval", "1h"),
        ],
        env=estate.laptop.environment,
        cwd=estate.laptop.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + PATIENCE
        while len(list((estate.root / OWNER).glob("*"))) < 3:
            assert time.monotonic() < end, "the service never mirrored anything"
            assert outer.poll() is None
            time.sleep(0.05)
        [(service, _)] = children_of(outer.pid)
        while not log.exists() or any(state == "Z" for _, state in children_of(service)):
            assert time.monotonic() < end, "a zombie stays"
            time.sleep(0.05)
        time.sleep(1.0)  # the last orphans end half a second after their git
        while any(state == "Z" for _, state in children_of(service)):
            assert time.monotonic() < end, "a zombie stays"
            time.sleep(0.05)
        assert len(log.read_text().split()) >= 3, "there were orphans"
        assert len(list(children_of(service))) == 1, "the health helper lives"
        os.kill(service, signal.SIGTERM)
        assert outer.wait(PATIENCE) == 0
    finally:
        outer.kill()
        outer.wait()
