"""Gitea and Forgejo: one API, below `/api/v1`.

Fields: the swagger documents of Gitea 1.27 and Forgejo 16, definition `Repository`. Both lower
`limit` to a cap of their own without a word, so a short page is no sign of the end. Only the search
can sort by the time of the last update; its pages are in an envelope.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import quote

import msgspec

from mgit.address import CloneUrl, Origin
from mgit.credentials import Credential
from mgit.errors import ForgeError, NotFound
from mgit.forges.api import Reply, RestClient
from mgit.forges.checks import checked_branch, checked_path, checked_url, sane_time
from mgit.forges.collect import Collector
from mgit.forges.feed import changed, moment_of, until
from mgit.forges.interface import Account, Changed, ForgeContext, RateLimit, require_api
from mgit.forges.limits import server_time
from mgit.model import Listing, RemoteRepo, RepoKey, Visibility

_LIMIT = "limit=50"
_SLACK = timedelta(minutes=2)  # their clocks and ours


class _Owner(msgspec.Struct, frozen=True):
    login: str = ""
    username: str = ""


class _Repo(msgspec.Struct, frozen=True):
    id: Annotated[int, msgspec.Meta(gt=0)]
    name: str
    owner: _Owner
    clone_url: str
    private: bool = False
    internal: bool = False
    fork: bool = False
    empty: bool | None = None
    archived: bool = False
    has_code: bool = True
    default_branch: str | None = None
    size: int | None = None
    updated_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    topics: list[str] | None = None
    language: str | None = None
    has_wiki: bool = False
    has_wiki_contents: bool = True  # Forgejo alone knows
    wiki_clone_url: str | None = None  # Forgejo


class _User(msgspec.Struct, frozen=True):
    login: str
    full_name: str = ""


class _Id(msgspec.Struct, frozen=True):
    id: Annotated[int, msgspec.Meta(gt=0)]


class _Found(msgspec.Struct, frozen=True):
    data: list[msgspec.Raw]
    ok: bool = True


class _Updated(msgspec.Struct, frozen=True):
    updated_at: datetime | None = None


class Gitea:
    """A `Forge` that `TellsChanges`.

    Args:
        context: with an `api`; without `owners` everything that the credential's account has or
            may work on is listed.
    """

    def __init__(self, context: ForgeContext) -> None:
        self._context = context
        self._git_origin = require_api(context).origin
        self._client = RestClient(
            context, authorization=_token, git_origin=self._git_origin, headers={}
        )

    @property
    def git_origin(self) -> Origin:
        """See `Forge`."""
        return self._git_origin

    @property
    def git_username(self) -> str:
        """See `Forge`. Any name does beside a token."""
        credential = self._context.credential
        return credential.username if credential and credential.username else "mgit"

    @property
    def rate_limit(self) -> RateLimit | None:
        """See `TellsRateLimit`: only where something in front of the forge says so."""
        return self._client.rate_limit

    def list_repos(self) -> Listing:
        """See `Forge`."""
        collector = Collector(self._context.source, self._client, self._read)
        everything = self._client.pages(f"/user/repos?{_LIMIT}")
        return collector.collect(self._context.owners, self._owner_pages, everything)

    def changed_since(self, since: datetime) -> Changed:
        """See `TellsChanges`. `updated_at` moves with pushes and with settings."""
        after = since.astimezone(UTC) - _SLACK
        collector = Collector(
            self._context.source,
            self._client,
            self._read,
            entries=self._found,
            total="",  # the count is that of all, and only the newest are read
        )
        listing = collector.collect(
            self._context.owners,
            lambda owner: self._recent(owner, after),
            self._recent(None, after),
        )
        return changed(listing, since, after)

    def whoami(self) -> Account:
        """See `Forge`. Neither scopes nor expiry are told."""
        reply = self._client.get("/user")
        user = self._client.decode(reply, _User)
        return Account(
            login=user.login, name=user.full_name, server_time=server_time(reply.response)
        )

    def _owner_pages(self, owner: str) -> Iterator[Reply]:
        """Pages of an organisation or, where there is none of that name, of a user."""
        checked_path(owner, "any")
        name = quote(owner, safe="")
        try:
            yield from self._client.pages(f"/orgs/{name}/repos?{_LIMIT}")
        except NotFound:
            yield from self._client.pages(f"/users/{name}/repos?{_LIMIT}")

    def _recent(self, owner: str | None, after: datetime) -> Iterator[Reply]:
        """What an owner's repositories are, or all that the account works on, newest first."""

        def last_moment(reply: Reply) -> datetime | None:
            return moment_of(self._found(reply), _Updated)

        uid = self._number_of(owner)
        own = "&exclusive=true" if owner is not None else ""
        path = f"/repos/search?uid={uid}{own}&sort=updated&order=desc&{_LIMIT}"
        yield from until(self._client.pages(path), after, last_moment=last_moment)

    def _number_of(self, owner: str | None) -> int:
        """The id of an organisation or user, or of the account itself."""
        if owner is None:
            return self._client.decode(self._client.get("/user"), _Id).id
        checked_path(owner, "any")
        name = quote(owner, safe="")
        try:
            reply = self._client.get(f"/orgs/{name}")
        except NotFound:
            reply = self._client.get(f"/users/{name}")
        return self._client.decode(reply, _Id).id

    def _found(self, reply: Reply) -> list[msgspec.Raw]:
        """The entries of a search.

        Raises:
            ForgeError: it says itself that it failed.
        """
        found = self._client.decode(reply, _Found)
        if not found.ok:
            raise ForgeError(f"{self._client.origin} could not search", advice="try again later")
        return found.data

    def _read(self, entry: msgspec.Raw) -> RemoteRepo:
        repo = msgspec.json.decode(entry, type=_Repo)
        url = checked_url(repo.clone_url, self._git_origin)
        return RemoteRepo(
            key=RepoKey(self._git_origin.authority, str(repo.id)),
            source=self._context.source,
            path=checked_path(repo.owner.login or repo.owner.username, repo.name),
            url=url,
            default_branch=checked_branch(repo.default_branch),
            archived=repo.archived,
            fork=repo.fork,
            empty=repo.empty,
            visibility=_visibility(repo),
            size_kib=repo.size,
            pushed_at=sane_time(repo.updated_at),
            unavailable=None if repo.has_code else "its code is switched off on the forge",
            topics=tuple(repo.topics or ()),
            language=repo.language or None,
            wiki=self._wiki(repo, url),
        )

    def _wiki(self, repo: _Repo, url: CloneUrl) -> CloneUrl | None:
        """Where the wiki is fetched, as Forgejo says it or as both have it."""
        if not repo.has_wiki or not repo.has_wiki_contents:
            return None
        if repo.wiki_clone_url:
            return checked_url(repo.wiki_clone_url, self._git_origin)
        return CloneUrl(url.origin, f"{url.path.removesuffix('.git')}.wiki.git")


def _visibility(repo: _Repo) -> Visibility:
    if repo.private:
        return Visibility.PRIVATE
    return Visibility.INTERNAL if repo.internal else Visibility.PUBLIC


def _token(credential: Credential) -> str:
    """Gitea's own word for it."""
    return f"token {credential.secret.reveal()}"
