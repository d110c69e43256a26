"""What mgit remembers, for completion: quickly, without a network, and silent when damaged."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mgit.errors import MgitError

if TYPE_CHECKING:
    from mgit.config import Settings
    from mgit.model import RemoteRepo
    from mgit.state import State


# As in `mgit.fleet.wiring`, which would load all of the transport.
STATE_FILE = "state.db"


class Knowledge(Protocol):
    """Names that a person may mean."""

    def sources(self) -> Iterable[str]:
        """Of the configuration."""

    def selections(self) -> Iterable[str]:
        """Of the configuration, without the `@`."""

    def repositories(self, source: str = "") -> Iterable[str]:
        """Paths, as last listed, of one source or of all."""

    def topics(self) -> Iterable[str]:
        """Of the repositories."""

    def languages(self) -> Iterable[str]:
        """Of the repositories."""

    def runs(self) -> Iterable[tuple[str, str]]:
        """Ids of the latest runs, each with how it went."""


class Remembered:
    """The configuration and the last listings, read when first asked for.

    Args:
        config_file: given on the command line, None for the usual place.
    """

    def __init__(self, config_file: Path | None = None) -> None:
        self._config_file = config_file

    def sources(self) -> Iterable[str]:
        return [source.name for source in self._settings.sources] if self._settings else ()

    def selections(self) -> Iterable[str]:
        return sorted(self._settings.selections) if self._settings else ()

    def repositories(self, source: str = "") -> Iterable[str]:
        return (str(repo.path) for repo in self._listed(source))

    def topics(self) -> Iterable[str]:
        return sorted({topic for repo in self._listed() for topic in repo.topics})

    def languages(self) -> Iterable[str]:
        return sorted({repo.language for repo in self._listed() if repo.language})

    @cached_property
    def _settings(self) -> Settings | None:
        from mgit.config import load_settings

        try:
            return load_settings(config_file=self._config_file)
        except (MgitError, OSError):
            return None

    def runs(self) -> Iterable[tuple[str, str]]:
        with self._state() as state:
            latest = () if state is None else state.past.latest()
        for one in latest:
            at = time.strftime("%Y-%m-%d %H:%M", time.localtime(one.ended_at))
            yield one.run_id, f"{at}, code {one.exit_code}"

    def _listed(self, only: str = "") -> Iterator[RemoteRepo]:
        with self._state() as state:
            if state is None:
                return
            for source in self.sources():
                if only in ("", source) and (stored := state.last_listing(source)) is not None:
                    yield from stored.listing.repos

    @contextmanager
    def _state(self) -> Iterator[State | None]:
        file = self._settings.paths.state_dir / STATE_FILE if self._settings else None
        if file is None or not file.exists():
            yield None
            return
        from mgit.state import State

        state = State(file, warn=_nobody, patience=0.1)
        try:
            yield state
        finally:
            state.close()


def remembered(words: Sequence[str]) -> Knowledge:
    """What is known for a command line, which may name a configuration of its own."""
    for number, word in enumerate(words):
        if word == "--config" and number + 1 < len(words):
            return Remembered(Path(words[number + 1]).expanduser())
    return Remembered()


def _nobody(words: str) -> None:
    """Completion has nowhere to say that the state is damaged."""
