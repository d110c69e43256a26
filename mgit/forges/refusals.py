"""Turns an answer that is no success into the error that tells a person what to do. Pure."""

from __future__ import annotations

import msgspec

from mgit.address import Origin
from mgit.errors import AuthenticationError, ForgeError, NotFound
from mgit.forges.interface import ForgeContext
from mgit.text import escape_untrusted
from mgit.transport import Response

_SHOWN = 160
HTML = frozenset({"text/html", "application/xhtml+xml"})


class CredentialRefused(AuthenticationError):
    """401: the credential itself is not accepted. No other request with it will do better."""


class Gone(ForgeError):
    """410: what was asked for is no more, and the forge says so."""


class _Inner(msgspec.Struct):
    message: str = ""


class _Message(msgspec.Struct):
    """The three places where forges put their words."""

    message: str = ""
    error: _Inner | str | None = None  # Bitbucket Cloud; a bare word elsewhere
    errors: list[_Inner] = []  # Bitbucket Data Center


def refusal(
    response: Response, context: ForgeContext, origin: Origin
) -> ForgeError | AuthenticationError:
    """The error for any status that is neither success nor redirect nor rate limit."""
    login = f"run `mgit login {context.source}`"
    words = _words(response)
    said = f": {words}" if words else ""
    match response.status:
        case 203 if _media_type(response) in HTML:  # Azure DevOps' way to say 401
            return sign_in_asked(context, origin)
        case 401 if context.credential is not None:
            return CredentialRefused(
                f"{origin} refused the credential of source {context.source!a}"
                f" ({context.credential.found_in})",
                advice=f"it may have expired: {login}",
            )
        case 401:
            return CredentialRefused(f"{origin} wants a credential", advice=login)
        case 403 if response.header("x-github-sso"):
            return AuthenticationError(
                f"{origin} wants single sign-on for the token of source {context.source!a}",
                advice="authorise the token for the organisation in the forge's token settings",
            )
        case 403:
            return AuthenticationError(
                f"{origin} does not let the credential of source {context.source!a} do this{said}",
                advice="give the token the right to read repositories and organisations",
            )
        case 404:
            return NotFound(
                f"{origin} knows nothing there, or hides it from this credential",
                advice="check the owner's name and what the token may see",
            )
        case 410:
            return Gone(f"{origin} says that this is gone{said}")
        case status if status >= 500:
            return ForgeError(f"{origin} is in trouble ({status})", advice="try again later")
        case status:
            return ForgeError(
                f"{origin} answered {status}{said}",
                advice=f"check the url of source {context.source!a}",
            )


def sign_in_asked(context: ForgeContext, origin: Origin) -> CredentialRefused:
    """The error for a sign-in page where an answer should have been."""
    login = f"run `mgit login {context.source}`"
    page = "it answered with its sign-in page"
    if context.credential is None:
        return CredentialRefused(f"{origin} wants a credential: {page}", advice=login)
    return CredentialRefused(
        f"{origin} refused the credential of source {context.source!a}"
        f" ({context.credential.found_in}): {page}",
        advice=f"it may have expired: {login}; check the url of the source too",
    )


def _media_type(response: Response) -> str:
    return (response.header("content-type") or "").partition(";")[0].strip().lower()


def _words(response: Response) -> str:
    """The forge's own words, made harmless and short; empty where there are none."""
    try:
        told = msgspec.json.decode(response.body, type=_Message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    inner = told.error.message if isinstance(told.error, _Inner) else told.error or ""
    words = told.message or inner or next((error.message for error in told.errors), "")
    return escape_untrusted(words, limit=_SHOWN)
