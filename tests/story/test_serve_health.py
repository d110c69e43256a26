"""Health of `mgit serve` when things go wrong: its helper is killed, or it is, or it is busy."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from pathlib import Path

import pytest

from sandbox.forge import SandboxForge
from tests.story.conftest import CANARY
from tests.story.laptop import Laptop
from tests.story.test_serve_daemon import PATIENCE, Service, Start, children_of, start

__all__ = ["start"]  # the fixture

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


def helper_of(service: Service) -> int:
    """The process that answers; a dead one is not counted."""
    (found,) = [
        pid
        for pid in children_of(service.process.pid)
        if b"answering" in (Path("/proc") / str(pid) / "cmdline").read_bytes()
    ]
    return found


def wait_until_gone(pid: int) -> None:
    ends = time.monotonic() + PATIENCE
    while (Path("/proc") / str(pid)).exists():
        assert time.monotonic() < ends, f"process {pid} still lives"
        time.sleep(0.01)


def test_a_helper_that_is_killed_is_replaced(start: Start) -> None:
    service = start()
    service.wait_for("run.ended")
    before = service.metrics()
    first = helper_of(service)
    os.kill(first, signal.SIGKILL)
    said = service.wait_for("health.restarted", level="warning")
    assert said["reason"] == "was ended by signal 9"
    # Whoever asks in between waits for the next one: nobody is refused.
    assert service.ask("/livez") == (200, "live\n")
    assert service.ask("/readyz") == (200, "ready\n")
    assert service.metrics()["mgit_runs_total", "0"] == before["mgit_runs_total", "0"]
    assert helper_of(service) != first
    assert service.end() == 0


def test_signals_for_the_whole_service_do_not_end_the_helper_first(
    start: Start, forge: SandboxForge
) -> None:
    forge.add_repo("acme", "tool")
    with forge.hold("*/git-upload-pack") as held:
        service = start()
        service.wait_for("source.listed")
        assert held.arrived.wait(PATIENCE)
        helper = helper_of(service)
        assert service.ask("/readyz") == (200, "ready\n")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(helper, number)
        service.process.send_signal(signal.SIGTERM)
        # What is running gets some seconds. Once it says so, it says so to the last.
        said: list[tuple[int, str]] = []
        while True:
            try:
                said.append(service.ask("/readyz"))
                assert service.ask("/livez")[0] == 200
            except OSError:
                break
            time.sleep(0.01)
        assert service.ended() == 0
    stopping = said[said.index((503, "stopping\n")) :]
    assert set(stopping) == {(503, "stopping\n")}
    assert len(stopping) > 3
    wait_until_gone(helper)


def test_a_service_that_is_killed_leaves_no_helper_and_no_lock(
    start: Start, work: Laptop, forge: SandboxForge
) -> None:
    service = start()
    service.wait_for("run.ended")
    helper = helper_of(service)
    service.end(signal.SIGKILL)
    wait_until_gone(helper)
    forge.add_repo("acme", "new")
    assert work.mgit("sync").code == 0


def test_the_helper_holds_neither_the_lock_nor_a_secret(start: Start, work: Laptop) -> None:
    service = start()
    service.wait_for("run.ended")
    process = Path("/proc") / str(helper_of(service))
    opened = [str(link.readlink()) for link in (process / "fd").iterdir()]
    assert not [name for name in opened if name.startswith((str(work.home), str(work.root)))]
    assert (process / "environ").read_bytes() == b""
    python, *flags, program, listener, region, deadline, tell, end = (
        (process / "cmdline").read_bytes().decode().split("\0")
    )
    assert "python" in python
    assert flags == ["-I", "-S"]
    assert program.endswith(("answering.py", "answering.pyc"))
    assert (listener + region + tell).isdecimal()
    assert (deadline, end) == ("10.0", "")
    maps = (process / "maps").read_text()
    assert str(work.home) not in maps
    assert CANARY.encode() not in (process / "cmdline").read_bytes()
    peak = re.search(r"VmHWM:\s+(\d+) kB", (process / "status").read_text())
    assert peak is not None
    assert int(peak[1]) < 25_000
    assert service.end() == 0


_FROZEN = """
import pathlib, threading, time
folder = pathlib.Path({folder!r})
def freeze():
    while not (folder / "freeze").exists():
        time.sleep(0.01)
    (folder / "frozen").touch()
    3 ** 10 ** 8  # one call, which for minutes lets no other thread of the interpreter run
threading.Thread(target=freeze, daemon=True).start()
"""


def test_a_service_whose_interpreter_is_taken_answers_all_the_same(
    start: Start, work: Laptop
) -> None:
    folder = work.home / "frozen"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(_FROZEN.format(folder=str(folder)))
    paths = [str(folder), work.environment.get("PYTHONPATH", "")]
    service = start(PYTHONPATH=os.pathsep.join(filter(None, paths)))
    service.wait_for("run.ended")
    (folder / "freeze").touch()
    while not (folder / "frozen").exists():
        time.sleep(0.01)
    for _ in range(50):
        assert service.ask("/livez") == (200, "live\n")
        assert service.ask("/readyz") == (200, "ready\n")
    assert service.metrics()["mgit_runs_total", "0"] == 1
    service.end(signal.SIGKILL)


_HOSTILE = {
    "torn": b"GET /livez",
    "huge header": b"GET /livez HTTP/1.1\r\nX: " + b"a" * 200_000,
    "zeros": b"\0" * 50_000,
    "body": b"POST /livez HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 300_000,
    "climbing": b"GET " + b"/../" * 2000 + b"etc/passwd HTTP/1.1\r\n\r\n",
    "lines": b"\n" * 40_000,
    "words": b"GET /livez HTTP/1.1 \xff\r\n\r\n",
}


def test_hostile_requests_cost_nothing(start: Start) -> None:
    service = start()
    service.wait_for("run.ended")
    helper = helper_of(service)
    host, _, port = service.listen.rpartition(":")
    # Slow ones stay in the middle of a word meanwhile.
    slow = [socket.create_connection((host, int(port)), timeout=PATIENCE) for _ in range(8)]
    for name, words in _HOSTILE.items():
        slow[0].sendall(b"G")
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
            try:
                connection.sendall(words)
                connection.shutdown(socket.SHUT_WR)
                said = connection.recv(65536)
            except OSError:  # turned away in the middle of its words
                said = b""
        assert b" 200 " not in said, name
        assert service.ask("/livez") == (200, "live\n"), name
    for connection in slow:
        connection.close()
    assert service.ask("/readyz") == (200, "ready\n")
    assert helper_of(service) == helper
    assert service.end() == 0
