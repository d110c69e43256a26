"""The service: one root lock for its whole life, one run after the other, a clean end."""

from __future__ import annotations

import contextlib
import random
import signal
import sys
from collections.abc import Iterator
from typing import TextIO

from mgit.config.settings import Settings
from mgit.daemon.board import Board
from mgit.daemon.figures import Figures
from mgit.daemon.health import Health
from mgit.daemon.http import HealthServer
from mgit.daemon.keys import KeyFile
from mgit.daemon.loop import Loop
from mgit.daemon.onlooker import Onlooker
from mgit.daemon.telling import audit, failure_told, helper_teller, keys_teller, refusal_teller
from mgit.daemon.web.service import open_web
from mgit.fleet import Stop
from mgit.fleet.wiring import Parts, open_parts
from mgit.git.lock import RootLock
from mgit.plan.shard import holds
from mgit.telemetry.metrics import Metrics

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
    stop = Stop()
    with contextlib.ExitStack() as stack:
        stack.enter_context(_stopped_by_signals(stop))
        lock = stack.enter_context(RootLock(settings.root))
        board = stack.enter_context(Board())
        health = Health(show=board.show)
        health.locked(held=True)
        parts = stack.enter_context(open_parts(settings, stream=stream or sys.stderr))
        figures = Figures(_metrics(settings, parts), board.publish)
        tell = helper_teller(parts, "health", figures.health_restarted)
        server = stack.enter_context(
            HealthServer(
                settings.serve.listen,
                board,
                tell=tell,
                children=parts.children,
                refused=refusal_teller(parts),
            )
        )
        onlookers = [*guard(settings, parts, board)]
        web = stack.enter_context(open_web(settings, parts, board, figures.webhook))
        if web is not None:
            onlookers.append(web.onlooker)
        parts.events.info(
            "service.started",
            f"mgit serves at {server.address}, root {settings.root}",
            listen=str(server.address),
            root=str(settings.root),
        )
        audit(parts, "service-started", listen=str(server.address), root=str(settings.root))
        loop = Loop(
            settings,
            parts,
            health,
            figures,
            stop,
            lock,
            chance=jitter,
            onlookers=onlookers,
            inbox=web.inbox if web else None,
        )
        with failure_told(parts):
            code = loop.run(once=once)
        health.beat(stopping=True)
        audit(parts, "service-stopped", exit_code=str(code))
        parts.events.info("service.stopped", "mgit has stopped", exit_code=code)
    return code


def guard(settings: Settings, parts: Parts, board: Board) -> Iterator[Onlooker]:
    """Ask for a token where there is a file of them; keep up with that file.

    Raises:
        ConfigurationError: the file cannot be used.
    """
    path = settings.serve.web.token_file
    if path is None:
        if not settings.serve.listen.loopback:
            parts.events.warning(
                "metrics.open",
                f"whoever reaches {settings.serve.listen} can read the metrics",
                advice="name a file of tokens as `token_file` in [serve], or limit who can",
            )
        return
    yield Onlooker(tick=KeyFile(path, board, keys_teller(parts)).refresh)


def _metrics(settings: Settings, parts: Parts) -> Metrics:
    """Metrics that know what an earlier life of the service knew."""
    shard = settings.serve.shard
    kept = ((one.name, parts.state.last_listing(one.name)) for one in settings.sources)
    listed = {
        name: frozenset(
            repo.key for repo in one.listing.repos if shard is None or holds(shard, repo.key)
        )
        for name, one in kept
        if one is not None
    }
    return Metrics(
        parts.state.freshness(),
        listed=listed,
        per_repository=settings.serve.per_repository_metrics,
    )


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
