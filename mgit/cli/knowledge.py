"""What mgit remembers, for completion: quickly, without a network, and silent when damaged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mgit.errors import MgitError

if TYPE_CHECKING:
    from mgit.config import Settings
    from mgit.model import RemoteRepo


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


class Nothing:
    """Where there is no configuration that can be read."""

    def sources(self) -> Iterable[str]:
        return ()

    def selections(self) -> Iterable[str]:
        return ()

    def repositories(self, source: str = "") -> Iterable[str]:
        del source
        return ()

    def topics(self) -> Iterable[str]:
        return ()

    def languages(self) -> Iterable[str]:
        return ()


class Remembered(Nothing):
    """The configuration and the last listings.

    Args:
        settings: of the person.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def sources(self) -> Iterable[str]:
        return [source.name for source in self._settings.sources]

    def selections(self) -> Iterable[str]:
        return sorted(self._settings.selections)

    def repositories(self, source: str = "") -> Iterable[str]:
        return (str(repo.path) for repo in self._listed(source))

    def topics(self) -> Iterable[str]:
        return sorted({topic for repo in self._listed() for topic in repo.topics})

    def languages(self) -> Iterable[str]:
        return sorted({repo.language for repo in self._listed() if repo.language})

    def _listed(self, only: str = "") -> Iterator[RemoteRepo]:
        from mgit.state import State

        file = self._settings.paths.state_dir / STATE_FILE
        if not file.exists():
            return
        state = State(file, warn=_nobody, patience=0.1)
        try:
            for source in self.sources():
                if only in ("", source) and (stored := state.last_listing(source)) is not None:
                    yield from stored.listing.repos
        finally:
            state.close()


def remembered(words: Sequence[str]) -> Knowledge:
    """What is known for a command line, which may name a configuration of its own."""
    from mgit.config import load_settings

    try:
        return Remembered(load_settings(config_file=_config_file(words)))
    except (MgitError, OSError):
        return Nothing()


def _config_file(words: Sequence[str]) -> Path | None:
    for number, word in enumerate(words):
        if word == "--config" and number + 1 < len(words):
            return Path(words[number + 1]).expanduser()
    return None


def _nobody(words: str) -> None:
    """Completion has nowhere to say that the state is damaged."""
