"""Refs on disk in shapes that are rare, old or damaged: read, left to git, or called broken."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mgit.errors import GitError, RepositoryBroken
from mgit.git.disk import NotPlain, parse_packed, read_file, read_refs
from mgit.git.inspect import parse_listed_refs, refs_of

OID = "0123456789abcdef0123456789abcdef01234567"
OTHER = "f" * 40
TABLES = Path(__file__).parents[2] / "data" / "reftable"


@pytest.fixture
def git_dir(tmp_path: Path) -> Path:
    (tmp_path / "refs" / "heads").mkdir(parents=True)
    (tmp_path / "HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / "refs" / "heads" / "main").write_text(f"{OID}\n")
    return tmp_path


def test_symbolic_refs_are_followed_but_not_in_a_circle(git_dir: Path) -> None:
    heads = git_dir / "refs" / "heads"
    (heads / "alias").write_text("ref: refs/heads/main\n")
    (heads / "one").write_text("ref: refs/heads/two\n")
    (heads / "two").write_text("ref: refs/heads/one\n")
    (heads / "dangling").write_text("ref: refs/heads/nowhere\n")
    disk = read_refs(git_dir)
    assert disk.refs["refs/heads/alias"] == OID
    assert not {"refs/heads/one", "refs/heads/two", "refs/heads/dangling"} & disk.refs.keys()
    assert (disk.head_branch, disk.head_oid) == ("main", OID)


def test_a_detached_and_an_unborn_head(git_dir: Path) -> None:
    (git_dir / "HEAD").write_text(f"{OTHER}\n")
    assert (read_refs(git_dir).head_branch, read_refs(git_dir).head_oid) == (None, OTHER)
    (git_dir / "HEAD").write_text("ref: refs/heads/unborn\n")
    assert (read_refs(git_dir).head_branch, read_refs(git_dir).head_oid) == ("unborn", None)


def test_links_in_place_of_refs_are_left_to_git(git_dir: Path) -> None:
    link = git_dir / "refs" / "heads" / "link"
    link.symlink_to("main")
    with pytest.raises(NotPlain):
        read_refs(git_dir)
    with pytest.raises(RepositoryBroken, match="not in plain files"):
        refs_of(git_dir)
    link.unlink()
    (git_dir / "HEAD").unlink()
    (git_dir / "HEAD").symlink_to("refs/heads/main")
    with pytest.raises(NotPlain):
        read_refs(git_dir)
    (git_dir / "commondir").write_text("..")
    with pytest.raises(NotPlain):
        read_refs(git_dir)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("HEAD", "HEAD cannot be read"),
        ("packed-refs", "packed-refs cannot be read"),
        ("refs/heads/main", ""),
    ],
)
def test_a_folder_in_place_of_a_file_is_damage_or_nothing(
    git_dir: Path, name: str, says: str
) -> None:
    (git_dir / name).unlink(missing_ok=True)
    (git_dir / name).mkdir()
    if says:
        with pytest.raises(RepositoryBroken, match=says):
            read_refs(git_dir)
    else:  # an empty folder is what git leaves of refs that were deleted
        assert read_refs(git_dir).refs == {}


@pytest.mark.parametrize("gone", ["HEAD", "refs"])
def test_what_is_missing_is_damage(git_dir: Path, gone: str) -> None:
    (git_dir / gone).unlink() if gone == "HEAD" else shutil.rmtree(git_dir / gone)
    with pytest.raises(RepositoryBroken, match=f"{gone} (is missing|cannot be read)"):
        read_refs(git_dir)


@pytest.mark.parametrize("content", ["", "\0\0\0\0", "ref:", "0123", f"{OID}{OID[:1]}"])
def test_a_ref_that_holds_something_else_is_damage(git_dir: Path, content: str) -> None:
    (git_dir / "refs" / "heads" / "main").write_text(content)
    if content == "ref:":
        assert read_refs(git_dir).head_oid is None
        return
    with pytest.raises(RepositoryBroken, match="is damaged"):
        read_refs(git_dir)


def test_locks_are_no_refs(git_dir: Path) -> None:
    (git_dir / "refs" / "heads" / "main.lock").write_text("")
    assert list(read_refs(git_dir).refs) == ["refs/heads/main"]


def test_many_packed_refs_and_odd_lines(git_dir: Path) -> None:
    lines = [f"{OTHER} refs/heads/branch-{number:05}" for number in range(6000)]
    text = "# pack-refs with: peeled fully-peeled sorted\n" + "\n".join(lines) + "\n"
    assert len(text) > 256 * 1024  # more than is read at once
    (git_dir / "packed-refs").write_text(text)
    assert read_file(str(git_dir / "packed-refs")).decode() == text
    assert len(read_refs(git_dir).refs) == 6001
    assert parse_packed(f"# x\n\n{OID} refs/tags/v1\n^{OTHER}\n") == {"refs/tags/v1": OID}
    for bad in (f"{OID} heads/main", "short refs/heads/main", "nonsense"):
        with pytest.raises(RepositoryBroken, match="malformed line"):
            parse_packed(f"{bad}\n")


def test_a_reftable_without_head_is_damage(git_dir: Path) -> None:
    (git_dir / "reftable").mkdir()
    (git_dir / "reftable" / "tables.list").write_text("")
    with pytest.raises(RepositoryBroken, match="HEAD is missing"):
        read_refs(git_dir)
    (git_dir / "reftable" / "tables.list").write_text("gone.ref\n")
    with pytest.raises(RepositoryBroken, match=r"gone\.ref is missing"):
        read_refs(git_dir)
    (git_dir / "reftable" / "tables.list").write_text("../../x\n")
    with pytest.raises(RepositoryBroken, match="list of reftables names"):
        read_refs(git_dir)
    shutil.rmtree(git_dir / "reftable")
    (git_dir / "reftable").write_text("")
    with pytest.raises(RepositoryBroken, match="cannot be read"):
        read_refs(git_dir)


def test_a_listing_by_git_is_read_strictly() -> None:
    listed = f"{OID} refs/heads/main \n{OID} refs/remotes/origin/HEAD refs/remotes/origin/main\n"
    refs, symbolic = parse_listed_refs(listed.encode())
    assert refs == {"refs/heads/main": OID, "refs/remotes/origin/HEAD": OID}
    assert symbolic == {"refs/remotes/origin/HEAD": "refs/remotes/origin/main"}
    with pytest.raises(GitError, match="is none"):
        parse_listed_refs(b"fatal: something\n")
