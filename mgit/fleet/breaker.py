"""Stops asking a host that does not answer: thousands of timeouts help nobody."""

from __future__ import annotations

import threading

from mgit.address import Origin
from mgit.errors import AuthenticationError, MgitError, NetworkError

LIMIT = 5

Asked = tuple[Origin, str]
"""A host, and the source whose credential it is asked with."""


class Breaker:
    """Counts failures in a row for each host and source; for one run only. Safe to share.

    Args:
        limit: so many network or credential failures in a row end the asking.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._rows: dict[Asked, int] = {}
        self._open: dict[Asked, MgitError] = {}

    def check(self, asked: Asked) -> None:
        """Raise the error that ended the asking of this origin, if one did."""
        with self._lock:
            error = self._open.get(asked)
        if error is not None:
            raise error

    def succeeded(self, asked: Asked) -> None:
        with self._lock:
            self._rows.pop(asked, None)

    def failed(self, asked: Asked, error: MgitError) -> None:
        """Note a failure.

        Those that concern one repository alone (404) do not count, and neither do pauses that
        the host asked for: they are the business of its budget.
        """
        if not isinstance(error, NetworkError | AuthenticationError):
            return
        with self._lock:
            row = self._rows[asked] = self._rows.get(asked, 0) + 1
            if row >= self._limit:
                self._open.setdefault(asked, error)
