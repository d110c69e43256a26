"""Kills, a full disk and several writers: the chain stays one, and says what happened to it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mgit.address import Origin
from mgit.credentials import Credential, Secret
from mgit.errors import StateError
from mgit.model import Listing
from mgit.telemetry import AuditTrail, Listed, RunStarted, verify_audit
from mgit.telemetry.audited import audit_observer
from mgit.telemetry.chain import parse_record
from mgit.telemetry.clean import Cleaner

ROOT = Path(__file__).resolve().parents[3]
_WRITER = """\
import sys
from pathlib import Path
from mgit.telemetry.audit import AuditTrail
trail = AuditTrail(Path(sys.argv[1]), clean=str)
for number in range(int(sys.argv[2])):
    trail.record("repository-cloned", "success", writer=sys.argv[3], number=number)
"""
# Forks each writer, ready to write at once. Records of many pages: a kill may fall between two.
_LAUNCHER = """\
import os, sys
from pathlib import Path
from mgit.telemetry.audit import AuditTrail
trail = AuditTrail(Path(sys.argv[1]), clean=str)
much = {f"much{number}": "x" * 1900 for number in range(50)}
while sys.stdin.readline():
    writer = os.fork()
    while not writer:
        trail.record("repository-cloned", "success", **much)
    print(writer, flush=True)
    print(-os.WTERMSIG(os.waitpid(writer, 0)[1]), flush=True)
"""


def _start(path: Path, count: int, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path), str(count), name],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    )


def _kill_writers(path: Path, count: int) -> int:
    """Kill so many writers, each at a random moment; how many of them left a torn tail."""
    torn, launcher = 0, [sys.executable, "-c", _LAUNCHER, str(path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        launcher, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as started:
        assert started.stdin is not None
        assert started.stdout is not None
        for _ in range(count):
            started.stdin.write("go on\n")
            started.stdin.flush()
            writer = int(started.stdout.readline())
            time.sleep(random.uniform(0, 0.03))
            os.kill(writer, signal.SIGKILL)
            assert started.stdout.readline() == "-9\n"
            content = path.read_bytes() if path.exists() else b""
            whole, _, tail = content.rpartition(b"\n")
            assert all(parse_record(line + b"\n") for line in whole.splitlines())
            torn += bool(tail)
            AuditTrail(path, clean=str).record("run-started", "success")
            assert verify_audit(path).problem == ""
        started.stdin.close()
    return torn


@pytest.mark.parametrize("count", [10, pytest.param(60, marks=pytest.mark.long)])
def test_a_killed_writer_leaves_at_most_a_torn_tail(tmp_path: Path, count: int) -> None:
    path = tmp_path / "audit.jsonl"
    torn = _kill_writers(path, count)
    print(f"{count} kills, {torn} torn tails, {verify_audit(path).records} records")
    assert path.read_text().count("audit-recovered") == torn


@pytest.mark.parametrize("kept", [1, 4095, 4096, 12_000])
def test_a_tail_torn_at_a_page_is_cut_off_by_the_next_record(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "audit.jsonl"
    trail = AuditTrail(path, clean=str)
    trail.record("run-started", "success")
    whole = path.stat().st_size
    trail.record("run-ended", "success", **{f"much{n}": "x" * 1900 for n in range(9)})
    os.truncate(path, whole + kept)
    assert verify_audit(path).line == 2
    assert "is torn" in verify_audit(path).problem
    trail.record("run-started", "success")
    recovered = json.loads(path.read_text().splitlines()[1])
    assert recovered["event"]["action"] == "audit-recovered"
    assert recovered["labels"] == {"torn_bytes": kept}
    assert verify_audit(path).problem == ""


def test_two_processes_that_write_at_once_keep_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    writers = [_start(path, 60, name) for name in ("one", "two")]
    for writer in writers:
        writer.communicate(timeout=120)
        assert writer.returncode == 0
    verdict = verify_audit(path)
    assert (verdict.records, verdict.problem) == (120, "")
    records = [json.loads(line)["labels"] for line in path.read_text().splitlines()]
    for name in ("one", "two"):  # a 0 is no label
        own = [record.get("number", 0) for record in records if record["writer"] == name]
        assert own == list(range(60))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    if not sys.platform.startswith("linux") or os.getuid() != 0:
        pytest.skip("only root on Linux can mount a small file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this root may not mount (a container without CAP_SYS_ADMIN)")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_told_once_and_the_chain_goes_on_after_it(small_disk: Path) -> None:
    path = small_disk / "audit.jsonl"
    told: list[str] = []
    observe = audit_observer(AuditTrail(path, clean=str), told.append)
    event = RunStarted("r1", "/src", ("x" * 1000,))
    for _ in range(120):
        observe(event)
    assert len(told) == 1
    assert "No space left" in told[0]
    assert "free space" in told[0]
    full = verify_audit(path)
    assert full.problem == ""  # not even a torn tail
    assert 20 < full.records < 120

    with pytest.raises(StateError, match="No space left"):
        AuditTrail(path, clean=str).record("run-started", "success", much="x" * 1900)
    subprocess.run(["mount", "-o", "remount,size=256k", str(small_disk)], check=True)
    observe(event)
    after = verify_audit(path)
    assert (after.records, after.problem) == (full.records + 1, "")


def test_a_secret_never_reaches_the_file(tmp_path: Path) -> None:
    secret = "hunter2-canary-7f3a9c1e"
    clean = Cleaner()

    origin = Origin("https", "git.example.com", 443)
    clean.add(Credential(origin, "mona", Secret.from_text(secret), "test"))
    path = tmp_path / "audit.jsonl"
    trail = AuditTrail(path, clean=clean)
    trail.record("credential-refused", "failure", message=f"https://mona:{secret}@git.example.com")
    observe = audit_observer(trail, pytest.fail)
    observe(Listed("r1", Listing("work", (), False, f"token {secret} said no", exit_code=3), 0.1))
    assert path.read_text().count("credential-refused") == 2
    assert secret not in path.read_text()


def test_what_was_there_before_mgit_is_neither_lost_nor_believed(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text("somebody's notes\n")
    AuditTrail(path, clean=str).record("run-started", "success")
    assert path.read_text().startswith("somebody's notes\n")
    assert verify_audit(path).line == 1
