"""Azure DevOps Services (`dev.azure.com/ORG`, `ORG.visualstudio.com`) and Server (`HOST/NAME`).

Fields and paths: Microsoft's REST specifications 7.1, `GitRepository` and `TeamProjectReference`.
A repository's owner is the organization (the collection, on a server), and its project is the
project. One request lists all repositories; there are no pages, no times of a push and no feed of
changes, so this is no `TellsChanges`: what moved is asked of each repository.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Annotated
from urllib.parse import quote, unquote

import msgspec

from mgit.address import CloneUrl, Origin, parse_clone_url
from mgit.credentials import Credential
from mgit.errors import AuthenticationError, ConfigurationError, InvalidInput
from mgit.forges.api import Reply, RestClient, bearer
from mgit.forges.checks import checked_branch, checked_path
from mgit.forges.collect import Collector
from mgit.forges.interface import Account, ApiBase, ForgeContext, RateLimit, require_api
from mgit.forges.limits import server_time
from mgit.model import Listing, RemoteRepo, RepoKey, Visibility

_SERVICES = "dev.azure.com"
_OLD_SERVICES = ".visualstudio.com"
_LIST = "_apis/git/repositories?api-version="
# A server answers versions up to its own: 6.0 is Server 2020's, the oldest that is supported.
_SERVICES_VERSION, _SERVER_VERSION = "7.1", "6.0"
_HEADS = "refs/heads/"
_ANONYMOUS = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
_WEB_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
_GUID = r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"


class _Project(msgspec.Struct, frozen=True):
    name: str
    visibility: str | None = None


class _Repo(msgspec.Struct, frozen=True, rename="camel"):
    id: Annotated[str, msgspec.Meta(pattern=_GUID)]
    name: str
    project: _Project
    remote_url: str
    default_branch: str | None = None
    size: Annotated[int, msgspec.Meta(ge=0)] | None = None
    is_fork: bool | None = None
    is_disabled: bool | None = None
    is_in_maintenance: bool | None = None


class _Page(msgspec.Struct, frozen=True):
    value: list[msgspec.Raw]
    count: int | None = None


class _Text(msgspec.Struct, frozen=True):
    value: str = msgspec.field(name="$value", default="")


class _Properties(msgspec.Struct, frozen=True):
    account: _Text = msgspec.field(name="Account", default_factory=_Text)


class _Identity(msgspec.Struct, frozen=True, rename="camel"):
    id: str = ""
    provider_display_name: str = ""
    custom_display_name: str = ""
    properties: _Properties = msgspec.field(default_factory=_Properties)


class _Connection(msgspec.Struct, frozen=True, rename="camel"):
    authenticated_user: _Identity


class AzureDevOps:
    """A `Forge`.

    Args:
        context: with the address of an organization or a collection as its `api`; an owner is a
            project; without `owners` all projects are listed, in one request.

    Raises:
        ConfigurationError: the address names no organization, or more than one.
    """

    def __init__(self, context: ForgeContext) -> None:
        self._context = context
        self._api = require_api(context)
        self._organization = _organization(self._api, context.source)
        self._git_origin = self._api.origin
        self._version = _SERVICES_VERSION if _is_services(self._api) else _SERVER_VERSION
        self._client = RestClient(
            context,
            authorization=_authorization,
            git_origin=self._git_origin,
            headers={},
            sign_in_pages=True,
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
        """See `TellsRateLimit`: only told near the limit."""
        return self._client.rate_limit

    def list_repos(self) -> Listing:
        """See `Forge`."""
        collector = Collector(
            self._context.source, self._client, self._read, entries=self._entries, label="name"
        )
        everything = self._pages(f"/{_LIST}{self._version}")
        return collector.collect(self._context.owners, self._project_pages, everything)

    def whoami(self) -> Account:
        """See `Forge`. Neither scopes nor expiry are told."""
        path = f"/_apis/connectionData?api-version={self._version}-preview"
        reply = self._client.get(path)
        user = self._client.decode(reply, _Connection).authenticated_user
        if user.id == _ANONYMOUS:
            raise AuthenticationError(
                f"{self._api.origin} takes source {self._context.source!a} for nobody",
                advice=f"run `mgit login {self._context.source}`",
            )
        name = user.custom_display_name or user.provider_display_name
        return Account(
            login=user.properties.account.value or name,
            name=name,
            server_time=server_time(reply.response),
        )

    def _project_pages(self, project: str) -> Iterator[Reply]:
        checked_path(project, "any")
        return self._pages(f"/{quote(project, safe='')}/{_LIST}{self._version}")

    def _pages(self, path: str) -> Iterator[Reply]:
        """The one page of a list."""
        yield self._client.get(path)

    def _entries(self, reply: Reply) -> list[msgspec.Raw]:
        return self._client.decode(reply, _Page).value

    def _read(self, entry: msgspec.Raw) -> RemoteRepo:
        repo = msgspec.json.decode(entry, type=_Repo)
        shown = repo.project.visibility
        return RemoteRepo(
            key=RepoKey(self._git_origin.authority, repo.id.lower()),
            source=self._context.source,
            path=checked_path(self._organization, repo.name, repo.project.name),
            url=self._clone_url(repo),
            default_branch=checked_branch((repo.default_branch or "").removeprefix(_HEADS)),
            fork=bool(repo.is_fork),
            empty=not repo.default_branch,
            visibility=Visibility(shown) if shown in set(Visibility) else None,
            size_kib=None if repo.size is None else repo.size // 1024,
            unavailable=_unavailable(repo),
        )

    def _clone_url(self, repo: _Repo) -> CloneUrl:
        """Where git fetches it: at the address that the credential belongs to.

        An organization has a new address and an old one; which of them it shows is a setting of
        its own. Both lead to the same repositories.

        Raises:
            InvalidInput: it leads to neither.
        """
        url = parse_clone_url(repo.remote_url.replace(" ", "%20"))
        if url.origin == self._git_origin:
            return url
        if not (_is_services(self._api) and url.origin in self._addresses()):
            raise InvalidInput(f"its clone URL leads to {url.origin} and not to {self._git_origin}")
        place = f"{quote(repo.project.name, safe='')}/_git/{quote(repo.name, safe='')}"
        return parse_clone_url(f"{self._api}/{place}")

    def _addresses(self) -> tuple[Origin, ...]:
        old = f"{self._organization.lower()}{_OLD_SERVICES}"
        return (Origin("https", _SERVICES, 443), Origin("https", old, 443))


def _authorization(credential: Credential) -> str:
    """Basic with an empty name for a personal access token, Bearer for a token of Entra ID.

    The latter is a JSON Web Token (RFC 7519); the former has no dots.
    """
    if _WEB_TOKEN.fullmatch(credential.secret.reveal()):
        return bearer(credential)
    pair = f":{credential.secret.reveal()}"
    return "Basic " + base64.b64encode(pair.encode()).decode("ascii")


def _is_services(api: ApiBase) -> bool:
    return api.origin.host == _SERVICES or api.origin.host.endswith(_OLD_SERVICES)


def _organization(api: ApiBase, source: str) -> str:
    """The organization, or the collection, that an address names.

    Raises:
        ConfigurationError: none, or more than one.
    """
    parts = [unquote(part) for part in api.path.split("/") if part]
    host = api.origin.host
    if host.endswith(_OLD_SERVICES) and parts in ([], ["DefaultCollection"]):
        return host.removesuffix(_OLD_SERVICES)
    if not parts or (host == _SERVICES and len(parts) > 1) or host.endswith(_OLD_SERVICES):
        raise ConfigurationError(
            f"the url of source {source!a} names no organization, or more than one",
            advice='write url = "https://dev.azure.com/ORGANIZATION" (a server: '
            '"https://HOST/COLLECTION"); projects go into `owners`',
        )
    return parts[-1]


def _unavailable(repo: _Repo) -> str | None:
    if repo.is_disabled:
        return "the forge has disabled it"
    return "it is in maintenance on the forge" if repo.is_in_maintenance else None
