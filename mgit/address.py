"""Where a repository is fetched from: URLs taken apart, checked and put together again.

A clone URL that a forge hands out is hostile until it has been through `parse_clone_url`; what
mgit gives to git is always rebuilt from the checked parts. Syntax: RFC 3986 and git-clone(1).
"""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote, urlsplit

from mgit.errors import InvalidInput

_DEFAULT_PORTS = {"https": 443, "http": 80, "ssh": 22}
_HOST = re.compile(r"^(?=.{1,253}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")
_SSH_USER = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$")
_MAX_URL = 2048
_MAX_LABEL = 63


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """Scheme, host and port: what a credential belongs to.

    Args:
        scheme: `https`, `http` (loopback only) or `ssh`.
        host: lower-case name, IPv4 or IPv6 address (without brackets).
        port: always given, also when it is the scheme's default.
    """

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """`host` or `host:port`, the port left out where it is the default."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the host can only be this machine."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


@dataclass(frozen=True, slots=True, order=True)
class CloneUrl:
    """A checked address of one repository, without any credential in it.

    Args:
        origin: where to connect to.
        path: decoded path without the leading slash, for example `acme/my repo.git`.
        user: the ssh user (`git`), None for http.
    """

    origin: Origin
    path: str
    user: str | None = None

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        return f"{self.origin.scheme}://{user}{self.origin.authority}/{quote(self.path, safe='/~')}"


def parse_origin(text: str) -> Origin:
    """Read scheme, host and port of a URL; its path is ignored.

    Raises:
        InvalidInput: unknown scheme, user information, malformed host or port, plain http to
            another machine.
    """
    return _split(text)[0]


def parse_clone_url(text: str) -> CloneUrl:
    """Check a clone URL that a person or a forge gave.

    A user name in an http URL (Azure DevOps and Bitbucket add the caller's) is dropped; a
    password is refused.

    Raises:
        InvalidInput: anything that git might read as an option, a local path, a remote helper
            (`ext::`), another host, or a path that climbs.
    """
    origin, user, raw_path = _split(text)
    path = unquote(raw_path).strip("/")
    segments = path.split("/")
    if not path or any(part in ("", ".", "..") for part in segments):
        raise InvalidInput(f"clone URL {_shown(text)} has no usable path")
    if any(part.startswith("-") for part in segments) or not path.isprintable():
        raise InvalidInput(f"clone URL {_shown(text)} has a path that git could misread")
    return CloneUrl(origin, path, user)


def _split(text: str) -> tuple[Origin, str | None, str]:
    if len(text) > _MAX_URL or not text.isprintable() or " " in text or "\\" in text:
        raise InvalidInput(f"{_shown(text)} is not a URL that mgit accepts")
    end = text.find("/", text.find("://") + 3)
    if end > 0 and "?" not in text and "#" not in text:
        # A listing names one host a thousand times. What is wrong with it is told of the whole.
        with suppress(InvalidInput):
            return *_origin_of(text[:end]), text[end:]
    return _split_with_care(text)


@lru_cache(maxsize=64)
def _origin_of(text: str) -> tuple[Origin, str | None]:
    origin, user, _ = _split_with_care(text)
    return origin, user


def _split_with_care(text: str) -> tuple[Origin, str | None, str]:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise InvalidInput(f"{_shown(text)} is not a valid URL: {error}") from None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not text.lower().startswith(f"{scheme}://"):
        raise InvalidInput(
            f"{_shown(text)} is not an https or ssh URL",
            advice="write it as https://HOST/PATH or ssh://git@HOST/PATH",
        )
    if parts.password is not None or parts.query or parts.fragment:
        raise InvalidInput(f"{_shown(text)} must not hold a password, query or fragment")
    origin = Origin(scheme, _host(parts.hostname, text), port or _DEFAULT_PORTS[scheme])
    if scheme == "http" and not origin.is_loopback:
        raise InvalidInput(f"{_shown(text)} is plain http", advice="use https")
    return origin, _ssh_user(parts.username, text) if scheme == "ssh" else None, parts.path


def _host(host: str | None, text: str) -> str:
    lowered = (host or "").lower()
    if ":" in lowered:
        try:
            return str(ipaddress.IPv6Address(lowered))
        except ValueError:
            raise InvalidInput(f"{_shown(text)} has a malformed host") from None
    if not is_host_name(lowered):
        raise InvalidInput(f"{_shown(text)} has a malformed host")
    return lowered


def is_host_name(text: str) -> bool:
    """Whether the name service can be asked for it: letters, digits, `-`, labels of up to 63."""
    labels = text.removesuffix(".").split(".")
    return bool(_HOST.match(text)) and all(0 < len(label) <= _MAX_LABEL for label in labels)


def _ssh_user(user: str | None, text: str) -> str:
    if user is None:
        return "git"
    if not _SSH_USER.match(user):
        raise InvalidInput(f"{_shown(text)} has a malformed ssh user")
    return user


def _shown(text: str) -> str:
    """The URL for a message: escaped, cut, without what stands before an `@`."""
    cleaned = re.sub(r"//[^/@]*@", "//***@", text)
    return ascii(cleaned[:120])
