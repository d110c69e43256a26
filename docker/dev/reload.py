"""Runs mgit from its sources and starts it anew when one changes. For docker/compose.dev.yaml.

Usage: reload.py SOURCES COMMAND…

It is the first process of a container without a shell, so it also buries what others leave behind.
What does not start (a mistake in the file that was just saved) stays down until the next change.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

_PAUSE = 0.3
_PATIENCE = 15.0  # as `stop_grace_period` of docker/compose.yaml
# -P and no PYTHONPATH: only the sources that were named come before what is installed.
_PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); import mgit.cli; sys.exit(mgit.cli.main())"
)


def stamps(sources: Path) -> dict[str, tuple[int, int]]:
    """Time and size of every source file; one that goes away while we look is left out."""
    found = {}
    for folder, _, names in os.walk(sources / "mgit"):
        for name in names:
            if not name.endswith(".py"):
                continue
            path = os.path.join(folder, name)  # noqa: PTH118 - some hundred files, three times a second
            try:
                state = os.stat(path)  # noqa: PTH116
            except OSError:
                continue
            found[path] = (state.st_mtime_ns, state.st_size)
    return found


class Reloader:
    """Keeps one mgit running.

    Args:
        sources: folder that holds the package `mgit`.
        command: what follows `mgit`.
    """

    def __init__(self, sources: Path, command: list[str]) -> None:
        self._sources = sources
        self._command = command
        self._child = 0
        self._stop = 0
        self._ending = False

    def run(self) -> int:
        """Until SIGTERM or SIGINT; the exit code of the last mgit."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told)
        seen = stamps(self._sources)
        self._start()
        code = 0
        while not self._stop:
            time.sleep(_PAUSE)
            code = self._bury(code)
            now = stamps(self._sources)
            if now != seen:
                _say(_difference(seen, now))
                seen = now
                code = self._end(signal.SIGTERM)
                self._start()
        return self._end(self._stop)

    def _told(self, number: int, _frame: FrameType | None) -> None:
        self._stop = number

    def _start(self) -> None:
        argv = [sys.executable, "-I", "-B", "-c", _PROGRAM, str(self._sources), *self._command]
        # A group of its own, so that Ctrl-C reaches it once, through us.
        self._child = os.posix_spawn(sys.executable, argv, os.environ, setpgroup=0)  # noqa: TID251

    def _bury(self, code: int) -> int:
        """Take what has ended, mgit or an orphan; the exit code of mgit where it was that."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return code
            if pid == 0:
                return code
            if pid == self._child:
                self._child = 0
                code = os.waitstatus_to_exitcode(status)
                if not self._ending:
                    _say(f"mgit ended with {code}; it starts again when a source file changes")

    def _end(self, number: int) -> int:
        """Ask mgit to end, then make it."""
        code, deadline = 0, time.monotonic() + _PATIENCE
        self._ending = True
        if self._child:
            os.kill(self._child, number)
        while self._child:
            code = self._bury(code)
            if self._child and time.monotonic() > deadline:
                os.kill(self._child, signal.SIGKILL)
            time.sleep(0.02)
        self._ending = False
        return code


def _difference(before: dict[str, tuple[int, int]], now: dict[str, tuple[int, int]]) -> str:
    changed = sorted({*before.items()} ^ {*now.items()})
    return f"{changed[0][0]} changed: mgit starts again"


def _say(text: str) -> None:
    sys.stderr.write(f"reload: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(Reloader(Path(sys.argv[1]), sys.argv[2:]).run())
