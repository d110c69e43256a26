"""Readers: from what a person wrote (text, or a TOML value) to a checked value.

A reader raises `Unfit` with words that complete the sentence "KEY must be …".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from mgit.address import parse_origin
from mgit.errors import InvalidInput
from mgit.model import Shard

T = TypeVar("T")

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"^(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?$")
_BLOB_SIZE = re.compile(r"[1-9]\d{0,8}[kmg]?")
# Python turns no text of more than 4300 digits into a number, and no key wants half as many.
_NUMBER = re.compile(r"[0-9]{1,18}")
NEVER = "never"
_SHARE = re.compile(r"(\d{1,3}) ?%")
_SHARD = re.compile(r"(0|[1-9][0-9]{0,3})/([1-9][0-9]{0,3})")
_MOST_SHARDS = 4096
_MAX_LIST = 10_000
_MAX_COLLECTOR = 2000
_PLAIN_URL = re.compile(r"[A-Za-z0-9:/.\[\]%_~-]+")
_MAX_DEPTH = 1_000_000


class Unfit(Exception):
    """A value is not what its key needs; the text completes "KEY must be"."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where a value was written.

    Args:
        label: for a person: a file, `MGIT_ROOT`, `--root` or `default`.
        folder: what a relative path in it is relative to.
        home: what `~` stands for, None where there is no home folder.
    """

    label: str
    folder: Path
    home: Path | None


Reader = Callable[[object, Where], T]


@dataclass(frozen=True, slots=True)
class HostPort:
    """An address to listen at. Port 0 asks the system for a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        import ipaddress

        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def read_text(value: object, where: Where) -> str:
    """Printable, non-empty text."""
    del where
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise Unfit("printable text that is not empty")
    return value.strip()


def read_path(value: object, where: Where) -> Path:
    """A path; `~` is expanded, a relative one belongs to the folder of the file that holds it."""
    text = read_text(value, where)
    if text == "~" or text.startswith(("~/", "~\\")):
        if where.home is None:
            raise Unfit("an absolute path, for there is no home folder that ~ could stand for")
        return where.home / text[2:]
    if text.startswith("~"):
        raise Unfit("a path that starts with / or ~/")
    return where.folder / text


def read_day(value: object, where: Where) -> date:
    """A day such as `2027-01-31`, as text or as a date of TOML."""
    del where
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise Unfit("a day, such as 2027-01-31") from None


def read_count(lowest: int, highest: int) -> Reader[int]:
    """A whole number between two bounds."""

    def read(value: object, where: Where) -> int:
        del where
        number = int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value
        if not isinstance(number, int) or isinstance(number, bool):
            raise Unfit(f"a whole number from {lowest} to {highest}")
        if not lowest <= number <= highest:
            raise Unfit(f"a whole number from {lowest} to {highest}")
        return number

    return read


def read_choice(*choices: str) -> Reader[str]:
    """One of a few words."""

    def read(value: object, where: Where) -> str:
        del where
        if not isinstance(value, str) or value not in choices:
            raise Unfit(f"one of {', '.join(choices)}")
        return value

    return read


def read_duration(lowest: float, highest: float) -> Reader[float]:
    """A duration such as `90s`, `15m` or `1h30m`, in seconds."""
    words = f"a duration from {format_duration(lowest)} to {format_duration(highest)}, such as 15m"

    def read(value: object, where: Where) -> float:
        del where
        found = _DURATION.match(value) if isinstance(value, str) and value else None
        if found is None:
            raise Unfit(f"{words} or 1h30m")
        seconds = float(
            sum(
                int(part) * unit
                for part, unit in zip(found.groups(default="0"), _UNITS.values(), strict=True)
            )
        )
        if not lowest <= seconds <= highest:
            raise Unfit(words)
        return seconds

    return read


def format_duration(seconds: float) -> str:
    """Write seconds the way `read_duration` reads them."""
    left = int(seconds)
    words = []
    for unit, size in _UNITS.items():
        count, left = divmod(left, size)
        if count:
            words.append(f"{count}{unit}")
    return "".join(words) or "0s"


def read_age(lowest: float, highest: float) -> Reader[float]:
    """A duration, or `never`, which is 0."""
    read_some = read_duration(lowest, highest)

    def read(value: object, where: Where) -> float:
        if value == NEVER:
            return 0.0
        try:
            return read_some(value, where)
        except Unfit as error:
            raise Unfit(f"{NEVER}, or {error}") from None

    return read


def format_age(seconds: float) -> str:
    """Write a duration the way `read_age` reads it."""
    return format_duration(seconds) if seconds else NEVER


_SWITCH = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


def read_switch(value: object, where: Where) -> bool:
    """`true` or `false`; a variable may also say yes, no, on, off, 1 or 0."""
    del where
    if isinstance(value, str):
        value = _SWITCH.get(value.lower(), value)
    if not isinstance(value, bool):
        raise Unfit("true or false")
    return value


def format_switch(value: bool) -> str:  # noqa: FBT001 - the value itself
    """Write a switch as TOML does."""
    return "true" if value else "false"


def read_depth(value: object, where: Where) -> int:
    """A number of commits, or `all`, which is 0."""
    if value == "all":
        return 0
    try:
        return read_count(1, _MAX_DEPTH)(value, where)
    except Unfit as error:
        raise Unfit(f"all, or {error}") from None


def format_depth(depth: int) -> str:
    """Write a depth the way `read_depth` reads it."""
    return str(depth) if depth else "all"


def read_blobs(value: object, where: Where) -> str:
    """`all`, `none`, or the size up to which file contents are fetched, such as `1m`."""
    del where
    text = value.lower() if isinstance(value, str) else ""
    if text not in ("all", "none") and not _BLOB_SIZE.fullmatch(text):
        raise Unfit("all, none, or a size such as 500k or 1m")
    return text


def blob_filter(blobs: str) -> str:
    """The object filter in git's words, empty for none. git-rev-list(1), `--filter`."""
    match blobs:
        case "all":
            return ""
        case "none":
            return "blob:none"
        case size:
            return f"blob:limit={size}"


def read_share(value: object, where: Where) -> float:
    """A share such as `20%`, as a number from 0 to 1."""
    del where
    found = _SHARE.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found[1]) > 100:
        raise Unfit("a share from 0% to 100%, such as 20%")
    return int(found[1]) / 100


def format_share(share: float) -> str:
    """Write a share the way `read_share` reads it."""
    return f"{round(share * 100)}%"


def read_listen(value: object, where: Where) -> HostPort:
    """An address to listen at: `127.0.0.1:8080`, `[::1]:8080`."""
    text = read_text(value, where)
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise Unfit("HOST:PORT with an IPv6 address in brackets, such as [::1]:8080")
    if not colon or not host or not _NUMBER.fullmatch(port) or int(port) > 65535:
        raise Unfit("HOST:PORT, such as 127.0.0.1:8080 or 0.0.0.0:8080")
    return HostPort(host, int(port))


def read_shard(value: object, where: Where) -> Shard:
    """A part of the estate, `K/N` with K from 0 to N-1."""
    del where
    found = _SHARD.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found[2]) > _MOST_SHARDS:
        raise Unfit(f"K/N, such as 0/3, with K from 0 to N-1 and N from 1 to {_MOST_SHARDS}")
    shard = Shard(int(found[1]), int(found[2]))
    if shard.index >= shard.count:
        last = Shard(shard.count - 1, shard.count)
        only = f"0/{shard.count}" if shard.count == 1 else f"from 0/{shard.count} to {last}"
        raise Unfit(f"{only}, for shards are counted from 0")
    return shard


def read_url(value: object, where: Where) -> str:
    """An https address of a forge's API, without query, fragment or user."""
    text = read_text(value, where).rstrip("/")
    try:
        origin = parse_origin(text)
    except InvalidInput as error:
        raise Unfit(f"an https URL; {error.message}") from None
    if origin.scheme == "ssh":
        raise Unfit("an https URL")
    return text


def read_collector(value: object, where: Where) -> str:
    """Where a collector of traces listens: http or https, without user, query and fragment."""
    text = read_text(value, where).rstrip("/")
    parts = urlsplit(text)
    sound = parts.scheme in {"http", "https"} and parts.hostname and _PLAIN_URL.fullmatch(text)
    if not sound or "@" in parts.netloc or len(text) > _MAX_COLLECTOR:
        raise Unfit("an http or https URL without user, query and fragment")
    return text


def read_words(value: object, where: Where) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, list) or len(value) > _MAX_LIST:
        raise Unfit('a list of texts, such as ["acme"]')
    try:
        return tuple(read_text(word, where) for word in value)
    except Unfit:
        raise Unfit("a list of printable texts, none of them empty") from None


def format_words(words: tuple[str, ...]) -> str:
    """Write a list of texts for a person."""
    return " ".join(words)


def read_variable(value: object, where: Where) -> str:
    """The name of an environment variable."""
    text = read_text(value, where)
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,127}", text):
        raise Unfit("the NAME of an environment variable, not a token")
    return text
