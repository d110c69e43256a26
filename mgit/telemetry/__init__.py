"""What mgit says about itself: logs, metrics, audit. All read one stream of events."""

from __future__ import annotations

from mgit.telemetry.audit import AuditTrail
from mgit.telemetry.events import (
    CredentialFound,
    CredentialRejected,
    Ended,
    Event,
    Listed,
    Observer,
    Planned,
    RunEnded,
    RunStarted,
    Scrubbed,
)
from mgit.telemetry.logs import EventLog, log_observer, open_log
from mgit.telemetry.verifying import Verdict, verify_audit

__all__ = [
    "AuditTrail",
    "CredentialFound",
    "CredentialRejected",
    "Ended",
    "Event",
    "EventLog",
    "Listed",
    "Observer",
    "Planned",
    "RunEnded",
    "RunStarted",
    "Scrubbed",
    "Verdict",
    "log_observer",
    "open_log",
    "verify_audit",
]
