"""REST as GitHub Enterprise has it, below `/api/v3`, and one question of GraphQL beside it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from sandbox.forge import shapes_github as shapes
from sandbox.forge.github_graphql import answer_graphql
from sandbox.forge.rest import (
    PlainApi,
    conditional,
    json_answer,
    link_header,
    paginate,
    split_path,
)
from sandbox.forge.store import RepoStore, SandboxRepo
from sandbox.forge.web import Answer, Request

_DOCS = "https://docs.github.com/rest"
_GRAPHQL = "/api/graphql"
_CREATED = datetime(2020, 1, 1, tzinfo=UTC)


class GitHubApi(PlainApi):
    """Answers for organisations, users and repositories.

    Args:
        store: the repositories.
        web: the forge's own address, without a slash at its end.
        login: whose token it is.
        page_cap: largest page; GitHub's is 100.
        rate_limit: requests per hour; a 304 is free.
    """

    prefix = "/api/v3"

    def __init__(
        self, store: RepoStore, web: str, login: str, *, page_cap: int = 100, rate_limit: int = 5000
    ) -> None:
        self._store = store
        self._web = web
        self._api = web + self.prefix
        self._login = login
        self._page_cap = page_cap
        self._limit = rate_limit
        self._used = 0
        self._resets_at = int(time.time()) + 3600
        self._lock = threading.Lock()

    def serves(self, path: str) -> bool:
        """See `Api`."""
        return super().serves(path) or path == _GRAPHQL

    def answer(self, request: Request, path: str) -> Answer:
        """See `Api`."""
        if path == _GRAPHQL:
            return answer_graphql(
                self._store,
                request,
                web=self._web,
                login=self._login,
                page_cap=self._page_cap,
                headers=self._rate_headers("graphql"),
            )
        if path != "/rate_limit" and self._used >= self._limit:
            return self._error(403, "API rate limit exceeded", self._rate_headers())
        answer = conditional(request, self._route(request, split_path(path)))
        with self._lock:
            self._used += answer.status != 304 and path != "/rate_limit"
        extra = (*self._rate_headers(), ("X-OAuth-Scopes", "read:org, repo"))
        return Answer(answer.status, answer.body, (*answer.headers, *extra))

    def unauthorised(self, *, wrong: bool) -> Answer:
        """See `Api`."""
        return self._error(401, "Bad credentials" if wrong else "Requires authentication")

    def _route(self, request: Request, parts: list[str]) -> Answer:
        match parts:
            case ["user", *_] | ["installation", *_]:
                return self._route_account(request, parts)
            case ["meta"]:
                version = {"installed_version": "3.20.0"}
                return json_answer({"verifiable_password_authentication": True, **version})
            case ["rate_limit"]:
                return self._rate_overview()
            case ["orgs", org] if self._is_org(org):
                return json_answer(self._organization(org))
            case ["orgs", org, "repos"] if self._is_org(org):
                return self._repos(request, self._store.all(org))
            case ["users", login, "repos"] if self._store.known_owner(login):
                public = [repo for repo in self._store.all(login) if not repo.private]
                return self._repos(request, public)
            case ["repos", owner, name] if repo := self._store.find(owner, name):
                whole = {"network_count": 0, "subscribers_count": 0}
                return json_answer(self._shown(repo) | whole)
            case _:
                return self._error(404, "Not Found")

    def _route_account(self, request: Request, parts: list[str]) -> Answer:
        """What depends on whose token it is."""
        match parts:
            case ["user", *_] if _is_installation(request):
                return self._error(403, "Resource not accessible by integration")
            case ["installation", "repositories"] if _is_installation(request):
                return self._list(request, self._store.all(), enveloped=True)
            case ["installation", "repositories"]:
                return self._error(403, "You must authenticate with an installation access token")
            case ["user"]:
                return json_answer(self._private_user())
            case ["user", "repos"]:
                return self._repos(request, self._visible(request))
            case ["user", "orgs"]:
                return self._orgs(request)
            case _:
                return self._error(404, "Not Found")

    def _visible(self, request: Request) -> list[SandboxRepo]:
        own_only = request.query("affiliation") == "owner"
        return self._store.all(self._login if own_only else "*")

    def _repos(self, request: Request, repos: list[SandboxRepo]) -> Answer:
        newest_first = request.query("direction") != "asc"
        match request.query("sort"):
            case "pushed":
                order = sorted(repos, key=lambda r: r.pushed_at or r.created_at)
            case "created":
                order = repos
            case _:
                order, newest_first = repos, False
        return self._list(request, order[::-1] if newest_first else order)

    def _orgs(self, request: Request) -> Answer:
        names = sorted({repo.owner for repo in self._store.all() if repo.owner != self._login})
        shown = [
            shapes.organization_simple(self._api, self._web, name, self._store.owner_id(name))
            for name in names
        ]
        return self._list(request, shown)

    def _list(
        self, request: Request, items: Sequence[object], *, enveloped: bool = False
    ) -> Answer:
        page = paginate(items, request, size_name="per_page", default=30, cap=self._page_cap)
        shown = [self._shown(i) if isinstance(i, SandboxRepo) else i for i in page.items]
        body = {"total_count": page.total, "repositories": shown} if enveloped else shown
        return json_answer(body, headers=link_header(self._web + request.path, request, page))

    def _shown(self, repo: SandboxRepo) -> shapes.Json:
        person = repo.owner == self._login
        return shapes.repository(self._api, self._web, self._store, repo, person=person)

    def _private_user(self) -> shapes.Json:
        number = self._store.owner_id(self._login)
        return shapes.private_user(self._api, self._web, self._login, number, _CREATED)

    def _organization(self, org: str) -> shapes.Json:
        name = self._store.known_owner(org) or org
        number = self._store.owner_id(name)
        return shapes.organization(self._api, self._web, name, number, _CREATED)

    def _is_org(self, name: str) -> bool:
        return name.lower() != self._login.lower() and self._store.known_owner(name) is not None

    def _rate(self) -> dict[str, int]:
        left = max(0, self._limit - self._used)
        return {
            "limit": self._limit,
            "used": self._used,
            "remaining": left,
            "reset": self._resets_at,
        }

    def _rate_headers(self, resource: str = "core") -> tuple[tuple[str, str], ...]:
        rate = [(f"X-RateLimit-{key.title()}", str(value)) for key, value in self._rate().items()]
        return (*rate, ("X-RateLimit-Resource", resource))

    def _rate_overview(self) -> Answer:
        rate = self._rate()
        return json_answer({"resources": {"core": rate, "search": rate}, "rate": rate})

    def _error(
        self, status: int, message: str, headers: tuple[tuple[str, str], ...] = ()
    ) -> Answer:
        body = {"message": message, "documentation_url": _DOCS, "status": str(status)}
        return json_answer(body, status=status, headers=headers)


def _is_installation(request: Request) -> bool:
    """Whether the token is that of a GitHub App's installation."""
    return request.headers.get("Authorization", "").partition(" ")[2].startswith("ghs_")
