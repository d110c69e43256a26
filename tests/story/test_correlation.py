"""One correlation from a forge's webhook to the git that it caused, and to the caller's trace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.forge import Hook, SandboxForge, compose, send
from tests.story.laptop import CANARY, Laptop
from tests.story.serving import Service, audited, serving
from tests.story.test_serve_webhooks import SECRET, secret_file  # noqa: F401 - a fixture
from tests.story.test_traces import CALLER, TRACE_ID, Collector, collector, traced  # noqa: F401

_TOLD = "exec env GIT_TRACE2_EVENT='{log}' "
"""Of a git that says what it does: it is started in its place (api-trace2.txt of git)."""


@pytest.fixture
def traces(work: Laptop, tmp_path: Path) -> Path:
    """Where every git that mgit starts writes its trace2 events."""
    log = tmp_path / "trace2.json"
    watched = work.home / "bin" / "git"
    watched.write_text(watched.read_text().replace("exec ", _TOLD.format(log=log)))
    return log


@pytest.fixture
def service(
    work: Laptop,
    forge: SandboxForge,
    secret_file: Path,  # noqa: F811
    collector: Collector,  # noqa: F811
    traces: Path,
) -> Iterator[Service]:
    forge.add_repos("acme", 2)
    assert traces.parent.is_dir()
    with serving(work, **traced(collector), OTEL_BSP_SCHEDULE_DELAY="200") as running:
        running.wait_for("run.ended", exit_code=0)
        yield running


def sent(service: Service, forge: SandboxForge, name: str, **headers: str) -> int:
    """A push, told of by a caller who traces and names its requests."""
    hook = Hook(service.hook("work"), SECRET)
    oid = forge.push("acme", name)
    delivery = compose("github", "push", forge.store.get("acme", name), hook, oid)
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return send(hook, replace(delivery, headers={**delivery.headers, **more})).status


def sids(traces: Path) -> dict[str, set[str]]:
    """The session ids of all gits that wrote events, by the session that each belongs to."""
    found: dict[str, set[str]] = {}
    for line in traces.read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "start":
            parent, _, own = event["sid"].rpartition("/")
            found.setdefault(parent, set()).add(own)
    return found


def test_one_id_from_the_webhook_to_the_process_of_git(
    service: Service, work: Laptop, forge: SandboxForge, traces: Path
) -> None:
    traces.unlink()
    assert sent(service, forge, "repo-002", X_Request_Id="delivery-4711") == 202
    began = service.wait_for("run.started", cause="delivery-4711")
    service.wait_for("repo.fast-forwarded", cause="delivery-4711")
    assert service.end() == 0
    assert audited(work, "run-started")[-1]["cause"] == "delivery-4711"
    found = sids(traces)
    session = f"mgit-{began['run_id']}"
    assert f"{session}/delivery-4711" in found
    # Whoever git starts belongs to it, and nobody is without a run.
    assert all(one == session or one.startswith(f"{session}/") for one in found)
    assert CANARY not in traces.read_text()
    assert SECRET not in traces.read_text()


def test_the_run_continues_the_trace_of_the_caller(
    service: Service,
    forge: SandboxForge,
    collector: Collector,  # noqa: F811
) -> None:
    assert sent(service, forge, "repo-001", traceparent=f"00-{TRACE_ID}-{CALLER}-01") == 202
    accepted = service.wait_for("webhook.accepted")
    began = service.wait_for("run.started")
    service.wait_for("run.ended")
    assert accepted["trace_id"] == TRACE_ID
    assert began["trace_id"] == TRACE_ID
    assert service.end() == 0
    spans = [one for one in collector.spans() if one.trace_id == TRACE_ID]
    (run,) = [one for one in spans if one.name == "run"]
    assert run.parent == CALLER
    assert run.attributes["mgit.run_id"] == began["run_id"]
    assert "repository fastforward" in {one.name for one in spans}
    assert any(one.name.startswith("git ") for one in spans)


def test_a_trace_that_is_none_is_ignored_and_the_webhook_counts(
    service: Service,
    forge: SandboxForge,
    collector: Collector,  # noqa: F811
) -> None:
    wrong = f"00-{TRACE_ID}-{CALLER}-01;x=\t{CANARY}"
    assert sent(service, forge, "repo-001", traceparent=wrong) == 202
    assert "trace_id" not in service.wait_for("webhook.accepted")
    service.wait_for("repo.fast-forwarded")
    service.wait_for("run.ended")
    assert service.end() == 0
    runs = [one for one in collector.spans() if one.name == "run"]
    assert len(runs) == 2
    assert {one.parent for one in runs} == {""}
    assert TRACE_ID not in "".join(service.raw)


def test_a_repository_that_is_new_has_the_webhook_as_its_cause_too(
    service: Service, forge: SandboxForge
) -> None:
    hook = Hook(service.hook("work"), SECRET)
    forge.add_repo("acme", "brand-new")
    delivery = compose("github", "created", forge.store.get("acme", "brand-new"), hook)
    parent = {"X-Request-Id": "delivery-0815", "traceparent": f"00-{TRACE_ID}-{CALLER}-01"}
    assert send(hook, replace(delivery, headers={**delivery.headers, **parent})).status == 202
    began = service.wait_for("run.started", cause="delivery-0815")
    assert began["trace_id"] == TRACE_ID
    service.wait_for("repo.cloned", repo="acme/brand-new")
    assert service.end() == 0


def test_a_run_by_hand_has_its_id_at_every_git(
    work: Laptop, forge: SandboxForge, traces: Path
) -> None:
    forge.add_repo("acme", "tool")
    assert work.mgit("sync").code == 0
    run_id = next(iter(audited_runs(work)))
    assert {one.split("/")[0] for one in sids(traces)} == {f"mgit-{run_id}"}


def audited_runs(work: Laptop) -> list[str]:
    path = work.home / ".local" / "state" / "mgit" / "audit.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return [one["trace"]["id"] for one in records if one["event"]["action"] == "run-started"]
