"""The desktop's keyring, where the optional `keyring` package and a backend are there."""

from __future__ import annotations

from typing import Protocol

SERVICE = "mgit"


class Keyring(Protocol):
    """What mgit needs of a keyring. A failing one answers None or False, it does not raise."""

    def get(self, account: str) -> str | None:
        """The secret of this account, None if there is none."""

    def put(self, account: str, secret: str) -> bool:
        """Keep a secret; False when the keyring refused."""

    def delete(self, account: str) -> bool:
        """Forget a secret; False when there was none."""


def open_keyring() -> Keyring | None:
    """The desktop's keyring; None without the package or without a usable backend.

    Importing the package costs some 50 ms, so it is only done by those who ask.
    """
    try:
        import keyring
        import keyring.errors
    except ImportError:
        return None
    backend = keyring.get_keyring()
    if backend.priority < 1:  # `fail` is 0, `null` is -1: both keep nothing
        return None
    return _Desktop()


class _Desktop:
    """The `keyring` package behind `Keyring`."""

    def get(self, account: str) -> str | None:
        import keyring
        from keyring.errors import KeyringError

        try:
            return keyring.get_password(SERVICE, account)
        except KeyringError:
            return None

    def put(self, account: str, secret: str) -> bool:
        import keyring
        from keyring.errors import KeyringError

        try:
            keyring.set_password(SERVICE, account, secret)
        except KeyringError:
            return False
        return True

    def delete(self, account: str) -> bool:
        import keyring
        from keyring.errors import KeyringError

        try:
            keyring.delete_password(SERVICE, account)
        except KeyringError:
            return False
        return True
