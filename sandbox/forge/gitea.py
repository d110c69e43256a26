"""REST as Gitea and Forgejo have it, below `/api/v1`.

One difference, on purpose: it sends an `ETag` (as a caching proxy in front of a Gitea does), so
that conditional requests can be tested on every forge.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sandbox.forge import shapes_gitea as shapes
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

_CREATED = datetime(2020, 1, 1, tzinfo=UTC)


class GiteaApi(PlainApi):
    """Answers for organisations, users and repositories.

    Args:
        store: the repositories.
        web: the forge's own address, without a slash at its end.
        login: whose token it is.
        page_cap: `MAX_RESPONSE_ITEMS`; 50 unless the administrator says otherwise.
        forgejo: Forgejo's fields and version in place of Gitea's.
    """

    prefix = "/api/v1"

    def __init__(
        self, store: RepoStore, web: str, login: str, *, page_cap: int = 50, forgejo: bool = False
    ) -> None:
        self._store = store
        self._web = web
        self._api = web + self.prefix
        self._login = login
        self._page_cap = page_cap
        self._forgejo = forgejo

    def answer(self, request: Request, path: str) -> Answer:
        """See `Api`."""
        return conditional(request, self._route(request, split_path(path)))

    def unauthorised(self, *, wrong: bool) -> Answer:
        """See `Api`."""
        text = "user does not exist [uid: 0, name: ]" if wrong else "token is required"
        return self._error(401, text)

    def _route(self, request: Request, parts: list[str]) -> Answer:
        match parts:
            case ["version"]:
                flavour = "forgejo" if self._forgejo else "gitea"
                return json_answer({"version": shapes.VERSIONS[flavour]})
            case ["settings", "api"]:
                return json_answer(shapes.api_settings(self._page_cap, forgejo=self._forgejo))
            case ["user"]:
                return json_answer(self._user(self._login))
            case ["user", "orgs"]:
                return self._orgs()
            case ["repos", "search"]:
                return self._search(request)
            case ["repos", owner, name] if repo := self._store.find(owner, name):
                return json_answer(self._shown(repo))
            case _:
                return self._route_owner(request, parts)

    def _route_owner(self, request: Request, parts: list[str]) -> Answer:
        match parts:
            case ["user", "repos"]:
                return self._repos(request, self._store.all())
            case ["orgs", org] if self._is_org(org):
                return json_answer(self._organization(org))
            case ["orgs", org, "repos"] if self._is_org(org):
                return self._repos(request, self._store.all(org))
            case ["users", login] if self._store.known_owner(login):
                return json_answer(self._user(login))
            case ["users", login, "repos"] if self._store.known_owner(login):
                return self._repos(request, self._store.all(login))
            case _:
                return self._error(404, "The target couldn't be found.")

    def _search(self, request: Request) -> Answer:
        """By owner and in order of the last update; the only list in an envelope."""
        uid = request.query("uid")
        own = self._store.owner_id(self._login)
        repos = self._store.all()
        if uid and not (uid == str(own) and request.query("exclusive") != "true"):
            repos = [repo for repo in repos if str(repo.owner_id) == uid]
        if request.query("sort") == "updated":
            newest_first = request.query("order") == "desc"
            repos.sort(key=lambda r: r.pushed_at or r.created_at, reverse=newest_first)
        return self._repos(request, repos, enveloped=True)

    def _repos(
        self, request: Request, repos: list[SandboxRepo], *, enveloped: bool = False
    ) -> Answer:
        page = paginate(repos, request, size_name="limit", default=30, cap=self._page_cap)
        shown = [self._shown(repo) for repo in page.items if isinstance(repo, SandboxRepo)]
        link = link_header(self._web + request.path, request, page)
        body = {"ok": True, "data": shown} if enveloped else shown
        return json_answer(body, headers=(*link, ("X-Total-Count", str(page.total))))

    def _orgs(self) -> Answer:
        names = sorted({repo.owner for repo in self._store.all() if repo.owner != self._login})
        return json_answer([self._organization(name) for name in names])

    def _shown(self, repo: SandboxRepo) -> shapes.Json:
        return shapes.repository(self._api, self._web, self._store, repo, forgejo=self._forgejo)

    def _user(self, login: str) -> shapes.Json:
        name = self._store.known_owner(login) or login
        number = self._store.owner_id(name)
        return shapes.user(self._web, name, number, _CREATED, forgejo=self._forgejo)

    def _organization(self, org: str) -> shapes.Json:
        name = self._store.known_owner(org) or org
        return shapes.organization(self._web, name, self._store.owner_id(name))

    def _is_org(self, name: str) -> bool:
        return name.lower() != self._login.lower() and self._store.known_owner(name) is not None

    def _error(self, status: int, message: str) -> Answer:
        body = {"message": message, "url": f"{self._web}/api/swagger"}
        return json_answer(body, status=status)
