"""HTTP for the pipeline: bounded in time and size, no credential to another origin."""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar, cast
from urllib.parse import urljoin, urlsplit

import msgspec

from pipeline.step import Exit, PipelineError

T = TypeVar("T")

_MAX_BODY = 16 * 1024 * 1024
_MAX_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said, whatever its status.

    Args:
        url: where the answer came from, after redirects.
        status: HTTP status.
        headers: names in lower case.
        body: at most the number of bytes that was asked for.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | Path | None = None,
    token: str = "",
    timeout: float = 30.0,
    limit: int = _MAX_BODY,
) -> Answer:
    """Send one request; follow redirects of GET and HEAD.

    Args:
        method: GET, HEAD, POST, PUT, PATCH, DELETE.
        url: https, or http on this machine.
        headers: `Authorization` among them stays with the first origin.
        body: bytes, or a file that is sent without being read into memory.
        token: sent as `Authorization: Bearer`.
        timeout: seconds for each wait on the network.
        limit: bytes of the answer that are accepted.

    Raises:
        PipelineError: ENVIRONMENT; no answer, an answer that is too long, a refused URL.
    """
    sent = {"User-Agent": "mgit-pipeline", **(headers or {})}
    if token:
        sent["Authorization"] = f"Bearer {token}"
    for _ in range(_MAX_REDIRECTS):
        answer = _once(method, url, sent, body, timeout, limit)
        target = answer.headers.get("location", "")
        if answer.status not in _REDIRECTS or not target or method not in {"GET", "HEAD"}:
            return answer
        following = urljoin(url, target)
        if origin(following) != origin(url):
            sent.pop("Authorization", None)
        url = following
    raise PipelineError(f"{shown(url)} redirects in circles", exit_code=Exit.ENVIRONMENT)


def decode(answer: Answer, type_: type[T]) -> T:
    """Read a JSON answer into a checked type.

    Raises:
        PipelineError: the status is not a success, or the body is not what was expected.
    """
    if not answer.ok:
        raise refused(answer)
    try:
        return msgspec.json.decode(answer.body, type=type_)
    except msgspec.DecodeError as error:
        raise PipelineError(
            f"{shown(answer.url)} answered something unexpected: {error}",
            exit_code=Exit.ENVIRONMENT,
        ) from None


def refused(answer: Answer, doing: str = "") -> PipelineError:
    """The error for an answer that is not a success; the body is not repeated."""
    what = f"{doing}: " if doing else ""
    advice = "check the token and its rights" if answer.status in {401, 403} else ""
    return PipelineError(
        f"{what}{shown(answer.url)} answered {answer.status}",
        exit_code=Exit.ENVIRONMENT,
        advice=advice,
    )


def read_token(path: str) -> str:
    """The token that a file holds; empty path, empty token.

    Raises:
        PipelineError: the file cannot be read or is empty.
    """
    if not path:
        return ""
    try:
        token = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise PipelineError(
            f"cannot read the token file {path}: {error.strerror}", exit_code=Exit.ENVIRONMENT
        ) from None
    if not token or not token.isascii() or not token.isprintable():
        raise PipelineError(f"the token file {path} holds no token", exit_code=Exit.ENVIRONMENT)
    return token


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: what a credential belongs to."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port


def is_loopback(url: str) -> bool:
    """Whether a URL can only mean this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def shown(url: str) -> str:
    """A URL for a message: without user, query and fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _once(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | Path | None,
    timeout: float,
    limit: int,
) -> Answer:
    scheme = urlsplit(url).scheme
    if scheme != "https" and not (scheme == "http" and is_loopback(url)):
        raise PipelineError(f"{shown(url)} is neither https nor local", exit_code=Exit.USAGE)
    with ExitStack() as stack:
        data = stack.enter_context(body.open("rb")) if isinstance(body, Path) else body
        sent = dict(headers)
        if isinstance(body, Path):
            sent["Content-Length"] = str(body.stat().st_size)
        # the scheme was checked above; no redirect, file or ftp handler is installed
        message = urllib.request.Request(url, data=data, headers=sent, method=method)  # noqa: S310
        try:
            reply = cast("HTTPResponse", _opener(url).open(message, timeout=timeout))
            with reply:
                return _read(reply, url, limit)
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise PipelineError(
                f"no answer from {shown(url)}: {reason}",
                exit_code=Exit.ENVIRONMENT,
                advice="check the network and the endpoints file",
            ) from None


def _read(reply: HTTPResponse, url: str, limit: int) -> Answer:
    body = reply.read(limit + 1)
    if len(body) > limit:
        raise PipelineError(
            f"{shown(url)} answered more than {limit} bytes", exit_code=Exit.ENVIRONMENT
        )
    headers = {name.lower(): value for name, value in reply.getheaders()}
    return Answer(url, reply.status, headers, body)


def _opener(url: str) -> urllib.request.OpenerDirector:
    """An opener that hands back every status as it is and asks no proxy about this machine."""
    opener = urllib.request.OpenerDirector()
    opener.add_handler(urllib.request.ProxyHandler({} if is_loopback(url) else None))
    opener.add_handler(urllib.request.HTTPHandler())
    if urlsplit(url).scheme == "https":  # reading the trusted certificates takes its time
        opener.add_handler(urllib.request.HTTPSHandler(context=ssl.create_default_context()))
    return opener
