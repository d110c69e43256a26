"""GitLab's answers, as the schemas of its OpenAPI document name their fields."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import quote

from sandbox.forge.store import RepoStore, SandboxRepo

Json = dict[str, object]

VERSION = "19.5.0-ee"
_HOUR = timedelta(hours=1)
_SWITCHES = (
    "issues",
    "merge_requests",
    "forking",
    "builds",
    "snippets",
    "pages",
    "analytics",
    "container_registry",
    "security_and_compliance",
    "releases",
    "environments",
    "feature_flags",
    "infrastructure",
    "monitor",
    "model_experiments",
    "model_registry",
    "package_registry",
)


def stamp(moment: datetime) -> str:
    """ISO 8601 with milliseconds, as GitLab writes a time."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def last_activity(repo: SandboxRepo) -> datetime:
    """When somebody last did something: rewritten only when it is an hour old.

    After a push at t it lies in (t - 1 h, t].
    """
    pushed = repo.pushed_at or repo.created_at
    return repo.created_at + (pushed - repo.created_at) // _HOUR * _HOUR


def user(web: str, login: str, number: int) -> Json:
    """`APIEntitiesUserPublic`: what `GET /user` tells about the token's owner."""
    return {
        "id": number,
        "username": login,
        "name": login.title(),
        "state": "active",
        "email": f"{login}@example.com",
        "avatar_url": None,
        "web_url": f"{web}/{login}",
        "is_admin": False,
        "namespace_id": number,
        "two_factor_enabled": True,
        "external": False,
        "private_profile": False,
    }


def token(scopes: tuple[str, ...], expires: str) -> Json:
    """`GET /personal_access_tokens/self`."""
    return {
        "id": 1,
        "name": "sandbox",
        "revoked": False,
        "created_at": "2020-01-01T00:00:00.000Z",
        "scopes": list(scopes),
        "user_id": 1,
        "active": True,
        "expires_at": expires,
    }


def group(web: str, full_path: str, number: int, parent: int | None) -> Json:
    """`APIEntitiesGroup`."""
    return {
        "id": number,
        "web_url": f"{web}/groups/{full_path}",
        "name": full_path.rpartition("/")[2].title(),
        "path": full_path.rpartition("/")[2],
        "description": "",
        "visibility": "public",
        "avatar_url": None,
        "full_name": full_path.replace("/", " / ").title(),
        "full_path": full_path,
        "parent_id": parent,
        "created_at": "2020-01-01T00:00:00.000Z",
        "archived": False,
        "marked_for_deletion_on": None,
        "request_access_enabled": True,
        "default_branch": None,
    }


def metadata() -> Json:
    """`GET /metadata`."""
    return {
        "version": VERSION,
        "revision": "0123456789a",
        "kas": {"enabled": False, "externalUrl": None, "version": None},
        "enterprise": True,
    }


def simple(web: str, repo: SandboxRepo) -> Json:
    """`APIEntitiesBasicProjectDetails`: with `simple=true`, and all that a stranger gets."""
    page = f"{web}/{quote(repo.full_name)}"
    host = web.partition("://")[2].partition(":")[0]
    return {
        "id": repo.id,
        "description": f"Sandbox repository {repo.full_name}",
        "name": repo.name,
        "name_with_namespace": repo.full_name.replace("/", " / "),
        "path": repo.name,
        "path_with_namespace": repo.full_name,
        "created_at": stamp(repo.created_at),
        "default_branch": repo.default_branch if repo.pushed_at else None,
        "tag_list": list(repo.topics),
        "topics": list(repo.topics),
        "ssh_url_to_repo": f"git@{host}:{repo.full_name}.git",
        "http_url_to_repo": f"{page}.git",
        "web_url": page,
        "readme_url": None,
        "forks_count": 0,
        "avatar_url": None,
        "star_count": 0,
        "last_activity_at": stamp(last_activity(repo)),
        "visibility": "private" if repo.private else "public",
        "namespace": {
            "id": repo.owner_id,
            "name": repo.owner.rpartition("/")[2],
            "path": repo.owner.rpartition("/")[2],
            "kind": "group",
            "full_path": repo.owner,
            "parent_id": None,
            "avatar_url": None,
            "web_url": f"{web}/{quote(repo.owner)}",
        },
    }


def repository(
    api: str, web: str, store: RepoStore, repo: SandboxRepo, *, statistics: bool = False
) -> Json:
    """`APIEntitiesProject`: an entry of every list of projects."""
    base = f"{api}/projects/{repo.id}"
    shown = simple(web, repo) | {
        "_links": {"self": base, "repo_branches": f"{base}/repository/branches"},
        "marked_for_deletion_at": None,
        "marked_for_deletion_on": None,
        "packages_enabled": None,
        "empty_repo": repo.pushed_at is None,
        "archived": repo.archived,
        "repository_object_format": "sha1",
        "issues_enabled": True,
        "merge_requests_enabled": True,
        "wiki_enabled": repo.wiki,
        "jobs_enabled": True,
        "snippets_enabled": False,
        "can_create_merge_request_in": False,
        "repository_access_level": "disabled" if repo.disabled else "enabled",
        "wiki_access_level": "enabled" if repo.wiki else "disabled",
        **{f"{name}_access_level": "disabled" for name in _SWITCHES},
        "shared_runners_enabled": True,
        "lfs_enabled": True,
        "creator_id": 1,
        "import_url": None,
        "import_type": None,
        "import_status": "none",
        "import_error": None,
        "open_issues_count": 0,
        "description_html": "",
        "updated_at": stamp(repo.pushed_at or repo.created_at),
        "public_jobs": True,
        "shared_with_groups": [{"group_full_path": name} for name in repo.shared_with],
        "request_access_enabled": True,
        "merge_method": "merge",
        "mirror": False,
    }
    if repo.fork:
        source = {"id": repo.id + 1_000_000, "name": repo.name, "path": repo.name}
        shown["forked_from_project"] = source | {"path_with_namespace": f"origin/{repo.name}"}
    if statistics:
        size = store.size_kib(repo) * 1024
        shown["statistics"] = {"commit_count": 1, "storage_size": size, "repository_size": size}
    return shown
