"""Takes secrets out of text on its way to a person, a log or a file."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from mgit.credentials.secret import Credential, Secret

_SHOWN = "***"


class Redactor:
    """Replaces every known secret, in all the forms in which it travels.

    Args:
        known: credentials and bare secrets. The forms are the text itself, percent-encoded, and
            base64 of `user:secret` as HTTP Basic sends it.
    """

    def __init__(self, known: Iterable[Credential | Secret] = ()) -> None:
        forms: set[str] = set()
        for item in known:
            forms |= _forms(item)
        # Longest first: a secret that contains another one must go as a whole.
        self._forms = tuple(sorted(forms, key=lambda form: (-len(form), form)))

    def clean(self, text: str) -> str:
        """The text with every known secret replaced by `***`."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, _SHOWN)
        return text

    def holds_secret(self, text: str) -> bool:
        """Whether the text contains a known secret."""
        return any(form in text for form in self._forms)

    def __repr__(self) -> str:
        return f"Redactor({len(self._forms)} forms)"


def _forms(item: Credential | Secret) -> set[str]:
    secret = item.secret if isinstance(item, Credential) else item
    value = secret.reveal()
    forms = {value, quote(value, safe=""), quote(value), quote_plus(value), _base64(value)}
    users = {"", item.username} if isinstance(item, Credential) else {""}
    forms |= {_base64(f"{user}:{value}") for user in users}
    # Padding is optional in some writers; without it the form also matches with it.
    return {form.rstrip("=") if form != value else form for form in forms}


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
