"""Which system calls the programs of the image make, seen from outside by strace(1).

The root folder of the image is a change of root away, so that the very files of the image run, as
its user, without a container around them: there strace would have to be let in first.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.confinement.world import UID, World

_CALL = re.compile(r"^(?:\d+ +)?(?:\d+\.\d+ )?(\w+)\(")
_EXECVE = re.compile(r"^execve\(")
# Mounts that end with the process: no trace of it stays behind.
_MOUNTS = """
set -eu
root=$1; config=$2; home=$3; data=$4; shift 4
mount --bind /proc "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
mkdir -p "$root/etc/mgit" "$root/home/mgit" "$root/data"
mount --bind "$config" "$root/etc/mgit"
mount --bind "$home" "$root/home/mgit"
mount --bind "$data" "$root/data"
exec "$@"
"""
_ENVIRONMENT = {
    "HOME": "/home/mgit",
    "LANG": "C.UTF-8",
    "MGIT_CONFIG": "/etc/mgit/config.toml",
    "MGIT_LISTEN": "127.0.0.1:0",
    "MGIT_LOG_FORMAT": "json",
    "MGIT_ROOT": "/data",
    "MGIT_STATE_DIR": "/data/.mgit/state",
    "PATH": "/usr/local/bin:/usr/bin",
    "SSL_CERT_FILE": "/etc/mgit/authority.pem",
    "GIT_SSL_CAINFO": "/etc/mgit/authority.pem",
    "XDG_CACHE_HOME": "/data/.mgit/cache",
    "XDG_DATA_HOME": "/data/.mgit/data",
}


@dataclass
class Watch:
    """Runs programs of an unpacked image and keeps the names of their calls.

    Args:
        root: the image's root folder.
        world: what is mounted into it.
        data: becomes `/data`.
        logs: for what strace writes.
        emulated: the image is of arm64, and qemu says which calls its programs make.
    """

    root: Path
    world: World
    data: Path
    logs: Path
    emulated: bool = False

    def run(self, *words: str, until: Callable[[], bool] | None = None) -> str:
        """Run a program of the image; what it said.

        Args:
            words: program and arguments.
            until: end it by SIGTERM once this holds; it should end by itself without.
        """
        said = self.logs.parent / f"said-{time.monotonic_ns()}"
        with said.open("wb") as out:
            process = subprocess.Popen(
                [
                    *("unshare", "--mount", "--propagation", "private", "sh", "-c", _MOUNTS, "sh"),
                    *map(str, (self.root, self.world.config, self.world.home, self.data)),
                    *self._traced(),
                    *("chroot", f"--userspec={UID}:{UID}", "--groups=", str(self.root)),
                    *words,
                ],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
            if until is not None:
                deadline = time.monotonic() + 180
                while not until() and process.poll() is None and time.monotonic() < deadline:
                    time.sleep(0.2)
                for child in _children(process.pid) if process.poll() is None else ():
                    os.kill(child, signal.SIGTERM)
            process.wait(180)
        return said.read_text(errors="replace")

    def _environment(self) -> dict[str, str]:
        found = {**_ENVIRONMENT, "PATH": f"{_ENVIRONMENT['PATH']}:/usr/sbin:/sbin:/bin"}
        if self.emulated:  # qemu tells of each program that keeps these variables
            found |= {"QEMU_STRACE": "1", "QEMU_LOG_FILENAME": "/data/.qemu-%d"}
        return found

    def _traced(self) -> Sequence[str]:
        if self.emulated:
            return ()
        return ("strace", "-ff", "-qq", "-o", str(self.logs / f"run-{time.monotonic_ns()}"))

    def calls(self) -> set[str]:
        """Names of all calls so far."""
        if self.emulated:
            return {name for file in self.data.glob(".qemu-*") for name in _names(_lines(file))}
        found: set[str] = set()
        for file in self.logs.iterdir():
            found.update(_names(_own(_lines(file))))
        return found


def _own(lines: Sequence[str]) -> Sequence[str]:
    """Without what chroot(1) did to get there: its file begins with its own execve."""
    starts = [at for at, line in enumerate(lines) if _EXECVE.match(line)]
    is_chroot = bool(starts) and "chroot" in lines[starts[0]]
    return lines[starts[1] :] if is_chroot and len(starts) > 1 else lines


def _lines(file: Path) -> list[str]:
    return file.read_text(errors="replace").splitlines()


def _names(lines: Sequence[str]) -> set[str]:
    return {found[1] for line in lines if (found := _CALL.match(line))}


def _children(pid: int) -> list[int]:
    """The programs that strace runs, or the program itself where there is no strace."""
    found = [
        int(file.parent.name) for file in Path("/proc").glob("[0-9]*/stat") if _parent(file) == pid
    ]
    return found or [pid]


def _parent(file: Path) -> int:
    """Of a process, by its stat file; proc(5): the second field after the name."""
    try:
        return int(file.read_text(errors="replace").rpartition(")")[2].split()[1])
    except OSError:  # it has ended
        return 0
