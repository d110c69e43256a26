"""REST as Bitbucket Cloud has it, below `/2.0`: pages that name the next one in their body.

On purpose different from the real one: it is on one host with the clones, the key of a next page
is short, and every answer has an `ETag`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import parse_qsl, quote, urlencode

from sandbox.forge import shapes_bitbucket as shapes
from sandbox.forge.rest import PlainApi, conditional, json_answer, paginate, split_path
from sandbox.forge.store import RepoStore, SandboxRepo
from sandbox.forge.web import Answer, Request

_NEWER = re.compile(r"updated_on\s*>\s*(\S+)")


class BitbucketApi(PlainApi):
    """Answers for workspaces, users and repositories.

    Args:
        store: the repositories.
        web: the forge's own address, without a slash at its end.
        login: whose token it is.
        page_cap: largest page; Bitbucket's is 100.
    """

    prefix = "/2.0"

    def __init__(self, store: RepoStore, web: str, login: str, *, page_cap: int = 100) -> None:
        self._store = store
        self._web = web
        self._api = web + self.prefix
        self._login = login
        self._page_cap = page_cap
        self.spam: set[str] = set()
        """Workspaces that are answered with 410."""

    def answer(self, request: Request, path: str) -> Answer:
        """See `Api`."""
        if _is_app_password(request):
            return self.unauthorised(wrong=True)
        return conditional(request, self._route(request, split_path(path)))

    def git_place(self, path: str) -> tuple[str, str, str] | None:
        """See `Api`. A wiki lies below its repository."""
        place = super().git_place(path.replace(".git/wiki/", ".git/", 1))
        if place is None or ".git/wiki/" not in path:
            return place
        owner, name, service = place
        return owner, f"{name}.wiki", service

    def unauthorised(self, *, wrong: bool) -> Answer:
        """See `Api`."""
        text = "Token is invalid, expired, or not supported for this endpoint."
        return self._error(401, text if wrong else "Authentication required")

    def _route(self, request: Request, parts: list[str]) -> Answer:
        match parts:
            case ["user"]:
                number = self._store.owner_id(self._login)
                return json_answer(shapes.user(self._api, self._web, self._login, number))
            case ["user", "workspaces"]:
                return self._page(request, self._workspaces())
            case ["repositories", workspace] if workspace in self.spam:
                return self._error(410, "This account has been marked as spam")
            case ["repositories", workspace] if self._store.known_owner(workspace):
                return self._page(request, self._repos(request, workspace))
            case ["repositories", workspace, slug] if repo := self._store.find(workspace, slug):
                return json_answer(self._shown(repo))
            case ["repositories", *_] | ["user", *_] | ["workspaces", *_]:
                return self._error(404, "No workspace with identifier", kind="error")
            case _:
                return self._error(404, "Resource not found")

    def _workspaces(self) -> list[shapes.Json]:
        names = {self._login, *(repo.owner for repo in self._store.all())}
        return [
            shapes.workspace_access(
                self._api,
                self._web,
                name,
                self._store.owner_id(name),
                administrator=name == self._login,
            )
            for name in sorted(names)
        ]

    def _repos(self, request: Request, workspace: str) -> list[SandboxRepo]:
        repos = self._store.all(self._store.known_owner(workspace) or workspace)
        newer = _NEWER.fullmatch(request.query("q"))
        if newer:
            after = datetime.fromisoformat(newer[1])
            repos = [repo for repo in repos if (repo.pushed_at or repo.created_at) > after]
        match request.query("sort"):
            case "-updated_on":
                return sorted(repos, key=lambda r: r.pushed_at or r.created_at, reverse=True)
            case "-created_on":
                return repos[::-1]
            case _:
                return repos

    def _page(self, request: Request, items: Sequence[object]) -> Answer:
        page = paginate(items, request, size_name="pagelen", default=10, cap=self._page_cap)
        shown = [self._shown(i) if isinstance(i, SandboxRepo) else i for i in page.items]
        body: shapes.Json = {"pagelen": page.size, "values": shown}
        if page.number < page.last:
            kept = [(k, v) for k, v in parse_qsl(request.query_string) if k != "page"]
            query = urlencode([*kept, ("page", page.number + 1)])
            body["next"] = f"{self._web}{quote(request.path)}?{query}"
        fields = request.query("fields")
        if fields:
            body = _only(body, [name.split(".") for name in fields.split(",")])
        return json_answer(body)

    def _shown(self, repo: SandboxRepo) -> shapes.Json:
        return shapes.repository(self._api, self._web, self._store, repo, login=self._login)

    def _error(self, status: int, message: str, *, kind: str = "error") -> Answer:
        return json_answer({"type": kind, "error": {"message": message}}, status=status)


def _only(value: shapes.Json, wanted: list[list[str]]) -> shapes.Json:
    """`fields=`: the members that are named, of lists those of each entry."""
    cut: shapes.Json = {}
    for name in dict.fromkeys(path[0] for path in wanted):
        if name not in value:
            continue
        below = [path[1:] for path in wanted if path[0] == name and path[1:]]
        inner = value[name]
        match inner:
            case dict() if below:
                cut[name] = _only(inner, below)
            case list() if below:
                cut[name] = [_only(item, below) for item in inner if isinstance(item, dict)]
            case _:
                cut[name] = inner
    return cut


def _is_app_password(request: Request) -> bool:
    """Basic is for API tokens only, and those come with an e-mail."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "basic" and b"@" not in base64.b64decode(value).partition(b":")[0]
