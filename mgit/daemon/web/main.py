"""The web helper itself: `main` runs in the process that `mgit.daemon.web.process` starts."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import msgspec

from mgit.daemon.answering import ask_the_kernel
from mgit.daemon.region import Region
from mgit.daemon.web.app import App, Parts
from mgit.daemon.web.channel import Note, Teller
from mgit.daemon.web.guard import Gate
from mgit.daemon.web.receiving import Receiver
from mgit.daemon.web.server import Server, Wrap
from mgit.daemon.web.setup import Setup
from mgit.daemon.web.view import View
from mgit.state.deliveries import marks_in
from mgit.state.overview import Overview


def main(argument: str) -> None:
    """Serve until standard input ends, then end at once whatever threads are still about.

    Args:
        argument: a `Setup` as JSON.
    """
    setup = msgspec.json.decode(argument, type=Setup)
    # Supervisors may signal all processes of a service: this one ends with it, not before.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    ask_the_kernel()
    teller = Teller(setup.channel)
    board = Region(setup.board)
    parts = Parts(
        view=View(board, Region(setup.status), Overview(Path(setup.state_file))),
        gate=Gate(board, tokens=setup.token_file, certificates=bool(setup.client_ca)),
        tell=teller.tell,
        accepts=_receiver(setup),
        debug=setup.debug,
    )
    listener = socket.socket(fileno=setup.listener)
    Server(listener, App(parts), _tls(setup, teller)).run(until=0)
    os._exit(0)


def _receiver(setup: Setup) -> Receiver | None:
    if not setup.hooks:
        return None
    return Receiver(setup.hooks, lambda source: marks_in(Path(setup.state_file), source))


def _tls(setup: Setup, teller: Teller) -> Wrap | None:
    if not setup.tls_cert:
        return None
    from mgit.daemon.web.tls import Tls

    def trouble(words: str) -> None:
        message = f"the new certificate cannot be used, the old one still is: {words}"
        teller.tell(Note(level="error", event="web.certificate", message=message))

    return Tls(setup.tls_cert, setup.tls_key, setup.client_ca, trouble=trouble)
