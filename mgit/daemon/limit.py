"""How often somebody may fail, and how much is told: leaky buckets, without a clock.

The health helper runs without the rest of mgit: this file uses only what every interpreter has.
"""

import _socket
import os

MOST_ADDRESSES = 1024
_LINES_AT_ONCE, _SECONDS_A_LINE = 10, 5.0
_MOST_MISSED = 999_999
_MAPPED = bytes(10) + b"\xff\xff"


class Bucket:
    """Fills by one each time, leaks all the time.

    Args:
        size: how many fit.
        every: seconds in which one leaks away.
    """

    __slots__ = ("_at", "_every", "_filled", "_size")

    def __init__(self, size: int, every: float) -> None:
        self._size = size
        self._every = every
        self._filled = 0.0
        self._at = 0.0

    def add(self, now: float) -> bool:
        """Put one in; False when it does not fit.

        Args:
            now: monotonic seconds.
        """
        if self.wait(now) > 0:
            return False
        self._filled += 1
        return True

    def wait(self, now: float) -> float:
        """Seconds until one more fits, 0 when it does now."""
        leaked = (now - self._at) / self._every
        self._filled = max(0.0, self._filled - max(0.0, leaked))
        self._at = now
        return max(0.0, (self._filled + 1 - self._size) * self._every)


class Failures:
    """A bucket for each address that failed. Those that failed longest ago are forgotten first.

    Args:
        size: failures that an address may have at once.
        every: seconds in which one is forgiven.
    """

    def __init__(self, size: int = 10, every: float = 6.0) -> None:
        self._size = size
        self._every = every
        self._buckets: dict[str, Bucket] = {}

    def failed(self, address: str, now: float) -> None:
        """Note a failure."""
        place = neighbourhood(address)
        bucket = self._buckets.pop(place, None) or Bucket(self._size, self._every)
        bucket.add(now)
        self._buckets[place] = bucket
        if len(self._buckets) > MOST_ADDRESSES:
            del self._buckets[next(iter(self._buckets))]

    def wait(self, address: str, now: float) -> float:
        """Seconds for which the address is not listened to; 0 for one that may try."""
        bucket = self._buckets.get(neighbourhood(address))
        return 0.0 if bucket is None else bucket.wait(now)


def neighbourhood(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 that an IPv6 host has to itself."""
    try:
        raw = _socket.inet_pton(_socket.AF_INET6, address.partition("%")[0])
    except OSError:  # no IPv6 address
        return address
    if raw.startswith(_MAPPED):
        return _socket.inet_ntop(_socket.AF_INET, raw[-4:])
    return _socket.inet_ntop(_socket.AF_INET6, raw[:8] + bytes(8)) + "/64"


class Guessing:
    """Who gives wrong tokens: they are not listened to for a while, and the service is told.

    Args:
        tell: descriptor of a pipe that does not block; a line is `ADDRESS MISSED`, how many lines
            were left out before it. -1 for none.
    """

    def __init__(self, tell: int = -1) -> None:
        self._tell = tell
        self._failures = Failures()
        self._lines = Bucket(_LINES_AT_ONCE, _SECONDS_A_LINE)
        self._missed = 0

    def wait(self, address: str, now: float) -> float:
        """Seconds for which the address is not listened to; 0 for one that may try."""
        return self._failures.wait(address, now)

    def failed(self, address: str, now: float) -> None:
        """Note a wrong token, which stays unsaid."""
        self._failures.failed(address, now)
        if self._tell < 0:
            return
        if self._lines.add(now):
            line = f"{address} {min(self._missed, _MOST_MISSED)}\n".encode("ascii", "replace")
            try:
                os.write(self._tell, line)
            except OSError:  # full, or nobody reads
                pass
            else:
                self._missed = 0
                return
        self._missed += 1
