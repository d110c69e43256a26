"""The service: one root lock for its whole life, one run after the other, a clean end."""

from __future__ import annotations

import contextlib
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import TextIO

from mgit.config.settings import Settings
from mgit.daemon import health as health_rules
from mgit.daemon.health import Health
from mgit.daemon.http import HealthServer, Page, Routes, text_page
from mgit.daemon.loop import Loop
from mgit.errors import StateError
from mgit.fleet import Stop
from mgit.fleet.wiring import Parts, open_parts
from mgit.git.lock import RootLock
from mgit.telemetry.metrics import CONTENT_TYPE, Metrics

_SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP")


def serve(settings: Settings, *, once: bool = False, stream: TextIO | None = None) -> int:
    """Run until SIGTERM, SIGINT or SIGHUP; returns within 10 s of it.

    Args:
        settings: what to sync, where, how often, and where to answer.
        once: end after the first run and return its exit code.
        stream: where the log goes; standard error if None.

    Returns:
        0 after a signal; with `once` the exit code of the run.

    Raises:
        ConfigurationError: no source, or an address that cannot be listened at.
        Busy: another mgit holds the root.
    """
    settings.require_sources()
    stop, health = Stop(), Health()
    with contextlib.ExitStack() as stack:
        stack.enter_context(_stopped_by_signals(stop))
        lock = stack.enter_context(RootLock(settings.root))
        health.locked(held=True)
        parts = stack.enter_context(open_parts(settings, stream=stream or sys.stderr))
        metrics = Metrics(parts.state.freshness())
        server = stack.enter_context(HealthServer(settings.serve.listen, routes(health, metrics)))
        parts.events.info(
            "service.started",
            f"mgit serves at {server.address}, root {settings.root}",
            listen=str(server.address),
            root=str(settings.root),
        )
        audit(parts, "service-started", listen=str(server.address), root=str(settings.root))
        loop = Loop(settings, parts, health, metrics, stop, lock, chance=jitter)
        code = loop.run(once=once)
        audit(parts, "service-stopped", exit_code=str(code))
        parts.events.info("service.stopped", "mgit has stopped", exit_code=code)
    return code


def audit(parts: Parts, action: str, **labels: str) -> None:
    """Note something about the service itself; a full disk does not keep it from running."""
    try:
        parts.audit.record(action, "success", **labels)
    except StateError as error:
        parts.events.warning("audit.problem", error.message, advice=error.advice)


def routes(health: Health, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> Routes:
    """The pages of the service.

    Args:
        health: read for the two health pages.
        metrics: rendered for `/metrics`.
        clock: monotonic seconds.
    """

    def answer(found: health_rules.Answer) -> Page:
        return text_page(200 if found.well else 503, found.words)

    return {
        "/livez": lambda: answer(health_rules.live(health.snapshot, clock())),
        "/readyz": lambda: answer(health_rules.ready(health.snapshot)),
        "/metrics": lambda: Page(200, metrics.render(), CONTENT_TYPE),
    }


@contextlib.contextmanager
def _stopped_by_signals(stop: Stop) -> Iterator[None]:
    """Turn signals into a request to stop. The handler only sets one plain attribute."""

    def handle(number: int, frame: object) -> None:
        del number, frame
        stop.request()

    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def jitter() -> float:
    """A number from 0 to 1. Spreads load; nothing secret hangs on it."""
    return random.random()  # noqa: S311 - see above
