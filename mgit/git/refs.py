"""Asks a forge for a repository's refs: one pooled HTTP request, no process.

Protocol v2 lets a client send `ls-refs` without asking first what the server can do. Whether an
origin allows that is tried once and remembered; others get a GET of `info/refs` before, or that
GET alone where only the old protocol is spoken. Over ssh `git ls-remote` does the same.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Mapping
from enum import Enum
from typing import Never, Protocol
from urllib.parse import quote

from mgit.address import CloneUrl, Origin
from mgit.credentials import Credential, CredentialBook
from mgit.errors import AuthenticationError, ForgeError, MgitError, NotFound, RateLimited
from mgit.git.advertisement import (
    Advertisement,
    ls_refs_request,
    parse_advertisement,
    parse_ls_refs,
    read_ls_refs,
)
from mgit.git.pktline import FLUSH, decode
from mgit.git.runner import GitRunner
from mgit.model import RefSnapshot
from mgit.transport import Response
from mgit.version import __version__

_AGENT = f"mgit/{__version__}"
_REQUEST = "application/x-git-upload-pack-request"
_RESULT = "application/x-git-upload-pack-result"
_ADVERTISEMENT = "application/x-git-upload-pack-advertisement"
_DEFAULT_PAUSE = 60.0
_SECONDS = re.compile(r"[0-9]{1,9}")


class Asks(Protocol):
    """What carries the requests: `mgit.transport.Transport`, or one that keeps to a budget."""

    def request(
        self,
        method: str,
        origin: Origin,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        idempotent: bool | None = None,
    ) -> Response:
        """See `Transport.request`."""


class _Way(Enum):
    """How an origin is asked."""

    POST_ALONE = "post"
    GET_FIRST = "get"


class RefsClient:
    """Reads refs of repositories; safe to share between threads.

    Args:
        transport: sends the HTTP requests.
        book: which credential goes to which origin.
        runner: starts `git ls-remote` for ssh; None to refuse ssh.
    """

    def __init__(
        self, transport: Asks, book: CredentialBook, runner: GitRunner | None = None
    ) -> None:
        self._transport = transport
        self._book = book
        self._runner = runner
        self._lock = threading.Lock()
        self._ways: dict[Origin, _Way] = {}
        self._formats: dict[CloneUrl, str] = {}

    def ls_refs(self, url: CloneUrl) -> RefSnapshot:
        """Branches, tags and HEAD of a repository, as they are now.

        Raises:
            AuthenticationError: the forge refused the credential, or wants one.
            NotFound: it answered 404: absent, or hidden from this credential.
            RateLimited: it asked for a pause.
            ForgeError: its answer is not git's protocol. An empty answer is not believed.
            NetworkError: it could not be reached.
        """
        if url.origin.scheme == "ssh":
            return self._over_ssh(url)
        try:
            return self._over_http(url)
        except ForgeError as error:
            if str(url) in error.message or isinstance(error, RateLimited):
                raise
            raise type(error)(f"{url}: {error.message}", advice=error.advice) from error

    def _over_http(self, url: CloneUrl) -> RefSnapshot:
        way = self._ways.get(url.origin)
        if way is not _Way.GET_FIRST:
            snapshot = self._post_alone(url)
            if snapshot is not None:
                with self._lock:
                    self._ways.setdefault(url.origin, _Way.POST_ALONE)
                return snapshot
        return self._get_first(url, settled=way is not None)

    def _post_alone(self, url: CloneUrl) -> RefSnapshot | None:
        """Ask straight away; None when the answer says nothing sure about the repository.

        A server that wants the GET first may answer the POST in any way, so that only a clean
        answer is believed here. sha256 repositories fail until their format is known.
        """
        settled = url.origin in self._ways
        response = self._send(url, ls_refs_request(self._formats.get(url, "sha1"), _AGENT))
        if response.status in (401, 403, 429) or (settled and response.status in (404, 410, 503)):
            self._refused(url, response)
        if response.status != 200 or _media_type(response) != _RESULT:
            return None
        try:
            return read_ls_refs(response.body)
        except ForgeError:
            return None

    def _get_first(self, url: CloneUrl, *, settled: bool) -> RefSnapshot:
        advertisement = self._advertisement(url)
        if advertisement.snapshot is not None:
            snapshot = advertisement.snapshot
        else:
            with self._lock:
                self._formats[url] = advertisement.object_format
            body = ls_refs_request(advertisement.object_format, _AGENT)
            response = self._send(url, body)
            self._checked(url, response, _RESULT)
            snapshot = read_ls_refs(response.body)
        # One odd repository says nothing about an origin that answered others straight away.
        if not settled and advertisement.object_format == "sha1":
            with self._lock:
                self._ways.setdefault(url.origin, _Way.GET_FIRST)
        return snapshot

    def _advertisement(self, url: CloneUrl) -> Advertisement:
        target = f"{_target(url)}/info/refs?service=git-upload-pack"
        headers = {"Git-Protocol": "version=2", "Accept": "*/*"}
        response = self._transport.request(
            "GET", url.origin, target, headers=headers | self._authorization(url.origin)
        )
        self._checked(url, response, _ADVERTISEMENT)
        return parse_advertisement(decode(response.body))

    def _send(self, url: CloneUrl, body: bytes) -> Response:
        headers = {"Git-Protocol": "version=2", "Content-Type": _REQUEST, "Accept": _RESULT}
        return self._transport.request(
            "POST",
            url.origin,
            f"{_target(url)}/git-upload-pack",
            headers=headers | self._authorization(url.origin),
            body=body,
            idempotent=True,
        )

    def _authorization(self, origin: Origin) -> dict[str, str]:
        credential = self._book.for_origin(origin)
        return {} if credential is None else {"Authorization": _basic(credential)}

    def _checked(self, url: CloneUrl, response: Response, content_type: str) -> None:
        if response.status != 200:
            self._refused(url, response)
        if _media_type(response) != content_type:
            raise ForgeError(
                f"{url} did not answer as git does",
                advice="check the URL; a sign-in page or a proxy may answer in its place",
            )

    def _refused(self, url: CloneUrl, response: Response) -> Never:
        """Raise what a status other than 200 means.

        Raises:
            MgitError: always.
        """
        raise _refusal(url, response, known=self._book.for_origin(url.origin) is not None)

    def _over_ssh(self, url: CloneUrl) -> RefSnapshot:
        if self._runner is None:
            raise ForgeError(f"{url} cannot be asked: ssh is not set up here")
        patterns = ["HEAD", "refs/heads/*", "refs/tags/*"]
        result = self._runner.run(
            ["ls-remote", "--symref", "--end-of-options", str(url), *patterns], origin=url.origin
        )
        return parse_ls_remote(result.stdout)


def parse_ls_remote(output: bytes) -> RefSnapshot:
    """Read `git ls-remote --symref`.

    Raises:
        ForgeError: it is something else.
    """
    lines: list[bytes] = []
    targets: dict[str, str] = {}
    for line in output.decode("utf-8", "surrogateescape").split("\n"):
        if not line:
            continue
        left, _, name = line.partition("\t")
        if left.startswith("ref: "):
            targets[name] = left.removeprefix("ref: ")
        elif not name.endswith("^{}"):
            target = f" symref-target:{targets[name]}" if name in targets else ""
            lines.append(f"{left} {name}{target}".encode("utf-8", "surrogateescape"))
    return parse_ls_refs([*lines, FLUSH])


def _refusal(url: CloneUrl, response: Response, *, known: bool) -> MgitError:
    match response.status:
        case 203 | 401 | 403:  # 203: a sign-in page, which Azure DevOps sends
            what = "refused the credential for" if known else "wants a credential for"
            return AuthenticationError(
                f"{url.origin} {what} {url}",
                advice="run `mgit login` for its source, or check what the token may read",
            )
        case 404 | 410:
            return NotFound(
                f"{url} was not found",
                advice="it is gone, or this token may not see it",
            )
        case 429:
            pause = _seconds(response.header("Retry-After"))
            return RateLimited(f"{url.origin} asks for a pause of {pause:g} s", retry_after=pause)
        case 301 | 302 | 303 | 307 | 308:
            return ForgeError(
                f"{url} redirects elsewhere",
                advice="correct the URL: mgit takes no credential through a redirect",
            )
        case status:
            return ForgeError(f"{url} answered HTTP {status}", advice="try again later")


def _media_type(response: Response) -> str:
    return (response.header("Content-Type") or "").partition(";")[0].strip().lower()


def _seconds(text: str | None) -> float:
    return float(text) if text is not None and _SECONDS.fullmatch(text) else _DEFAULT_PAUSE


def _target(url: CloneUrl) -> str:
    return "/" + quote(url.path.rstrip("/"), safe="/~")


def _basic(credential: Credential) -> str:
    pair = f"{credential.username}:{credential.secret.reveal()}"
    return "Basic " + base64.b64encode(pair.encode()).decode("ascii")
