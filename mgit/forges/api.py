"""One REST client for all forges: conditional, patient, bounded, and true to its host.

It knows HTTP and JSON pages; what stands in a page is the business of each forge.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urljoin

import msgspec

from mgit.address import Origin, parse_origin
from mgit.credentials import Credential
from mgit.errors import AuthenticationError, ForgeError, InvalidInput, MalformedAnswer
from mgit.forges.interface import CachedResponse, ForgeContext, RateLimit, require_api
from mgit.forges.patience import REDIRECTS, Patience
from mgit.forges.refusals import HTML, sign_in_asked
from mgit.transport import Response

T = TypeVar("T")

_MAX_PAGES = 2000
_MAX_REDIRECTS = 3
_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_PLAIN = re.compile(r"[!-~]+")
_NEXT = re.compile(r";\s*rel\s*=\s*\"?[^\"]*\bnext\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reply:
    """A good answer, fresh or confirmed by a 304.

    Args:
        target: path and query that were asked for.
        response: the answer; its body is the kept one after a 304.
        link: the `Link` header, empty without one.
    """

    target: str
    response: Response
    link: str = ""


Authorization = Callable[[Credential], str]
"""From a credential to the value of the `Authorization` header."""


def bearer(credential: Credential) -> str:
    """RFC 6750."""
    return f"Bearer {credential.secret.reveal()}"


def basic(credential: Credential) -> str:
    """RFC 7617, with the credential's own user name."""
    pair = f"{credential.username}:{credential.secret.reveal()}"
    return "Basic " + base64.b64encode(pair.encode()).decode("ascii")


class RestClient:
    """Asks one forge with one credential. Not shared between threads.

    Args:
        context: see `ForgeContext`; it must have an `api`.
        authorization: how the forge wants its credential.
        git_origin: where the forge's clone URLs point: its credential may be kept for either.
        headers: sent with every request.
        sign_in_pages: the forge answers a credential that it refuses with its sign-in page, or a
            redirect to one, in place of a 401.
        seen: shown every answer that is good.
    """

    def __init__(
        self,
        context: ForgeContext,
        *,
        authorization: Authorization,
        git_origin: Origin,
        headers: Mapping[str, str],
        sign_in_pages: bool = False,
        seen: Callable[[Response], None] | None = None,
    ) -> None:
        self._context = context
        self._seen = seen
        self._api = require_api(context)
        self._sign_in_pages = sign_in_pages
        sent = {"Accept": "application/json", **headers}
        credential = context.credential
        if credential is not None:
            if credential.origin not in (self._api.origin, git_origin):
                raise AuthenticationError(
                    f"the credential of source {context.source!a} belongs to {credential.origin},"
                    f" not to {self._api.origin}",
                    advice=f"run `mgit login {context.source}`",
                )
            sent["Authorization"] = authorization(credential)
        self._patience = Patience(context, sent)

    @property
    def rate_limit(self) -> RateLimit | None:
        """What the forge last said is left of the allowance."""
        return self._patience.rate_limit

    @property
    def origin(self) -> Origin:
        """Where it asks."""
        return self._api.origin

    def get(self, path: str) -> Reply:
        """Ask for one resource below the API's base.

        Args:
            path: percent-encoded, with its leading slash; may hold a query.

        Raises:
            AuthenticationError: 401, or 403 for want of a right.
            NotFound: 404.
            RateLimited: the forge wants a longer pause than this run can make.
            ForgeError: any other answer that is of no use (`NetworkError`: none at all).
        """
        return self._follow(f"{self._api.path}{path}")

    def post(self, path: str, body: bytes) -> Reply:
        """Send a question that is too long for a URL (GraphQL). It changes nothing on the forge.

        Args:
            path: as `get`.
            body: JSON.

        Raises:
            ForgeError: as `get`.
        """
        target = f"{self._api.path}{path}"
        headers = {"Content-Type": "application/json"}
        response = self._patience.send("POST", target, headers=headers, body=body)
        if response.status != 200:
            raise ForgeError(f"{self._api.origin} answered {target!a} with {response.status}")
        self._require_json(target, response)
        return Reply(target, response)

    def pages(
        self, path: str, *, after: Callable[[Reply], str | None] | None = None
    ) -> Iterator[Reply]:
        """Ask for a list, page after page.

        Args:
            path: of the first page, as `get`.
            after: the address of the page that follows a page (an absolute URL, or a path with
                the API's own prefix), None after the last; None: as its `Link` headers lead.

        Raises:
            ForgeError: as `get`; or the links lead elsewhere, in a circle, or without end.
        """
        target: str | None = f"{self._api.path}{path}"
        seen: set[str] = set()
        while target is not None:
            if target in seen or len(seen) >= _MAX_PAGES:
                raise ForgeError(f"{self._api.origin} lists pages without end")
            seen.add(target)
            reply = self._follow(target)
            yield reply
            address = (after or _linked)(reply)
            found = address is not None
            target = self._same_host(target, address or "", "continues its list") if found else None

    def decode(self, reply: Reply, type_: type[T]) -> T:
        """Read a JSON body strictly.

        Raises:
            MalformedAnswer: it has another form.
        """
        try:
            return msgspec.json.decode(reply.response.body, type=type_)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            cause = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise MalformedAnswer(
                f"{self._api.origin} answered {reply.target!a} in a form that mgit cannot read:"
                f" {cause[:200]!a}",
                advice="check that the source's forge and url belong together",
            ) from None

    def _follow(self, target: str) -> Reply:
        """`_fetch`, and what it redirects to as long as that is on the same host."""
        for _ in range(_MAX_REDIRECTS + 1):
            response, link = self._fetch(target)
            if response.status not in REDIRECTS:
                return Reply(target, response, link)
            target = self._redirected(target, response.header("location") or "")
        raise ForgeError(f"{self._api.origin} redirects in circles")

    def _fetch(self, target: str) -> tuple[Response, str]:
        """A good or redirecting answer, with its links; kept ones are confirmed, not sent again."""
        cache = self._context.cache
        url = f"{self._api.origin}{target}"
        kept = cache.get(url) if cache is not None else None
        condition = {"If-None-Match": kept.etag} if kept else {}
        response = self._patience.send("GET", target, headers=condition)
        if self._seen is not None:
            self._seen(response)
        if response.status == 304 and kept is not None:
            return Response(200, response.headers, kept.body), response.header("link") or kept.link
        if response.status in REDIRECTS:
            return response, ""
        self._require_json(target, response)
        link = response.header("link") or ""
        etag = response.header("etag")
        if cache is not None and etag and _PLAIN.fullmatch(etag):
            cache.put(url, CachedResponse(etag, response.body, link))
        return response, link

    def _redirected(self, current: str, address: str) -> str:
        """Where a redirect leads on the same host.

        Raises:
            CredentialRefused: to a sign-in page.
            ForgeError: to any other place.
        """
        try:
            return self._same_host(current, address, "redirects")
        except ForgeError:
            if not self._sign_in_pages:
                raise
            raise sign_in_asked(self._context, self._api.origin) from None

    def _require_json(self, target: str, response: Response) -> None:
        kind = (response.header("content-type") or "").partition(";")[0].strip().lower()
        if kind in HTML and self._sign_in_pages:
            raise sign_in_asked(self._context, self._api.origin)
        if kind != "application/json" and not kind.endswith("+json"):
            raise MalformedAnswer(
                f"{self._api.origin} answered {target!a} with {kind[:60]!a} in place of JSON"
                " (a sign-in page, or a proxy in between?)",
                advice=f"check the url of source {self._context.source!a}",
            )

    def _same_host(self, current: str, address: str, what: str) -> str:
        """Target of an absolute or relative address below the API's base.

        Raises:
            ForgeError: it leads anywhere else; the credential does not go there.
        """
        url = urljoin(f"{self._api.origin}{current}", address)
        location, question, query = url.partition("?")
        try:
            same = parse_origin(location) == self._api.origin
        except InvalidInput:
            same = False
        target = location.removeprefix(str(self._api.origin)) + question + query
        if not same or not target.startswith(f"{self._api.path}/") or not _PLAIN.fullmatch(target):
            raise MalformedAnswer(
                f"{self._api.origin} {what} at another address, {address[:120]!a};"
                " the credential is not sent there",
                advice=f"check the url of source {self._context.source!a}",
            )
        return target


def _linked(reply: Reply) -> str | None:
    """RFC 8288 `Link` with `rel="next"`."""
    for address, parameters in _LINK.findall(reply.link):
        if _NEXT.search(parameters):
            return str(address)
    return None
