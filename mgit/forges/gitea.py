"""Gitea and Forgejo: one API, below `/api/v1`.

Fields: the swagger documents of Gitea 1.27 and Forgejo 16, definition `Repository`. Both lower
`limit` to a cap of their own without a word, so a short page is no sign of the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

import msgspec

from mgit.address import Origin
from mgit.credentials import Credential
from mgit.errors import NotFound
from mgit.forges.api import Reply, RestClient
from mgit.forges.checks import checked_branch, checked_path, checked_url, sane_time
from mgit.forges.collect import Collector
from mgit.forges.interface import Account, ForgeContext, RateLimit, require_api
from mgit.forges.limits import server_time
from mgit.model import Listing, RemoteRepo, RepoKey, Visibility

_LIMIT = "limit=50"


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


class _User(msgspec.Struct, frozen=True):
    login: str
    full_name: str = ""


class Gitea:
    """A `Forge`.

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

    def _read(self, entry: msgspec.Raw) -> RemoteRepo:
        repo = msgspec.json.decode(entry, type=_Repo)
        return RemoteRepo(
            key=RepoKey(self._git_origin.authority, str(repo.id)),
            source=self._context.source,
            path=checked_path(repo.owner.login or repo.owner.username, repo.name),
            url=checked_url(repo.clone_url, self._git_origin),
            default_branch=checked_branch(repo.default_branch),
            archived=repo.archived,
            fork=repo.fork,
            empty=repo.empty,
            visibility=_visibility(repo),
            size_kib=repo.size,
            pushed_at=sane_time(repo.updated_at),
            unavailable=None if repo.has_code else "its code is switched off on the forge",
        )


def _visibility(repo: _Repo) -> Visibility:
    if repo.private:
        return Visibility.PRIVATE
    return Visibility.INTERNAL if repo.internal else Visibility.PUBLIC


def _token(credential: Credential) -> str:
    """Gitea's own word for it."""
    return f"token {credential.secret.reveal()}"
