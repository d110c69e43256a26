"""GitLab: gitlab.com and servers of one's own, below a relative URL root too.

Fields and paths: GitLab's OpenAPI document, schemas `APIEntitiesProject` and
`APIEntitiesBasicProjectDetails`; pages and keysets: its "REST API" page. A project in groups within
groups has the top group as its owner and the groups between as its project, joined with `/`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from urllib.parse import quote

import msgspec

from mgit.address import CloneUrl, Origin
from mgit.errors import AuthenticationError, ForgeError, InvalidInput, NotFound
from mgit.forges.api import Reply, RestClient, bearer
from mgit.forges.checks import checked_branch, checked_group, checked_path, checked_url, sane_time
from mgit.forges.collect import Collector
from mgit.forges.feed import changed, moment_of, until
from mgit.forges.interface import Account, Changed, ForgeContext, RateLimit, require_api
from mgit.forges.limits import server_time
from mgit.model import Listing, RemoteRepo, RepoKey, Visibility

# What is shared into a group belongs elsewhere: it is listed there, and else comes twice.
_IN_GROUP = "include_subgroups=true&with_shared=false"
# Newest first, so that no page that was kept with its ETag hides a project behind it.
_NEWEST = "order_by=id&sort=desc&per_page=100"
_ALL = "membership=true&pagination=keyset&order_by=id&sort=asc&per_page=100&statistics=true"
_ACTIVE = "order_by=last_activity_at&sort=desc&per_page=100"
# `last_activity_at` is rewritten only when it is an hour old: after a push at t it lies in
# (t - 1 h, t]. The minute is for clocks of one forge's machines that differ.
_COARSE = timedelta(hours=1, minutes=1)
_IMPORTING = frozenset({"scheduled", "started", "failed"})


class _Origin(msgspec.Struct, frozen=True):
    id: int | None = None


class _Statistics(msgspec.Struct, frozen=True):
    repository_size: int | None = None


class _Repo(msgspec.Struct, frozen=True):
    id: Annotated[int, msgspec.Meta(gt=0)]
    path: str
    path_with_namespace: str
    http_url_to_repo: str
    default_branch: str | None = None
    archived: bool | None = None
    visibility: str | None = None
    empty_repo: bool | None = None
    forked_from_project: _Origin | None = None
    topics: list[str] | None = None
    tag_list: list[str] | None = None
    statistics: _Statistics | None = None
    last_activity_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    marked_for_deletion_on: str | None = None
    repository_access_level: str | None = None
    wiki_access_level: str | None = None
    wiki_enabled: bool | None = None
    import_status: str | None = None
    mirror: bool | None = None


class _Activity(msgspec.Struct, frozen=True):
    last_activity_at: datetime | None = None


class _User(msgspec.Struct, frozen=True):
    username: str
    name: str | None = None


class _Token(msgspec.Struct, frozen=True):
    scopes: list[str] = []
    expires_at: date | None = None


class GitLab:
    """A `Forge` that `TellsChanges` and `TellsExpiry`.

    Args:
        context: with an `api`; an owner is a group, `group/subgroup` or a user; without `owners`
            all projects that the account is a member of are listed.
    """

    def __init__(self, context: ForgeContext) -> None:
        self._context = context
        self._git_origin = require_api(context).origin
        self._client = RestClient(
            context, authorization=bearer, git_origin=self._git_origin, headers={}
        )

    @property
    def git_origin(self) -> Origin:
        """See `Forge`."""
        return self._git_origin

    @property
    def git_username(self) -> str:
        """See `Forge`. GitLab takes every kind of token beside this name."""
        return "oauth2"

    @property
    def rate_limit(self) -> RateLimit | None:
        """See `TellsRateLimit`."""
        return self._client.rate_limit

    def list_repos(self) -> Listing:
        """See `Forge`."""
        everything = self._client.pages(f"/projects?{_ALL}")
        return self._collector().collect(self._context.owners, self._owner_pages, everything)

    def changed_since(self, since: datetime) -> Changed:
        """See `TellsChanges`. What was active within the hour before `since` counts as changed."""
        after = since.astimezone(UTC) - _COARSE
        listing = self._collector().collect(
            self._context.owners,
            lambda owner: self._recent(self._pages_of(owner, _ACTIVE), after),
            self._recent(self._client.pages(f"/projects?membership=true&{_ACTIVE}"), after),
        )
        return changed(listing, since, after)

    def whoami(self) -> Account:
        """See `Forge`. What the token may do is told where it is no OAuth token."""
        reply = self._client.get("/user")
        user = self._client.decode(reply, _User)
        token = self._token()
        return Account(
            login=user.username,
            name=user.name or "",
            scopes=tuple(token.scopes),
            expires=_ends(token),
            server_time=server_time(reply.response),
        )

    def credential_expires(self) -> datetime | None:
        """See `TellsExpiry`: one request."""
        return _ends(self._token())

    def _token(self) -> _Token:
        """What the credential says of itself; nothing where it is not asked that."""
        try:
            return self._client.decode(self._client.get("/personal_access_tokens/self"), _Token)
        except (ForgeError, AuthenticationError):
            return _Token()

    def _collector(self) -> Collector:
        return Collector(
            self._context.source,
            self._client,
            self._read,
            label="path_with_namespace",
            total="x-total",  # up to 10,000, and not beside a keyset
        )

    def _owner_pages(self, owner: str) -> Iterator[Reply]:
        return self._pages_of(owner, _NEWEST)

    def _pages_of(self, owner: str, order: str) -> Iterator[Reply]:
        """Pages of a group with all groups in it or, where there is none, of a user."""
        name = quote(checked_group(owner), safe="")
        try:
            yield from self._client.pages(f"/groups/{name}/projects?{_IN_GROUP}&{order}")
        except NotFound:
            if "/" in owner:
                raise
            yield from self._client.pages(f"/users/{name}/projects?{order}")

    def _recent(self, pages: Iterator[Reply], after: datetime) -> Iterator[Reply]:
        return until(pages, after, last_moment=self._last_activity)

    def _last_activity(self, reply: Reply) -> datetime | None:
        return moment_of(self._client.decode(reply, list[msgspec.Raw]), _Activity)

    def _read(self, entry: msgspec.Raw) -> RemoteRepo:
        repo = msgspec.json.decode(entry, type=_Repo)
        url = checked_url(repo.http_url_to_repo, self._git_origin)
        topics = repo.topics if repo.topics is not None else repo.tag_list
        size = repo.statistics.repository_size if repo.statistics else None
        owner, project = _groups(repo)
        return RemoteRepo(
            key=RepoKey(self._git_origin.authority, str(repo.id)),
            source=self._context.source,
            path=checked_path(owner, repo.path, project),
            url=url,
            default_branch=checked_branch(repo.default_branch),
            archived=bool(repo.archived),
            fork=repo.forked_from_project is not None,
            empty=repo.empty_repo,
            visibility=Visibility(repo.visibility) if repo.visibility in set(Visibility) else None,
            size_kib=None if size is None else size // 1024,
            pushed_at=sane_time(repo.last_activity_at),
            unavailable=_unavailable(repo),
            topics=tuple(topics or ()),
            wiki=_wiki(repo, url),
        )


def _ends(token: _Token) -> datetime | None:
    """GitLab ends a token at the first moment of that day, in UTC."""
    return datetime.combine(token.expires_at, time(), UTC) if token.expires_at else None


def _groups(repo: _Repo) -> tuple[str, str | None]:
    """The top group, and those between it and the project.

    Raises:
        InvalidInput: the project's own name is not the end of its whole name.
    """
    whole = repo.path_with_namespace
    groups = whole.removesuffix(f"/{repo.path}")
    if groups == whole:
        raise InvalidInput(f"its name {repo.path[:80]!a} is not the end of {whole[:80]!a}")
    owner, slash, project = groups.partition("/")
    return owner, project if slash else None


def _unavailable(repo: _Repo) -> str | None:
    if repo.marked_for_deletion_on:
        return "it is marked for deletion on the forge"
    if repo.repository_access_level == "disabled":
        return "its code is switched off on the forge"
    # A mirror's status is that of its last update, and one import may fail after the code came.
    if repo.import_status in _IMPORTING and repo.empty_repo and not repo.mirror:
        failed = repo.import_status == "failed"
        return "its import failed" if failed else "it is still being imported"
    return None


def _wiki(repo: _Repo, url: CloneUrl) -> CloneUrl | None:
    level = repo.wiki_access_level
    enabled = level != "disabled" if level is not None else bool(repo.wiki_enabled)
    if not enabled:
        return None
    return CloneUrl(url.origin, f"{url.path.removesuffix('.git')}.wiki.git")
