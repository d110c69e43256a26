"""REST as Bitbucket Data Center has it, below `/rest/api/latest`; clones below `/scm`.

On purpose different from the real one: every answer has an `ETag`; and the next page begins not
where this one ends but one further for every repository that the caller may not see, as on a real
one, so that a client that counts for itself goes astray.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

from sandbox.forge import shapes_bitbucket_datacenter as shapes
from sandbox.forge.rest import PlainApi, conditional, json_answer, split_path
from sandbox.forge.store import RepoStore, SandboxRepo
from sandbox.forge.web import Answer, Request

_GIT_PATH = re.compile(
    r"/scm/([^/]+)/([^/]+?)(?:\.git)?/(info/refs|git-upload-pack|git-receive-pack)"
)
_HIDDEN = 3  # entries that every page skips, as if the caller might not see them


class BitbucketDataCenterApi(PlainApi):
    """Answers for projects, users and repositories.

    Args:
        store: the repositories.
        web: the forge's own address, without a slash at its end.
        login: whose token it is.
        page_cap: largest page, as the administrator set it.
    """

    prefix = "/rest/api/latest"

    def __init__(self, store: RepoStore, web: str, login: str, *, page_cap: int = 1000) -> None:
        self._store = store
        self._web = web
        self._login = login
        self._page_cap = page_cap

    def git_place(self, path: str) -> tuple[str, str, str] | None:
        """See `Api`."""
        found = _GIT_PATH.fullmatch(path)
        return (found[1], found[2], found[3]) if found else None

    def clone_path(self, owner: str, name: str) -> str:
        """See `Api`: keys are in lower case there."""
        return f"/scm/{quote(owner.lower(), safe='~')}/{quote(name)}.git"

    def answer(self, request: Request, path: str) -> Answer:
        """See `Api`."""
        answer = conditional(request, self._route(request, split_path(path)))
        who = ("X-AUSERNAME", quote(self._login))
        return Answer(answer.status, answer.body, (*answer.headers, who))

    def unauthorised(self, *, wrong: bool) -> Answer:
        """See `Api`."""
        text = "Authentication failed. Please check your credentials and try again."
        return self._error(401, text if wrong else "You are not permitted to access this resource")

    def _route(self, request: Request, parts: list[str]) -> Answer:
        match parts:
            case ["application-properties"]:
                return json_answer(shapes.PROPERTIES)
            case ["users", slug] if slug.lower() == self._login.lower():
                number = self._store.owner_id(self._login)
                return json_answer(shapes.user(self._web, self._login, number))
            case ["profile", "recent", "repos"]:
                return self._page(request, [r for r in self._store.all() if not r.archived])
            case ["repos"]:
                return self._page(request, self._chosen(request))
            case ["projects"]:
                keys = sorted({repo.owner for repo in self._store.all()})
                return self._page(request, [self._project(key) for key in keys])
            case ["projects", key] if known := self._store.known_owner(key):
                return json_answer(self._project(known))
            case ["projects", key, "repos"] if known := self._store.known_owner(key):
                active = [repo for repo in self._store.all(known) if not repo.archived]
                return self._page(request, active)
            case ["projects", key, "repos", slug] if repo := self._store.find(key, slug):
                return json_answer(self._shown(repo))
            case ["projects", key, *_]:
                return self._error(404, f"Project {key} does not exist.")
            case _:
                return self._error(404, "There is nothing here")

    def _chosen(self, request: Request) -> list[SandboxRepo]:
        """`/repos`: without `archived` only those that are not."""
        wanted = request.query("archived", "ACTIVE").upper()
        repos = self._store.all(request.query("projectkey") or "*")
        return [repo for repo in repos if wanted == "ALL" or repo.archived == (wanted != "ACTIVE")]

    def _page(self, request: Request, items: Sequence[object]) -> Answer:
        limit = max(1, min(_number(request, "limit", 25), self._page_cap))
        start = _number(request, "start", 0)
        before = start // (limit + _HIDDEN) * limit  # how many were shown on earlier pages
        chosen = items[before : before + limit]
        last = before + limit >= len(items)
        shown = [self._shown(i) if isinstance(i, SandboxRepo) else i for i in chosen]
        body: shapes.Json = {"size": len(shown), "limit": limit, "isLastPage": last}
        body |= {"values": shown, "start": start}
        if not last:
            body["nextPageStart"] = start + limit + _HIDDEN
        return json_answer(body)

    def _shown(self, repo: SandboxRepo) -> shapes.Json:
        path = self.clone_path(repo.owner, repo.name)
        return shapes.repository(self._web, repo, login=self._login, clone_path=path)

    def _project(self, key: str) -> shapes.Json:
        return shapes.project(self._web, key, self._store.owner_id(key))

    def _error(self, status: int, message: str) -> Answer:
        told = {"context": None, "message": message, "exceptionName": None}
        return json_answer({"errors": [told]}, status=status)


def _number(request: Request, name: str, default: int) -> int:
    text = request.query(name)
    return int(text) if text.isascii() and text.isdigit() else default
