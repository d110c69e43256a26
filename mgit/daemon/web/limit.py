"""How often somebody may fail, and how much is told: leaky buckets. Pure, without a clock."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

MOST_ADDRESSES = 1024


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
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def failed(self, address: str, now: float) -> None:
        """Note a failure."""
        place = neighbourhood(address)
        bucket = self._buckets.pop(place, None) or Bucket(self._size, self._every)
        bucket.add(now)
        self._buckets[place] = bucket
        if len(self._buckets) > MOST_ADDRESSES:
            self._buckets.popitem(last=False)

    def wait(self, address: str, now: float) -> float:
        """Seconds for which the address is not listened to; 0 for one that may try."""
        bucket = self._buckets.get(neighbourhood(address))
        return 0.0 if bucket is None else bucket.wait(now)


def neighbourhood(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 that an IPv6 host has to itself."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
