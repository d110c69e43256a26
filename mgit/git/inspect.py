"""Looks at clones: all below a root, one of them, the state of a work tree."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mgit.errors import GitError, RepositoryBroken
from mgit.git.configuring import CONFIGURING
from mgit.git.damage import damage_before_refs, damage_of_objects, note
from mgit.git.disk import DiskRefs, NotPlain, read_refs, snapshot
from mgit.git.identity import FILE_NAME, Identity, read_identity
from mgit.git.lock import OWN_FOLDER
from mgit.git.reading import deep_damage
from mgit.git.runner import GitRunner
from mgit.model import CopyKind, LocalRepo, Operation, WorkTree

_MAX_DEPTH = 12

_OPERATIONS: tuple[tuple[str, Operation], ...] = (
    ("rebase-merge", Operation.REBASE),
    ("rebase-apply", Operation.REBASE),
    ("MERGE_HEAD", Operation.MERGE),
    ("CHERRY_PICK_HEAD", Operation.CHERRY_PICK),
    ("REVERT_HEAD", Operation.REVERT),
    ("BISECT_LOG", Operation.BISECT),
)

MOVING = "mgit.moving"
"""There while a git of mgit's moves a work tree: a lock beside it is that git's."""

_OID = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})")
_COUNT = re.compile(r"[0-9]{1,18}")
_LOCKS = frozenset({"index.lock", "HEAD.lock", "config.lock", "packed-refs.lock", "shallow.lock"})
_STATUS = (
    "status",
    "--porcelain=v2",
    "--branch",
    "--show-stash",
    "--ahead-behind",
    "--untracked-files=normal",
    "-z",
)


def find_folders(root: Path) -> Iterator[str]:
    """The folders of all repositories that `scan` would read; much quicker."""
    return _folders(root, "", 0)


def scan(root: Path, runner: GitRunner | None = None) -> Iterator[LocalRepo]:
    """Find every repository below a root, in the order of their folders.

    It does not look inside repositories, follow symbolic links, or go deeper than 12 folders.
    What cannot be read is passed over: it cannot be ours.

    Args:
        root: may be absent, then there is nothing.
        runner: for repositories whose refs only git can read; None to call them broken.
    """
    for folder in _folders(root, "", 0):
        yield read_local(root, folder, runner)


def read_local(root: Path, folder: str, runner: GitRunner | None = None) -> LocalRepo:
    """Read one repository from its files; no process is started for an ordinary one.

    Args:
        root: the root.
        folder: POSIX path of the repository relative to the root.
        runner: see `scan`.
    """
    path = root / folder
    kind = CopyKind.WORKTREE if _exists(path / ".git") else CopyKind.MIRROR
    git_dir = git_dir_of(path, kind)
    try:
        names = set(os.listdir(os.fspath(git_dir)))  # noqa: PTH208 - names alone, quickly: once a clone
    except NotADirectoryError:
        return LocalRepo(folder, kind, None, broken=_where_it_leads(git_dir))
    except OSError as error:
        return LocalRepo(folder, kind, None, broken=f"it cannot be read: {error.strerror}")
    try:
        identity = read_identity(git_dir) if FILE_NAME in names else None
    except RepositoryBroken as error:
        return LocalRepo(folder, kind, None, broken=error.message)
    locks = names & _LOCKS if kind is CopyKind.WORKTREE else set()
    if CONFIGURING in names:
        locks -= {"config.lock"}
    locked = min(locks, default="")
    if MOVING in names and locks == {"index.lock"}:
        locked = ""
    if identity is None:
        local = LocalRepo(folder, kind, None, locked=locked)
    else:
        local = LocalRepo(
            folder,
            kind,
            identity.key,
            url=identity.url,
            source=identity.source,
            path=identity.path,
            locked=locked,
            options=identity.options,
        )
    return _read_content(git_dir, names, local, identity, runner)


def verify(root: Path, folder: str) -> str:
    """Read every object of a clone and compare it with its checksum: what a scan cannot see.

    Damage is noted, so that the next plan knows it.

    Returns:
        What is damaged, empty when nothing is.
    """
    local = read_local(root, folder)
    if local.broken or local.key is None:
        return local.broken
    git_dir = git_dir_of(root / folder, local.kind)
    found = deep_damage(git_dir)
    if found:
        note(git_dir, found)
    return found


def _read_content(
    git_dir: Path,
    names: set[str],
    local: LocalRepo,
    identity: Identity | None,
    runner: GitRunner | None,
) -> LocalRepo:
    broken = damage_before_refs(git_dir, names, local.kind, identity)
    if broken:
        return replace(local, broken=broken)
    try:
        disk = refs_of(git_dir, runner)
    except (RepositoryBroken, GitError) as error:
        return replace(local, broken=error.message)
    if identity is not None:
        broken = damage_of_objects(git_dir, names, local.kind, disk)
    return replace(
        local,
        refs=snapshot(disk, local.kind),
        head_branch=disk.head_branch,
        head_oid=disk.head_oid,
        broken=broken,
    )


def _where_it_leads(git_file: Path) -> str:
    """What a `.git` that is a file says. gitrepository-layout(5)."""
    try:
        with git_file.open("rb") as file:
            text = file.read(4096)
    except OSError:
        text = b""
    if b"/modules/" in text:
        return "its .git is a link: another repository's submodule"
    if b"/worktrees/" in text:
        return "its .git is a link: another clone's work tree"
    return "its .git is a link: its git directory is elsewhere"


def git_dir_of(path: Path, kind: CopyKind) -> Path:
    """Where a clone's git directory is."""
    return path / ".git" if kind is CopyKind.WORKTREE else path


def inspect_worktree(runner: GitRunner, path: Path, *, submodules: bool = False) -> WorkTree:
    """Ask git for the state of a work tree, as the person's own git would see it.

    Args:
        runner: starts git.
        path: the work tree.
        submodules: count changes in submodules also where upstream says to ignore them.

    Raises:
        GitError: git cannot read it.
    """
    args = list(_STATUS)
    if submodules:
        args.append("--ignore-submodules=none")
    result = runner.run(args, cwd=path, personal=True, check=False)
    if result.returncode != 0:
        # In a partial clone, looking for renames may need contents that are still upstream.
        result = runner.run([*args, "--no-renames"], cwd=path, personal=True)
    tree = parse_status(result.stdout)
    git_dir = path / ".git"
    return replace(tree, operation=_operation(git_dir), rewritten=_is_rewritten(git_dir, tree))


def parse_status(output: bytes) -> WorkTree:
    """Read `git status --porcelain=v2 --branch --show-stash -z`. git-status(1).

    Raises:
        GitError: it is something else.
    """
    text = output.decode("utf-8", "surrogateescape")
    headers: dict[str, str] = {}
    changed = untracked = conflicted = 0
    records = iter(text.split("\0"))
    for record in records:
        match record[:2]:
            case "# ":
                name, _, value = record[2:].partition(" ")
                headers[name] = value
            case "1 ":
                changed += 1
            case "2 ":
                changed += 1
                next(records, None)  # a rename's old name is a record of its own
            case "u ":
                conflicted += 1
            case "? ":
                untracked += 1
            case "":
                pass
            case other:
                raise GitError(f"git status printed a line that mgit does not know: {other!a}")
    if "branch.head" not in headers:
        raise GitError("git status did not say which branch is checked out")
    return _worktree(headers, changed, untracked, conflicted)


def _worktree(headers: dict[str, str], changed: int, untracked: int, conflicted: int) -> WorkTree:
    branch, oid = headers["branch.head"], headers.get("branch.oid", "(initial)")
    ahead, behind = _ahead_behind(headers.get("branch.ab", ""))
    return WorkTree(
        branch=None if branch == "(detached)" else branch,
        oid=None if oid == "(initial)" else oid,
        upstream=headers.get("branch.upstream"),
        ahead=ahead,
        behind=behind,
        changed=changed,
        untracked=untracked,
        conflicted=conflicted,
        stashes=_count(headers.get("stash", "0")),
    )


def _ahead_behind(text: str) -> tuple[int | None, int | None]:
    ahead, _, behind = text.partition(" ")
    if not ahead.startswith("+") or not behind.startswith("-"):
        return None, None
    return _count(ahead[1:]), _count(behind[1:])


def _count(text: str) -> int:
    if not _COUNT.fullmatch(text):
        raise GitError(f"git status printed a number that is none: {text[:80]!a}")
    return int(text)


def _operation(git_dir: Path) -> Operation | None:
    for name, operation in _OPERATIONS:
        if (git_dir / name).exists():
            return operation
    return None


def _is_rewritten(git_dir: Path, tree: WorkTree) -> bool:
    """Whether upstream once was where this branch is, and a fetch found it elsewhere.

    The log of the remote-tracking branch tells: one line a change, with the old and the new
    commit, who, when, and after a tab what did it. git-reflog(1). A push that took a commit
    back is the person's own doing and does not count.
    """
    if not tree.ahead or tree.oid is None or tree.upstream != f"origin/{tree.branch}":
        return False
    try:
        log = (git_dir / "logs/refs/remotes" / tree.upstream).read_bytes()
    except OSError:
        return False
    left = f"{tree.oid} ".encode()
    moved = [line for line in log.splitlines() if line.startswith(left)]
    return any(line.partition(b"\t")[2].startswith((b"fetch", b"pull")) for line in moved)


def refs_of(git_dir: Path, runner: GitRunner | None = None) -> DiskRefs:
    """All refs of a git directory, from its files; by git only where they are not in files.

    Raises:
        RepositoryBroken: they are damaged.
        GitError: git cannot read them either.
    """
    try:
        return read_refs(git_dir)
    except NotPlain as unusual:
        if runner is None:
            raise RepositoryBroken(f"its refs are not in plain files ({unusual})") from None
        return _refs_by_git(git_dir, runner)


def _refs_by_git(git_dir: Path, runner: GitRunner) -> DiskRefs:
    """The same by git, for unusual layouts."""
    listing = runner.run(
        ["for-each-ref", "--format=%(objectname) %(refname) %(symref)"], git_dir=git_dir
    )
    refs, symbolic = parse_listed_refs(listing.stdout)
    head = runner.run(["symbolic-ref", "--quiet", "HEAD"], git_dir=git_dir, check=False)
    if head.returncode == 0:
        target = head.stdout.decode("utf-8", "surrogateescape").rstrip("\n")
        return DiskRefs(refs, symbolic | {"HEAD": target}, refs.get(target))
    detached = runner.run(["rev-parse", "--verify", "--quiet", "HEAD"], git_dir=git_dir)
    return DiskRefs(refs, symbolic, detached.stdout.decode("ascii").strip())


def parse_listed_refs(output: bytes) -> tuple[dict[str, str], dict[str, str]]:
    """Read `git for-each-ref` in the format `OID NAME SYMREF`: object ids and targets by name.

    Raises:
        GitError: it is something else.
    """
    refs: dict[str, str] = {}
    symbolic: dict[str, str] = {}
    for line in output.decode("utf-8", "surrogateescape").split("\n"):
        if not line:
            continue
        match line.split(" "):
            case [oid, name, target] if _OID.fullmatch(oid):
                refs[name] = oid
            case _:
                raise GitError(f"git for-each-ref printed a line that is none: {line[:80]!a}")
        if target:
            symbolic[name] = target
    return refs, symbolic


def _folders(root: Path, folder: str, depth: int) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
    except OSError:
        return
    names = {entry.name for entry in entries}
    if folder and (".git" in names or _is_bare(names)):
        yield folder
        return
    if depth == _MAX_DEPTH:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False) and entry.name != OWN_FOLDER:
            yield from _folders(root, f"{folder}/{entry.name}" if folder else entry.name, depth + 1)


def _is_bare(names: set[str]) -> bool:
    parts = {"HEAD", "objects", "refs"}
    # One of ours is known also by what is left of it.
    return parts <= names or (FILE_NAME in names and not parts.isdisjoint(names))


def _exists(path: Path) -> bool:
    return os.path.lexists(path)
