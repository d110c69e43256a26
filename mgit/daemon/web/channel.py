"""What the web helper tells the service: one line of JSON each, over a pipe that never blocks it.

A line is written whole or not at all (POSIX: no more than PIPE_BUF bytes at once). When the pipe is
full the line is not written and the caller is told: then a webhook gets 503 and comes again.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec.structs import replace

from mgit.daemon.pipe import Pipe
from mgit.state.deliveries import FLOOD

MAX_LINE = min(select.PIPE_BUF, 4096)
MAX_HINTS = 4096
DEBOUNCE_SECONDS = 1.0


class Hint(msgspec.Struct, frozen=True, tag="hint", omit_defaults=True):
    """A forge says that something happened to a repository. It may only ever add work.

    Args:
        source: name of the source that it is about; verified.
        event: what the forge calls it, such as `push`.
        repo_id: the forge's own id of the repository, empty where it does not say.
        path: `owner/name` as the forge told it, empty where it does not say.
        delivery: id of the delivery, so that a second one is known.
        request_id: of the request that brought it.
        marks: what the service remembers, so that the same thing again does nothing.
        traceparent: of the trace that the request belongs to, empty for none.
        number: under which the service keeps it until it is answered; 0 where it does not.
    """

    source: str
    event: str = ""
    repo_id: str = ""
    path: str = ""
    delivery: str = ""
    request_id: str = ""
    marks: tuple[str, ...] = ()
    traceparent: str = ""
    number: int = 0

    @property
    def key(self) -> str:
        """What it is about, within its source."""
        return FLOOD if self.event == FLOOD else self.repo_id


class Note(msgspec.Struct, frozen=True, tag="note", omit_defaults=True):
    """Something for the log of the service, and perhaps for its audit trail.

    Args:
        level: of the log line.
        event: name of the log line: `web.request`, `web.refused`, `webhook.accepted`, …
        message: one line for a person.
        request_id: correlates it with the answer.
        client: address of who asked.
        method: of the request.
        path: of the request, decoded.
        status: of the answer.
        seconds: that it took.
        source: that it is about.
        code: of the problem.
        audit: name of the audit record, empty for none: `web-refused`, `webhook-refused`, …
        missed: lines that were left out since the last one, because there were too many.
        trace_id: of the caller's trace, empty for none.
    """

    level: Literal["debug", "info", "warning", "error"]
    event: str
    message: str
    request_id: str = ""
    client: str = ""
    method: str = ""
    path: str = ""
    status: int = 0
    seconds: float = 0.0
    source: str = ""
    code: str = ""
    audit: str = ""
    missed: int = 0
    trace_id: str = ""


class Teller:
    """The end of the web helper. Safe to use from many threads.

    Args:
        descriptor: of the pipe to write to; made not to block.
    """

    def __init__(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def tell(self, line: Hint | Note) -> bool:
        """Send one line; False when there is no room for it or nobody listens."""
        data = msgspec.json.encode(line) + b"\n"
        if len(data) > MAX_LINE:
            return False
        with self._lock:
            try:
                return os.write(self._descriptor, data) == len(data)
            except OSError:
                return False


class Inbox:
    """Hints that wait for the service: one thread puts them in, another takes them out.

    Hints about the same are kept once, the first of them: a thousand pushes to one repository are
    one fetch. They are ripe a moment after the first came, so that what belongs together is done
    together. What does not fit is kept as one hint about its whole source (`FLOOD`).

    Args:
        limit: most hints that wait.
        clock: monotonic seconds.
    """

    def __init__(self, limit: int = MAX_HINTS, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._hints: dict[tuple[str, str], Hint] = {}
        self._since = 0.0
        self.dropped = 0

    def put(self, hint: Hint) -> bool:
        """Keep a hint; False when there is no room but for what stands for all of its source."""
        key = (hint.source, hint.key)
        with self._lock:
            fits = key in self._hints or len(self._hints) < self._limit
            if not self._hints:
                self._since = self._clock()
            if fits:
                first = self._hints.get(key, hint)
                # The first of them, known under the last one's number: both are answered at once.
                self._hints[key] = replace(first, number=max(first.number, hint.number))
            else:
                self.dropped += 1
                flood = Hint(
                    hint.source,
                    FLOOD,
                    request_id=hint.request_id,
                    traceparent=hint.traceparent,
                )
                self._hints.setdefault((hint.source, FLOOD), flood)
            return fits

    @property
    def ripe(self) -> bool:
        """Whether something waits, and has waited long enough."""
        return bool(self._hints) and self._clock() >= self._since + DEBOUNCE_SECONDS

    def take(self) -> tuple[Hint, ...]:
        """All that waits, oldest first; then nothing waits."""
        with self._lock:
            hints = tuple(self._hints.values())
            self._hints.clear()
        return hints

    def __bool__(self) -> bool:
        return bool(self._hints)


class Channel(Pipe):
    """The end of the service: a pipe, and a thread that reads it while the `with` block lasts.

    Args:
        hear: called from that thread with each line; must not raise.
        garbled: called from it for a line that nobody can read.
    """

    def __init__(
        self, hear: Callable[[Hint | Note], object], garbled: Callable[[], object]
    ) -> None:
        super().__init__("mgit-web-channel", self._line, MAX_LINE)
        self._told = hear
        self._garbled = garbled
        self._decode = msgspec.json.Decoder(Hint | Note)

    def _line(self, line: bytes) -> None:
        try:
            heard = self._decode.decode(line)
        except msgspec.MsgspecError:
            self._garbled()
            return
        self._told(heard)
