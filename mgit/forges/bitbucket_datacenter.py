"""Bitbucket Data Center: REST below `/rest/api/latest`, clones below `/scm`.

Fields and paths: Atlassian's OpenAPI document of Bitbucket Data Center 9.2, `RestRepository`.
An owner is the key of a project, `~NAME` for a person's own. The list hides archived repositories
unless it is asked for them; the list of one project cannot be asked for them at all, so the list
of all repositories is used with the project's key as a condition.

Neither default branch, size nor time of a push is told, and there is no list of changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated
from urllib.parse import quote, unquote

import msgspec

from mgit.address import Origin
from mgit.credentials import Credential
from mgit.errors import InvalidInput, NotFound
from mgit.forges.api import Reply, RestClient, basic, bearer
from mgit.forges.checks import checked_path, checked_url
from mgit.forges.collect import Collector
from mgit.forges.interface import Account, ForgeContext, RateLimit, require_api
from mgit.forges.limits import server_time
from mgit.model import Listing, RemoteRepo, RepoKey, Visibility

_LIMIT = 1000  # the server lowers it to what its administrator allows
_NO_USER = "x-token-auth"
_STATES = {
    "INITIALISING": "it is still being made",
    "INITIALISATION_FAILED": "its making failed on the forge",
    "OFFLINE": "it is offline on the forge",
}


class _Project(msgspec.Struct, frozen=True):
    key: str


class _Link(msgspec.Struct, frozen=True):
    href: str
    name: str = ""


class _Links(msgspec.Struct, frozen=True):
    clone: list[_Link] = []


class _Origin(msgspec.Struct, frozen=True):
    id: int | None = None


class _Repo(msgspec.Struct, frozen=True):
    id: Annotated[int, msgspec.Meta(gt=0)]
    slug: str
    project: _Project
    links: _Links
    state: str = "AVAILABLE"
    archived: bool = False
    public: bool | None = None
    origin: _Origin | None = None


class _Page(msgspec.Struct, frozen=True):
    values: list[msgspec.Raw]


class _Turn(msgspec.Struct, frozen=True, rename="camel"):
    is_last_page: bool = True
    next_page_start: Annotated[int, msgspec.Meta(ge=0)] | None = None


class _Owned(msgspec.Struct, frozen=True):
    project: _Project
    archived: bool | None = None


class _User(msgspec.Struct, frozen=True, rename="camel"):
    display_name: str = ""


class BitbucketDataCenter:
    """A `Forge`.

    A credential with a user name of its own is sent as Basic, one without as Bearer.

    Args:
        context: with an `api`; without `owners` everything that the credential sees is listed.
    """

    def __init__(self, context: ForgeContext) -> None:
        self._context = context
        self._git_origin = require_api(context).origin
        credential = context.credential
        self._user = "" if credential is None or _is_bare(credential) else credential.username
        self._client = RestClient(
            context,
            authorization=basic if self._user else bearer,
            git_origin=self._git_origin,
            headers={},
        )

    @property
    def git_origin(self) -> Origin:
        """See `Forge`."""
        return self._git_origin

    @property
    def git_username(self) -> str:
        """See `Forge`: git wants the name of the account, which every answer tells."""
        return self._user or _NO_USER

    @property
    def rate_limit(self) -> RateLimit | None:
        """See `TellsRateLimit`: only where something in front of the forge says so."""
        return self._client.rate_limit

    def list_repos(self) -> Listing:
        """See `Forge`."""
        collector = Collector(self._context.source, self._client, self._read, entries=self._entries)
        everything = self._pages("/repos?archived=ALL")
        return collector.collect(self._context.owners, self._owner_pages, everything)

    def whoami(self) -> Account:
        """See `Forge`. No call tells whose token it is, but the head of every answer does."""
        reply = self._learned(self._client.get("/profile/recent/repos?limit=1"))
        login = _account(reply)
        return Account(
            login=login, name=self._name_of(login), server_time=server_time(reply.response)
        )

    def _name_of(self, login: str) -> str:
        if not login:
            return ""
        try:
            reply = self._client.get(f"/users/{quote(login, safe='')}")
        except NotFound:  # its slug differs from its name
            return ""
        return self._client.decode(reply, _User).display_name

    def _owner_pages(self, owner: str) -> Iterator[Reply]:
        """Pages of one project.

        A server before 8.0 knows neither condition: it is found out by the repositories of others
        that it lists without saying whether they are archived, and asked in the way of that time,
        when nothing could be.
        """
        checked_path(owner, "any")
        key = quote(owner, safe="")
        first = True
        for reply in self._pages(f"/repos?projectkey={key}&archived=ALL"):
            entries = self._entries(reply)
            foreign = [entry for entry in entries if _is_foreign(entry, owner)]
            if any(_is_of_old(entry) for entry in foreign):
                yield from self._pages(f"/projects/{key}/repos?")
                return
            if first and not entries:
                self._client.get(f"/projects/{key}")  # a condition that nothing meets is no 404
            first = False
            own = [entry for entry in entries if entry not in foreign]
            yield _cut(reply, own) if foreign else reply

    def _pages(self, path: str) -> Iterator[Reply]:
        def after(reply: Reply) -> str | None:
            turn = self._client.decode(reply, _Turn)
            if turn.is_last_page or turn.next_page_start is None:
                return None
            base = reply.target.partition("&start=")[0]
            return f"{base}&start={turn.next_page_start}"

        joint = "" if path.endswith("?") else "&"
        for reply in self._client.pages(f"{path}{joint}limit={_LIMIT}", after=after):
            yield self._learned(reply)

    def _learned(self, reply: Reply) -> Reply:
        """Remember whose token it is."""
        if self._context.credential is not None:
            self._user = self._user or _account(reply)
        return reply

    def _entries(self, reply: Reply) -> list[msgspec.Raw]:
        return self._client.decode(reply, _Page).values

    def _read(self, entry: msgspec.Raw) -> RemoteRepo:
        repo = msgspec.json.decode(entry, type=_Repo)
        return RemoteRepo(
            key=RepoKey(self._git_origin.authority, str(repo.id)),
            source=self._context.source,
            path=checked_path(repo.project.key, repo.slug),
            url=checked_url(_http(repo), self._git_origin),
            archived=repo.archived,
            fork=repo.origin is not None,
            visibility=_visibility(repo),
            unavailable=_unavailable(repo.state),
        )


def _is_bare(credential: Credential) -> bool:
    return credential.username in ("", _NO_USER)


def _account(reply: Reply) -> str:
    """Whose token it is; empty for nobody's, or where a proxy takes the header away."""
    name = unquote(reply.response.header("x-ausername") or "")
    return name if name.isprintable() and name != "anonymous" else ""


def _is_foreign(entry: msgspec.Raw, owner: str) -> bool:
    """Whether a repository belongs to another project than was asked for."""
    try:
        owned = msgspec.json.decode(entry, type=_Owned)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False  # told when it is read
    return owned.project.key.lower() != owner.lower()


def _is_of_old(entry: msgspec.Raw) -> bool:
    """Whether a server told it that cannot archive."""
    return msgspec.json.decode(entry, type=_Owned).archived is None


def _cut(reply: Reply, entries: list[msgspec.Raw]) -> Reply:
    body = msgspec.json.encode({"values": entries})
    return replace(reply, response=replace(reply.response, body=body))


def _http(repo: _Repo) -> str:
    for link in repo.links.clone:
        if link.name in ("http", "https"):
            return link.href
    raise InvalidInput("it has no http clone URL; the forge may offer ssh only")


def _visibility(repo: _Repo) -> Visibility | None:
    if repo.public is None:
        return None
    return Visibility.PUBLIC if repo.public else Visibility.PRIVATE


def _unavailable(state: str) -> str | None:
    return None if state == "AVAILABLE" else _STATES.get(state, "the forge does not offer it")
