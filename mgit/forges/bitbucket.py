"""Bitbucket Cloud: `api.bitbucket.org/2.0`, clones from `bitbucket.org`.

Fields and paths: Atlassian's OpenAPI document of Bitbucket Cloud, schemas `repository` and
`workspace_access`; pages, `fields`, `q` and `sort`: the narrative of the same document. An owner is
a workspace. There is no list over all workspaces any more, so without owners the workspaces are
asked for first.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import quote

import msgspec

from mgit.address import CloneUrl, Origin
from mgit.credentials import Credential
from mgit.errors import AuthenticationError, ForgeError, InvalidInput
from mgit.forges.api import Reply, RestClient, basic, bearer
from mgit.forges.checks import checked_branch, checked_path, checked_url, sane_time
from mgit.forges.collect import Collector
from mgit.forges.feed import changed
from mgit.forges.interface import Account, ApiBase, Changed, ForgeContext, RateLimit, require_api
from mgit.forges.limits import server_time
from mgit.forges.refusals import CredentialRefused, Gone
from mgit.model import Listing, RemoteRepo, RepoKey, Visibility

_FIELDS = (
    "uuid",
    "full_name",
    "is_private",
    "parent.uuid",
    "mainbranch.name",
    "size",
    "language",
    "has_wiki",
    "updated_on",
    "links.clone",
)
_CUT = "fields=next," + ",".join(f"values.{name}" for name in _FIELDS)
# Newest first, as on GitHub: what is new cannot hide behind a page that is kept with its ETag.
_ORDER = f"sort=-created_on&pagelen=100&{_CUT}"
_WORKSPACES = "/user/workspaces?pagelen=100"
_SLACK = timedelta(minutes=2)  # their clocks and ours
_GIT_USER_OF_API = "x-bitbucket-api-token-auth"
_GIT_USER_OF_ACCESS = "x-token-auth"


class _Named(msgspec.Struct, frozen=True):
    name: str | None = None


class _Link(msgspec.Struct, frozen=True):
    href: str
    name: str = ""


class _Links(msgspec.Struct, frozen=True):
    clone: list[_Link] = []


class _Parent(msgspec.Struct, frozen=True):
    uuid: str | None = None


class _Repo(msgspec.Struct, frozen=True):
    uuid: Annotated[str, msgspec.Meta(pattern=r"^\{[0-9A-Fa-f-]{8,64}\}$")]
    full_name: str
    links: _Links
    is_private: bool | None = None
    parent: _Parent | None = None
    mainbranch: _Named | None = None
    size: Annotated[int, msgspec.Meta(ge=0)] | None = None
    language: str | None = None
    has_wiki: bool = False
    updated_on: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class _Page(msgspec.Struct, frozen=True):
    values: list[msgspec.Raw]
    next: str | None = None


class _Next(msgspec.Struct, frozen=True):
    next: str | None = None


class _Workspace(msgspec.Struct, frozen=True):
    slug: str


class _Access(msgspec.Struct, frozen=True):
    workspace: _Workspace


class _Workspaces(msgspec.Struct, frozen=True):
    values: list[_Access]


class _User(msgspec.Struct, frozen=True):
    username: str = ""
    nickname: str = ""
    display_name: str = ""


class _Updated(msgspec.Struct, frozen=True):
    updated_on: datetime | None = None


class Bitbucket:
    """A `Forge` that `TellsChanges`.

    A credential whose user name is an e-mail address is an API token (Basic); any other is an
    access token of a repository, project or workspace (Bearer).

    Args:
        context: with an `api`; without `owners` every workspace of the account is listed.
    """

    def __init__(self, context: ForgeContext) -> None:
        self._context = context
        self._git_origin = _git_origin(require_api(context))
        api_token = context.credential is not None and _is_api_token(context.credential)
        self._client = RestClient(
            context,
            authorization=basic if api_token else bearer,
            git_origin=self._git_origin,
            headers={},
        )
        self._git_username = _GIT_USER_OF_API if api_token else _GIT_USER_OF_ACCESS

    @property
    def git_origin(self) -> Origin:
        """See `Forge`."""
        return self._git_origin

    @property
    def git_username(self) -> str:
        """See `Forge`: Bitbucket tells the kinds of token apart by it."""
        return self._git_username

    @property
    def rate_limit(self) -> RateLimit | None:
        """See `TellsRateLimit`."""
        return self._client.rate_limit

    def list_repos(self) -> Listing:
        """See `Forge`."""
        collector = Collector(self._context.source, self._client, self._read, entries=self._entries)
        owners = self._context.owners or self._workspaces()
        return collector.collect(owners, self._owner_pages, iter(()))

    def changed_since(self, since: datetime) -> Changed:
        """See `TellsChanges`. `updated_on` moves with pushes and with settings."""
        after = since.astimezone(UTC) - _SLACK
        query = quote(f"updated_on > {after.isoformat(timespec='seconds')}", safe="")
        collector = Collector(self._context.source, self._client, self._read, entries=self._entries)
        owners = self._context.owners or self._workspaces()
        listing = collector.collect(
            owners,
            lambda owner: self._pages(owner, f"q={query}&sort=-updated_on&pagelen=100&{_CUT}"),
            iter(()),
        )
        return changed(listing, since, after)

    def whoami(self) -> Account:
        """See `Forge`.

        An access token is nobody: where it may not ask for a user it is proven by the first
        owner's list, and the account has no name.
        """
        try:
            with _Explained(self._context.source):
                reply = self._client.get("/user")
        except CredentialRefused:
            raise
        except AuthenticationError:
            if not self._context.owners:
                raise
            with _Explained(self._context.source):
                reply = next(self._pages(self._context.owners[0], "pagelen=10&fields=values.uuid"))
            return Account(login="", server_time=server_time(reply.response))
        user = self._client.decode(reply, _User)
        scopes = (reply.response.header("x-oauth-scopes") or "").split(",")
        return Account(
            login=user.username or user.nickname or user.display_name,
            name=user.display_name,
            scopes=tuple(scope.strip() for scope in scopes if scope.strip()),
            server_time=server_time(reply.response),
        )

    def _workspaces(self) -> tuple[str, ...]:
        """Slugs of all workspaces that the account belongs to.

        Raises:
            AuthenticationError: the credential may not ask for them.
            ForgeError: they cannot be listed whole: then nothing is.
        """
        found: dict[str, None] = {}
        with _Explained(self._context.source):
            for reply in self._client.pages(_WORKSPACES, after=self._next):
                page = self._client.decode(reply, _Workspaces)
                found.update(dict.fromkeys(access.workspace.slug for access in page.values))
        return tuple(found)

    def _owner_pages(self, owner: str) -> Iterator[Reply]:
        return self._pages(owner, _ORDER)

    def _pages(self, owner: str, query: str) -> Iterator[Reply]:
        checked_path(owner, "any")
        with _Explained(self._context.source):
            path = f"/repositories/{quote(owner, safe='')}?{query}"
            yield from self._client.pages(path, after=self._next)

    def _next(self, reply: Reply) -> str | None:
        """Where the list goes on: an address that is not to be understood, only followed."""
        return self._client.decode(reply, _Next).next

    def _entries(self, reply: Reply) -> list[msgspec.Raw]:
        return self._client.decode(reply, _Page).values

    def _read(self, entry: msgspec.Raw) -> RemoteRepo:
        repo = msgspec.json.decode(entry, type=_Repo)
        workspace, slash, slug = repo.full_name.partition("/")
        if not slash:
            raise InvalidInput(f"the name {repo.full_name[:80]!a} has no workspace")
        url = checked_url(_https(repo), self._git_origin)
        main = repo.mainbranch.name if repo.mainbranch else None
        return RemoteRepo(
            key=RepoKey(self._git_origin.authority, repo.uuid),
            source=self._context.source,
            path=checked_path(workspace, slug),
            url=url,
            default_branch=checked_branch(main),
            fork=repo.parent is not None,
            empty=repo.mainbranch is None,
            visibility=_visibility(repo),
            size_kib=None if repo.size is None else repo.size // 1024,
            pushed_at=sane_time(repo.updated_on),
            language=repo.language or None,
            wiki=_wiki(url) if repo.has_wiki else None,
        )


class _Explained:
    """Adds to a refusal what is special here; nothing else is touched."""

    def __init__(self, source: str) -> None:
        self._source = source

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        login = f"run `mgit login {self._source}`"
        match error:
            case CredentialRefused():
                raise CredentialRefused(
                    error.message,
                    advice="app passwords no longer work: for an API token write your Atlassian"
                    f" e-mail as `user` of the source, for an access token no user; then {login}",
                ) from None
            case Gone():
                raise ForgeError(
                    f"{error.message} (Bitbucket says this of an account that it takes for spam,"
                    " and of app passwords)",
                    advice="look at the workspace in a browser, and use an API token in place of"
                    f" an app password: {login}",
                ) from None
            case _:
                return


def _is_api_token(credential: Credential) -> bool:
    return "@" in credential.username


def _git_origin(api: ApiBase) -> Origin:
    """`api.bitbucket.org` serves REST for `bitbucket.org`."""
    return Origin(api.origin.scheme, api.origin.host.removeprefix("api."), api.origin.port)


def _https(repo: _Repo) -> str:
    for link in repo.links.clone:
        if link.name == "https":
            return link.href
    raise InvalidInput("it has no https clone URL")


def _wiki(url: CloneUrl) -> CloneUrl:
    """Where the wiki is, if anybody has written one: below the repository, not beside it."""
    return CloneUrl(url.origin, f"{url.path.removesuffix('.git')}.git/wiki")


def _visibility(repo: _Repo) -> Visibility | None:
    if repo.is_private is None:
        return None
    return Visibility.PRIVATE if repo.is_private else Visibility.PUBLIC
