"""How quickly a busy `mgit serve` says how it is: figures of the health pages."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.asking import Answers, ask, prompt
from bench.measuring import CommandFailed
from bench.reach import Figure, figure

RATE = 500
_GITS = 8
_SCRAPES = 20
_LOOKS = 5
_STARTED_WITHIN = 300.0
_SETTLED_AFTER = 2.0
# The product as everybody runs it, with a thread beside it that takes the interpreter when it is
# told to, and in the same interpreter what answered before.
_SERVICE = """
import pathlib, sys
from bench.inprocess import hog, start
start(pathlib.Path(sys.argv[1]))
hog()
sys.argv = ["mgit", "serve"]
from mgit.cli import main
sys.exit(main())
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a running service answers.

    Args:
        helper: port of the product.
        inprocess: port of the threads in its interpreter.
        web: port of the status page and API.
    """

    helper: int
    inprocess: int
    web: int


def health_figures(
    folder: Path,
    environment: Mapping[str, str],
    clones: Sequence[Path],
    *,
    rounds: int,
    seconds: float,
) -> Iterator[Figure]:
    """Ask a service over these clones while a thread of it and eight gits want the processors.

    Args:
        folder: for files of the measurement.
        environment: all that the service sees.
        clones: git directories; the gits work in some of them, changing nothing.
        rounds: how often each page is asked for some seconds.
        seconds: how many.
    """
    with _service(folder, environment) as ports, _gits(clones), prompt() as prompted:
        live, ready, before = [], [], []
        for _ in range(rounds):
            live.append(ask(ports.helper, "/livez", RATE, seconds))
            ready.append(ask(ports.helper, "/readyz", RATE, seconds))
            # Last: what the threads could not answer keeps the processors busy for a while.
            before.append(ask(ports.inprocess, "/livez", RATE, seconds))
            time.sleep(_SETTLED_AFTER)
        scrapes = ask(ports.helper, "/metrics", _SCRAPES, 1.0)
        listed = ask(ports.web, "/api/v1/repositories?limit=100", _LOOKS, 4.0)
        looked = ask(ports.web, "/", _LOOKS, 4.0)
    how = "" if prompted else "; who asked had to wait for the processor, too"
    yield figure("livez_p99_ms", [one.at(0.99) for one in live], _told(live) + how)
    yield figure("readyz_p99_ms", [one.at(0.99) for one in ready], _told(ready))
    ratios = [old.at(0.99) / new.at(0.99) for old, new in zip(before, live, strict=True)]
    yield figure("livez_vs_inprocess", ratios, f"in process: {_told(before)}")
    for name, answers in (
        ("metrics_10k_ms", scrapes),
        ("api_10k_ms", listed),
        ("page_10k_ms", looked),
    ):
        each = [one * 1000 for one in answers.seconds]
        yield figure(name, each, f"{len(clones)} repositories, the same load")


def _told(rounds: Sequence[Answers]) -> str:
    everything = Answers([one for answers in rounds for one in answers.seconds])
    failed = sum(answers.failed for answers in rounds)
    lost = f", {failed} not answered" if failed else ""
    return (
        f"{len(everything.seconds)} questions: half within {_short(everything.at(0.5))} ms, "
        f"the slowest {_short(everything.at(1.0))} ms{lost}"
    )


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


@contextlib.contextmanager
def _service(folder: Path, environment: Mapping[str, str]) -> Iterator[Ports]:
    """A service after its first run, with its interpreter taken."""
    told = folder / "inprocess-port"
    service = subprocess.Popen(
        [sys.executable, "-c", _SERVICE, str(told)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={
            **environment,
            "MGIT_LISTEN": "127.0.0.1:0",
            "MGIT_WEB": "127.0.0.1:0",
            "MGIT_LOG_FORMAT": "json",
            "MGIT_INTERVAL": "1h",
        },
        text=True,
    )
    try:
        assert service.stdin is not None  # noqa: S101 - for the type checker: we asked for pipes
        said = _Log(service)
        web = str(said.wait_for("web.started")["web"]).rstrip("/")
        listen = str(said.wait_for("service.started")["listen"])
        said.wait_for("run.ended")
        service.stdin.write("go\n")
        service.stdin.flush()
        inprocess = int(told.read_text(encoding="ascii"))
        yield Ports(_port(listen), inprocess, _port(web))
    finally:
        service.kill()
        service.wait()


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


class _Log:
    """Reads what a service says, to its end, so that it never waits for a reader."""

    def __init__(self, service: subprocess.Popen[str]) -> None:
        self._service = service
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def wait_for(self, event: str) -> dict[str, object]:
        heard = ""
        while (line := self._lines.get(timeout=_STARTED_WITHIN)) is not None:
            heard += line
            if line.startswith("{"):
                record: dict[str, object] = json.loads(line)
                if record["event"] == event:
                    return record
        raise CommandFailed(f"mgit serve ended without {event}:\n{heard[-2000:]}")

    def _read(self) -> None:
        assert self._service.stderr is not None  # noqa: S101 - as above
        for line in self._service.stderr:
            self._lines.put(line)
        self._lines.put(None)


@contextlib.contextmanager
def _gits(clones: Sequence[Path]) -> Iterator[None]:
    """Eight gits that pack what they find, all over again; each a session, as mgit starts it."""
    pack = "git --git-dir {} pack-objects --all --no-reuse-object --threads=1 --stdout"
    children: list[subprocess.Popen[bytes]] = []
    try:
        for number in range(_GITS):
            command = pack.format(shlex.quote(str(clones[number % len(clones)])))
            loop = f"while :; do {command} </dev/null >/dev/null 2>&1 || exit 1; done"
            children.append(subprocess.Popen(["sh", "-c", loop], start_new_session=True))
        yield
        if any(child.poll() is not None for child in children):
            raise CommandFailed("a git that should have kept the processors busy has failed")
    finally:
        for child in children:
            _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
