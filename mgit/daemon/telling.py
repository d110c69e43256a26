"""What the service says about itself, in its log and audit trail."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from mgit.daemon.helper import Tell
from mgit.daemon.keys import Changed
from mgit.daemon.refusals import Refused
from mgit.errors import MgitError, StateError
from mgit.fleet.wiring import Parts


def audit(
    parts: Parts, action: str, outcome: Literal["success", "failure"] = "success", **labels: str
) -> None:
    """Note something about the service itself; a full disk does not keep it from running."""
    try:
        parts.audit.record(action, outcome, **labels)
    except StateError as error:
        parts.events.warning("audit.problem", error.message, advice=error.advice)


@contextmanager
def failure_told(parts: Parts) -> Iterator[None]:
    """Notes why the service ends, where something is raised; that goes on its way."""
    try:
        yield
    except BaseException as error:
        reason = _reason(error)
        parts.events.error("service.failed", f"mgit ends: {reason}", reason=reason)
        audit(parts, "service-stopped", "failure", reason=reason)
        raise


def _reason(error: BaseException) -> str:
    """An error of ours in its own words; of any other only where: its text may hold anything."""
    if isinstance(error, MgitError):
        return error.message
    last = traceback.extract_tb(error.__traceback__)[-1:]
    place = f"{last[0].name}, line {last[0].lineno}" if last else "an unknown place"
    return f"{type(error).__name__} in {place}"


def helper_teller(parts: Parts, name: str, count: Callable[[], object] | None = None) -> Tell:
    """Logs that a helper died and another comes.

    Args:
        parts: has the log.
        name: of the helper.
        count: counts it.
    """

    def tell(why: str, pause: float) -> None:
        if count is not None:
            count()
        parts.events.warning(
            f"{name}.restarted",
            f"the {name} helper {why}; another starts in {pause:g} s",
            reason=why,
            seconds=pause,
        )

    return tell


def refusal_teller(parts: Parts) -> Refused:
    """Logs and audits that somebody asked for the metrics with a wrong token, as for the page."""

    def tell(client: str, missed: int) -> None:
        parts.events.warning(
            "web.refused",
            "a wrong credential was refused",
            client=client,
            path="/metrics",
            status=401,
            code="token-wrong",
            missed=missed or None,
        )
        labels = {"client": client, "path": "/metrics", "code": "token-wrong"}
        audit(parts, "web-refused", "failure", **labels, missed=str(missed))

    return tell


def keys_teller(parts: Parts) -> Changed:
    """Logs and audits that other tokens let in than before."""

    def tell(count: int, problem: str, advice: str) -> None:
        if problem:
            parts.events.error("web.locked", f"no token lets in: {problem}", advice=advice)
        else:
            parts.events.info("web.tokens", f"{count} tokens let in now", tokens=count)
        audit(parts, "tokens-changed", tokens=str(count), message=problem)

    return tell
