from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.journal import Event, Journal, read_journal
from pipeline.step import Exit, PipelineError

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20)
facts = st.dictionaries(st.text(max_size=8), values | st.lists(values, max_size=3), max_size=4)
lines = st.lists(st.tuples(st.sampled_from(Event), st.text(max_size=10), facts), max_size=6)


def write(path: Path, entries: list[tuple[Event, str, dict[str, object]]]) -> None:
    with Journal(path, lambda: NOW) as journal:
        for event, step, learned in entries:
            journal.write(event, step, seconds=0.5, facts=learned)


@given(lines)
def test_what_was_written_is_read_back(entries: list[tuple[Event, str, dict[str, object]]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "journal.jsonl")
        write(path, entries)
        read = read_journal(path)
        assert [(e.event, e.step, e.facts) for e in read] == entries
        assert [e.seq for e in read] == list(range(len(entries)))


@settings(max_examples=200)
@given(st.data())
def test_a_changed_byte_is_noticed(data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "journal.jsonl")
        write(path, [(Event.BEGIN, "", {}), (Event.DONE, "plan", {"version": "0.1.0"})] * 2)
        raw = bytearray(path.read_bytes())
        at = data.draw(st.integers(0, len(raw) - 2))
        new = data.draw(st.integers(0, 255).filter(lambda byte: byte != raw[at]))
        raw[at] = new
        path.write_bytes(raw)
        with pytest.raises(PipelineError) as caught:
            read_journal(path)
        assert caught.value.exit_code is Exit.CONFLICT


@given(st.integers(0, 2000))
def test_a_torn_tail_is_dropped_and_the_journal_goes_on(cut: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "journal.jsonl")
        write(path, [(Event.START, f"step{n}", {"n": n}) for n in range(5)])
        raw = path.read_bytes()
        kept = raw[: min(cut, len(raw))]
        path.write_bytes(kept)
        whole = kept.count(b"\n")
        assert len(read_journal(path)) == whole
        write(path, [(Event.END, "", {})])
        assert len(read_journal(path)) == whole + 1


def test_a_line_taken_out_of_the_middle_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    write(path, [(Event.START, name, {}) for name in "abc"])
    first, _second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + third)
    with pytest.raises(PipelineError, match="line 2") as caught:
        read_journal(path)
    assert caught.value.exit_code is Exit.CONFLICT
    assert "move the journal aside" in caught.value.advice


def test_no_journal_is_an_empty_one(tmp_path: Path) -> None:
    assert read_journal(tmp_path / "journal.jsonl") == ()


def test_two_releases_do_not_share_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with (
        Journal(path),
        pytest.raises(PipelineError, match="another release") as caught,
        Journal(path),
    ):
        pass
    assert caught.value.exit_code is Exit.ENVIRONMENT


def test_the_lock_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    code = (
        "import os, signal, sys; from pathlib import Path; from pipeline.journal import *\n"
        "with Journal(Path(sys.argv[1])) as j:\n"
        "    j.write(Event.BEGIN); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run((sys.executable, "-c", code, path), check=False, cwd=Path.cwd())
    write(path, [(Event.END, "", {})])
    assert [entry.event for entry in read_journal(path)] == [Event.BEGIN, Event.END]


def test_the_journal_is_for_its_owner_and_no_link_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    write(path, [])
    assert path.stat().st_mode & 0o777 == 0o600
    link = tmp_path / "link.jsonl"
    link.symlink_to(path)
    with pytest.raises(OSError, match="symbolic"), Journal(link):
        pass
