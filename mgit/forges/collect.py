"""Gathers the pages of a listing, and keeps count of what is missing from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from mgit.errors import (
    AuthenticationError,
    ExitCode,
    ForgeError,
    InvalidInput,
    MalformedAnswer,
    MgitError,
    NetworkError,
    NotFound,
    RateLimited,
)
from mgit.forges.api import Reply, RestClient
from mgit.forges.limits import whole_number
from mgit.forges.refusals import CredentialRefused
from mgit.model import Listing, RemoteRepo, RepoKey
from mgit.text import escape_untrusted

_SHOWN_PROBLEMS = 3


class Collector:
    """Builds one `Listing` out of several scopes (owners), some of which may fail.

    Args:
        source: the configured name.
        client: decodes the pages.
        read: turns one entry into a repository; raises `InvalidInput` or a msgspec error for one
            that it refuses.
        entries: the repositories of a page, each still undecoded; None: the page is a bare list.
        label: the member of an entry that names it for a person.
        total: the header in which the forge counts all entries of a list, where it does.
    """

    def __init__(
        self,
        source: str,
        client: RestClient,
        read: Callable[[msgspec.Raw], RemoteRepo],
        *,
        entries: Callable[[Reply], list[msgspec.Raw]] | None = None,
        label: str = "full_name",
        total: str = "x-total-count",
    ) -> None:
        self._source = source
        self._client = client
        self._read = read
        self._entries = entries or self._bare_list
        self._label = label
        self._total = total
        self._repos: dict[RepoKey, RemoteRepo] = {}
        self._problems: list[str] = []
        self._first_error: MgitError | None = None
        self._received = False
        self._malformed = 0
        self._hopeless = False

    def collect(
        self,
        owners: Iterable[str],
        pages_of: Callable[[str], Iterator[Reply]],
        everything: Iterator[Reply],
    ) -> Listing:
        """List several owners, or all that the credential sees.

        Args:
            owners: whom to list; none stands for `everything`.
            pages_of: the pages of one owner.
            everything: the pages without an owner; only read where there is none.

        Raises:
            MgitError: as `add_scope` and `listing`.
        """
        scopes = {owner: pages_of(owner) for owner in owners} or {"": everything}
        for name, pages in scopes.items():
            self.add_scope(name, pages)
        return self.listing()

    def add_scope(self, name: str, pages: Iterator[Reply]) -> None:
        """Read all pages of one owner.

        Args:
            name: the owner, to tell what failed; empty where there is only one scope.
            pages: its pages; what they raise makes the listing incomplete.

        Raises:
            AuthenticationError: the credential was refused.
        """
        if self._hopeless:
            return
        count = 0
        total = 0
        try:
            for reply in pages:
                entries = self._entries(reply)
                self._received = True
                count += len(entries)
                # The largest: an entry that goes while pages are read shifts another one unseen.
                total = max(total, self._announced(reply))
                for entry in entries:
                    self._add(entry)
        except (ForgeError, AuthenticationError) as error:
            self._fail(name, error)
            return
        if count < total:
            shown = f" of {name!a}" if name else ""
            self._note(f"the forge counts {total} repositories{shown} but listed {count}")

    def listing(self) -> Listing:
        """What was gathered.

        Raises:
            ForgeError: nothing at all.
            AuthenticationError: nothing at all, for want of a right.
        """
        if self._first_error is not None and not self._received:
            raise self._first_error
        repos = tuple(sorted(self._repos.values(), key=lambda repo: repo.path))
        if not self._problems:
            return Listing(self._source, repos)
        told = "; ".join(self._problems[:_SHOWN_PROBLEMS])
        more = len(self._problems) - _SHOWN_PROBLEMS
        problem = told + (f"; and {more} more" if more > 0 else "")
        first = self._first_error
        return Listing(
            self._source,
            repos,
            complete=False,
            problem=problem,
            advice=first.advice if first else "tell the forge's administrator",
            exit_code=first.exit_code if first else ExitCode.SOME_FAILED,
            malformed=self._malformed,
        )

    def _announced(self, reply: Reply) -> int:
        """The forge's own count of all entries; 0 where it does not count."""
        return whole_number(reply.response.header(self._total) or "") or 0

    def _bare_list(self, reply: Reply) -> list[msgspec.Raw]:
        return self._client.decode(reply, list[msgspec.Raw])

    def _add(self, entry: msgspec.Raw) -> None:
        try:
            repo = self._read(entry)
        except (InvalidInput, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            cause = "nested too deeply" if isinstance(error, RecursionError) else str(error)
            name = escape_untrusted(_name_of(entry, self._label), limit=80)
            self._malformed += 1
            self._note(f"left out {name}: {escape_untrusted(cause, limit=200)}")
            return
        self._repos[repo.key] = repo  # pages shift while they are read: the later one is newer

    def _fail(self, name: str, error: MgitError) -> None:
        if isinstance(error, CredentialRefused):
            raise error
        self._malformed += isinstance(error, MalformedAnswer)
        if isinstance(error, NotFound) and name:
            error = self._no_owner(name)
            self._note(error.message)
        else:
            self._note(f"{name}: {error.message}" if name else error.message)
        self._first_error = self._first_error or error
        # The next owner would meet the same trouble, after the same long wait.
        self._hopeless = isinstance(error, NetworkError | RateLimited)

    def _no_owner(self, name: str) -> NotFound:
        return NotFound(
            f"{self._client.origin} has no organisation or user {name!a}, or hides it from this"
            " credential",
            advice=f"check `owners` of source {self._source!a}, and what the token may see",
        )

    def _note(self, problem: str) -> None:
        self._problems.append(problem)


def _name_of(entry: msgspec.Raw, label: str) -> str:
    try:
        members = msgspec.json.decode(entry, type=dict[str, msgspec.Raw])
        return msgspec.json.decode(members[label], type=str) if label in members else "?"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "an entry without a name"
