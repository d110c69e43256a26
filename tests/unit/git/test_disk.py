"""Clones are read from their files, as git itself would read them."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.address import parse_clone_url
from mgit.errors import GitError, RepositoryBroken
from mgit.git.disk import NotPlain, read_refs
from mgit.git.identity import Identity, read_identity, write_identity
from mgit.git.inspect import parse_status, read_local, scan
from mgit.git.runner import GitRunner
from mgit.model import CopyKind, RepoKey, RepoPath
from tests.unit.git.world import commit, git

RUNNER = GitRunner(environment={"PATH": os.environ["PATH"]})
IDENTITY = Identity(
    RepoKey("forge.example", "42"),
    "work",
    RepoPath("acme", "app", "shop"),
    parse_clone_url("https://forge.example/acme/app.git"),
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    path = tmp_path / "root/acme/app"
    path.mkdir(parents=True)
    git(path, "init", "--quiet", "--initial-branch=main")
    commit(path, "one.txt")
    git(path, "tag", "-a", "-m", "one", "v1")
    git(path, "branch", "topic/a")
    git(path, "pack-refs", "--all")
    commit(path, "two.txt")
    git(path, "branch", "topic/b")
    git(path, "update-ref", "refs/remotes/origin/main", "HEAD~1")
    git(path, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    return path


def told_by_git(path: Path) -> dict[str, str]:
    output = git(path, "for-each-ref", "--format=%(refname) %(objectname)")
    return dict(line.split(" ") for line in output.splitlines())


def test_packed_and_loose_refs_are_the_same_as_gits(repository: Path) -> None:
    disk = read_refs(repository / ".git")

    assert disk.refs == told_by_git(repository)
    assert disk.head_branch == "main"
    assert disk.head_oid == git(repository, "rev-parse", "HEAD")
    assert disk.symbolic["refs/remotes/origin/HEAD"] == "refs/remotes/origin/main"

    git(repository, "branch", "-D", "topic/a", "--quiet")
    git(repository, "checkout", "--quiet", "--detach", "HEAD~1")
    disk = read_refs(repository / ".git")
    assert disk.refs == told_by_git(repository)
    assert disk.head_branch is None
    assert disk.head_oid == git(repository, "rev-parse", "HEAD")


def test_an_unborn_branch(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=trunk")
    disk = read_refs(tmp_path / ".git")
    assert (disk.refs, disk.head_branch, disk.head_oid) == ({}, "trunk", None)


def test_names_in_any_encoding(repository: Path) -> None:
    oid = git(repository, "rev-parse", "HEAD")
    for name in (b"gr\xc3\xbcn", b"latin-\xe9"):
        path = os.fsencode(repository) + b"/.git/refs/heads/" + name
        with open(path, "wb") as file:  # noqa: PTH123 - a name that is not UTF-8
            file.write(oid.encode() + b"\n")
    refs = read_refs(repository / ".git").refs
    assert refs["refs/heads/grün"] == oid
    assert refs["refs/heads/latin-\udce9"] == oid


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("HEAD", "nonsense\n"),
        ("HEAD", ""),
        ("refs/heads/main", ""),
        ("refs/heads/main", "\0" * 41),
        ("packed-refs", "rubbish\n"),
    ],
)
def test_damage_is_seen(repository: Path, file: str, content: str) -> None:
    (repository / ".git" / file).write_text(content)
    with pytest.raises(RepositoryBroken):
        read_refs(repository / ".git")
    local = read_local(repository.parent.parent, "acme/app")
    assert local.broken != ""


def test_missing_parts_are_seen(repository: Path) -> None:
    (repository / ".git/objects").rename(repository / "objects-elsewhere")
    assert read_local(repository.parent.parent, "acme/app").broken == "its objects are missing"
    (repository / ".git/HEAD").unlink()
    with pytest.raises(RepositoryBroken, match="HEAD is missing"):
        read_refs(repository / ".git")


def test_what_is_not_in_plain_files_is_asked_of_git(repository: Path) -> None:
    expected = told_by_git(repository)
    head = git(repository, "rev-parse", "HEAD")
    (repository / ".git/HEAD").unlink()
    (repository / ".git/HEAD").symlink_to("refs/heads/main")  # as git did twenty years ago
    with pytest.raises(NotPlain):
        read_refs(repository / ".git")
    root = repository.parent.parent

    local = read_local(root, "acme/app", RUNNER)

    assert (local.head_branch, local.head_oid, local.broken) == ("main", head, "")
    assert local.refs.refs == {"refs/heads/main": expected["refs/remotes/origin/main"]}
    assert "plain files" in read_local(root, "acme/app").broken


def test_a_linked_work_tree_is_nobodys_clone(repository: Path) -> None:
    linked = repository.parent / "linked"
    git(repository, "worktree", "add", "--quiet", str(linked), "topic/a")
    local = read_local(repository.parent.parent, "acme/linked")
    assert (local.key, "link" in local.broken) == (None, True)


def test_scan_finds_all_repositories_and_looks_into_none(repository: Path) -> None:
    root = repository.parent.parent
    git(root, "init", "--quiet", "--bare", "mirrors/one.git")
    git(root, "init", "--quiet", "acme/app/vendored")
    git(root, "init", "--quiet", ".mgit/incoming/half-made")
    (root / "acme/plain-folder/deep").mkdir(parents=True)
    (root / "acme/link").symlink_to(repository)
    write_identity(repository / ".git", IDENTITY)

    found = {local.folder: local for local in scan(root)}

    assert list(found) == ["acme/app", "mirrors/one.git"]
    assert found["mirrors/one.git"].kind is CopyKind.MIRROR
    assert found["acme/app"].key == IDENTITY.key
    assert found["acme/app"].path == IDENTITY.path
    assert list(scan(root / "nowhere")) == []


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(owner=names, name=names, project=st.none() | names, source=names)
def test_an_identity_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    owner: str,
    name: str,
    project: str | None,
    source: str,
) -> None:
    folder = tmp_path_factory.mktemp("identity")
    identity = Identity(IDENTITY.key, source, RepoPath(owner, name, project), IDENTITY.url)
    write_identity(folder, identity)
    assert read_identity(folder) == identity
    assert [path.name for path in folder.iterdir()] == ["mgit.json"]


GOOD = {
    "version": 1,
    "forge": "f",
    "id": "1",
    "source": "s",
    "path": ["a", "b"],
    "url": "https://f/a",
}


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"path": ["a"]},
        {"path": "a/b"},
        {"url": "ext::sh -c id"},
        {"url": "https://user:canary@f/a"},
        {"id": 1},
        {"extra": 1},
    ],
)
def test_a_malformed_identity_is_damage(repository: Path, changes: dict[str, object]) -> None:
    (repository / ".git/mgit.json").write_bytes(msgspec.json.encode(GOOD | changes))
    with pytest.raises(RepositoryBroken) as caught:
        read_identity(repository / ".git")
    assert "canary" not in caught.value.message
    local = read_local(repository.parent.parent, "acme/app")
    assert (local.key, local.broken != "") == (None, True)


def test_a_status_that_is_none(repository: Path) -> None:
    for output in (b"", b"fatal: no\0", b"# branch.oid x\0"):
        with pytest.raises(GitError):
            parse_status(output)
