"""Sends a request, and sends it again after a pause while there is hope."""

from __future__ import annotations

from collections.abc import Mapping

from mgit.errors import NetworkError, RateLimited, WayBarred
from mgit.forges.budget import Lane
from mgit.forges.interface import ForgeContext, RateLimit, require_api
from mgit.forges.limits import LEAST_WAIT, is_rate_limit, rate_limit, wait_asked_for
from mgit.forges.refusals import refusal
from mgit.transport import MIB, Response

REDIRECTS = frozenset({301, 302, 307, 308})
_MAX_PAGE_BYTES = 32 * MIB


class Patience:
    """The requests of one source to one forge. Not shared between threads.

    Args:
        context: says how patient to be, and carries the requests.
        headers: sent with every request.
    """

    def __init__(self, context: ForgeContext, headers: Mapping[str, str]) -> None:
        self._context = context
        self._origin = require_api(context).origin
        self._headers = dict(headers)
        self._waited = 0.0
        self.rate_limit: RateLimit | None = None

    def send(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Response:
        """A good (200, 304) or redirecting answer. The request must be one that may be repeated.

        Raises:
            RateLimited: the forge wants a longer pause than this run can make.
            AuthenticationError: 401, or 403 for want of a right.
            ForgeError: any other answer that is of no use (`NetworkError`: none at all).
        """
        attempts = self._context.pacing.attempts
        for attempt in range(1, attempts + 1):
            last = attempt == attempts
            try:
                response = self._ask(method, target, {**self._headers, **(headers or {})}, body)
            except NetworkError as error:
                if isinstance(error, WayBarred) or last or self._context.transport.closed:
                    raise
                self._pause(self._backoff(attempt))
                continue
            self.rate_limit = rate_limit(response) or self.rate_limit
            if response.status in (200, 304) or response.status in REDIRECTS:
                return response
            self._pause(self._wait_before_retry(response, attempt, last=last))
        raise AssertionError("the last attempt returns or raises")  # pragma: no cover

    def _ask(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None
    ) -> Response:
        """One request, when the host lets everybody with this credential ask again."""
        budget = self._context.budget
        while budget is not None and (wait := budget.admit(Lane.API)) > 0:
            self._context.pacing.sleep(wait)
        try:
            response = self._context.transport.request(
                method,
                self._origin,
                target,
                headers=headers,
                body=body,
                max_bytes=_MAX_PAGE_BYTES,
                idempotent=True,
            )
            if budget is not None:
                budget.note(response, Lane.API)
            return response
        finally:
            if budget is not None:
                budget.leave()

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
                f"{self._origin} wants no more requests from source"
                f" {self._context.source!a} for {wait:.0f} s",
                retry_after=wait,
                advice="wait, or sign in to get a larger allowance"
                if self._context.credential is None
                else "wait, then run the command again",
            )
        if not limited and (response.status < 500 or last or too_long or spent):
            raise refusal(response, self._context, self._origin)
        return wait

    def _backoff(self, attempt: int) -> float:
        base: float = 0.5 * 2 ** (attempt - 1)
        return base * (0.5 + self._context.pacing.jitter())

    def _pause(self, seconds: float) -> None:
        self._waited += seconds
        self._context.pacing.sleep(seconds)
