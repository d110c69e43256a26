"""Real bare repositories on disk, and what a forge knows about them.

A repository's folder is named after its id, so a rename moves nothing. What the forge knows is
kept in `forge.json` beside them: a second start over the same folder goes on where it was.
"""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from sandbox.forge.git import git
from sandbox.forge.history import Change, first_history, one_commit

# Looser than any single forge: GitLab has groups in groups, Azure DevOps spaces.
_OWNER = re.compile(r"[~\w.-]+(?:[ /][\w.-]+)*")
_NAME = re.compile(r"[\w.-]+(?: [\w.-]+)*")


class SandboxRepo(msgspec.Struct, frozen=True, kw_only=True):
    """One repository as the forge knows it.

    Args:
        owner_id: id of the organisation or user that owns it.
        created_at: aware, without microseconds.
        pushed_at: time of the last push, None while it is empty.
        wiki_of: id of the repository whose wiki this is; REST does not list those.
        disabled: listed, but git and REST answer as if it were not there.
        shared_with: other owners in whose lists it appears too (GitLab's groups).
    """

    id: int
    owner_id: int
    owner: str
    name: str
    default_branch: str
    created_at: datetime
    pushed_at: datetime | None = None
    private: bool = False
    archived: bool = False
    fork: bool = False
    topics: tuple[str, ...] = ()
    language: str | None = None
    wiki: bool = False
    wiki_of: int | None = None
    disabled: bool = False
    shared_with: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


class _Index(msgspec.Struct, kw_only=True):
    next_id: int = 1000
    owners: dict[str, int] = {}
    repos: list[SandboxRepo] = []


class RepoStore:
    """The repositories of one sandbox forge; safe to use from several threads.

    Args:
        root: folder that belongs to this forge alone; made where it is missing.
    """

    def __init__(self, root: Path) -> None:
        self.folder = root / "repos"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file = root / "forge.json"
        self._lock = threading.RLock()
        self._index = _Index()
        if self._file.exists():
            self._index = msgspec.json.decode(self._file.read_bytes(), type=_Index)

    def add(
        self,
        owner: str,
        name: str,
        *,
        commits: int,
        branches: tuple[str, ...],
        tags: tuple[str, ...],
        default_branch: str,
        private: bool,
        archived: bool,
        fork: bool,
        topics: tuple[str, ...] = (),
        language: str | None = None,
        wiki: bool = False,
        wiki_of: int | None = None,
        disabled: bool = False,
        object_format: str = "sha1",
    ) -> SandboxRepo:
        """Make a repository with a history; `commits=0` leaves it empty.

        Raises:
            ValueError: the name is taken, or none that a forge would allow.
        """
        with self._lock:
            self._check_free(owner, name)
            now = _now()
            repo = SandboxRepo(
                id=self._next_id(),
                owner_id=self.owner_id(owner),
                owner=owner,
                name=name,
                default_branch=default_branch,
                created_at=now,
                pushed_at=now if commits else None,
                private=private,
                archived=archived,
                fork=fork,
                topics=topics,
                language=language,
                wiki=wiki,
                wiki_of=wiki_of,
                disabled=disabled,
            )
            git(
                "init",
                "--quiet",
                "--bare",
                "--template=",
                f"--object-format={object_format}",
                "-b",
                default_branch,
                str(self.path(repo)),
            )
            if commits:
                stream = first_history(repo.full_name, default_branch, commits, branches, tags)
                self._import(repo, stream)
            self._index.repos.append(repo)
            self._save()
            if wiki:
                self.add(
                    owner,
                    f"{name}.wiki",
                    commits=1,
                    branches=(),
                    tags=(),
                    default_branch="master",
                    private=private,
                    archived=False,
                    fork=False,
                    wiki_of=repo.id,
                )
            return repo

    def push(self, repo: SandboxRepo, change: Change) -> str:
        """Add one commit to a branch (and a tag to it); the new commit's id."""
        with self._lock:
            ref = f"refs/heads/{change.branch}"
            tip = self.refs(repo).get(ref)
            base = self.refs(repo).get(f"refs/heads/{repo.default_branch}")
            parent = None if change.rewrite else tip or base
            self._import(repo, one_commit(change, parent), force=change.rewrite)
            self._replace(repo, pushed_at=_now())
            return self.refs(repo)[ref]

    def delete_ref(self, repo: SandboxRepo, ref: str) -> None:
        """Delete `refs/heads/…` or `refs/tags/…`."""
        with self._lock:
            self.git(repo, "update-ref", "-d", ref)
            self._replace(repo, pushed_at=_now())

    def set_default_branch(self, repo: SandboxRepo, branch: str) -> None:
        """Point HEAD, and what REST tells, at another branch."""
        with self._lock:
            self.git(repo, "symbolic-ref", "HEAD", f"refs/heads/{branch}")
            self._replace(repo, default_branch=branch)

    def rename(self, repo: SandboxRepo, owner: str, name: str) -> SandboxRepo:
        """Rename or transfer it; its id stays."""
        with self._lock:
            self._check_free(owner, name)
            return self._replace(repo, owner=owner, name=name, owner_id=self.owner_id(owner))

    def change(self, repo: SandboxRepo, *, archived: bool, private: bool) -> SandboxRepo:
        """Change its flags."""
        with self._lock:
            return self._replace(repo, archived=archived, private=private)

    def share(self, repo: SandboxRepo, owner: str) -> SandboxRepo:
        """Let it appear in another owner's lists too."""
        with self._lock:
            return self._replace(repo, shared_with=(*repo.shared_with, owner))

    def delete(self, repo: SandboxRepo) -> None:
        """Forget it. Its files stay until the folder goes: nobody can reach them any more."""
        with self._lock:
            self._index.repos = [item for item in self._index.repos if item.id != repo.id]
            self._save()

    def find(self, owner: str, name: str) -> SandboxRepo | None:
        """By its name of today, case-insensitive as on a forge."""
        wanted = f"{owner}/{name}".lower()
        with self._lock:
            for repo in self._index.repos:
                if repo.full_name.lower() == wanted:
                    return repo
        return None

    def get(self, owner: str, name: str) -> SandboxRepo:
        """Like `find`.

        Raises:
            KeyError: there is none.
        """
        repo = self.find(owner, name)
        if repo is None:
            raise KeyError(f"{owner}/{name}")
        return repo

    def all(self, owner: str = "*") -> list[SandboxRepo]:
        """Repositories by id, that is by age, without wikis."""
        with self._lock:
            every = [repo for repo in self._index.repos if repo.wiki_of is None]
            chosen = [repo for repo in every if fnmatchcase(repo.owner.lower(), owner.lower())]
        return sorted(chosen, key=lambda repo: repo.id)

    def add_owner(self, owner: str) -> int:
        """Make an owner without repositories; its id."""
        with self._lock:
            number = self.owner_id(owner)
            self._save()
            return number

    def owner_id(self, owner: str) -> int:
        with self._lock:
            return self._index.owners.setdefault(owner, len(self._index.owners) + 1)

    def known_owner(self, owner: str) -> str | None:
        """The owner as it is written, whatever the case asked for; None if there is none."""
        with self._lock:
            for name in self._index.owners:
                if name.lower() == owner.lower():
                    return name
        return None

    def owners(self) -> list[str]:
        """All owners, as they are written."""
        with self._lock:
            return sorted(self._index.owners)

    def path(self, repo: SandboxRepo) -> Path:
        """The bare repository."""
        return self.folder / f"{repo.id}.git"

    def refs(self, repo: SandboxRepo) -> dict[str, str]:
        """Ref name -> object id, as git itself tells it."""
        out = self.git(repo, "for-each-ref", "--format=%(objectname) %(refname)")
        pairs = (line.split(" ", 1) for line in out.splitlines())
        return {name: oid for oid, name in pairs}

    def git(self, repo: SandboxRepo, *args: str) -> str:
        """Run git in the bare repository, as the forge's administrator would; its output."""
        return git(f"--git-dir={self.path(repo)}", *args).decode()

    def size_kib(self, repo: SandboxRepo) -> int:
        files = (item for item in (self.path(repo) / "objects").rglob("*") if item.is_file())
        return sum(item.stat().st_size for item in files) // 1024

    def _import(self, repo: SandboxRepo, stream: bytes, *, force: bool = False) -> None:
        flags = ["--force"] if force else []
        git(f"--git-dir={self.path(repo)}", "fast-import", "--quiet", *flags, stdin=stream)

    def _check_free(self, owner: str, name: str) -> None:
        if not _OWNER.fullmatch(owner) or not _NAME.fullmatch(name):
            raise ValueError(f"a forge would not allow the name {owner}/{name}")
        if self.find(owner, name) is not None:
            raise ValueError(f"{owner}/{name} is taken")

    def _replace(self, repo: SandboxRepo, **changes: object) -> SandboxRepo:
        current = next(item for item in self._index.repos if item.id == repo.id)
        changed = msgspec.structs.replace(current, **changes)
        self._index.repos = [changed if r.id == repo.id else r for r in self._index.repos]
        self._save()
        return changed

    def _next_id(self) -> int:
        self._index.next_id += 1
        return self._index.next_id

    def _save(self) -> None:
        aside = self._file.with_suffix(".new")
        aside.write_bytes(msgspec.json.format(msgspec.json.encode(self._index), indent=1))
        aside.replace(self._file)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
