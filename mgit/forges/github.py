"""GitHub: github.com, data residency (`api.NAME.ghe.com`) and Enterprise Server (`/api/v3`).

Lists by REST; what was pushed to of late is asked of GraphQL (`github_feed`). Fields: GitHub's
OpenAPI document, schemas `minimal-repository` and `repository`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import quote

import msgspec

from mgit.address import CloneUrl, Origin
from mgit.errors import NotFound
from mgit.forges.api import Reply, RestClient, bearer
from mgit.forges.checks import checked_branch, checked_path, checked_url, sane_time
from mgit.forges.collect import Collector
from mgit.forges.feed import changed, moment_of, until
from mgit.forges.github_feed import GraphQLRefused, Pushes
from mgit.forges.interface import Account, ApiBase, Changed, ForgeContext, RateLimit, require_api
from mgit.forges.limits import server_time
from mgit.model import Listing, RemoteRepo, RepoKey, Visibility
from mgit.transport import Response

_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
# Newest first: a new repository changes the first page, so no page that was kept with its ETag can
# hide one that was added behind it; and it shifts others to a page that is still to be read.
_ORDER = "sort=created&direction=desc&per_page=100"
_BY_PUSH = "sort=pushed&direction=desc&per_page=100"
_SLACK = timedelta(minutes=2)  # their clocks and ours
_EXPIRATION = "github-authentication-token-expiration"
_INSTALLATION = "ghs_"  # a token of a GitHub App's installation, and of a workflow


class _Owner(msgspec.Struct, frozen=True):
    login: str


class _Repo(msgspec.Struct, frozen=True):
    id: Annotated[int, msgspec.Meta(gt=0)]
    name: str
    owner: _Owner
    private: bool
    fork: bool
    html_url: str
    clone_url: str | None = None
    default_branch: str | None = None
    archived: bool = False
    disabled: bool = False
    visibility: str | None = None
    size: int | None = None
    pushed_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    topics: list[str] = []
    language: str | None = None
    has_wiki: bool = False


class _Installed(msgspec.Struct, frozen=True):
    repositories: list[msgspec.Raw]


class _Pushed(msgspec.Struct, frozen=True):
    pushed_at: datetime | None = None


class _User(msgspec.Struct, frozen=True):
    login: str
    name: str | None = None


class GitHub:
    """A `Forge` that `TellsChanges` and `TellsExpiry`.

    Args:
        context: with an `api`; without `owners` everything that the credential sees is listed.
    """

    def __init__(self, context: ForgeContext) -> None:
        self._context = context
        credential = context.credential
        self._installation = credential is not None and credential.secret.reveal().startswith(
            _INSTALLATION
        )
        self._git_origin = _git_origin(require_api(context))
        self._client = RestClient(
            context,
            authorization=bearer,
            git_origin=self._git_origin,
            headers=_HEADERS,
            seen=self._see,
        )
        self._login: str | None = None
        self._expires: datetime | None = None

    @property
    def git_origin(self) -> Origin:
        """See `Forge`."""
        return self._git_origin

    @property
    def git_username(self) -> str:
        """See `Forge`. GitHub looks at the token alone; this is the name its docs use."""
        return "x-access-token"

    @property
    def rate_limit(self) -> RateLimit | None:
        """See `TellsRateLimit`."""
        return self._client.rate_limit

    def credential_expires(self) -> datetime | None:
        """See `TellsExpiry`: it stands in every answer to a token that ends, so nothing is sent."""
        return self._expires

    def _see(self, response: Response) -> None:
        self._expires = _expiry(response.header(_EXPIRATION) or "") or self._expires

    def list_repos(self) -> Listing:
        """See `Forge`."""
        return self._list(_ORDER, lambda pages: pages)

    def changed_since(self, since: datetime) -> Changed:
        """See `TellsChanges`. A repository in it has no language.

        GraphQL tells no ETag but costs one point for a hundred repositories; where it is refused
        (nobody signed in, a token that may not) REST is asked in the order of pushes.
        """
        after = since.astimezone(UTC) - _SLACK
        if self._context.credential is not None and not self._installation:
            try:
                pushes = Pushes(self._context, self._git_origin, after)
                return changed(pushes.list_repos(), since, after)
            except GraphQLRefused:
                pass
        listing = self._list(
            _BY_PUSH, lambda pages: until(pages, after, last_moment=self._last_push)
        )
        return changed(listing, since, after)

    def _list(self, order: str, through: Callable[[Iterator[Reply]], Iterator[Reply]]) -> Listing:
        enveloped = self._installation and not self._context.owners
        collector = Collector(
            self._context.source,
            self._client,
            self._read,
            entries=self._installed if enveloped else None,
        )
        # An installation belongs to one account, and nobody is signed in with its token.
        path = "/installation/repositories?per_page=100" if enveloped else f"/user/repos?{order}"
        everything = self._client.pages(path)
        if not enveloped:
            everything = through(everything)
        return collector.collect(
            self._context.owners,
            lambda owner: through(self._owner_pages(owner, order)),
            everything,
        )

    def _installed(self, reply: Reply) -> list[msgspec.Raw]:
        return self._client.decode(reply, _Installed).repositories

    def _last_push(self, reply: Reply) -> datetime | None:
        return moment_of(self._client.decode(reply, list[msgspec.Raw]), _Pushed)

    def whoami(self) -> Account:
        """See `Forge`. The token of an App's installation is proven, but belongs to nobody."""
        if self._installation:
            reply = self._client.get("/installation/repositories?per_page=1")
            return Account(login="", server_time=server_time(reply.response))
        reply = self._client.get("/user")
        user = self._client.decode(reply, _User)
        head = reply.response.header
        scopes = (head("x-oauth-scopes") or "").split(",")
        return Account(
            login=user.login,
            name=user.name or "",
            scopes=tuple(scope.strip() for scope in scopes if scope.strip()),
            expires=_expiry(head(_EXPIRATION) or ""),
            server_time=server_time(reply.response),
        )

    def _owner_pages(self, owner: str, order: str) -> Iterator[Reply]:
        """Pages of an organisation or, where there is none of that name, of a user."""
        checked_path(owner, "any")
        name = quote(owner, safe="")
        try:
            yield from self._client.pages(f"/orgs/{name}/repos?type=all&{order}")
        except NotFound:
            if self._is_own(owner):  # /users/… leaves out what is private
                yield from self._client.pages(f"/user/repos?affiliation=owner&{order}")
            else:
                yield from self._client.pages(f"/users/{name}/repos?type=owner&{order}")

    def _is_own(self, owner: str) -> bool:
        if self._context.credential is None or self._installation:
            return False
        if self._login is None:
            self._login = self.whoami().login
        return self._login.lower() == owner.lower()

    def _read(self, entry: msgspec.Raw) -> RemoteRepo:
        repo = msgspec.json.decode(entry, type=_Repo)
        url = checked_url(repo.clone_url or f"{repo.html_url}.git", self._git_origin)
        return RemoteRepo(
            key=RepoKey(self._git_origin.authority, str(repo.id)),
            source=self._context.source,
            path=checked_path(repo.owner.login, repo.name),
            url=url,
            default_branch=checked_branch(repo.default_branch),
            archived=repo.archived,
            fork=repo.fork,
            visibility=_visibility(repo),
            size_kib=repo.size,
            pushed_at=sane_time(repo.pushed_at),
            unavailable="the forge has disabled it" if repo.disabled else None,
            topics=tuple(repo.topics),
            language=repo.language,
            wiki=_wiki(url) if repo.has_wiki else None,
        )


def _git_origin(api: ApiBase) -> Origin:
    """`api.github.com` serves REST for `github.com`, `api.NAME.ghe.com` for `NAME.ghe.com`."""
    host = api.origin.host.removeprefix("api.") if not api.path else api.origin.host
    return Origin(api.origin.scheme, host, api.origin.port)


def _wiki(url: CloneUrl) -> CloneUrl:
    """Where the wiki is, if anybody has written one."""
    return CloneUrl(url.origin, f"{url.path.removesuffix('.git')}.wiki.git")


def _visibility(repo: _Repo) -> Visibility:
    if repo.visibility in set(Visibility):
        return Visibility(repo.visibility)
    return Visibility.PRIVATE if repo.private else Visibility.PUBLIC


def _expiry(text: str) -> datetime | None:
    """`2026-01-31 12:00:00 UTC`, or with an offset in place of the name."""
    for form in ("%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S %z"):
        try:
            moment = datetime.strptime(text, form)  # noqa: DTZ007 - the zone is added below
        except ValueError:
            continue
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return None
