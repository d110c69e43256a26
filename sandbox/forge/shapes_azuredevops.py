"""Azure DevOps' answers, as the definitions of its REST specifications name their fields."""

from __future__ import annotations

import uuid
from urllib.parse import quote

from sandbox.forge.store import RepoStore, SandboxRepo

Json = dict[str, object]

_SPACE = uuid.UUID("6b1f3a52-1b53-4d1c-9a5e-0f4d3f6f1c11")


def guid(kind: str, number: int) -> str:
    """The id that something with a number has here."""
    return str(uuid.uuid5(_SPACE, f"{kind}:{number}"))


def project(base: str, name: str, number: int, *, private: bool) -> Json:
    """`TeamProjectReference`."""
    return {
        "id": guid("project", number),
        "name": name,
        "url": f"{base}/_apis/projects/{guid('project', number)}",
        "state": "wellFormed",
        "revision": 11,
        "visibility": "private" if private else "public",
        "lastUpdateTime": "2022-02-24T15:31:27.8900001Z",
    }


def repository(base: str, store: RepoStore, repo: SandboxRepo, *, organization: str) -> Json:
    """`GitRepository`: an entry of every list; an empty one has no `defaultBranch`."""
    number = guid("repository", repo.id)
    scheme, _, rest = base.partition("://")
    place = f"{quote(repo.owner)}/_git/{quote(repo.name)}"
    shown: Json = {
        "id": number,
        "name": repo.name,
        "url": f"{base}/{guid('project', repo.owner_id)}/_apis/git/repositories/{number}",
        "project": project(base, repo.owner, repo.owner_id, private=repo.private),
        "size": store.size_kib(repo) * 1024 + 17,
        "remoteUrl": f"{scheme}://{organization}@{rest}/{place}",
        "sshUrl": f"git@ssh.sandbox.example:v3/{organization}/{quote(repo.owner)}/{repo.name}",
        "webUrl": f"{base}/{place}",
        "isDisabled": repo.disabled,
        "isInMaintenance": False,
    }
    if repo.pushed_at is not None:
        shown["defaultBranch"] = f"refs/heads/{repo.default_branch}"
    if repo.fork:
        shown["isFork"] = True
    return shown


def wrapped(values: list[Json]) -> Json:
    """How every list is wrapped."""
    return {"value": values, "count": len(values)}


def connection(login: str, number: int) -> Json:
    """`GET /_apis/connectionData`."""
    identity = {
        "id": guid("user", number),
        "descriptor": f"Microsoft.IdentityModel.Claims.ClaimsIdentity;{login}@example.com",
        "providerDisplayName": login.title(),
        "isActive": True,
        "properties": {"Account": {"$type": "System.String", "$value": login}},
    }
    return {
        "authenticatedUser": identity,
        "authorizedUser": identity,
        "instanceId": guid("instance", 1),
        "deploymentId": guid("deployment", 1),
        "deploymentType": "hosted",
    }
