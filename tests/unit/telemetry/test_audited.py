"""Which events end in the audit log, and as what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mgit.address import parse_clone_url
from mgit.errors import ExitCode
from mgit.model import (
    Archive,
    Clone,
    CopyKind,
    FastForward,
    Fetch,
    Heal,
    Listing,
    LocalRepo,
    Outcome,
    RefSnapshot,
    RemoteRepo,
    Remove,
    RepoKey,
    RepoPath,
    Result,
)
from mgit.telemetry import AuditTrail, Ended, Event, Listed
from mgit.telemetry.audited import MANY_REFS, audit_observer

REPO = RemoteRepo(
    key=RepoKey("git.example.com", "1"),
    source="work",
    path=RepoPath("acme", "api"),
    url=parse_clone_url("https://git.example.com/acme/api.git"),
)
LOCAL = LocalRepo("acme/old", CopyKind.MIRROR, REPO.key)


def _refs(count: int) -> RefSnapshot:
    return RefSnapshot({f"refs/heads/{number:03}": "a" * 40 for number in range(count)})


def _fetch(before: int, after: int) -> Fetch:
    return Fetch(REPO, "acme/api", CopyKind.MIRROR, _refs(before), upstream=_refs(after))


def _recorded(path: Path, event: Event) -> list[dict[str, Any]]:
    audit_observer(AuditTrail(path / "audit.jsonl", clean=str), pytest.fail)(event)
    file = path / "audit.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _actions(path: Path, event: Event) -> list[str]:
    return [record["event"]["action"] for record in _recorded(path, event)]


@pytest.mark.parametrize(
    ("outcome", "actions"),
    [
        (Outcome(Clone(REPO, "acme/api", CopyKind.MIRROR), Result.CLONED), ["repository-cloned"]),
        (Outcome(Archive(LOCAL, "acme/old", "gone"), Result.ARCHIVED), ["repository-archived"]),
        (Outcome(Remove(LOCAL, "acme/old"), Result.REMOVED), ["repository-removed"]),
        (Outcome(Remove(LOCAL, "acme/old"), Result.SKIPPED), []),
        (
            Outcome(Heal(REPO, "acme/api", CopyKind.MIRROR, "HEAD is missing"), Result.HEALED),
            ["repository-healed"],
        ),
        (Outcome(_fetch(20, 20), Result.FETCHED), []),
        (Outcome(_fetch(20, 21 - MANY_REFS), Result.FETCHED), []),
        (Outcome(_fetch(20, 20 - MANY_REFS), Result.FETCHED), ["refs-deleted"]),
        (Outcome(_fetch(20, 0), Result.FETCHED), []),  # unknown: nothing is pruned
        (Outcome(_fetch(20, 1), Result.FAILED, exit_code=4), []),
        (Outcome(_fetch(20, 1), Result.FAILED, exit_code=3), ["credential-refused"]),
    ],
)
def test_what_ends_or_begins_something_is_recorded(
    tmp_path: Path, outcome: Outcome, actions: list[str]
) -> None:
    assert _actions(tmp_path, Ended("r1", outcome, "work")) == actions


def test_a_branch_that_followed_a_rewritten_upstream_leaves_its_old_commit(tmp_path: Path) -> None:
    action = FastForward(REPO, "acme/api", "main", _refs(12), "b" * 40, upstream=_refs(1))
    outcome = Outcome(action, Result.FAST_FORWARDED, refs_changed=12, rewritten=True)
    forced, deleted = _recorded(tmp_path, Ended("r1", outcome, "work"))
    assert forced["event"] == {"action": "branch-forced", "outcome": "success"}
    assert forced["labels"]["before"] == "b" * 40
    assert forced["labels"]["branch"] == "main"
    assert deleted["event"]["action"] == "refs-deleted"
    assert deleted["labels"]["count"] == "11"
    assert deleted["labels"]["refs"].startswith("refs/heads/001, refs/heads/002")


@pytest.mark.parametrize(
    ("exit_code", "malformed", "actions"),
    [
        (ExitCode.AUTHENTICATION, 0, ["credential-refused"]),
        (ExitCode.AUTHENTICATION, 2, ["credential-refused", "input-refused"]),
        (ExitCode.UNREACHABLE, 0, []),
        (ExitCode.UNREACHABLE, 1, ["input-refused"]),
        (ExitCode.SOME_FAILED, 1, ["input-refused"]),
        (ExitCode.USAGE, 0, ["input-refused"]),
    ],
)
def test_a_listing_that_failed_says_whether_it_was_malformed(
    tmp_path: Path, exit_code: ExitCode, malformed: int, actions: list[str]
) -> None:
    listing = Listing(
        "work", (), False, "it went wrong", exit_code=int(exit_code), malformed=malformed
    )
    records = _recorded(tmp_path, Listed("r1", listing, 0.1))
    assert [record["event"]["action"] for record in records] == actions
    if malformed:
        assert records[-1]["labels"]["malformed"] == str(malformed)
