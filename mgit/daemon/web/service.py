"""Opens the web helper for the service, and hears what it says."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from mgit.config.settings import Settings
from mgit.config.values import HostPort
from mgit.daemon.board import Board
from mgit.daemon.onlooker import Onlooker
from mgit.daemon.telling import helper_teller
from mgit.daemon.web.channel import Hint, Inbox, Note
from mgit.daemon.web.process import WebServer, check_tls
from mgit.daemon.web.standing import Standing
from mgit.errors import StateError
from mgit.fleet.wiring import STATE_FILE, Parts

AUDITED = frozenset({"web-refused", "webhook-refused"})
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
                self._inbox.put(heard)
            case Note():
                self._noted(heard)

    def garbled(self) -> None:
        self._parts.events.warning("web.garbled", "the web helper said something unreadable")

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
        if note.audit in AUDITED:
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


@dataclass(frozen=True, slots=True)
class Web:
    """The web helper as the loop meets it.

    Args:
        inbox: where hints arrive.
        onlooker: keeps the status document.
    """

    inbox: Inbox
    onlooker: Onlooker


@contextlib.contextmanager
def open_web(settings: Settings, parts: Parts, board: Board) -> Iterator[Web | None]:
    """Serve the status page, the API and webhooks, where they are wanted.

    Raises:
        ConfigurationError: the address cannot be listened at, or TLS cannot be used.
    """
    listen = settings.serve.web.listen
    if listen is None:
        yield None
        return
    if settings.serve.web.tls_cert is not None:
        check_tls(settings.serve.web)
    inbox = Inbox()
    ear = Ear(parts, inbox)
    with Board() as status:
        standing = Standing(settings, status.publish)
        with WebServer(
            settings,
            listen,
            settings.paths.state_dir / STATE_FILE,
            board=board,
            status=status,
            hear=ear,
            garbled=ear.garbled,
            tell=helper_teller(parts, "web"),
        ) as server:
            _announce(settings, parts, server.address)
            yield Web(inbox, standing.onlooker())


def _announce(settings: Settings, parts: Parts, address: HostPort) -> None:
    web = settings.serve.web
    scheme = "http" if web.tls_cert is None else "https"
    url = f"{scheme}://{address}/"
    parts.events.info("web.started", f"status page and API at {url}", web=url)
    if web.tls_cert is None and not address.loopback:
        parts.events.warning(
            "web.in-clear",
            f"tokens travel in clear to {address}",
            advice="name a certificate as `tls_cert` in [serve], or let a proxy speak TLS",
        )
