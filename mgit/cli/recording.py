"""Audit records of the commands that change the configuration or keep a token."""

from __future__ import annotations

from mgit.cli.console import Console
from mgit.config import Settings
from mgit.config.edit import Edit
from mgit.credentials import Credential
from mgit.errors import StateError
from mgit.state import HeldRepo
from mgit.telemetry.audit import AuditTrail
from mgit.telemetry.clean import Cleaner
from mgit.telemetry.keeping import open_trail


class Recorder:
    """Records what one command did; where that cannot be kept, the person is told once.

    Args:
        settings: say where the audit log is.
        console: to tell the person.
        by: the command, for example `mgit login`.
    """

    def __init__(self, settings: Settings, console: Console, by: str) -> None:
        self._clean = Cleaner()
        self._trail = open_trail(settings, self._clean)
        self._console = console
        self._by = by
        self._warned = False

    def configured(self, edit: Edit) -> None:
        """The configuration was written: its path and the keys, never their values."""
        self._put(
            "configuration-changed", "success", path=str(edit.file), keys=", ".join(edit.keys)
        )

    def stored(self, credential: Credential, source: str, kept_in: str) -> None:
        """A token was kept."""
        self._clean.add(credential)
        origin = str(credential.origin)
        self._put("credential-stored", "success", source=source, origin=origin, kept_in=kept_in)

    def refused(self, credential: Credential, source: str, message: str) -> None:
        """A forge refused the token that a person gave."""
        self._clean.add(credential)
        self._put(
            "credential-refused",
            "failure",
            source=source,
            origin=str(credential.origin),
            message=message,
        )

    def _put(self, action: str, outcome: str, **labels: str) -> None:
        try:
            self._trail.record(action, outcome, by=self._by, **labels)
        except StateError as error:
            if not self._warned:
                self._warned = True
                self._console.warn(error.message, error.advice)


def record_acknowledged(trail: AuditTrail, held: HeldRepo) -> None:
    """A person let a held loss go.

    Raises:
        StateError: that cannot be written down; then it must not count.
    """
    from mgit.telemetry.audited import loss_labels

    trail.record(
        "refs-acknowledged",
        "success",
        source=held.source,
        repo=held.name,
        repo_key=str(held.key),
        folder=held.folder,
        **loss_labels(held.loss),
    )
