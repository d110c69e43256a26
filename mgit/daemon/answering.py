"""The health helper: answers `/livez`, `/readyz` and `/metrics` in a process of its own.

The service runs this file by its path, without the rest of mgit, so that a busy interpreter there
delays nothing here::

    python3 -I -S mgit/daemon/answering.py LISTENER REGION DEADLINE [TELL]

LISTENER is the number of an inherited socket that listens, REGION that of the memory that the
service writes (`mgit.daemon.board`), TELL that of a pipe that takes who gave a wrong token
(`mgit.daemon.limit`); end of standard input says that the service is gone. It uses
only what every interpreter has built in or loads in a moment, so that it stays below 10 MB.

Small on purpose: GET and HEAD, one request per connection, no body read, a bounded number of
connections, each with a deadline, so that a slow or hostile client costs one of them for some
seconds and nothing more.
"""

import _socket
import os
import select
import signal
import sys
import time
from struct import Struct

if __name__ == "__main__":  # by its path: what stands beside it is found last, and by its own name
    sys.path.append(__file__.rpartition("/")[0])
    from limit import Guessing  # type: ignore[import-not-found]
    from region import Region  # type: ignore[import-not-found]
else:
    from mgit.daemon.limit import Guessing
    from mgit.daemon.region import Region

MAX_CONNECTIONS = 32
MAX_REQUEST = 16384
MAX_HEADERS = 100
IDLE_SECONDS = 5.0
DEADLINE_SECONDS = 10.0

_LINGER_SECONDS = 1.0
_ACCEPTED_AT_ONCE = 64
_SLICE_NANOSECONDS = 100_000
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_WORDS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}
_HEADERS = (
    "Server: mgit\r\nCache-Control: no-store\r\n"
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n"
)
_TOKEN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_!#$%&'*+.^`|~")
_GONE = select.POLLERR | select.POLLHUP | select.POLLNVAL


def respond(
    region: Region, head: bytes, now: float, guessing: Guessing | None = None, client: str = ""
) -> bytes:
    """The whole answer to one request.

    Args:
        region: says how the service is.
        head: request line and headers, up to the empty line.
        now: monotonic seconds.
        guessing: knows who gave wrong tokens; None to blame nobody.
        client: address of who asks.
    """
    lines = head.replace(b"\r\n", b"\n").split(b"\n")
    words = lines[0].split(b" ")
    if len(words) != 3 or not words[0] or not _TOKEN.issuperset(words[0]):
        return page(400, "bad request")
    method, target, version = words
    if not version.startswith(b"HTTP/"):
        return page(400, "bad request")
    if version not in (b"HTTP/1.0", b"HTTP/1.1"):
        return page(505, "bad request")
    if len(lines) - 1 > MAX_HEADERS:
        return page(431, "bad request")
    if method not in (b"GET", b"HEAD"):
        return page(405, "only GET and HEAD", "Allow: GET, HEAD\r\n")
    path = target.partition(b"?")[0]
    if path == b"/metrics":
        given = [line[14:] for line in lines if line[:14].lower() == b"authorization:"]
        refused = _refused(region, given, now, guessing or Guessing(), client)
        if refused:
            return refused
    whole = _look(region, path, now)
    return whole if method == b"GET" else whole[: whole.index(b"\r\n\r\n") + 4]


def _refused(
    region: Region, given: list[bytes], now: float, guessing: Guessing, client: str
) -> bytes:
    """The answer to whoever is not let in, empty for whoever is."""
    wait = guessing.wait(client, now)
    if wait > 0:
        seconds = int(wait) + 1
        return page(429, "too many wrong tokens came from there", f"Retry-After: {seconds}\r\n")
    if region.lets_in(given[0] if len(given) == 1 else b""):
        return b""
    if given:
        guessing.failed(client, now)
    return page(401, "a bearer token is needed", 'WWW-Authenticate: Bearer realm="mgit"\r\n')


def _look(region: Region, path: bytes, now: float) -> bytes:
    if path == b"/metrics":
        return page(200, region.text(), kind=_METRICS_TYPE)
    if path == b"/livez":
        well, words = region.live(now)
    elif path == b"/readyz":
        well, words = region.ready()
    else:
        return page(404, "not found")
    return page(200 if well else 503, words)


def page(
    status: int, body: str | bytes, more: str = "", kind: str = "text/plain; charset=utf-8"
) -> bytes:
    """An answer as it goes over the wire.

    Args:
        status: HTTP status.
        body: a line of text, or bytes that are sent as they are.
        more: headers, each with its end of line.
        kind: media type.
    """
    data = body if isinstance(body, bytes) else f"{body}\n".encode()
    head = (
        f"HTTP/1.1 {status} {_WORDS[status]}\r\n{_HEADERS}{more}"
        f"Date: {time.strftime('%a, %d %b %Y %H:%M:%S GMT', time.gmtime())}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    return head.encode("ascii") + data


def complete(data: bytes) -> int:
    """Where the head of a request ends, -1 as long as it does not. Bare line feeds count."""
    ends = [data.find(mark) + len(mark) for mark in (b"\n\r\n", b"\n\n") if mark in data]
    return min(ends, default=-1)


class Connection:
    """One client: its request is read, then answered, then its last words are let pass.

    Args:
        socket: does not block.
        region: says how the service is.
        now: monotonic seconds.
        deadline: seconds that it may last.
        guessing: knows who gave wrong tokens.
        client: address of the client.
    """

    def __init__(
        self,
        socket: _socket.socket,
        region: Region,
        now: float,
        deadline: float,
        guessing: Guessing,
        client: str,
    ) -> None:
        self.socket = socket
        self.wants = select.POLLIN
        self._region = region
        self._guessing = guessing
        self._client = client
        self._last = now + deadline
        self._idle = now + IDLE_SECONDS
        self._read = b""
        self._write = memoryview(b"")
        self._whole = False
        self._lingers = False

    @property
    def end(self) -> float:
        """When it is over, whatever the client does."""
        return min(self._idle, self._last)

    def move(self, now: float) -> bool:
        """Go on after the socket is ready; whether there is more to do."""
        try:
            if self._lingers:
                return bool(self.socket.recv(MAX_REQUEST))
            self._idle = now + IDLE_SECONDS
            return self._send(now) if self._write else self._receive(now)
        except BlockingIOError:
            return True
        except OSError:  # a client that goes away in the middle is its own business
            return False

    def cut(self, now: float) -> bool:
        """Say at its end that nothing more comes; whether to wait for a word still under way."""
        return not self._lingers and self._linger(now)

    def _receive(self, now: float) -> bool:
        part = self.socket.recv(MAX_REQUEST)
        self._read += part
        end = complete(self._read)
        if 0 <= end <= MAX_REQUEST:
            head = self._read[:end].rstrip(b"\r\n")
            answer = respond(self._region, head, now, self._guessing, self._client)
        elif len(self._read) > MAX_REQUEST:
            answer = page(431, "bad request")
        elif part:
            return True
        elif self._read:
            answer = page(400, "bad request")
        else:
            return False
        # Closing with something unread would reset the connection, and the answer with it.
        self._whole = end == len(self._read) and not answer.startswith(b"HTTP/1.1 4")
        self._write = memoryview(answer)
        return self._send(now)

    def _send(self, now: float) -> bool:
        self._write = self._write[self.socket.send(self._write) :]
        if self._write:
            self.wants = select.POLLOUT
            return True
        return not self._whole and self._linger(now)

    def _linger(self, now: float) -> bool:
        self._lingers, self.wants = True, select.POLLIN
        self._idle = self._last = now + _LINGER_SECONDS
        try:
            self.socket.shutdown(_socket.SHUT_WR)
        except OSError:
            return False
        return True


class Server:
    """Answers from one thread until standard input ends.

    Args:
        listener: listens already.
        region: says how the service is.
        deadline: seconds that a connection may last altogether.
        guessing: knows who gave wrong tokens.
    """

    def __init__(
        self, listener: _socket.socket, region: Region, deadline: float, guessing: Guessing
    ) -> None:
        self._listener = listener
        self._region = region
        self._deadline = deadline
        self._guessing = guessing
        self._open: dict[int, Connection] = {}
        self._poll = select.poll()
        self._poll.register(0, select.POLLIN)
        self._poll.register(listener.fileno(), select.POLLIN)

    def run(self) -> None:
        """Serve until the service is gone."""
        while True:
            for number, event in self._poll.poll(self._wait(time.monotonic())):
                if number == 0:
                    return
                if number == self._listener.fileno():
                    self._accept(time.monotonic())
                else:
                    self._move(self._open[number], event, time.monotonic())
            now = time.monotonic()
            for connection in [one for one in self._open.values() if one.end <= now]:
                self._keep(connection, more=connection.cut(now))

    def _wait(self, now: float) -> float | None:
        """Milliseconds to the next end of a connection."""
        ends = [connection.end for connection in self._open.values()]
        return max(0.0, min(ends) - now) * 1000 + 1 if ends else None

    def _accept(self, now: float) -> None:
        """Take in who has come; whose request has come as well is answered and gone at once."""
        for _ in range(_ACCEPTED_AT_ONCE):
            try:
                # As `socket` does it: the whole of that module would be a tenth of this process.
                number, address = self._listener._accept()  # type: ignore[attr-defined]  # noqa: SLF001
            except BlockingIOError:
                return
            except OSError:  # out of descriptors: some other process's, as these are bounded
                time.sleep(0.05)
                return
            socket = _socket.socket(fileno=number)
            if len(self._open) >= MAX_CONNECTIONS:
                socket.close()
                continue
            socket.settimeout(0.0)
            connection = Connection(
                socket, self._region, now, self._deadline, self._guessing, str(address[0])
            )
            if connection.move(now):
                self._open[number] = connection
                self._poll.register(number, connection.wants)
            else:
                socket.close()

    def _move(self, connection: Connection, event: int, now: float) -> None:
        dead = event & _GONE and not event & select.POLLIN
        self._keep(connection, more=not dead and connection.move(now))

    def _keep(self, connection: Connection, *, more: bool) -> None:
        number = connection.socket.fileno()
        if more:
            self._poll.modify(number, connection.wants)
        else:
            self._poll.unregister(number)
            del self._open[number]
            connection.socket.close()


def ask_the_kernel() -> None:
    """Have this process end with the service, and be let in quickly where processors are short.

    Both are favours of Linux that only its own words ask for, and neither is needed: the end of
    the input ends it as well, and without short slices it answers some milliseconds later.
    """
    if sys.platform != "linux":
        return
    try:
        import ctypes

        kernel = ctypes.CDLL(None)
        kernel.prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGKILL
        # sched_setattr(2), from Linux 6.12 on: the usual policy and priority, slices of 0.1 ms.
        # Who asks for little at a time is chosen before those that would run for long.
        number = {"x86_64": 314, "aarch64": 274}.get(os.uname().machine)
        if number is not None:
            nice = os.getpriority(os.PRIO_PROCESS, 0)
            wanted = Struct("<IIQiIQQQ").pack(48, 0, 0, nice, 0, _SLICE_NANOSECONDS, 0, 0)
            kernel.syscall(number, 0, wanted, 0)
    except (ImportError, OSError, AttributeError, MemoryError):  # no libffi, or not allowed
        return


def main(arguments: list[str]) -> None:
    """Serve; `arguments` as in the first lines of this file."""
    listener, region, deadline, *more = arguments
    # Supervisors may signal all processes of a service: it says "stopping" until it has stopped.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    ask_the_kernel()
    socket = _socket.socket(fileno=int(listener))
    socket.settimeout(0.0)
    tell = int(more[0]) if more else -1
    if more:
        os.set_blocking(tell, False)
    Server(socket, Region(int(region)), float(deadline), Guessing(tell)).run()


if __name__ == "__main__":
    main(sys.argv[1:])
