"""Bitbucket Cloud's answers, as its OpenAPI document names their members."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from sandbox.forge.store import RepoStore, SandboxRepo

Json = dict[str, object]

_LINKS = ("pullrequests", "commits", "forks", "watchers", "downloads", "hooks")
_SPACES = {"repository": 0, "workspace": 1, "user": 2}


def stamp(moment: datetime) -> str:
    """Bitbucket's way to write a time: microseconds, and the offset in figures."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def uuid_of(kind: str, number: int) -> str:
    """The same in every run, with the braces that Bitbucket puts around."""
    return "{" + str(uuid.UUID(fields=(0, 0, 0, 0, _SPACES[kind], number))) + "}"


def repository(api: str, web: str, store: RepoStore, repo: SandboxRepo, *, login: str) -> Json:
    """`repository`. The clone URL names the caller, as the real one does."""
    base = f"{api}/repositories/{repo.full_name}"
    page = f"{web}/{repo.full_name}"
    scheme, _, place = web.partition("://")
    shown: Json = {
        "type": "repository",
        "uuid": uuid_of("repository", repo.id),
        "full_name": repo.full_name,
        "name": repo.name,
        "slug": repo.name,
        "scm": "git",
        "is_private": repo.private,
        "description": f"Sandbox repository {repo.full_name}",
        "created_on": stamp(repo.created_at),
        "updated_on": stamp(repo.pushed_at or repo.created_at),
        "size": store.size_kib(repo) * 1024,
        "language": repo.language or "",
        "has_issues": False,
        "has_wiki": repo.wiki,
        "fork_policy": "allow_forks",
        "owner": account(web, repo.owner, repo.owner_id),
        "mainbranch": {"type": "branch", "name": repo.default_branch} if repo.pushed_at else None,
        "links": {
            "self": {"href": base},
            "html": {"href": page},
            "avatar": {"href": f"{page}/avatar"},
            **{name: {"href": f"{base}/{name}"} for name in _LINKS},
            "clone": [
                {"href": f"{scheme}://{login}@{place}/{repo.full_name}.git", "name": "https"},
                {
                    "href": f"ssh://git@{place.partition(':')[0]}/{repo.full_name}.git",
                    "name": "ssh",
                },
            ],
        },
    }
    if repo.fork:
        parent = {"type": "repository", "uuid": uuid_of("repository", 1), "name": "origin"}
        shown["parent"] = parent | {"full_name": "upstream/origin"}
    return shown


def account(web: str, login: str, number: int) -> Json:
    """`account`: the owner of a repository."""
    return {
        "type": "team",
        "uuid": uuid_of("workspace", number),
        "display_name": login.title(),
        "created_on": "2020-01-01T00:00:00.000000+00:00",
        "links": {"avatar": {"href": f"{web}/account/{login}/avatar"}},
    }


def user(api: str, web: str, login: str, number: int) -> Json:
    """`user`: what `GET /user` tells."""
    return {
        "type": "user",
        "uuid": uuid_of("user", number),
        "username": login,
        "nickname": login,
        "display_name": login.title(),
        "account_id": f"557058:{number}",
        "account_status": "active",
        "has_2fa_enabled": None,
        "is_staff": False,
        "created_on": "2020-01-01T00:00:00.000000+00:00",
        "links": {
            "self": {"href": f"{api}/users/{login}"},
            "html": {"href": f"{web}/{login}/"},
            "avatar": {"href": f"{web}/account/{login}/avatar"},
            "repositories": {"href": f"{api}/repositories/{login}"},
        },
    }


def workspace_access(api: str, web: str, slug: str, number: int, *, administrator: bool) -> Json:
    """`workspace_access`: an entry of `GET /user/workspaces`."""
    return {
        "type": "workspace_access",
        "administrator": administrator,
        "workspace": {
            "type": "workspace_base",
            "uuid": uuid_of("workspace", number),
            "slug": slug,
            "links": {
                "avatar": {"href": f"{web}/workspaces/{slug}/avatar/"},
                "self": {"href": f"{api}/workspaces/{slug}"},
            },
        },
    }
