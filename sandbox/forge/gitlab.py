"""REST as GitLab has it, below `/api/v4`, with groups in groups."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from sandbox.forge import shapes_gitlab as shapes
from sandbox.forge.rest import Headers, Page, PlainApi, conditional, link_header, paginate
from sandbox.forge.store import RepoStore, SandboxRepo
from sandbox.forge.web import Answer, Request

_GIT_PATH = re.compile(r"/(.+)/([^/]+?)(?:\.git)?/(info/refs|git-upload-pack|git-receive-pack)")
_ROUTE = re.compile(r"/(projects|groups|users)(?:/([^/]+)(?:/(projects))?)?")
_COUNTED = 10_000
_KEYS = {
    "id": lambda repo: repo.id,
    "name": lambda repo: repo.name,
    "path": lambda repo: repo.name,
    "created_at": lambda repo: repo.id,
    "updated_at": lambda repo: repo.pushed_at or repo.created_at,
    "last_activity_at": shapes.last_activity,
}


class GitLabApi(PlainApi):
    """Answers for groups, users and projects.

    Args:
        store: the repositories; an owner `group/sub` is a group in a group.
        web: the forge's own address, without a slash at its end.
        login: whose token it is.
        page_cap: largest page; GitLab's is 100.
    """

    prefix = "/api/v4"

    def __init__(self, store: RepoStore, web: str, login: str, *, page_cap: int = 100) -> None:
        self._store = store
        self._web = web
        self._api = web + self.prefix
        self._login = login
        self._page_cap = page_cap

    def git_place(self, path: str) -> tuple[str, str, str] | None:
        """See `Api`."""
        found = _GIT_PATH.fullmatch(path)
        return (found[1], found[2], found[3]) if found else None

    def answer(self, request: Request, path: str) -> Answer:
        """See `Api`."""
        return conditional(request, self._route(request, path))

    def unauthorised(self, *, wrong: bool) -> Answer:
        """See `Api`."""
        return _error(401, "Token is expired or revoked." if wrong else "401 Unauthorized")

    def _route(self, request: Request, path: str) -> Answer:
        match path:
            case "/user":
                number = self._store.owner_id(self._login)
                return _answer(shapes.user(self._web, self._login, number))
            case "/personal_access_tokens/self":
                return _answer(shapes.token(("read_api", "read_repository"), "2099-12-31"))
            case "/metadata":
                return _answer(shapes.metadata())
            case _:
                return self._route_listing(request, path)

    def _route_listing(self, request: Request, path: str) -> Answer:
        # A group's name holds slashes, which arrive percent-encoded.
        raw = request.target.partition("?")[0].removeprefix(self.prefix)
        found = _ROUTE.fullmatch(raw.replace("%2F", "\0").replace("%2f", "\0"))
        if found is None:
            return _error(404, "404 Not Found")
        name = path.partition(found[1])[2].strip("/")
        name = name.removesuffix("/projects") if found[3] else name
        return self._listing(request, found[1], name, below=found[3] is not None)

    def _listing(self, request: Request, kind: str, name: str, *, below: bool) -> Answer:
        match kind, below:
            case "projects", False if not name:
                return self._all(request)
            case "projects", False if repo := self._project(name):
                return _answer(self._shown(request, repo))
            case "groups", False if known := self._group(name):
                parent = self._group(known.rpartition("/")[0])
                above = None if parent is None else self._store.owner_id(parent)
                return _answer(shapes.group(self._web, known, self._store.owner_id(known), above))
            case "groups", True if known := self._group(name):
                return self._page(request, self._in_group(request, known))
            case "users", True if self._store.known_owner(name):
                return self._page(request, self._store.all(name))
            case _:
                return _error(404, f"404 {kind.title().removesuffix('s')} Not Found")

    def _all(self, request: Request) -> Answer:
        if request.query("pagination") != "keyset":
            return self._page(request, self._store.all())
        if request.query("order_by") != "id":
            return _error(405, "Keyset pagination is not yet available for this type of request")
        return self._keyset(request)

    def _keyset(self, request: Request) -> Answer:
        """A page after an id. Every page but an empty one has a next."""
        rising = request.query("sort", "desc") == "asc"
        after = int(request.query("id_after" if rising else "id_before", "0"))
        repos = sorted(self._store.all(), key=lambda repo: repo.id, reverse=not rising)
        if after:
            repos = [repo for repo in repos if (repo.id > after if rising else repo.id < after)]
        size = paginate([], request, size_name="per_page", default=20, cap=self._page_cap).size
        chosen = repos[:size]
        links: Headers = ()
        if chosen:
            mark = "id_after" if rising else "id_before"
            kept = [(k, v) for k, v in parse_qsl(request.query_string) if k != mark]
            query = urlencode([*kept, (mark, chosen[-1].id)])
            links = (("Link", f'<{self._web}{quote(request.path)}?{query}>; rel="next"'),)
        return _answer([self._shown(request, repo) for repo in chosen], links)

    def _page(self, request: Request, repos: list[SandboxRepo]) -> Answer:
        key = _KEYS.get(request.query("order_by", "created_at"), _KEYS["id"])
        falling = request.query("sort", "desc") == "desc"
        ordered = sorted(repos, key=lambda repo: (key(repo), repo.id), reverse=falling)
        page = paginate(ordered, request, size_name="per_page", default=20, cap=self._page_cap)
        shown = [self._shown(request, r) for r in page.items if isinstance(r, SandboxRepo)]
        where = self._web + request.target.partition("?")[0]
        return _answer(shown, (*link_header(where, request, page), *_counts(page)))

    def _in_group(self, request: Request, group: str) -> list[SandboxRepo]:
        deep = request.query("include_subgroups", "false") == "true"
        shared = request.query("with_shared", "true") != "false"
        chosen = []
        for repo in self._store.all():
            inside = repo.owner == group or (deep and repo.owner.startswith(f"{group}/"))
            if inside or (shared and group in repo.shared_with):
                chosen.append(repo)
        return chosen

    def _shown(self, request: Request, repo: SandboxRepo) -> shapes.Json:
        if request.query("simple") == "true":
            return shapes.simple(self._web, repo)
        statistics = request.query("statistics") == "true"
        return shapes.repository(self._api, self._web, self._store, repo, statistics=statistics)

    def _project(self, name: str) -> SandboxRepo | None:
        owner, _, last = name.rpartition("/")
        by_id = (repo for repo in self._store.all() if str(repo.id) == name)
        return self._store.find(owner, last) or next(by_id, None)

    def _group(self, name: str) -> str | None:
        """A group as it is written; a group that only holds groups is one too."""
        if not name or name.lower() == self._login.lower():
            return None
        for owner in self._store.owners():
            if owner.lower() == name.lower() or owner.lower().startswith(f"{name.lower()}/"):
                return owner[: len(name)]
        return None


def _counts(page: Page) -> Headers:
    """GitLab counts, on lists of up to 10,000."""
    if page.total > _COUNTED:
        return ()
    numbers = {"X-Page": page.number, "X-Per-Page": page.size, "X-Total": page.total}
    return tuple((name, str(value)) for name, value in numbers.items())


def _answer(value: object, headers: Headers = ()) -> Answer:
    """JSON with an `ETag` of the body alone: two pages with other links may have the same."""
    body = msgspec.json.encode(value)
    tag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
    return Answer(200, body, (("Content-Type", "application/json"), ("ETag", tag), *headers))


def _error(status: int, message: str) -> Answer:
    body = msgspec.json.encode({"message": message})
    return Answer(status, body, (("Content-Type", "application/json"),))
