"""Whether state and storage can be written, and have room for more than a few bytes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from mgit.daemon.figures import Figures
from mgit.daemon.health import Health
from mgit.errors import StateError
from mgit.fleet.wiring import Parts

LEAST_BYTES = 16 << 20
"""Below this a service is not ready: a fetch of some size fails, and soon its own notes do."""
LEAST_INODES = 100
"""What three small work trees or seven small mirrors are made of."""


class Writable:
    """Looks at the folders that a service writes to; what it finds is logged when it changes.

    Args:
        root: folder of the clones.
        parts: the state that is looked at, and the log.
        health: told before the log, so that who reads of it finds it there.
        figures: told how much room there is.
        room: of the file system that a path is on.
    """

    def __init__(
        self,
        root: Path,
        parts: Parts,
        health: Health,
        figures: Figures,
        *,
        room: Callable[[Path], os.statvfs_result] = os.statvfs,
    ) -> None:
        self._root = root
        self._parts = parts
        self._health = health
        self._figures = figures
        self._room = room
        self._state = ("", "")
        self._storage = ("", "")

    def look(self) -> None:
        """Write a little to both."""
        state, storage = self._state_problem(), self._storage_problem()
        self._health.looked(state=not state[0], storage=not storage[0])
        events = self._parts.events
        if state[0] and state != self._state:
            events.warning("state.unusable", state[0], advice=state[1])
        elif self._state[0] and not state[0]:
            events.info("state.usable", "the state file answers again")
        if storage[0] and storage != self._storage:
            events.error("storage.unwritable", storage[0], advice=storage[1])
        elif self._storage[0] and not storage[0]:
            events.info("storage.writable", f"{self._root} can be written again")
        self._state, self._storage = state, storage

    def _state_problem(self) -> tuple[str, str]:
        """What is wrong and what to do, both empty when all is well."""
        try:
            self._parts.state.check()
        except StateError as error:
            return error.message, error.advice
        return "", ""

    def _storage_problem(self) -> tuple[str, str]:
        root = self._root
        try:
            room = self._room(root)
            self._tell(room)
            _write_something(root / ".mgit")
        except OSError as error:
            return (
                f"cannot write below {root}: {error.strerror}",
                "check the folder's rights and free space",
            )
        advice = "make room, or give it a larger volume"
        if room.f_bavail * room.f_frsize < LEAST_BYTES:
            return f"less than {LEAST_BYTES >> 20} MiB are free below {root}", advice
        if room.f_files and room.f_favail < LEAST_INODES:  # some do not count them
            return f"fewer than {LEAST_INODES} files can still be made below {root}", advice
        return "", ""

    def _tell(self, room: os.statvfs_result) -> None:
        self._figures.storage(
            room.f_bavail * room.f_frsize,
            size_bytes=room.f_blocks * room.f_frsize,
            free_inodes=room.f_favail if room.f_files else None,
        )


def _write_something(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"mgit")
        file.flush()
