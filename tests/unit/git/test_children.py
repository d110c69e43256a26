"""Whoever is started is known from its first moment; its end is for the one who waits for it."""

from __future__ import annotations

import subprocess
import threading
import time
from pathlib import Path

import pytest

from mgit.git.children import Children


def start(children: Children, script: str, *, limited: bool = False) -> subprocess.Popen[bytes]:
    return children.start(
        lambda: subprocess.Popen(["/bin/sh", "-c", script], start_new_session=True),
        limited=limited,
    )


def test_exit_codes_are_never_taken_away_from_who_waits() -> None:
    """Reaping as often as one can, while eight threads start and wait."""
    children, over, codes = Children(), threading.Event(), []

    def reap() -> None:
        while not over.is_set():
            children.reap_orphans()

    def work() -> None:
        for _ in range(15):
            child = start(children, "exit 7")
            codes.append(child.wait())
            children.ended(child.pid)

    reaper = threading.Thread(target=reap)
    threads = [threading.Thread(target=work) for _ in range(8)]
    reaper.start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    over.set()
    reaper.join()
    assert codes == [7] * 120


def test_a_child_that_nobody_has_waited_for_yet_is_left_alone() -> None:
    children = Children()
    child = start(children, "exit 7")
    end = time.monotonic() + 20
    while "\nState:\tZ" not in Path(f"/proc/{child.pid}/status").read_text():
        assert time.monotonic() < end
        time.sleep(0.01)
    assert children.reap_orphans() == 0
    assert child.wait() == 7
    children.ended(child.pid)


def test_what_somebody_else_started_is_waited_for() -> None:
    children = Children()
    stranger = subprocess.Popen(["/bin/true"])
    end = time.monotonic() + 20
    while not children.reap_orphans():
        assert time.monotonic() < end
        time.sleep(0.01)
    assert not Path(f"/proc/{stranger.pid}").exists()
    stranger.wait()


@pytest.mark.fault("a pack bomb")
def test_a_limited_child_and_its_children_write_no_larger_file(tmp_path: Path) -> None:
    children = Children(max_file_bytes=4096)
    write = f"/bin/sh -c 'head -c 100000 /dev/zero > {tmp_path}/file'; exit $?"
    assert start(children, write, limited=True).wait() != 0
    assert (tmp_path / "file").stat().st_size == 4096
    assert start(children, write, limited=False).wait() == 0
    assert (tmp_path / "file").stat().st_size == 100000
    (tmp_path / "own").write_bytes(b"0" * 100000)
