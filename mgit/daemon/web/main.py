"""The web helper itself: `main` runs in the process that `mgit.daemon.web.process` starts."""

from __future__ import annotations

import os
import signal
import socket

import msgspec

from mgit.daemon.answering import ask_the_kernel
from mgit.daemon.region import Region
from mgit.daemon.web.app import App, Parts
from mgit.daemon.web.channel import Teller
from mgit.daemon.web.server import Server
from mgit.daemon.web.setup import Setup


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
    parts = Parts(region=Region(setup.board), tell=Teller(setup.channel).tell)
    Server(socket.socket(fileno=setup.listener), App(parts)).run(until=0)
    os._exit(0)
