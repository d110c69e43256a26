"""What a service finds of the folders it writes to: health hears it at once, the log on change."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from mgit.daemon.figures import Figures
from mgit.daemon.health import Health
from mgit.daemon.writable import LEAST_BYTES, LEAST_INODES, Writable
from mgit.errors import StateError
from mgit.telemetry.metrics import Metrics


@dataclass
class Machine:
    """A disk and a state file that can be well or not, and what was said of them."""

    free: int = LEAST_BYTES
    files: int = 1000
    free_files: int = LEAST_INODES
    state_error: StateError | None = None
    said: list[tuple[str, str]] = field(default_factory=list)

    def check(self) -> None:
        if self.state_error:
            raise self.state_error

    def room(self, _: object) -> os.statvfs_result:
        return os.statvfs_result(
            (1, 1, LEAST_BYTES * 9, self.free, self.free, self.files, 0, self.free_files, 0, 255)
        )

    def _say(self, event: str, message: str, **_: object) -> None:
        self.said.append((event, message))

    warning = error = info = _say


@pytest.fixture
def machine():
    return Machine()


@pytest.fixture
def look(machine, tmp_path):
    (tmp_path / ".mgit").mkdir()
    health = Health()
    parts = SimpleNamespace(state=machine, events=machine)
    figures = Figures(Metrics(), lambda _: None)
    writable = Writable(tmp_path, parts, health, figures, room=machine.room)

    def looked() -> tuple[bool, bool]:
        writable.look()
        return health.snapshot.state_loaded, health.snapshot.storage_writable

    return looked


def test_all_is_well_and_nothing_is_said(machine, look):
    assert look() == (True, True)
    assert machine.said == []


def test_a_disk_without_room_is_told_once_and_once_that_it_has_some(machine, look, tmp_path):
    machine.free = LEAST_BYTES - 1
    assert [look(), look(), look()] == [(True, False)] * 3
    machine.free = LEAST_BYTES
    assert [look(), look()] == [(True, True)] * 2
    assert machine.said == [
        ("storage.unwritable", f"less than 16 MiB are free below {tmp_path}"),
        ("storage.writable", f"{tmp_path} can be written again"),
    ]


def test_another_trouble_is_told_anew(machine, look, tmp_path):
    machine.free_files = LEAST_INODES - 1
    assert look() == (True, False)
    (tmp_path / ".mgit").rmdir()
    assert look() == (True, False)
    assert [event for event, _ in machine.said] == ["storage.unwritable"] * 2
    assert "100 files" in machine.said[0][1]
    assert "No such file" in machine.said[1][1]


def test_a_file_system_that_does_not_count_its_files_has_enough_of_them(machine, look):
    machine.files = machine.free_files = 0
    assert look() == (True, True)


def test_a_state_file_that_fails_and_comes_back(machine, look):
    machine.state_error = StateError("no", advice="free it")
    assert [look(), look()] == [(False, True)] * 2
    machine.state_error = None
    assert look() == (True, True)
    assert machine.said == [
        ("state.unusable", "no"),
        ("state.usable", "the state file answers again"),
    ]
