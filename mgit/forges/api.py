"""One REST client for all forges: conditional, patient, bounded, and true to its host.

It knows HTTP and JSON pages; what stands in a page is the business of each forge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urljoin

import msgspec

from mgit.address import Origin, parse_origin
from mgit.errors import AuthenticationError, ForgeError, InvalidInput, NetworkError, RateLimited
from mgit.forges.interface import ApiBase, CachedResponse, ForgeContext, RateLimit
from mgit.forges.limits import LEAST_WAIT, is_rate_limit, rate_limit, wait_asked_for
from mgit.forges.refusals import refusal
from mgit.transport import MIB, Response

T = TypeVar("T")

_MAX_PAGE_BYTES = 32 * MIB
_MAX_PAGES = 2000
_MAX_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 307, 308})
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


class RestClient:
    """Asks one forge with one credential. Not shared between threads.

    Args:
        context: see `ForgeContext`; it must have an `api`.
        scheme: word before the token in `Authorization`.
        git_origin: where the forge's clone URLs point: its credential may be kept for either.
        headers: sent with every request.
    """

    def __init__(
        self,
        context: ForgeContext,
        *,
        scheme: str,
        git_origin: Origin,
        headers: Mapping[str, str],
    ) -> None:
        self._context = context
        self._api = require_api(context)
        self._headers = {"Accept": "application/json", **headers}
        self._waited = 0.0
        self.rate_limit: RateLimit | None = None
        credential = context.credential
        if credential is not None:
            if credential.origin not in (self._api.origin, git_origin):
                raise AuthenticationError(
                    f"the credential of source {context.source!a} belongs to {credential.origin},"
                    f" not to {self._api.origin}",
                    advice=f"run `mgit login {context.source}`",
                )
            self._headers["Authorization"] = f"{scheme} {credential.secret.reveal()}"

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

    def pages(self, path: str) -> Iterator[Reply]:
        """Ask for a list, page after page, as its `Link` headers lead.

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
            target = self._next(reply)

    def decode(self, reply: Reply, type_: type[T]) -> T:
        """Read a JSON body strictly.

        Raises:
            ForgeError: it has another form.
        """
        try:
            return msgspec.json.decode(reply.response.body, type=type_)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            cause = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise ForgeError(
                f"{self._api.origin} answered {reply.target!a} in a form that mgit cannot read:"
                f" {cause[:200]!a}",
                advice="check that the source's forge and url belong together",
            ) from None

    def _follow(self, target: str) -> Reply:
        """`_fetch`, and what it redirects to as long as that is on the same host."""
        for _ in range(_MAX_REDIRECTS + 1):
            response, link = self._fetch(target)
            if response.status not in _REDIRECTS:
                return Reply(target, response, link)
            target = self._same_host(target, response.header("location") or "", "redirects")
        raise ForgeError(f"{self._api.origin} redirects in circles")

    def _fetch(self, target: str) -> tuple[Response, str]:
        """A good or redirecting answer, with its links; kept ones are confirmed, not sent again."""
        cache = self._context.cache
        url = f"{self._api.origin}{target}"
        kept = cache.get(url) if cache is not None else None
        response = self._patiently(target, kept)
        if response.status == 304 and kept is not None:
            return Response(200, response.headers, kept.body), response.header("link") or kept.link
        if response.status in _REDIRECTS:
            return response, ""
        kind = (response.header("content-type") or "").partition(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            raise ForgeError(
                f"{self._api.origin} answered {target!a} with {kind[:60]!a} in place of JSON"
                " (a sign-in page, or a proxy in between?)",
                advice=f"check the url of source {self._context.source!a}",
            )
        link = response.header("link") or ""
        etag = response.header("etag")
        if cache is not None and etag and _PLAIN.fullmatch(etag):
            cache.put(url, CachedResponse(etag, response.body, link))
        return response, link

    def _patiently(self, target: str, kept: CachedResponse | None) -> Response:
        """Ask, and ask again after a pause while there is hope."""
        headers = {**self._headers, **({"If-None-Match": kept.etag} if kept else {})}
        attempts = self._context.pacing.attempts
        for attempt in range(1, attempts + 1):
            last = attempt == attempts
            try:
                response = self._context.transport.request(
                    "GET", self._api.origin, target, headers=headers, max_bytes=_MAX_PAGE_BYTES
                )
            except NetworkError:
                if last or self._context.transport.closed:
                    raise
                self._pause(self._backoff(attempt))
                continue
            self.rate_limit = rate_limit(response) or self.rate_limit
            if response.status in (200, 304) or response.status in _REDIRECTS:
                return response
            self._pause(self._wait_before_retry(response, attempt, last=last))
        raise AssertionError("the last attempt returns or raises")  # pragma: no cover

    def _wait_before_retry(self, response: Response, attempt: int, *, last: bool) -> float:
        """Seconds to wait before the same request may succeed.

        Raises:
            ForgeError: it will not, or not soon enough.
        """
        asked = wait_asked_for(response, self._context.pacing.clock)
        limited = is_rate_limit(response)
        wait = asked if asked is not None else LEAST_WAIT if limited else self._backoff(attempt)
        too_long = wait > self._context.pacing.longest_wait
        spent = self._waited + wait > self._context.pacing.total_wait
        if limited and (last or too_long or spent):
            raise RateLimited(
                f"{self._api.origin} wants no more requests from source"
                f" {self._context.source!a} for {wait:.0f} s",
                retry_after=wait,
                advice="wait, or sign in to get a larger allowance"
                if self._context.credential is None
                else "wait, then run the command again",
            )
        if not limited and (response.status < 500 or last or too_long or spent):
            raise refusal(response, self._context, self._api.origin)
        return wait

    def _backoff(self, attempt: int) -> float:
        base: float = 0.5 * 2 ** (attempt - 1)
        return base * (0.5 + self._context.pacing.jitter())

    def _pause(self, seconds: float) -> None:
        self._waited += seconds
        self._context.pacing.sleep(seconds)

    def _next(self, reply: Reply) -> str | None:
        for address, parameters in _LINK.findall(reply.link):
            if _NEXT.search(parameters):
                return self._same_host(reply.target, address, "continues its list")
        return None

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
            raise ForgeError(
                f"{self._api.origin} {what} at another address, {address[:120]!a};"
                " the credential is not sent there",
                advice=f"check the url of source {self._context.source!a}",
            )
        return target


def require_api(context: ForgeContext) -> ApiBase:
    """The API of a forge that has one.

    Raises:
        InvalidInput: the context was made for a manifest.
    """
    if context.api is None:
        raise InvalidInput(f"source {context.source!a} needs the url of its forge")
    return context.api
