"""What was pushed to of late on GitHub, by GraphQL: one point for a hundred repositories.

By GitHub's rule for the price, the list and the hundred lists of topics in it are 101 requests, and
those are one point.

Names and arguments: GitHub's public GraphQL schema. `pushedAt` moves with a push to any branch or
tag. An answer of status 200 may be a refusal: then it holds `errors`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Annotated

import msgspec

from mgit.address import Origin, parse_clone_url
from mgit.errors import (
    AuthenticationError,
    ForgeError,
    MgitError,
    NetworkError,
    NotFound,
    RateLimited,
)
from mgit.forges.api import Reply, RestClient, bearer
from mgit.forges.checks import checked_branch, checked_path, checked_url, sane_time
from mgit.forges.collect import Collector
from mgit.forges.feed import moment_of, until
from mgit.forges.interface import ApiBase, ForgeContext, require_api
from mgit.forges.limits import LEAST_WAIT, wait_asked_for
from mgit.forges.refusals import CredentialRefused
from mgit.model import Listing, RemoteRepo, RepoKey, Visibility
from mgit.text import escape_untrusted

_REPOSITORIES = """
  login
  repositories(first: 100, after: $after, %s
      orderBy: {field: PUSHED_AT, direction: DESC}) {
    pageInfo { hasNextPage endCursor }
    nodes {
      databaseId name owner { login } url pushedAt visibility diskUsage
      isArchived isDisabled isEmpty isFork hasWikiEnabled
      defaultBranchRef { name }
      repositoryTopics(first: 20) { nodes { topic { name } } }
    }
  }"""
OF_OWNER = (
    "query Pushed($login: String!, $after: String) {"
    " scope: repositoryOwner(login: $login) {" + _REPOSITORIES % "" + "\n} }"
)
"""Asks for the repositories of an organisation or a user."""
OF_VIEWER = (
    "query Pushed($after: String) { scope: viewer {"
    + _REPOSITORIES % "ownerAffiliations: [OWNER, COLLABORATOR, ORGANIZATION_MEMBER],"
    + "\n} }"
)
"""Asks for all that the credential's account works on."""
_MAX_PAGES = 2000


class GraphQLRefused(MgitError):
    """GraphQL is not to be had here, or not with this credential; REST may still be."""


class _Error(msgspec.Struct, frozen=True):
    type: str = ""
    message: str = ""


class _Turn(msgspec.Struct, frozen=True, rename="camel"):
    has_next_page: bool
    end_cursor: str | None = None


class _Connection(msgspec.Struct, frozen=True, rename="camel"):
    nodes: list[msgspec.Raw]
    page_info: _Turn


class _Scope(msgspec.Struct, frozen=True):
    login: str
    repositories: _Connection


class _Data(msgspec.Struct, frozen=True):
    scope: _Scope | None = None


class _Answer(msgspec.Struct, frozen=True):
    data: _Data | None = None
    errors: list[_Error] = []


class _Owner(msgspec.Struct, frozen=True):
    login: str


class _Named(msgspec.Struct, frozen=True):
    name: str


class _Topic(msgspec.Struct, frozen=True):
    topic: _Named


class _Topics(msgspec.Struct, frozen=True):
    nodes: list[_Topic] = []


class _Repo(msgspec.Struct, frozen=True, rename="camel"):
    database_id: Annotated[int, msgspec.Meta(gt=0)]
    name: str
    owner: _Owner
    url: str
    visibility: str
    is_archived: bool
    is_disabled: bool
    is_empty: bool
    is_fork: bool
    has_wiki_enabled: bool = False
    disk_usage: int | None = None
    pushed_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    default_branch_ref: _Named | None = None
    repository_topics: _Topics = _Topics()


class _Pushed(msgspec.Struct, frozen=True, rename="camel"):
    pushed_at: datetime | None = None


class _Owned(msgspec.Struct, frozen=True):
    owner: _Owner


class Pushes:
    """Reads the feed once.

    Args:
        context: of the forge, with a credential: GraphQL answers nobody else.
        git_origin: where its clone URLs point.
        after: what was last pushed before this (aware) is of no interest.
    """

    def __init__(self, context: ForgeContext, git_origin: Origin, after: datetime) -> None:
        api = require_api(context)
        # Enterprise has it beside `/api/v3`, github.com at the root.
        beside = ApiBase(api.origin, api.path.removesuffix("/v3"))
        self._context = replace(context, api=beside)
        self._git_origin = git_origin
        self._after = after
        self._client = RestClient(
            self._context, authorization=bearer, git_origin=git_origin, headers={}
        )

    def list_repos(self) -> Listing:
        """All pages up to that time, as a listing; who reads it leaves out what is older.

        Raises:
            GraphQLRefused: nothing was learned.
            MgitError: see `Forge.list_repos`.
        """
        collector = Collector(self._context.source, self._client, self._read, entries=self._entries)
        return collector.collect(self._context.owners, self._recent, self._recent(None))

    def _recent(self, owner: str | None) -> Iterator[Reply]:
        def last_moment(reply: Reply) -> datetime | None:
            return moment_of(self._scope(reply).repositories.nodes, _Pushed)

        return until(self._pages(owner), self._after, last_moment=last_moment)

    def _pages(self, owner: str | None) -> Iterator[Reply]:
        """Pages of one owner, or of the account."""
        variables: dict[str, str | None] = {"after": None}
        if owner is not None:
            checked_path(owner, "any")
            variables["login"] = owner
        seen: set[str | None] = set()
        while variables["after"] not in seen and len(seen) < _MAX_PAGES:
            seen.add(variables["after"])
            reply = self._ask(OF_VIEWER if owner is None else OF_OWNER, variables)
            turn = self._scope(reply).repositories.page_info
            yield reply
            if not turn.has_next_page:
                return
            variables["after"] = turn.end_cursor
        raise ForgeError(f"{self._client.origin} lists pages without end")

    def _ask(self, query: str, variables: dict[str, str | None]) -> Reply:
        body = msgspec.json.encode({"query": query, "variables": variables})
        try:
            reply = self._client.post("/graphql", body)
            answer = self._client.decode(reply, _Answer)
        except (NetworkError, RateLimited, CredentialRefused):
            raise
        except (ForgeError, AuthenticationError) as error:
            raise GraphQLRefused(error.message) from None
        for told in answer.errors:
            self._refuse(reply, told)
        return reply

    def _refuse(self, reply: Reply, told: _Error) -> None:
        """Raise what an entry of `errors` means."""
        words = escape_untrusted(told.message, limit=160)
        origin = self._client.origin
        match told.type:
            case "RATE_LIMITED":
                wait = wait_asked_for(reply.response, self._context.pacing.clock) or LEAST_WAIT
                raise RateLimited(
                    f"{origin} wants no more questions from source {self._context.source!a}"
                    f" for {wait:.0f} s",
                    retry_after=wait,
                    advice="wait, then run the command again",
                )
            case "NOT_FOUND":
                raise NotFound(f"{origin} knows nothing there, or hides it from this credential")
            case "FORBIDDEN" | "INSUFFICIENT_SCOPES":
                raise AuthenticationError(
                    f"{origin} does not let the credential of source {self._context.source!a}"
                    f" do this: {words}",
                    advice="give the token the right to read, and authorise it for single sign-on",
                )
            case _:
                raise GraphQLRefused(f"{origin} refuses the question: {words}")

    def _scope(self, reply: Reply) -> _Scope:
        """The owner that a page is about.

        Raises:
            NotFound: there is none of that name.
        """
        answer = self._client.decode(reply, _Answer)
        scope = answer.data.scope if answer.data else None
        if scope is None:
            raise NotFound(f"{self._client.origin} knows nothing there, or hides it")
        return scope

    def _entries(self, reply: Reply) -> list[msgspec.Raw]:
        """The nodes; of an owner asked for by name only its own, not those it helps with."""
        scope = self._scope(reply)
        nodes = scope.repositories.nodes
        if not self._context.owners:
            return nodes
        return [node for node in nodes if _owner(node) in ("", scope.login.lower())]

    def _read(self, entry: msgspec.Raw) -> RemoteRepo:
        repo = msgspec.json.decode(entry, type=_Repo)
        url = checked_url(f"{repo.url}.git", self._git_origin)
        branch = repo.default_branch_ref.name if repo.default_branch_ref else None
        visibility = repo.visibility.lower()
        return RemoteRepo(
            key=RepoKey(self._git_origin.authority, str(repo.database_id)),
            source=self._context.source,
            path=checked_path(repo.owner.login, repo.name),
            url=url,
            default_branch=checked_branch(branch),
            archived=repo.is_archived,
            fork=repo.is_fork,
            empty=repo.is_empty,
            visibility=Visibility(visibility) if visibility in set(Visibility) else None,
            size_kib=repo.disk_usage,
            pushed_at=sane_time(repo.pushed_at),
            unavailable="the forge has disabled it" if repo.is_disabled else None,
            topics=tuple(node.topic.name for node in repo.repository_topics.nodes),
            wiki=parse_clone_url(f"{repo.url}.wiki.git") if repo.has_wiki_enabled else None,
        )


def _owner(node: msgspec.Raw) -> str:
    """Whose it is; empty where that cannot be read, which is told later."""
    try:
        return msgspec.json.decode(node, type=_Owned).owner.login.lower()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
