"""Bitbucket Data Center's answers, as its OpenAPI document names their members."""

from __future__ import annotations

from sandbox.forge.store import SandboxRepo

Json = dict[str, object]

PROPERTIES: Json = {
    "version": "9.2.0",
    "buildNumber": "9002000",
    "buildDate": "1727000000000",
    "displayName": "Bitbucket",
}


def project(web: str, key: str, number: int) -> Json:
    """`RestProject`; a personal one has a key that begins with `~`."""
    personal = key.startswith("~")
    name = key.removeprefix("~")
    kind = {"type": "PERSONAL"} if personal else {"type": "NORMAL", "public": False}
    return {
        "key": key,
        "id": number,
        "name": name.title(),
        **kind,
        "links": {"self": [{"href": f"{web}/{'users' if personal else 'projects'}/{name}"}]},
    }


def repository(web: str, repo: SandboxRepo, *, login: str, clone_path: str) -> Json:
    """`RestRepository`. The clone URL names the caller; neither branch, size nor time is told."""
    scheme, _, place = web.partition("://")
    host = place.partition(":")[0]
    shown: Json = {
        "slug": repo.name,
        "id": repo.id,
        "name": repo.name,
        "description": f"Sandbox repository {repo.full_name}",
        "hierarchyId": f"{repo.id:020x}",
        "scmId": "git",
        "state": "OFFLINE" if repo.disabled else "AVAILABLE",
        "statusMessage": "Offline" if repo.disabled else "Available",
        "forkable": True,
        "archived": repo.archived,
        "public": not repo.private,
        "project": project(web, repo.owner, repo.owner_id),
        "links": {
            "clone": [
                {"href": f"ssh://git@{host}:7999{clone_path.removeprefix('/scm')}", "name": "ssh"},
                {"href": f"{scheme}://{login}@{place}{clone_path}", "name": "http"},
            ],
            "self": [{"href": f"{web}/projects/{repo.owner}/repos/{repo.name}/browse"}],
        },
    }
    if repo.fork:
        shown["origin"] = {"slug": "origin", "id": 1, "name": "origin", "project": {"key": "UP"}}
    return shown


def user(web: str, login: str, number: int) -> Json:
    """`RestApplicationUser`."""
    return {
        "name": login,
        "slug": login,
        "displayName": login.title(),
        "emailAddress": f"{login}@example.com",
        "id": number,
        "active": True,
        "type": "NORMAL",
        "links": {"self": [{"href": f"{web}/users/{login}"}]},
    }
