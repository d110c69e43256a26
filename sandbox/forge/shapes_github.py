"""GitHub's answers: every field that its OpenAPI document calls required, with a real value."""

from __future__ import annotations

import base64
from datetime import datetime

from sandbox.forge.store import RepoStore, SandboxRepo

Json = dict[str, object]

_TEMPLATES = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}
_COUNTS = (
    "forks",
    "forks_count",
    "open_issues",
    "open_issues_count",
    "stargazers_count",
    "watchers",
    "watchers_count",
)
_USER_LINKS = {
    "events_url": "/events{/privacy}",
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "organizations_url": "/orgs",
    "received_events_url": "/received_events",
    "repos_url": "/repos",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
}


def stamp(moment: datetime | None) -> str | None:
    """GitHub's way to write a time."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def simple_user(api: str, web: str, login: str, number: int, *, person: bool) -> Json:
    """`simple-user`: the owner of a repository."""
    base = f"{api}/users/{login}"
    return {
        "login": login,
        "id": number,
        "node_id": _node("U", number),
        "avatar_url": f"{web}/avatars/{number}",
        "gravatar_id": "",
        "url": base,
        "html_url": f"{web}/{login}",
        "type": "User" if person else "Organization",
        "site_admin": False,
        **{key: base + path for key, path in _USER_LINKS.items()},
    }


def private_user(api: str, web: str, login: str, number: int, created: datetime) -> Json:
    """`private-user`: what `GET /user` tells about the token's owner."""
    return simple_user(api, web, login, number, person=True) | {
        "user_view_type": "private",
        "name": login.title(),
        "company": None,
        "blog": "",
        "location": None,
        "email": f"{login}@example.com",
        "hireable": None,
        "bio": None,
        "public_repos": 0,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": stamp(created),
        "updated_at": stamp(created),
        "private_gists": 0,
        "total_private_repos": 0,
        "owned_private_repos": 0,
        "disk_usage": 0,
        "collaborators": 0,
        "two_factor_authentication": True,
    }


def organization_simple(api: str, web: str, login: str, number: int) -> Json:
    """`organization-simple`: an entry of `GET /user/orgs`."""
    base = f"{api}/orgs/{login}"
    return {
        "login": login,
        "id": number,
        "node_id": _node("O", number),
        "url": base,
        "repos_url": f"{base}/repos",
        "events_url": f"{base}/events",
        "hooks_url": f"{base}/hooks",
        "issues_url": f"{base}/issues",
        "members_url": f"{base}/members{{/member}}",
        "public_members_url": f"{base}/public_members{{/member}}",
        "avatar_url": f"{web}/avatars/{number}",
        "description": None,
    }


def organization(api: str, web: str, login: str, number: int, created: datetime) -> Json:
    """`organization-full`: `GET /orgs/{org}`."""
    return organization_simple(api, web, login, number) | {
        "html_url": f"{web}/{login}",
        "has_organization_projects": True,
        "has_repository_projects": True,
        "public_repos": 0,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "type": "Organization",
        "created_at": stamp(created),
        "updated_at": stamp(created),
        "archived_at": None,
    }


def repository(api: str, web: str, store: RepoStore, repo: SandboxRepo, *, person: bool) -> Json:
    """`repository`: an entry of every list of repositories."""
    base = f"{api}/repos/{repo.full_name}"
    page = f"{web}/{repo.full_name}"
    host = web.partition("://")[2].partition(":")[0]
    return {
        "id": repo.id,
        "node_id": _node("R", repo.id),
        "name": repo.name,
        "full_name": repo.full_name,
        "private": repo.private,
        "owner": simple_user(api, web, repo.owner, repo.owner_id, person=person),
        "html_url": page,
        "description": f"Sandbox repository {repo.full_name}",
        "fork": repo.fork,
        "url": base,
        **{key: base + path for key, path in _TEMPLATES.items()},
        "created_at": stamp(repo.created_at),
        "updated_at": stamp(repo.pushed_at or repo.created_at),
        "pushed_at": stamp(repo.pushed_at or repo.created_at),
        "git_url": f"git://{host}/{repo.full_name}.git",
        "ssh_url": f"git@{host}:{repo.full_name}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "homepage": None,
        "size": store.size_kib(repo),
        **dict.fromkeys(_COUNTS, 0),
        "language": repo.language,
        "has_issues": True,
        "has_projects": True,
        "has_downloads": True,
        "has_wiki": repo.wiki,
        "has_pages": False,
        "has_discussions": False,
        "mirror_url": None,
        "archived": repo.archived,
        "disabled": repo.disabled,
        "license": None,
        "allow_forking": True,
        "is_template": False,
        "web_commit_signoff_required": False,
        "topics": list(repo.topics),
        "visibility": "private" if repo.private else "public",
        "default_branch": repo.default_branch,
        "permissions": {
            "admin": False,
            "maintain": False,
            "push": False,
            "triage": False,
            "pull": True,
        },
    }


def graphql_repository(web: str, store: RepoStore, repo: SandboxRepo) -> Json:
    """`Repository` of GraphQL: every member that the sandbox can be asked for."""
    there = repo.default_branch if repo.pushed_at else None
    return {
        "id": _node("R", repo.id),
        "databaseId": repo.id,
        "name": repo.name,
        "nameWithOwner": repo.full_name,
        "owner": {"login": repo.owner},
        "url": f"{web}/{repo.full_name}",
        "pushedAt": stamp(repo.pushed_at),
        "createdAt": stamp(repo.created_at),
        "visibility": "PRIVATE" if repo.private else "PUBLIC",
        "diskUsage": store.size_kib(repo),
        "isArchived": repo.archived,
        "isDisabled": repo.disabled,
        "isEmpty": repo.pushed_at is None,
        "isFork": repo.fork,
        "isPrivate": repo.private,
        "hasWikiEnabled": repo.wiki,
        "defaultBranchRef": {"name": there} if there else None,
        "repositoryTopics": {"nodes": [{"topic": {"name": topic}} for topic in repo.topics]},
    }


def _node(kind: str, number: int) -> str:
    return base64.b64encode(f"{kind}:{number}".encode()).decode()
