"""What a sick image starts in place of mgit: `sick.py crash|slow|unready SECONDS MGIT'S ARGUMENTS`.

It is copied into images that are mgit's own in everything else, and runs the real mgit in this
process, with a thread beside it that makes it sick. The image has no shell, so it is Python.

`crash`: SECONDS after mgit first says ready the process is gone. `slow`: every answer over HTTP
comes SECONDS late. `unready`: `/readyz` never says ready, everything else is well.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time

from mgit.cli import main
from mgit.health import check, split_address

_SAID = b"sick: not ready\n"
_UNREADY = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(_SAID), _SAID)
)


def crash(after: float) -> None:
    host, port = split_address(os.environ["MGIT_LISTEN"])

    def wait() -> None:
        while not check(host, port)[0]:
            time.sleep(0.05)
        time.sleep(after)
        sys.stderr.write("sick: gone\n")
        sys.stderr.flush()
        os._exit(70)

    threading.Thread(target=wait, daemon=True).start()


def stand_before(seconds: float, *, ready: bool) -> None:
    """Take mgit's place at its address, and hand on to it what is asked."""
    host, port = split_address(os.environ["MGIT_LISTEN"])
    front = socket.create_server((host, port), backlog=64)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        inner = probe.getsockname()[1]
    os.environ["MGIT_LISTEN"] = f"127.0.0.1:{inner}"

    def serve() -> None:
        while True:
            client, _ = front.accept()
            threading.Thread(target=answer, args=(client, inner), daemon=True).start()

    def answer(client: socket.socket, inner: int) -> None:
        try:
            with client:
                head = _head(client)
                time.sleep(seconds)
                if not ready and b" /readyz" in head.split(b"\r\n", 1)[0]:
                    client.sendall(_UNREADY)
                else:
                    _hand_on(head, client, inner)
        except OSError:
            return  # who asked is gone, or mgit is not there yet

    threading.Thread(target=serve, daemon=True).start()


def _head(client: socket.socket) -> bytes:
    client.settimeout(10)
    head = b""
    while b"\r\n\r\n" not in head and (part := client.recv(4096)):
        head += part
    return head


def _hand_on(head: bytes, client: socket.socket, inner: int) -> None:
    lines = head.split(b"\r\n\r\n", 1)[0].split(b"\r\n")
    kept = [line for line in lines if not line.lower().startswith(b"connection:")]
    with socket.create_connection(("127.0.0.1", inner), timeout=10) as mgit:
        mgit.sendall(b"\r\n".join([*kept, b"Connection: close", b"", b""]))
        while part := mgit.recv(65536):
            client.sendall(part)


if __name__ == "__main__":
    how, number, *rest = sys.argv[1:]
    match how:
        case "crash":
            crash(float(number))
        case "slow" | "unready":
            stand_before(float(number), ready=how == "slow")
        case _:
            sys.exit(f"{how} is no sickness")
    sys.argv = ["mgit", *rest]
    sys.exit(main())
