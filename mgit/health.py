"""Ask a running `mgit serve` how it is, at the least possible cost.

A container's health check starts a whole interpreter every few seconds, so this module uses only
what every interpreter has loaded or built in. It runs without the rest of mgit as well::

    python3 -I -S mgit/health.py 127.0.0.1:8080 [/livez]
"""

import _socket
import sys
import time

TIMEOUT_SECONDS = 3.0
_MAX_ANSWER = 4096
_WANTED = "the address must be HOST:PORT, such as 127.0.0.1:8080"


def check(host: str, port: int, path: str = "/readyz") -> tuple[bool, str]:
    """Ask once.

    Args:
        host: numeric address or name that the service listens at.
        port: its port.
        path: `/readyz` or `/livez`.

    Returns:
        Whether it said 200, and one printable line for a person.
    """
    where = f"{host}:{port}"
    try:
        answer = _ask(_home(host), port, path)
    except OSError as error:
        why = "timed out" if isinstance(error, TimeoutError) else error.strerror or "no answer"
        return False, f"{where} does not answer: {why}"
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split(b" ")
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit():
        return False, f"{where} does not speak HTTP"
    said = "".join(letter for letter in body.decode("ascii", "replace") if letter.isprintable())
    status = int(words[1][:3])
    return status == 200, f"{where}{path} says {status} {said[:200]}".rstrip()


def split_address(text: str) -> tuple[str, int]:
    """Take `HOST:PORT`, `[HOST]:PORT` or `http://HOST:PORT` apart.

    Raises:
        ValueError: it is none of these.
    """
    host, _, port = text.removeprefix("http://").rstrip("/").rpartition(":")
    if not host or not text.isascii() or "/" in host:
        raise ValueError(_WANTED)
    if not port.isdecimal() or len(port) > 5 or not 0 < int(port) < 65536:
        raise ValueError(_WANTED)
    return host.removeprefix("[").removesuffix("]"), int(port)


def main(arguments: list[str]) -> int:
    """Ask the service named by `ADDRESS [PATH]`; returns 0 (well), 1 (not well), 2 (usage)."""
    if not 1 <= len(arguments) <= 2:
        sys.stderr.write("usage: health.py HOST:PORT [/readyz|/livez]\n")
        return 2
    try:
        host, port = split_address(arguments[0])
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    path = arguments[1] if len(arguments) == 2 else "/readyz"
    if path not in ("/readyz", "/livez"):
        sys.stderr.write("the path must be /readyz or /livez\n")
        return 2
    well, line = check(host, port, path)
    (sys.stdout if well else sys.stderr).write(f"{line}\n")
    return 0 if well else 1


def _home(host: str) -> str:
    """A service that listens everywhere (all zeros, `::`) is asked at home."""
    if host.strip("0.:"):
        return host
    return "::1" if ":" in host else "127.0.0.1"


def _ask(host: str, port: int, path: str) -> bytes:
    # Given as bytes, a name does not pull in the IDNA codec, which costs as much as all the rest.
    found = _socket.getaddrinfo(host.encode("ascii"), port, 0, _socket.SOCK_STREAM)
    family, kind, protocol, _, address = found[0]
    connection = _socket.socket(family, kind, protocol)
    try:
        end = time.monotonic() + TIMEOUT_SECONDS
        connection.settimeout(TIMEOUT_SECONDS)
        connection.connect(address)
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode("ascii"))
        answer = b""
        while len(answer) < _MAX_ANSWER:
            # The limit is for the whole answer, not for each part of a slow one.
            connection.settimeout(max(end - time.monotonic(), 0.001))
            part = connection.recv(_MAX_ANSWER)
            if not part:
                break
            answer += part
        return answer
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
