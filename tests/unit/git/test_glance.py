"""A glance at a work tree says what git says, or nothing."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mgit.git.commits import tree_of
from mgit.git.glance import glance, may_glance
from mgit.git.inspect import inspect_worktree, read_local
from mgit.git.runner import GitRunner
from mgit.git.staged import read_index
from mgit.model import CopyKind, LocalRepo, WorkTree
from tests.unit.git.world import git

FILES = ("a.txt", "run.sh", "deep/er/b.txt", "deep/c.txt", "empty", "größe.txt")


@pytest.fixture
def runner(tmp_path: Path) -> GitRunner:
    return GitRunner(environment={"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home")})


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    """A clone whose files are older than its index, as those of every clone are soon."""
    upstream, path = tmp_path / "upstream", tmp_path / "root" / "clone"
    upstream.mkdir()
    git(upstream, "init", "--quiet", "-b", "main")
    for name in FILES:
        (upstream / name).parent.mkdir(parents=True, exist_ok=True)
        (upstream / name).write_text("" if name == "empty" else f"{name}\n" * 3)
    (upstream / "run.sh").chmod(0o755)
    (upstream / "link").symlink_to("a.txt")
    (upstream / ".gitignore").write_text("*.o\n")
    git(upstream, "add", "-A")
    git(upstream, "commit", "--quiet", "-m", "one")
    git(upstream, "branch", "other")
    path.parent.mkdir()
    git(tmp_path, "clone", "--quiet", str(upstream), str(path))
    age(path)
    return path


def age(path: Path, days: int = 1) -> None:
    """Let the files be of yesterday, for git as for us."""
    # Git compares whole seconds, and keeps what it knew where those are the same.
    yesterday = time.time() - days * 86400
    for file in path.rglob("*"):
        if ".git" not in file.parts:
            os.utime(file, (yesterday, yesterday), follow_symlinks=False)
    git(path, "status")


def seen(path: Path) -> WorkTree | None:
    return glance(str(path), read_local(path.parent, path.name))


def test_a_clean_tree_is_seen_at_a_glance(clone: Path, runner: GitRunner) -> None:
    told = seen(clone)
    assert told is not None
    assert told == inspect_worktree(runner, clone)
    assert (told.branch, told.upstream, told.ahead, told.behind) == ("main", "origin/main", 0, 0)


def test_loose_commits_are_read_too(clone: Path, runner: GitRunner) -> None:
    (clone / "a.txt").write_text("new\n")
    git(clone, "commit", "--quiet", "-am", "two")
    assert seen(clone) is None  # ahead of its upstream
    git(clone, "update-ref", "refs/remotes/origin/main", "HEAD")
    age(clone, days=2)
    assert seen(clone) == inspect_worktree(runner, clone)
    git(clone, "repack", "-adq")
    git(clone, "pack-refs", "--all")
    assert seen(clone) == inspect_worktree(runner, clone)


def test_another_branch_may_follow_a_branch_of_another_name(clone: Path, runner: GitRunner) -> None:
    git(clone, "checkout", "--quiet", "-b", "mine", "--track", "origin/other")
    told = seen(clone)
    assert told is not None
    assert told.upstream == "origin/other"
    assert told == inspect_worktree(runner, clone)


def _write(name: str, text: str = "x") -> Callable[[Path], object]:
    def change(path: Path) -> None:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)

    return change


def _git(*arguments: str) -> Callable[[Path], object]:
    return lambda path: git(path, *arguments)


def _same_size(path: Path) -> None:
    """As an editor that keeps the time of change: only the time of the inode tells."""
    before = (path / "a.txt").stat()
    (path / "a.txt").write_text((path / "a.txt").read_text().upper())
    os.utime(path / "a.txt", ns=(before.st_atime_ns, before.st_mtime_ns))


def _stash(path: Path) -> None:
    (path / "a.txt").write_text("x")
    git(path, "stash", "--quiet")


def _submodule(path: Path) -> None:
    git(path, "update-index", "--add", "--cacheinfo", f"160000,{'a' * 40},sub")


CHANGES: dict[str, Callable[[Path], object]] = {
    "changed": _write("a.txt"),
    "changed, of the same size and time": _same_size,
    "untracked": _write("new.txt"),
    "untracked below": _write("deep/er/new.txt"),
    "untracked folder": _write("made/new.txt"),
    "ignored": _write("main.o"),
    "deleted": lambda path: (path / "a.txt").unlink(),
    "executable": lambda path: (path / "a.txt").chmod(0o755),
    "staged": lambda path: (_write("a.txt")(path), git(path, "add", "a.txt")),
    "added": lambda path: (_write("n")(path), git(path, "add", "n")),
    "intent to add": lambda path: (_write("n")(path), git(path, "add", "-N", "n")),
    "removed from the index": _git("rm", "--quiet", "--cached", "a.txt"),
    "assumed unchanged": _git("update-index", "--assume-unchanged", "a.txt"),
    "skipped": _git("update-index", "--skip-worktree", "a.txt"),
    "stashed": _stash,
    "detached": _git("checkout", "--quiet", "--detach"),
    "no upstream": _git("branch", "--quiet", "--unset-upstream"),
    "local branch": _git("checkout", "--quiet", "-b", "own"),
    "follows a local branch": _git("checkout", "--quiet", "-b", "own", "--track", "main"),
    "a branch that hides the upstream's name": _git("branch", "origin/main"),
    "a tag that does": _git("tag", "origin/main"),
    "the same, packed": lambda path: (
        git(path, "tag", "origin/main"),
        git(path, "pack-refs", "--all"),
    ),
    "bisecting": _git("bisect", "start"),
    "merge begun": lambda path: (path / ".git/MERGE_HEAD").write_text(f"{'a' * 40}\n"),
    "replaced": _git("update-ref", f"refs/replace/{'a' * 40}", "HEAD"),
    "split index": _git("update-index", "--split-index"),
    "index of version 4": _git("update-index", "--index-version", "4"),
    "submodule": _submodule,
    "index lost": lambda path: (path / ".git/index").unlink(),
    "index cut": lambda path: os.truncate(path / ".git/index", 150),
    "sparse": _git("sparse-checkout", "set", "--no-cone", "/a.txt"),
    "included configuration": _git("config", "include.path", "more"),
    "other work tree": _git("config", "core.worktree", "/nowhere"),
    "another refspec": _git("config", "--add", "remote.origin.fetch", "+refs/x/*:refs/x/*"),
    "quoted value": _git("config", "branch.main.merge", "refs/heads/a b#c"),
    "behind": lambda path: (
        git(path, "commit", "--quiet", "--allow-empty", "-m", "x"),
        git(path, "update-ref", "refs/remotes/origin/main", "HEAD"),
        git(path, "reset", "--quiet", "--soft", "HEAD~"),
    ),
    "nested repository": lambda path: git(path, "init", "--quiet", "deep/inner"),
    "empty folder": lambda path: (path / "made").mkdir(),
    "file became a link": lambda path: (
        (path / "a.txt").unlink(),
        (path / "a.txt").symlink_to("empty"),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_any_doubt_is_for_git(clone: Path, name: str) -> None:
    CHANGES[name](clone)
    assert seen(clone) is None


def test_a_file_as_young_as_the_index_is_for_git(clone: Path) -> None:
    index = clone / ".git" / "index"
    moment = (clone / "a.txt").stat().st_mtime
    os.utime(index, (moment, moment))
    assert seen(clone) is None


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_done_it_never_says_otherwise_than_git(
    clone: Path, runner: GitRunner, seed: int
) -> None:
    chance = random.Random(seed)
    for _ in range(4):
        step = chance.choice(
            [
                _write(chance.choice(FILES), f"{chance.random()}\n"),
                _git("checkout", "--quiet", "--force", "main"),
                _git("reset", "--quiet", "--hard", "origin/main"),
                _git("clean", "-dfqx"),
                _git("add", "-A"),
                _git("rm", "--quiet", "-f", "--ignore-unmatch", chance.choice(FILES)),
                _git("commit", "--quiet", "--allow-empty", "-am", "x"),
                _git("update-ref", "refs/remotes/origin/main", "HEAD"),
                age,
            ]
        )
        step(clone)
        told = seen(clone)
        assert told is None or told == inspect_worktree(runner, clone)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("[user]\n\tname = Mona\n[status]\n\tshowStash = true\n[core]\n\teditor = vi\n", True),
        ('[includeIf "gitdir:~/code/"]\n\tpath = other\n', False),
        ("[core]\n\ttrustctime = false\n", False),
        ('[branch "main"]\n\tremote = x\n', False),
        ("[broken\n", False),
    ],
)
def test_a_persons_configuration_may_forbid_it(
    tmp_path: Path, runner: GitRunner, text: str, *, plain: bool
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".gitconfig").write_text(text)
    assert may_glance(runner, tmp_path) is plain


def test_what_is_not_there_is_for_git(clone: Path) -> None:
    head = read_local(clone.parent, clone.name).head_oid
    assert head is not None
    assert tree_of(str(clone / ".git"), "a" * 40) is None
    (clone / ".git" / "index").write_bytes(b"DIRC\0\0\0\2\0\0\0\1" + b"\0" * 90)
    assert read_index(str(clone / ".git" / "index")) is None
    assert seen(clone) is None
    assert glance(str(clone), LocalRepo(clone.name, CopyKind.WORKTREE, None)) is None
