"""Answers of Gitea and Forgejo, field by field as their swagger documents name them."""

from __future__ import annotations

from datetime import datetime

from sandbox.forge.store import RepoStore, SandboxRepo

Json = dict[str, object]

NEVER = "0001-01-01T00:00:00Z"  # how Go writes a time that is not set
VERSIONS = {"gitea": "1.27.0", "forgejo": "16.0.1+gitea-1.22.0"}


def stamp(moment: datetime | None) -> str:
    """RFC 3339 as Go writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else NEVER


def user(web: str, login: str, number: int, created: datetime, *, forgejo: bool) -> Json:
    """`User`: a person or, as an owner, an organisation."""
    shown: Json = {
        "id": number,
        "login": login,
        "login_name": "",
        "source_id": 0,
        "full_name": login.title(),
        "email": f"{login}@example.com",
        "avatar_url": f"{web}/avatars/{number}",
        "html_url": f"{web}/{login}",
        "language": "",
        "is_admin": False,
        "last_login": NEVER,
        "created": stamp(created),
        "restricted": False,
        "active": False,
        "prohibit_login": False,
        "location": "",
        "website": "",
        "description": "",
        "visibility": "public",
        "followers_count": 0,
        "following_count": 0,
        "starred_repos_count": 0,
    }
    return shown | ({"pronouns": ""} if forgejo else {})


def organization(web: str, login: str, number: int) -> Json:
    """`Organization`."""
    return {
        "id": number,
        "name": login,
        "username": login,
        "full_name": login.title(),
        "email": "",
        "avatar_url": f"{web}/avatars/{number}",
        "description": "",
        "website": "",
        "location": "",
        "visibility": "public",
        "repo_admin_change_team_access": False,
    }


def api_settings(page_cap: int, *, forgejo: bool) -> Json:
    """`GeneralAPISettings`: where the silent cap of a page is told."""
    shown: Json = {
        "max_response_items": page_cap,
        "default_paging_num": min(30, page_cap),
        "default_git_trees_per_page": 1000,
        "default_max_blob_size": 10485760,
    }
    return shown | ({} if forgejo else {"default_max_response_size": 104857600})


def repository(api: str, web: str, store: RepoStore, repo: SandboxRepo, *, forgejo: bool) -> Json:
    """`Repository`: an entry of every list of repositories."""
    page = f"{web}/{repo.full_name}"
    host = web.partition("://")[2].partition(":")[0]
    shown: Json = {
        "id": repo.id,
        "owner": user(web, repo.owner, repo.owner_id, repo.created_at, forgejo=forgejo),
        "name": repo.name,
        "full_name": repo.full_name,
        "description": f"Sandbox repository {repo.full_name}",
        "empty": repo.pushed_at is None,
        "private": repo.private,
        "fork": repo.fork,
        "template": False,
        "parent": None,
        "mirror": False,
        "size": store.size_kib(repo),
        "language": repo.language or "",
        "languages_url": f"{api}/repos/{repo.full_name}/languages",
        "html_url": page,
        "url": f"{api}/repos/{repo.full_name}",
        "link": "",
        "ssh_url": f"git@{host}:{repo.full_name}.git",
        "clone_url": f"{page}.git",
        "original_url": "",
        "website": "",
        "stars_count": 0,
        "forks_count": 0,
        "watchers_count": 1,
        "open_issues_count": 0,
        "open_pr_counter": 0,
        "release_counter": 0,
        "default_branch": repo.default_branch,
        "archived": repo.archived,
        "created_at": stamp(repo.created_at),
        "updated_at": stamp(repo.pushed_at or repo.created_at),
        "archived_at": stamp(repo.created_at) if repo.archived else "1970-01-01T00:00:00Z",
        "permissions": {"admin": False, "push": False, "pull": True},
        "has_issues": True,
        "has_wiki": repo.wiki,
        "has_pull_requests": True,
        "has_projects": True,
        "has_releases": True,
        "has_packages": True,
        "has_actions": True,
        "ignore_whitespace_conflicts": False,
        "allow_merge_commits": True,
        "allow_rebase": True,
        "allow_rebase_explicit": True,
        "allow_squash_merge": True,
        "allow_fast_forward_only_merge": True,
        "allow_rebase_update": True,
        "default_delete_branch_after_merge": False,
        "default_merge_style": "merge",
        "default_allow_maintainer_edit": False,
        "avatar_url": "",
        "internal": False,
        "mirror_interval": "",
        "mirror_updated": NEVER,
        "object_format_name": "sha1",
        "topics": list(repo.topics),
        "repo_transfer": None,
    }
    if forgejo:
        wiki = {"wiki_branch": "main", "wiki_clone_url": f"{page}.wiki.git"}
        return shown | wiki | {"has_wiki_contents": repo.wiki, "globally_editable_wiki": False}
    return shown | {"has_code": not repo.disabled, "licenses": []}
