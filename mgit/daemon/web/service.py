"""Opens the web helper for the service, and hears what it says."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from mgit.config.settings import Settings
from mgit.config.values import HostPort
from mgit.credentials.hooks import read_hook_secrets
from mgit.daemon.board import Board
from mgit.daemon.onlooker import Onlooker
from mgit.daemon.telling import helper_teller
from mgit.daemon.web.channel import Hint, Inbox, Note
from mgit.daemon.web.process import WebServer, check_tls
from mgit.daemon.web.standing import Standing
from mgit.errors import ConfigurationError, StateError
from mgit.fleet.sources import trusted_folders
from mgit.fleet.wiring import STATE_FILE, Parts
from mgit.state import FLOOD, WaitingHint

AUDITED = frozenset({"web-refused", "webhook-refused"})
_EVENTS = ("web.", "webhook.")
_DELIVERIES = {"webhook.accepted": "accepted", "webhook.refused": "refused"}
_OUTCOMES = {
    "ping": "ignored",
    "unknown-event": "ignored",
    "replayed": "duplicate",
    "malformed": "malformed",
    "too-large": "malformed",
}
_MOST_MISSED = 10_000


class Ear:
    """Hears the web helper, in a thread of its own, and believes it no more than it has to.

    Args:
        parts: log and audit trail.
        inbox: gets the hints.
        count: told what came of each delivery, in a word of `mgit.telemetry.metrics.WEBHOOKS`.
    """

    def __init__(self, parts: Parts, inbox: Inbox, count: Callable[[str], object]) -> None:
        self._parts = parts
        self._inbox = inbox
        self._count = count

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
        kept = WaitingHint(hint.source, hint.key, hint.request_id, hint.traceparent)
        number = self._parts.state.deliveries.remember(kept, hint.marks)
        if number is not None and not self._inbox.put(replace(hint, number=number)):
            dropped = self._inbox.dropped
            if dropped & (dropped - 1) == 0:  # the first, the second, the fourth, …
                self._parts.events.warning(
                    "webhook.flood",
                    f"{dropped} hints had no room; all of {hint.source} is asked in their place",
                    source=hint.source,
                    missed=dropped,
                )

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
            **_traced(note),
        )
        if note.audit in AUDITED:
            self._audit(note)
        if note.event in _DELIVERIES:
            self._count(_OUTCOMES.get(note.code, _DELIVERIES[note.event]))
            for _ in range(min(note.missed, _MOST_MISSED)):
                self._count("limited")

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
def open_web(
    settings: Settings, parts: Parts, board: Board, count: Callable[[str], object]
) -> Iterator[Web | None]:
    """Serve the status page, the API and webhooks, where they are wanted.

    Args:
        settings: say where.
        parts: log, audit and state.
        board: says how the service is.
        count: told what came of each delivery of a forge.

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
    for one in parts.state.deliveries.waiting():
        inbox.put(_hint_of(one))
    ear = Ear(parts, inbox, count)
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
            children=parts.children,
        ) as server:
            _announce(settings, parts, server.address)
            yield Web(inbox, standing.onlooker())


def _hint_of(kept: WaitingHint) -> Hint:
    """A hint that an earlier life of the service took in."""
    flood = kept.key == FLOOD
    return Hint(
        kept.source,
        FLOOD if flood else "",
        "" if flood else kept.key,
        request_id=kept.request_id,
        traceparent=kept.traceparent,
        number=kept.number,
    )


def _announce(settings: Settings, parts: Parts, address: HostPort) -> None:
    web = settings.serve.web
    scheme = "http" if web.tls_cert is None else "https"
    url = f"{scheme}://{address}/"
    parts.events.info("web.started", f"status page and API at {url}", web=url)
    for source in settings.sources:
        if source.webhook_secret_file is not None:
            _announce_hook(settings, parts, source.name, source.webhook_secret_file, url)
    if web.tls_cert is None and not address.loopback:
        parts.events.warning(
            "web.in-clear",
            f"tokens travel in clear to {address}",
            advice="name a certificate as `tls_cert` in [serve], or let a proxy speak TLS",
        )


def _announce_hook(settings: Settings, parts: Parts, source: str, file: Path, url: str) -> None:
    """Say where a forge sends its webhooks, and whether any would be believed."""
    place = f"{url}webhooks/{source}"
    try:
        secrets = read_hook_secrets(file, trusted=trusted_folders(settings.environment))
    except ConfigurationError as error:
        parts.events.warning(
            "webhook.unready",
            f"all webhooks of {source} are refused: {error.message}",
            source=source,
            advice=error.advice,
        )
        return
    count = len(secrets)
    parts.events.info(
        "webhook.ready", f"webhooks of {source} at {place}", source=source, url=place, secrets=count
    )


def _traced(note: Note) -> dict[str, str]:
    """The caller's trace, in the place of the run that happens to be under way."""
    return {"trace_id": note.trace_id, "span_id": ""} if note.trace_id else {}
