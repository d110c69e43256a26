"""What the service tells the web helper at its start, as one argument. No secret is in it."""

from __future__ import annotations

import msgspec

from mgit.daemon.web.receiving import HookSetup


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """How to serve.

    Args:
        listener: descriptor of a socket that listens.
        board: descriptor of the memory with heartbeat, metrics and keys.
        status: descriptor of the memory with the status document.
        channel: descriptor of the pipe to the service.
        state_file: the state database, which is only read.
        token_file: a token lets in; the service reads the file, not this process.
        tls_cert: PEM file, empty for plain HTTP.
        tls_key: PEM file, empty where `tls_cert` holds both.
        client_ca: PEM file, empty where certificates let nobody in.
        hooks: the webhooks that are taken.
        debug: the log wants to know of everything.
    """

    listener: int
    board: int
    status: int
    channel: int
    state_file: str
    token_file: bool = False
    tls_cert: str = ""
    tls_key: str = ""
    client_ca: str = ""
    hooks: tuple[HookSetup, ...] = ()
    debug: bool = False

    @property
    def descriptors(self) -> tuple[int, ...]:
        return (self.listener, self.board, self.status, self.channel)
