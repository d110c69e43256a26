"""The keys of what is told: log, audit, metrics, traces; part of the table in `keys`."""

from __future__ import annotations

from pathlib import Path

from mgit.config.key import Key
from mgit.config.sizes import format_size, read_size
from mgit.config.values import (
    format_age,
    read_age,
    read_choice,
    read_collector,
    read_count,
    read_path,
)

LOG_FORMAT: Key[str] = Key(
    "log",
    "format",
    read_choice("console", "json"),
    "console",
    "MGIT_LOG_FORMAT",
    "how events are written to standard error",
)
LOG_LEVEL: Key[str] = Key(
    "log",
    "level",
    read_choice("debug", "info", "warning", "error"),
    "info",
    "MGIT_LOG_LEVEL",
    "the least important events that are written",
)
AUDIT_SIZE: Key[int] = Key(
    "audit",
    "max_size",
    read_size(64 << 10, 100 << 30),
    "64m",
    "MGIT_AUDIT_MAX_SIZE",
    "size at which a file of the audit log is closed and the next begun",
    format_size,
)
AUDIT_AGE: Key[float] = Key(
    "audit",
    "max_age",
    read_age(3600, 3660 * 86400),
    "never",
    "MGIT_AUDIT_MAX_AGE",
    "age at which it is",
    format_age,
)
AUDIT_HEAD_FILE: Key[Path] = Key(
    "audit",
    "head_file",
    read_path,
    None,
    "MGIT_AUDIT_HEAD_FILE",
    "second place to which heads of the audit log are appended",
)
TRACES: Key[str] = Key(
    "telemetry",
    "endpoint",
    read_collector,
    None,
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "collector that traces are sent to, by OTLP over HTTP",
)
PER_REPOSITORY_METRICS: Key[int] = Key(
    "serve",
    "per_repository_metrics",
    read_count(0, 1000),
    "0",
    "MGIT_PER_REPOSITORY_METRICS",
    "how many of the stalest repositories `/metrics` names",
)
