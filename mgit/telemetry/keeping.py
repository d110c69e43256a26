"""The audit log, opened as the settings say, and its head told to a second place."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from mgit.config.settings import Settings
from mgit.errors import StateError
from mgit.telemetry.audit import AUDIT_FILE, AuditTrail, Head
from mgit.telemetry.rotation import Rotation

# After these nothing more is recorded for a while, or much hangs on them.
_TOLD = frozenset(
    {
        "run-ended",
        "service-started",
        "service-stopped",
        "configuration-changed",
        "credential-stored",
    }
)


def open_trail(
    settings: Settings, clean: Callable[[str], str], told: Callable[[Head], None] | None = None
) -> AuditTrail:
    """The audit log of these settings. No file is opened before there is something to record.

    Args:
        settings: say where, when it is rotated, and what the second place is.
        clean: takes secrets and control characters out of a text.
        told: also hears of each head that is kept in the second place.
    """
    second = settings.audit.head_file

    def keep(head: Head) -> None:
        if head.action not in _TOLD:
            return
        if told is not None:
            told(head)
        if second is not None:
            append_head(second, head)

    return AuditTrail(
        settings.paths.state_dir / AUDIT_FILE,
        clean=clean,
        rotation=Rotation(settings.audit.max_size, settings.audit.max_age),
        heads=keep,
    )


def append_head(path: Path, head: Head) -> None:
    """Append a head as a line: the file may be one that can only be appended to.

    Raises:
        StateError: it cannot be written.
    """
    try:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        try:
            os.write(descriptor, f"{head}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StateError(
            f"the head of the audit log cannot be kept in {path}: {error.strerror}",
            advice="check audit.head_file: its folder must be there, and writable for mgit",
        ) from None
