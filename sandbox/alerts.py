"""A receiver of alerts: what an Alertmanager tells, kept and printed.

`python -m sandbox.alerts --port 9095` prints a line for each alert that fires or resolves. Format:
Alertmanager's webhook, version 4 ("Webhook receivers" of its configuration reference).
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sandbox.serving import LOOPBACK, Handler, Server, bound, running, serve_until_told

_VERSION = "4"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert, as it was told.

    Args:
        name: which.
        status: `firing` or `resolved`.
        labels: all of them, `alertname` among them.
        summary: for a person.
        runbook: where its run book is.
    """

    name: str
    status: str
    labels: dict[str, str] = field(hash=False)
    summary: str = ""
    runbook: str = ""

    def __str__(self) -> str:
        severity = self.labels.get("severity", "")
        return f"{self.status:8} {severity:8} {self.name}: {self.summary} ({self.runbook})"


def read_alerts(body: bytes) -> tuple[Alert, ...]:
    """The alerts of one notification.

    Raises:
        ValueError: it is none, or of another version.
    """
    told: Any = json.loads(body)
    if not isinstance(told, dict) or told.get("version") != _VERSION:
        raise ValueError(f"no notification of version {_VERSION}")
    found = []
    try:
        for one in told["alerts"]:
            labels, notes = dict(one["labels"]), dict(one["annotations"])
            words = notes.get("summary", ""), notes.get("runbook_url", "")
            found.append(Alert(labels["alertname"], one["status"], labels, *words))
    except (KeyError, TypeError) as error:
        raise ValueError(f"a notification lacks {error}") from None
    return tuple(found)


class Pager:
    """Everything that was told so far; may be read from any thread.

    Args:
        tell: hears of each alert as it comes.
    """

    def __init__(self, tell: Callable[[Alert], None] = lambda _: None) -> None:
        self.url = ""
        self._tell = tell
        self._told: list[Alert] = []
        self._more = threading.Condition()

    def take(self, alerts: tuple[Alert, ...]) -> None:
        """Keep what a notification holds."""
        with self._more:
            self._told += alerts
            self._more.notify_all()
        for alert in alerts:
            self._tell(alert)

    def told(self) -> list[Alert]:
        """All so far, oldest first."""
        with self._more:
            return list(self._told)

    def wait_for(self, name: str, status: str, seconds: float = 120.0) -> Alert:
        """The first alert of that name and status, now or later.

        Raises:
            TimeoutError: it did not come.
        """

        def found() -> Alert | None:
            fits = (one for one in self._told if (one.name, one.status) == (name, status))
            return next(fits, None)

        with self._more:
            alert = self._more.wait_for(found, seconds)
        if alert is None:
            raise TimeoutError(f"{name} was not {status} within {seconds:.0f} s: {self.told()}")
        return alert


class _Handler(Handler):
    pager: Pager


def _answer(handler: _Handler) -> None:
    if handler.command != "POST":
        handler.answer(405, {"message": "alerts come by POST"})
        return
    body = handler.body()
    if body is None:
        return
    try:
        alerts = read_alerts(body)
    except ValueError as error:
        handler.answer(400, {"message": str(error)})
        return
    handler.pager.take(alerts)
    handler.answer(200, {})


@contextmanager
def open_pager(
    tell: Callable[[Alert], None] = lambda _: None, host: str = LOOPBACK, port: int = 0
) -> Iterator[Pager]:
    """Receive alerts while the block lasts.

    Args:
        tell: hears of each alert as it comes.
        host: address to bind to.
        port: 0 for a free one.
    """
    pager = Pager(tell)
    server = Server((host, port), bound(_Handler, _answer, pager=pager))
    with running(server):
        pager.url = server.url
        yield pager


def main(argv: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.alerts", description=__doc__)
    parser.add_argument("--host", default=LOOPBACK, help=f"address to bind to ({LOOPBACK})")
    parser.add_argument("--port", type=int, default=0, help="0 for a free one (0)")
    options = parser.parse_args(argv)
    return serve_until_told(open_pager(_print, options.host, options.port))


def _print(alert: Alert) -> None:
    sys.stdout.write(f"{alert}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
