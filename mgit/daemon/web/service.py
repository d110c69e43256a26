"""Opens the web helper for the service, and hears what it says."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from mgit.config.settings import Settings
from mgit.daemon.board import Board
from mgit.daemon.telling import helper_teller
from mgit.daemon.web.channel import Hint, Inbox, Note
from mgit.daemon.web.process import WebServer
from mgit.errors import StateError
from mgit.fleet.wiring import STATE_FILE, Parts

_AUDITED = frozenset({"web-refused", "webhook-refused"})
_EVENTS = ("web.", "webhook.")


class Ear:
    """Hears the web helper, in a thread of its own, and believes it no more than it has to.

    Args:
        parts: log and audit trail.
        inbox: gets the hints.
    """

    def __init__(self, parts: Parts, inbox: Inbox) -> None:
        self._parts = parts
        self._inbox = inbox

    def __call__(self, heard: Hint | Note) -> None:
        match heard:
            case Hint():
                self._hinted(heard)
            case Note():
                self._noted(heard)

    def garbled(self) -> None:
        self._parts.events.warning("web.garbled", "the web helper said something unreadable")

    def _hinted(self, hint: Hint) -> None:
        """Keep a hint, unless what it is known by was kept before: then somebody replays it."""
        if self._parts.state.deliveries.remember(hint.source, hint.marks):
            self._inbox.put(hint)

    def _noted(self, note: Note) -> None:
        if not note.event.startswith(_EVENTS):
            self.garbled()
            return
        events = self._parts.events
        write = {"debug": events.debug, "info": events.info, "error": events.error}
        write.get(note.level, events.warning)(
            note.event,
            note.message,
            request_id=note.request_id,
            client=note.client,
            method=note.method,
            path=note.path,
            status=note.status,
            seconds=note.seconds,
            source=note.source or None,
            code=note.code or None,
            missed=note.missed or None,
        )
        if note.audit in _AUDITED:
            self._audit(note)

    def _audit(self, note: Note) -> None:
        try:
            self._parts.audit.record(
                note.audit,
                "failure",
                client=note.client,
                method=note.method,
                path=note.path,
                source=note.source,
                code=note.code,
                request_id=note.request_id,
                missed=note.missed,
            )
        except StateError as error:
            self._parts.events.warning("audit.problem", error.message, advice=error.advice)


@contextlib.contextmanager
def open_web(settings: Settings, parts: Parts, board: Board) -> Iterator[Inbox]:
    """Serve the status page, the API and webhooks; yields where hints arrive.

    Raises:
        ConfigurationError: the address cannot be listened at.
    """
    listen = settings.serve.web.listen
    assert listen is not None  # noqa: S101
    inbox = Inbox()
    ear = Ear(parts, inbox)
    with contextlib.ExitStack() as stack:
        status = stack.enter_context(Board())
        server = stack.enter_context(
            WebServer(
                settings,
                listen,
                settings.paths.state_dir / STATE_FILE,
                board=board,
                status=status,
                hear=ear,
                garbled=ear.garbled,
                tell=helper_teller(parts, "web"),
            )
        )
        parts.events.info(
            "web.started", f"status page and API at {server.address}", web=str(server.address)
        )
        yield inbox
