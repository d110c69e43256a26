"""`mgit audit tail --follow` reads on over new files, half-written lines and a log begun anew."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mgit.cli.following import _Place
from mgit.telemetry import AuditTrail
from mgit.telemetry.rotation import Rotation

Watch = Callable[[], _Place]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def _record(path: Path, count: int = 1, size: int = 0) -> None:
    trail = AuditTrail(path, clean=str, rotation=Rotation(size=size))
    for _ in range(count):
        trail.record("run-started", "success")


@pytest.fixture
def watched(path: Path) -> Iterator[Callable[[], _Place]]:
    """Begins to watch the log; what was opened is closed at the end."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(contextlib.closing(_Place(path)))


def _numbers(place: _Place) -> list[int]:
    return [int(record["seq"]) for record in place.new()]


def test_a_log_that_is_begun_later_is_read_from_its_beginning(path: Path, watched: Watch) -> None:
    place = watched()
    assert not place.began
    assert _numbers(place) == []
    _record(path, 2)
    assert _numbers(place) == [1, 2]
    assert _numbers(place) == []
    assert not place.anew


def test_half_a_line_is_waited_for_and_another_kind_passed_over(path: Path, watched: Watch) -> None:
    _record(path)
    place = watched()
    whole = path.read_bytes()
    _record(path)
    second = path.read_bytes()[len(whole) :]
    path.write_bytes(whole + second[:50])
    assert _numbers(place) == []
    with path.open("ab") as file:
        file.write(second[50:] + b"not a record\n")
    assert _numbers(place) == [2]


def test_files_that_were_closed_in_between_are_read_in_turn(path: Path, watched: Watch) -> None:
    _record(path)
    place = watched()
    _record(path, 9, size=600)
    with next(path.parent.glob("audit-*.jsonl")).open("r+b") as first:
        first.seek(0, 2)
        first.write(b"added later\n")
    found = _numbers(place)
    assert found == list(range(2, found[-1] + 1))
    assert found[-1] > 10


def test_between_two_files_is_nothing_and_the_next_goes_on(path: Path, watched: Watch) -> None:
    _record(path, 2)
    place = watched()
    path.rename(path.with_name("audit-000000000002-00000000.jsonl"))
    assert _numbers(place) == []
    _record(path)
    assert _numbers(place) == [3, 4]
    assert not place.anew


def test_a_log_that_is_begun_anew_or_cut_short_is_read_anew(path: Path, watched: Watch) -> None:
    _record(path, 3)
    place = watched()
    path.unlink()
    _record(path)
    assert _numbers(place) == [1]
    assert place.anew
    _record(path, 2)
    assert _numbers(place) == [2, 3]
    path.write_bytes(b"")
    _record(path)
    assert _numbers(place) == [1]
