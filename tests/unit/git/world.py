"""mgit's parts wired to one sandbox forge, and a person who works in a clone."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path

from mgit.address import parse_clone_url
from mgit.git import healing, operations, removing
from mgit.git.inspect import inspect_worktree, scan
from mgit.git.lock import RootLock
from mgit.git.operations import Done, Drifted
from mgit.git.refs import RefsClient
from mgit.git.runner import GitRunner
from mgit.model import (
    Action,
    Archive,
    Clone,
    CopyKind,
    CopyOptions,
    FastForward,
    Fetch,
    Heal,
    Listing,
    LocalRepo,
    Move,
    RefSnapshot,
    RemoteRepo,
    Remove,
    RepoKey,
    RepoPath,
    Skip,
)
from mgit.plan import SyncPolicy, needs_worktree, plan_sync
from sandbox.forge import SandboxForge

CANARY = "canary-token-4711"


@dataclass
class World:
    """mgit's parts wired to one sandbox forge, without the fleet."""

    forge: SandboxForge
    root: Path
    runner: GitRunner
    refs: RefsClient
    kind: CopyKind = CopyKind.WORKTREE
    options: CopyOptions = field(default_factory=CopyOptions)
    repos: dict[str, RemoteRepo] = field(default_factory=dict)

    def add(self, name: str, owner: str = "acme", **options: object) -> RemoteRepo:
        made = self.forge.add_repo(owner, name, **options)
        return self.listed(owner, name, str(made.id))

    def listed(self, owner: str, name: str, repo_id: str) -> RemoteRepo:
        repo = RemoteRepo(
            key=RepoKey("sandbox", repo_id),
            source="box",
            path=RepoPath(owner, name),
            url=parse_clone_url(self.forge.clone_url(owner, name)),
        )
        self.repos[repo_id] = repo
        return repo

    def renamed(self, repo: RemoteRepo, name: str) -> RemoteRepo:
        self.forge.rename(repo.path.owner, repo.path.name, name)
        return self.listed(repo.path.owner, name, repo.key.id)

    def upstream(self, repo: RemoteRepo) -> RefSnapshot:
        return self.refs.ls_refs(repo.url)

    def plan(self, policy: SyncPolicy | None = None) -> tuple[Action, ...]:
        """Observe and plan, as the fleet does."""
        listing = Listing("box", tuple(self.repos.values()))
        local = list(scan(self.root, self.runner))
        upstream = {
            clone.key: self.upstream(self.repos[clone.key.id])
            for clone in local
            if clone.key is not None and clone.key.id in self.repos
        }
        seen = [
            replace(clone, worktree=inspect_worktree(self.runner, self.root / clone.folder))
            if clone.key in upstream and needs_worktree(upstream[clone.key], clone)
            else clone
            for clone in local
        ]
        policy = policy or SyncPolicy(kind=self.kind)
        actions = plan_sync([listing], upstream, seen, policy).actions
        return tuple(self._with_options(action) for action in actions)

    def _with_options(self, action: Action) -> Action:
        match action:
            case Clone() | Fetch() | FastForward() | Heal():
                return replace(action, options=self.options)
            case _:
                return action

    def act(self, action: Action) -> Done | Drifted | Skip:
        match action:
            case Clone():
                return operations.clone(self.runner, self.root, action, look=self.refs.ls_refs)
            case Fetch():
                return operations.fetch(self.runner, self.root, action)
            case FastForward():
                return operations.fast_forward(self.runner, self.root, action)
            case Move():
                return operations.move(self.runner, self.root, action)
            case Archive():
                return operations.archive(self.runner, self.root, action)
            case Remove():
                return removing.remove(self.runner, self.root, action)
            case Heal():
                return healing.heal(self.runner, self.root, action, look=self.refs.ls_refs)
            case Skip():
                return action

    def sync(self, policy: SyncPolicy | None = None) -> list[Done | Drifted | Skip]:
        """Plan and apply everything under the root's lock."""
        with RootLock(self.root, self.runner):
            return [self.act(action) for action in self.plan(policy)]

    def local(self, repo: RemoteRepo) -> LocalRepo:
        return next(clone for clone in scan(self.root, self.runner) if clone.key == repo.key)

    def folder(self, repo: RemoteRepo) -> Path:
        return self.root / self.local(repo).folder


def git(where: Path, *args: str) -> str:
    """A person's own git in a clone."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(where),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.org",
    }
    command = ["git", "-C", str(where), *args]
    return subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout.rstrip("\n")


def commit(where: Path, name: str, text: str = "mine\n") -> str:
    (where / name).write_text(text)
    git(where, "add", name)
    git(where, "commit", "--quiet", "-m", f"Change {name}")
    return git(where, "rev-parse", "HEAD")
