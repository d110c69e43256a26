"""TLS of the web helper, and certificates in place of tokens. Files that change are read again."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

_LOOK_SECONDS = 1.0
Seen = tuple[tuple[int, int, int] | None, ...]


def server_context(certificate: str, key: str, client_ca: str) -> ssl.SSLContext:
    """TLS 1.2 or later; a client certificate is looked at where it could let in.

    It is never demanded: forges that send webhooks have none, and neither do people with a token.

    Args:
        certificate: PEM file, with the chain.
        key: PEM file, empty where `certificate` holds both.
        client_ca: PEM file of who signs client certificates, empty for none.

    Raises:
        OSError: a file cannot be read or used (`ssl.SSLError` is one).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # A key with a passphrase would ask for it at a terminal that is not there.
    context.load_cert_chain(certificate, key or None, password=lambda: b"")
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


class Tls:
    """Secures connections, with the certificate that the files hold now.

    Args:
        certificate: see `server_context`.
        key: see `server_context`.
        client_ca: see `server_context`.
        trouble: told when the files have changed to something that cannot be used; the ones
            before go on to be used.
        clock: monotonic seconds.

    Raises:
        OSError: the files cannot be used at the start.
    """

    def __init__(
        self,
        certificate: str,
        key: str,
        client_ca: str,
        *,
        trouble: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files = (certificate, key, client_ca)
        self._trouble = trouble
        self._clock = clock
        self._lock = threading.Lock()
        self._looked = clock()
        self._seen = _look(self._files)
        self._context = server_context(*self._files)

    def __call__(self, connection: socket.socket) -> ssl.SSLSocket:
        """Shake hands.

        Raises:
            OSError: the client does not speak TLS, or shows a certificate of somebody else.
        """
        return self._current().wrap_socket(connection, server_side=True)

    def _current(self) -> ssl.SSLContext:
        with self._lock:
            now = self._clock()
            if now - self._looked >= _LOOK_SECONDS:
                self._looked = now
                seen = _look(self._files)
                if seen != self._seen:
                    self._seen = seen
                    try:
                        self._context = server_context(*self._files)
                    except OSError as error:
                        self._trouble(words_of(error))
            return self._context


def words_of(error: OSError) -> str:
    """What is wrong with a file, in words."""
    if isinstance(error, ssl.SSLError):
        return f"it does not fit or is no PEM ({error.reason or 'unknown'})"
    return error.strerror or "unknown"


def _look(files: Sequence[str]) -> Seen:
    return tuple(_state(path) for path in files)


def _state(path: str) -> tuple[int, int, int] | None:
    try:
        status = Path(path).stat() if path else None
    except OSError:
        return None
    return None if status is None else (status.st_ino, status.st_mtime_ns, status.st_size)
