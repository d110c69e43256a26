"""What the service says about itself, in its log and audit trail."""

from __future__ import annotations

from mgit.daemon.helper import Tell
from mgit.errors import StateError
from mgit.fleet.wiring import Parts


def audit(parts: Parts, action: str, **labels: str) -> None:
    """Note something about the service itself; a full disk does not keep it from running."""
    try:
        parts.audit.record(action, "success", **labels)
    except StateError as error:
        parts.events.warning("audit.problem", error.message, advice=error.advice)


def helper_teller(parts: Parts, name: str) -> Tell:
    """Logs that a helper died and another comes."""

    def tell(why: str, pause: float) -> None:
        parts.events.warning(
            f"{name}.restarted",
            f"the {name} helper {why}; another starts in {pause:g} s",
            reason=why,
            seconds=pause,
        )

    return tell
