"""REST as Azure DevOps has it, below one organization; an owner of the store is a project.

A list has no pages. One difference, on purpose: it sends an `ETag`, so that conditional requests
can be tested on every forge.
"""

from __future__ import annotations

import re
from urllib.parse import quote

from sandbox.forge import shapes_azuredevops as shapes
from sandbox.forge.rest import PlainApi, conditional, json_answer
from sandbox.forge.store import RepoStore, SandboxRepo
from sandbox.forge.web import Answer, Request

ORGANIZATION = "contoso"
SIGN_IN = b"<!DOCTYPE html><html><head><title>Azure DevOps Services | Sign In</title></head></html>"
_VERSION = re.compile(r"[0-9]+\.[0-9]+(-preview(\.[0-9]+)?)?")
_GIT = re.compile(
    r"/contoso/([^/]+)/_git/([^/]+)/(info/refs|git-upload-pack|git-receive-pack)", re.IGNORECASE
)


class AzureDevOpsApi(PlainApi):
    """Answers for projects and their repositories; a sign-in page in place of a 401.

    Args:
        store: the repositories.
        web: the forge's own address, without a slash at its end.
        login: whose token it is.
    """

    prefix = f"/{ORGANIZATION}"
    git_protocol = 1

    def __init__(self, store: RepoStore, web: str, login: str) -> None:
        self._store = store
        self._base = web + self.prefix
        self._login = login

    def serves(self, path: str) -> bool:
        """See `Api`."""
        return path.startswith(f"{self.prefix}/") and "/_apis/" in path

    def git_place(self, path: str) -> tuple[str, str, str] | None:
        """See `Api`."""
        found = _GIT.fullmatch(path)
        return (found[1], found[2], found[3]) if found else None

    def clone_path(self, owner: str, name: str) -> str:
        """See `Api`."""
        return f"{self.prefix}/{quote(owner)}/_git/{quote(name)}"

    def unauthorised(self, *, wrong: bool) -> Answer:
        """See `Api`: a page for a token that is refused, a redirect for none."""
        kind = ("Content-Type", "text/html; charset=utf-8")
        if wrong:
            return Answer(203, SIGN_IN, (kind,))
        login = "https://login.sandbox.example/_signin?realm=contoso"
        return Answer(302, SIGN_IN, (kind, ("Location", login)))

    def answer(self, request: Request, path: str) -> Answer:
        """See `Api`."""
        if not _VERSION.fullmatch(request.query("api-version")):
            message = "No api-version was supplied for the request."
            return _error(400, message, "VssVersionNotSpecifiedException")
        return conditional(request, self._route(path.strip("/").split("/")))

    def _route(self, parts: list[str]) -> Answer:
        match parts:
            case ["_apis", "connectionData"]:
                number = self._store.owner_id(self._login)
                return json_answer(shapes.connection(self._login, number))
            case ["_apis", "git", "repositories"]:
                return self._repos(self._store.all())
            case ["_apis", "projects"]:
                return json_answer(shapes.wrapped([self._project(n) for n in self._projects()]))
            case [project, "_apis", "git", "repositories"] if self._store.known_owner(project):
                return self._repos(self._store.all(project))
            case [project, "_apis", "git", "repositories", name] if repo := self._repo(
                project, name
            ):
                return json_answer(self._shown(repo))
            case [project, "_apis", "git", "repositories"]:
                message = f"TF200016: The following project does not exist: {project}."
                return _error(404, message, "ProjectDoesNotExistWithNameException")
            case _:
                message = "TF401019: The Git repository does not exist or you do not have"
                return _error(404, f"{message} permissions.", "GitRepositoryNotFoundException")

    def _repos(self, repos: list[SandboxRepo]) -> Answer:
        return json_answer(shapes.wrapped([self._shown(repo) for repo in repos]))

    def _repo(self, project: str, name: str) -> SandboxRepo | None:
        """By name or id; a disabled one is as if it were not there."""
        for repo in self._store.all(project):
            same = name.lower() in (repo.name.lower(), shapes.guid("repository", repo.id))
            if same and not repo.disabled:
                return repo
        return None

    def _shown(self, repo: SandboxRepo) -> shapes.Json:
        return shapes.repository(self._base, self._store, repo, organization=ORGANIZATION)

    def _projects(self) -> list[str]:
        return sorted({repo.owner for repo in self._store.all()})

    def _project(self, name: str) -> shapes.Json:
        return shapes.project(self._base, name, self._store.owner_id(name), private=False)


def _error(status: int, message: str, kind: str) -> Answer:
    body = {"$id": "1", "innerException": None, "message": message, "typeKey": kind}
    return json_answer(body | {"errorCode": 0, "eventId": 3000}, status=status)
