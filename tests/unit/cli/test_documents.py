"""What commands print as JSON is what docs/schemas promises, no field more and none less."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from mgit.cli.auditing import tail_document, verify_document
from mgit.cli.documents import (
    ack_document,
    changes_document,
    config_document,
    line_of,
    listing_document,
    plan_document,
    run_document,
    run_summary,
    scrub_document,
    status_document,
    sync_document,
    sync_summary,
)
from mgit.cli.records import (
    action_record,
    change_record,
    held_record,
    local_record,
    outcome_record,
    problem_record,
    ran_record,
    remote_record,
    scrubbed_record,
)
from mgit.cli.states import STATES, states_of
from mgit.cli.timing import perf_document
from mgit.config import Environment, Settings, find_paths
from mgit.config.settings import Shown
from mgit.errors import ExitCode
from mgit.fleet.values import ChangeKind
from mgit.model import (
    CopyKind,
    Listing,
    LostRef,
    Operation,
    Reason,
    RepoKey,
    Result,
    Visibility,
    loss_of,
)
from mgit.plan.limiting import Limit
from mgit.state import HeldRepo
from mgit.telemetry import Verdict
from mgit.telemetry.chain import GENESIS
from mgit.telemetry.events import Scrubbed
from mgit.telemetry.kinds import ACTIONS as KINDS

from .cases import (
    ACTIONS,
    BARE,
    CHANGES,
    FOREIGN,
    LOCAL,
    OUTCOMES,
    PLAN,
    PROBLEM,
    RAN,
    remote,
)
from .perf_cases import REPORTS

SCHEMAS = Path(__file__).resolve().parents[3] / "docs" / "schemas"
LISTINGS = (
    Listing("work", (remote("api"), BARE)),
    Listing("labs", (), complete=False, problem="page 2 failed", advice="try again"),
)
SETTINGS = Settings(
    paths=find_paths(Environment({"HOME": "/home/mona"})),
    environment=Environment({}),
    root=Path("/home/mona/src"),
    values=(Shown("defaults.root", "/home/mona/src", "default"),),
    warnings=("odd",),
)


AUDITED = {
    "@timestamp": "2026-11-28T06:06:10.983Z",
    "event": {"action": "repository-moved", "outcome": "success"},
    "process": {"pid": 17},
    "user": {"id": "1000"},
    "labels": {"repo": "acme/api", "torn_bytes": 7},
    "trace": {"id": "r1"},
    "seq": 1,
    "prev": GENESIS,
    "hash": "b" * 64,
}
VERDICTS = (
    (Verdict(0, GENESIS), None),
    (
        Verdict(
            3, "b" * 64, first="2026-11-28T06:06:10.983Z", last="later", begins=1, since_kept=2
        ),
        "a" * 64,
    ),
    (Verdict(3, "b" * 64, "record 4 was changed", "compare it", Path("audit.jsonl"), 4), "a" * 64),
    (Verdict(3, "b" * 64, "the head is not in this chain", "compare it"), "a" * 64),
)


LOST = (LostRef("refs/heads/main", "a" * 40, "b" * 40), LostRef("refs/tags/v1", "c" * 40))
HELD = {
    RepoKey("git.example.com", str(number)): HeldRepo(
        RepoKey("git.example.com", str(number)),
        f"acme/repo-{number}",
        f"acme/repo-{number}",
        "work",
        1_770_000_000.0,
        loss_of(reason, LOST),
    )
    for number, reason in enumerate((Reason.EMPTIED, Reason.REF_LOSS, Reason.REWRITTEN))
}
SCRUBBED = tuple(
    Scrubbed("", "acme/api", "acme/api", "work", RepoKey("git.example.com", "1"), 17, damage, 1.0)
    for damage in ("", "pack-1.pack does not match its checksum")
)


def _strict(node: Any) -> Any:
    """The schema without its promise that fields may be added: what is printed today."""
    if isinstance(node, list):
        return [_strict(part) for part in node]
    if not isinstance(node, dict):
        return node
    copy = {name: _strict(part) for name, part in node.items()}
    if copy.get("type") == "object" and "properties" in copy:
        copy["additionalProperties"] = False
    return copy


def _load(name: str) -> Any:
    return json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))


def _check(name: str, document: object) -> None:
    common = Resource.from_contents(_strict(_load("common")))
    registry: Registry[Any] = Registry().with_resource("common.json", common)
    Draft202012Validator(
        _strict(_load(name)),
        registry=registry,
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    ).validate(json.loads(json.dumps(document)))


def _documents() -> Iterator[tuple[str, object]]:
    yield "list", listing_document(LISTINGS, LISTINGS[0].repos)
    yield "plan", plan_document(PLAN)
    yield "sync", sync_document(PLAN, OUTCOMES, ExitCode.UNREACHABLE)
    yield "status", status_document("/src", [(one, states_of(one)) for one in (LOCAL, FOREIGN)], {})
    yield "config", config_document(SETTINGS)
    yield "run", run_document(["make", "test"], "/src", RAN, ExitCode.SOME_FAILED)
    yield "run", line_of("mgit.run.end/1", {"summary": run_summary(RAN), "exit_code": 1})
    yield "changes", changes_document(CHANGES, [PROBLEM])
    for report in REPORTS:
        yield "perf", perf_document(report)
    yield "audit", tail_document(Path("/state/audit.jsonl"), [AUDITED])
    yield "audit", line_of("mgit.audit.record/1", AUDITED)
    yield from _documents_of_care()
    for verdict, kept in VERDICTS:
        yield "audit", verify_document(Path("/state/audit.jsonl"), verdict, kept)
    for ran in RAN:
        yield "run", line_of("mgit.run.repository/1", ran_record(ran))
    for change in CHANGES:
        yield "changes", line_of("mgit.changes.change/1", change_record(change))
    for name in ("list", "plan", "sync", "changes"):
        yield name, line_of("mgit.problem/1", problem_record(PROBLEM))
    for repo in LISTINGS[0].repos:
        yield "list", line_of("mgit.list.repository/1", remote_record(repo))
    for action in ACTIONS:
        yield "plan", line_of("mgit.plan.action/1", action_record(action))
    for outcome in OUTCOMES:
        yield "sync", line_of("mgit.sync.outcome/1", outcome_record(outcome))
    for local in (LOCAL, FOREIGN):
        record = local_record(local, states_of(local))
        yield "status", line_of("mgit.status.repository/1", record)


def _documents_of_care() -> Iterator[tuple[str, object]]:
    yield "ack", ack_document(HELD.values(), {RepoKey("git.example.com", "1")})
    yield "scrub", scrub_document(SCRUBBED, ExitCode.SOME_FAILED)
    for held in HELD.values():
        record = held_record(held, acknowledged=False)
        yield "ack", line_of("mgit.ack.repository/1", record)
        yield "list", line_of("mgit.list.repository/1", remote_record(remote("api"), held))
        record = local_record(LOCAL, states_of(LOCAL, held=True), "", held)
        yield "status", line_of("mgit.status.repository/1", record)
    for scrubbed in SCRUBBED:
        yield "scrub", line_of("mgit.scrub.clone/1", scrubbed_record(scrubbed))


@pytest.mark.parametrize(("name", "document"), list(_documents()))
def test_a_document_is_as_its_schema_says(name: str, document: object) -> None:
    _check(name, document)


@pytest.mark.parametrize("file", sorted(SCHEMAS.glob("*.json")), ids=lambda file: file.stem)
def test_a_schema_is_one(file: Path) -> None:
    Draft202012Validator.check_schema(json.loads(file.read_text(encoding="utf-8")))


def test_the_words_of_the_schemas_are_those_of_the_code() -> None:
    common = _load("common")["$defs"]
    assert common["reason"]["enum"] == [reason.value for reason in Reason]
    assert common["kind"]["enum"] == [kind.value for kind in CopyKind]
    outcome = _load("sync")["$defs"]["outcome"]["properties"]
    assert outcome["result"]["enum"] == [result.value for result in Result]
    repository = _load("status")["$defs"]["repository"]["properties"]
    assert repository["states"]["items"]["enum"] == list(STATES)
    operations = _load("status")["$defs"]["worktree"]["properties"]["operation"]["enum"]
    assert operations == [*(operation.value for operation in Operation), None]
    kinds = _load("changes")["$defs"]["change"]["properties"]["what"]["enum"]
    assert kinds == [kind.value for kind in ChangeKind]
    actions = (SCHEMAS.parent / "operations" / "telemetry.md").read_text(encoding="utf-8")
    assert all(f"`{action}`" in actions for action in KINDS)
    perf = _load("perf")["properties"]
    assert perf["limit"]["enum"] == [limit.value for limit in Limit]
    visibility = _load("list")["$defs"]["repository"]["properties"]["visibility"]["enum"]
    assert visibility == [*(one.value for one in Visibility), None]


def test_the_readme_of_the_schemas_names_every_schema() -> None:
    readme = (SCHEMAS / "README.md").read_text(encoding="utf-8")
    for file in SCHEMAS.glob("*.json"):
        assert f"({file.name})" in readme


def test_a_repository_with_two_actions_counts_once_and_the_parts_add_up() -> None:
    summary = sync_summary(OUTCOMES)
    assert summary.pop("repositories") == 9
    assert sum(summary.values()) == 9
    assert summary["moved"] == 1
    assert summary["failed"] == 1
