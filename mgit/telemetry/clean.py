"""What every text goes through before somebody can read it."""

from __future__ import annotations

import threading

from mgit.credentials.redact import Redactor
from mgit.credentials.secret import Credential
from mgit.text import escape_untrusted


class Cleaner:
    """Takes out every secret met so far, then makes control characters visible.

    Secrets are never forgotten: a token that was replaced may still stand in an old message.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: tuple[Credential, ...] = ()
        self._redactor = Redactor()

    def add(self, credential: Credential) -> None:
        """Hide this credential from now on."""
        with self._lock:
            if credential not in self._known:
                self._known = (*self._known, credential)
                self._redactor = Redactor(self._known)

    def __call__(self, text: str) -> str:
        """The text, fit to be shown."""
        # Redacted first: an escaped character within a secret would hide it from the redactor.
        return escape_untrusted(self._redactor.clean(text))
