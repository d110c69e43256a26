"""One tree of errors: the class decides the exit code, the text helps the person.

Every error says what happened and what to do next. Neither text may hold a secret.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What `mgit` returns to the shell."""

    OK = 0
    SOME_FAILED = 1
    USAGE = 2
    AUTHENTICATION = 3
    UNREACHABLE = 4
    INTERRUPTED = 130


class MgitError(Exception):
    """Base of all errors that mgit raises on purpose.

    Args:
        message: what happened, and to which repository, file or source; one line.
        advice: what the person can do next; one line, may be empty.
    """

    exit_code: ExitCode = ExitCode.SOME_FAILED

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


class InvalidInput(MgitError):
    """Something given to mgit (argument, name, URL, answer of a forge) is malformed."""

    exit_code = ExitCode.USAGE


class ConfigurationError(MgitError):
    """The configuration is missing, malformed or contradicts itself."""

    exit_code = ExitCode.USAGE


class AuthenticationError(MgitError):
    """A forge refused the credential, or there is none for it."""

    exit_code = ExitCode.AUTHENTICATION


class ForgeError(MgitError):
    """A forge answered with something that mgit cannot use."""

    exit_code = ExitCode.UNREACHABLE


class MalformedAnswer(ForgeError):
    """A forge answered in a form that it must not have: another program, or somebody between."""


class NetworkError(ForgeError):
    """A forge could not be reached, or the connection broke."""


class WayBarred(NetworkError):
    """A certificate or a proxy stands in the way: asking again is of no use."""


class RateLimited(ForgeError):
    """A forge asked for a pause.

    Args:
        message: see `MgitError`.
        retry_after: seconds to wait before the next request to that host.
        advice: see `MgitError`.
    """

    def __init__(self, message: str, *, retry_after: float, advice: str = "") -> None:
        super().__init__(message, advice=advice)
        self.retry_after = retry_after


class NotFound(ForgeError):
    """A forge answered 404: absent, or hidden from this credential. No proof of deletion."""


class GitError(MgitError):
    """git ended with an error; `message` holds its cleaned last words."""


class RepositoryBroken(GitError):
    """A clone on disk is damaged and was left as it is."""


class Busy(MgitError):
    """Another mgit works on the same root."""


class StateError(MgitError):
    """The state database cannot be read or written."""
