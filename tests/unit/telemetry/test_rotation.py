"""A log over several files is one chain: closed between records, whole after a kill anywhere."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mgit.errors import StateError
from mgit.telemetry import AuditTrail, verify_audit
from mgit.telemetry.audit import Head
from mgit.telemetry.chain import read_backwards, read_chain
from mgit.telemetry.keeping import append_head
from mgit.telemetry.rotation import Rotation, closed_files

ROOT = Path(__file__).resolve().parents[3]
SMALL = Rotation(size=1500)
_WRITER = """\
import sys
from pathlib import Path
from mgit.telemetry.audit import AuditTrail
from mgit.telemetry.rotation import Rotation
trail = AuditTrail(Path(sys.argv[1]), clean=str, rotation=Rotation(size=900))
print("ready", flush=True)
while True:
    trail.record("repository-cloned", "success")
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "audit.jsonl"


def _closed(path: Path) -> list[Path]:
    return [closed.path for closed in closed_files(path)]


def _write(path: Path, count: int, rotation: Rotation = SMALL) -> AuditTrail:
    trail = AuditTrail(path, clean=str, rotation=rotation)
    for number in range(count):
        trail.record("repository-cloned", "success", number=number + 1)
    return trail


def test_a_large_file_is_closed_and_the_chain_goes_on_in_the_next(path: Path) -> None:
    _write(path, 30)
    closed = _closed(path)
    assert len(closed) > 3
    assert all(1500 <= file.stat().st_size < 2500 for file in closed)
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o400 for file in closed)
    for before, after in zip(closed, [*closed[1:], path], strict=True):
        last = json.loads(before.read_text().splitlines()[-1])
        first = json.loads(after.read_text().splitlines()[0])
        assert first["prev"] == last["hash"]
        assert first["event"]["action"] == "audit-rotated"
        assert first["labels"] == {"before": before.name}
    verdict = verify_audit(path)
    assert verdict.problem == ""
    assert verdict.records == 30 + len(closed)
    forwards = [record for record, _ in read_chain(path)]
    assert list(read_backwards(path)) == forwards[::-1]


def test_an_old_file_is_closed(path: Path) -> None:
    now = [1_700_000_000.0]
    trail = AuditTrail(path, clean=str, clock=lambda: now[0], rotation=Rotation(age=3600))
    for later in (0, 3599, 1, 10, 3600):
        now[0] += later
        trail.record("run-started", "success")
    assert len(_closed(path)) == 2
    assert verify_audit(path).records == 5 + 2


@pytest.mark.parametrize("which", [0, 1])
def test_a_closed_file_that_is_changed_or_missing_is_named(path: Path, which: int) -> None:
    _write(path, 20)
    changed = _closed(path)[which]
    changed.chmod(0o600)
    lines = changed.read_text().splitlines(keepends=True)
    changed.write_text("".join([lines[0], lines[1].replace("success", "failure"), *lines[2:]]))
    verdict = verify_audit(path)
    assert (verdict.file, verdict.line) == (changed, 2)
    assert "was changed" in verdict.problem

    changed.unlink()
    verdict = verify_audit(path)
    assert verdict.file == _closed(path)[which]
    assert verdict.line == 1
    assert "does not follow" in verdict.problem


def test_older_files_may_be_kept_elsewhere_where_their_last_hash_is_known(path: Path) -> None:
    _write(path, 30)
    oldest = _closed(path)[0]
    known = str(json.loads(oldest.read_text().splitlines()[-1])["hash"])
    newest = verify_audit(path)
    oldest.unlink()
    assert "closed before this one" in verify_audit(path).advice
    for kept, since in ((known,), newest.records - 5), ((known, newest.head), 0):
        verdict = verify_audit(path, kept=kept)
        assert (verdict.problem, verdict.head) == ("", newest.head)
        assert verdict.begins == int(oldest.name.split("-")[1]) + 1
        assert verdict.since_kept == since or len(kept) == 1
    assert verify_audit(path, kept=("0" * 64, known[::-1])).problem


@pytest.mark.fault("the audit log is rotated and mgit is killed")
def test_a_kill_between_closing_and_beginning_loses_nothing(path: Path) -> None:
    _write(path, 3, Rotation())
    last = json.loads(path.read_text().splitlines()[-1])
    aside = path.with_name(f"audit-{last['seq']:012}-{last['hash'][:8]}.jsonl")
    path.rename(aside)
    assert verify_audit(path).records == 3  # what is there is read without the open file
    assert len(list(read_backwards(path))) == 3
    path.touch()  # and killed again, after making the next
    assert verify_audit(path).records == 3
    _write(path, 1)
    verdict = verify_audit(path)
    assert (verdict.records, verdict.problem) == (5, "")


def test_a_record_torn_at_the_begin_of_a_new_file_is_told_of_there(path: Path) -> None:
    _write(path, 9)
    records = verify_audit(path).records
    last = json.loads(path.read_text().splitlines()[-1])
    path.rename(path.with_name(f"audit-{last['seq']:012}-{last['hash'][:8]}.jsonl"))
    path.write_bytes(b'{"@timest')
    assert "is torn" in verify_audit(path).problem
    _write(path, 1)
    actions = [json.loads(line)["event"]["action"] for line in path.read_text().splitlines()]
    assert actions == ["audit-rotated", "audit-recovered", "repository-cloned"]
    assert verify_audit(path).records == records + 3


def test_what_is_torn_is_recovered_before_its_file_is_closed(path: Path) -> None:
    _write(path, 5)
    torn = path.read_bytes()[:-9] + b"x" * 3000  # also large enough to be closed
    path.write_bytes(torn)
    _write(path, 1)
    assert "audit-recovered" in path.read_text()
    assert verify_audit(path).problem == ""


def test_a_folder_in_which_nothing_can_be_renamed_only_means_a_larger_file(path: Path) -> None:
    class Stubborn(type(path)):  # type: ignore[misc]
        def rename(self, target: object) -> None:
            raise PermissionError(13, "Permission denied")

    _write(Stubborn(path), 20)
    assert _closed(path) == []
    assert verify_audit(path).records == 20


def test_files_of_another_log_do_not_belong_to_it(path: Path) -> None:
    _write(path, 3)
    for name in ("other-000000000009-00000000.jsonl", "audit-12.jsonl", "audit-old.jsonl"):
        path.with_name(name).write_text("something else\n")
    assert _closed(path) == []
    assert verify_audit(path).records == 3


def test_a_newest_closed_file_without_records_begins_a_chain_that_does_not_hold(path: Path) -> None:
    path.parent.mkdir()
    path.with_name("audit-000000000009-00000000.jsonl").write_text("something else\n")
    _write(path, 1)
    assert "is not a record" in verify_audit(path).problem


def _append_many(path: str, count: int) -> None:
    _write(Path(path), count)


def test_processes_that_rotate_at_once_make_one_chain(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_many, args=(str(path), 40)) for _ in range(3)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        if path.exists():
            assert verify_audit(path).problem == ""  # also for who reads meanwhile
        time.sleep(0.01)
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    verdict = verify_audit(path)
    assert verdict.problem == ""
    assert verdict.records == 120 + len(_closed(path))


@pytest.mark.parametrize("count", [6, pytest.param(60, marks=pytest.mark.long)])
@pytest.mark.fault("the audit log is rotated and mgit is killed")
def test_a_writer_killed_while_it_rotates_leaves_one_chain(path: Path, count: int) -> None:
    for _ in range(count):
        command = [sys.executable, "-c", _WRITER, str(path)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(random.uniform(0, 0.05))
            os.kill(writer.pid, signal.SIGKILL)
        _write(path, 1)
        assert verify_audit(path).problem == ""
    assert _closed(path)


def test_heads_are_told_and_kept_in_a_second_place(path: Path, tmp_path: Path) -> None:
    heads: list[Head] = []
    trail = AuditTrail(path, clean=str, heads=heads.append)
    trail.record("run-started", "success")
    trail.record("run-ended", "success")
    assert [(head.seq, head.action) for head in heads] == [(1, "run-started"), (2, "run-ended")]
    second = tmp_path / "second" / "heads.txt"
    with pytest.raises(StateError, match=r"second/heads\.txt: No such file"):
        append_head(second, heads[0])
    second.parent.mkdir()
    for head in heads:
        append_head(second, head)
    assert second.read_text().splitlines() == [str(head) for head in heads]
    assert verify_audit(path, kept=[second.read_text().split()[-1]]).since_kept == 0
