"""Kills, a full disk and several writers: the chain stays one, and says what happened to it."""

from __future__ import annotations

import json
import os
import random
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
print("begun", flush=True)
for number in range(int(sys.argv[2])):
    trail.record("repository-cloned", "success", writer=sys.argv[3], number=number, much="x" * 1900)
"""


def _start(path: Path, count: int, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path), str(count), name],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def _killed(path: Path, count: int) -> int:
    """Kill a writer at a random moment, so many times; how many tails were torn."""
    torn = 0
    for number in range(count):
        with _start(path, 10**9, str(number)) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(random.uniform(0, 0.03))
            writer.kill()
        content = path.read_bytes() if path.exists() else b""
        torn += not content.endswith(b"\n") and bool(content)
        lines = content.splitlines(keepends=True)
        assert all(parse_record(line) is not None for line in lines[:-1])
        AuditTrail(path, clean=str).record("run-started", "success")
        verdict = verify_audit(path)
        assert verdict.problem == ""
    return torn


def test_a_killed_writer_leaves_at_most_a_torn_tail(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    torn = _killed(path, 10)
    assert path.read_text().count("audit-recovered") == torn


@pytest.mark.long
def test_sixty_killed_writers_leave_at_most_a_torn_tail_each(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    torn = _killed(path, 60)
    assert path.read_text().count("audit-recovered") == torn


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
