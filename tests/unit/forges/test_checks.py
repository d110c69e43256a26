"""What is let through of a forge's words, compared with git's own judgement."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mgit.address import parse_origin
from mgit.errors import InvalidInput
from mgit.forges.checks import checked_branch, checked_group, checked_path, checked_url, sane_time

BRANCHES = st.text(alphabet="ab/.-@{}~^:?*[\\ \x7f\n.lock", min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(BRANCHES)
@example("a.lock")
@example("a.lock/b")
@example("@")
@example("a/.b")
@example("feature/x-1")
def test_no_branch_passes_that_git_would_refuse(name):
    try:
        checked_branch(name)
    except InvalidInput:
        return
    command = ["git", "check-ref-format", "--branch", name]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("name", ["main", "feature/x", "release-1.2", "ünïcode", "a@b", "v1.0"])
def test_ordinary_branches_pass(name):
    assert checked_branch(name) == name


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_branch_is_no_branch(nothing):
    assert checked_branch(nothing) is None


@given(st.text(), st.text(), st.none() | st.text() | st.lists(st.text()).map("/".join))
@example("a", "b", "")
@example("a", "b", "c/../d")
@example("a", "b", "c//d")
def test_a_path_never_climbs_or_splits(owner, name, project):
    try:
        path = checked_path(owner, name, project)
    except InvalidInput:
        return
    inner = [] if path.project is None else path.project.split("/")
    for part in (path.owner, *inner, path.name):
        assert part not in ("", ".", "..")
        assert not set(part) & set("/\\\x00")


def test_a_group_may_be_in_a_group_and_nowhere_else():
    assert checked_group("acme/backend/tools") == "acme/backend/tools"
    for wrong in ("", "/", "acme/", "/acme", "a//b", "a/../b", "a\x00b", "/".join("a" * 40)):
        with pytest.raises(InvalidInput):
            checked_group(wrong)


def test_a_clone_url_must_lead_to_the_forge():
    allowed = parse_origin("https://git.example.com")
    assert str(checked_url("https://git.example.com/a/b.git", allowed)).endswith("/a/b.git")
    for elsewhere in (
        "https://git.example.com.evil.example/a/b.git",
        "https://git.example.com@evil.example/a/b.git",
        "https://git.example.com:8443/a/b.git",
        "ssh://git@git.example.com/a/b.git",
    ):
        with pytest.raises(InvalidInput, match="leads to"):
            checked_url(elsewhere, allowed)


def test_a_time_that_is_not_set_is_none():
    assert sane_time(datetime(1, 1, 1, tzinfo=UTC)) is None
    assert sane_time(None) is None
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert sane_time(moment) == moment
