"""Stops asking a host that does not answer: thousands of timeouts help nobody."""

from __future__ import annotations

import threading

from mgit.address import Origin
from mgit.errors import AuthenticationError, MgitError, NetworkError, RateLimited

LIMIT = 5


class Breaker:
    """Counts failures in a row for each origin; for one run only. Safe to share.

    Args:
        limit: so many network or credential failures in a row end the asking.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._rows: dict[Origin, int] = {}
        self._open: dict[Origin, MgitError] = {}

    def check(self, origin: Origin) -> None:
        """Raise the error that ended the asking of this origin, if one did."""
        with self._lock:
            error = self._open.get(origin)
        if error is not None:
            raise error

    def succeeded(self, origin: Origin) -> None:
        with self._lock:
            self._rows.pop(origin, None)

    def failed(self, origin: Origin, error: MgitError) -> None:
        """Note a failure. Those that concern one repository alone (404) do not count."""
        if not isinstance(error, NetworkError | AuthenticationError | RateLimited):
            return
        with self._lock:
            row = self._limit if isinstance(error, RateLimited) else self._rows.get(origin, 0) + 1
            self._rows[origin] = row
            if row >= self._limit:
                self._open.setdefault(origin, error)
