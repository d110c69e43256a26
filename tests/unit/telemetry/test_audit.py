"""The audit log holds together, says when it does not, and heals a torn tail."""

import json
import multiprocessing
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mgit.errors import StateError
from mgit.telemetry import AuditTrail, verify_audit


def plain(text: str) -> str:
    return text


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "audit.jsonl"


@pytest.fixture
def trail(path):
    return AuditTrail(path, clean=plain, clock=lambda: 1_700_000_000.0)


def test_a_record_has_the_names_of_the_elastic_common_schema(path, trail):
    trail.record("repository-moved", "success", run_id="r1", repo="acme/tool", to="acme/new")
    record = json.loads(path.read_text())
    assert record["@timestamp"] == "2023-11-14T22:13:20.000Z"
    assert record["event"] == {"action": "repository-moved", "outcome": "success"}
    assert record["labels"] == {"repo": "acme/tool", "to": "acme/new"}
    assert record["trace"] == {"id": "r1"}
    assert record["seq"] == 1


def test_the_file_is_private(path, trail):
    trail.record("start", "success")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_chain_holds_over_several_writers(path, trail):
    trail.record("a", "success")
    AuditTrail(path, clean=plain).record("b", "failure")
    trail.record("c", "success")
    verdict = verify_audit(path)
    assert (verdict.records, verdict.problem) == (3, "")
    assert verdict.head == json.loads(path.read_text().splitlines()[-1])["hash"]


@pytest.mark.parametrize("field", ["@timestamp", "labels", "seq", "prev", "hash"])
def test_a_changed_record_shows(path, trail, field):
    for number in range(3):
        trail.record("a", "success", number=number + 1)
    lines = path.read_text().splitlines()
    record = json.loads(lines[1])
    record[field] = {"seq": 7, "labels": {"number": 9}}.get(field, "0" * 64)
    lines[1] = json.dumps(record)
    path.write_text("\n".join(lines) + "\n")
    verdict = verify_audit(path)
    assert verdict.records == 1
    assert verdict.problem.startswith("record 2 ")


@pytest.mark.parametrize("gone", [0, 1])
def test_a_missing_record_shows(path, trail, gone):
    for _ in range(3):
        trail.record("a", "success")
    lines = path.read_text().splitlines(keepends=True)
    del lines[gone]
    path.write_text("".join(lines))
    problem = verify_audit(path).problem
    assert problem.startswith(f"record {gone + 1} does not follow the one before")


@given(kept=st.integers(min_value=0, max_value=400))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_a_tail_torn_anywhere_is_cut_off_and_told(tmp_path_factory, kept):
    path = tmp_path_factory.mktemp("audit") / "audit.jsonl"
    trail = AuditTrail(path, clean=plain)
    trail.record("first", "success")
    whole = path.stat().st_size
    trail.record("second", "success")
    content = path.read_bytes()
    path.write_bytes(content[: min(whole + kept, len(content) - 1)])
    trail.record("third", "success")
    verdict = verify_audit(path)
    assert verdict.problem == ""
    actions = [json.loads(line)["event"]["action"] for line in path.read_text().splitlines()]
    assert actions == (["first", "audit-recovered", "third"] if kept else ["first", "third"])


def _append_many(path: str, count: int) -> None:
    from pathlib import Path

    trail = AuditTrail(Path(path), clean=str)
    for _ in range(count):
        trail.record("a", "success")


def test_processes_that_write_at_once_make_one_chain(path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_many, args=(str(path), 20)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    verdict = verify_audit(path)
    assert (verdict.records, verdict.problem) == (60, "")


def test_labels_are_cleaned_and_cut(path):
    trail = AuditTrail(path, clean=lambda text: text.replace("hunter2", "***"))
    trail.record("a", "failure", message="token hunter2 refused", long="x" * 9000)
    labels = json.loads(path.read_text())["labels"]
    assert labels["message"] == "token *** refused"
    assert len(labels["long"]) == 2000


def test_a_place_that_cannot_be_written_is_an_error_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be written"):
        AuditTrail(tmp_path / "file" / "audit.jsonl", clean=plain).record("a", "success")
