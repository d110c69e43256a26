"""A push reaches the clone within seconds, though nobody would have asked for an hour."""

from __future__ import annotations

import http.client
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.forge import Hook, SandboxForge, compose, send
from tests.story.laptop import Laptop
from tests.story.serving import PATIENCE, Service, audited, serving, write_secret

SECRET = "a-secret-that-two-sides-know"
NEXT_SECRET = "the-secret-that-comes-after-it"


@pytest.fixture
def secret_file(work: Laptop) -> Path:
    """The secret of the source `work`, in its configuration."""
    path = work.home / "hook-secret"
    write_secret(path, SECRET)
    before = work.config_file.read_text()
    named = f'[sources.work]\nwebhook_secret_file = "{path}"'
    work.config_file.write_text(before.replace("[sources.work]", named))
    return path


@pytest.fixture
def service(work: Laptop, forge: SandboxForge, secret_file: Path) -> Iterator[Service]:
    """A service that has made its first run, and would rest for an hour."""
    forge.add_repos("acme", 3)
    with serving(work) as running:
        running.wait_for("run.ended", exit_code=0)
        yield running


def test_a_push_is_mirrored_at_once_and_nothing_else_is_asked(
    service: Service, work: Laptop, forge: SandboxForge
) -> None:
    forge.add_hook(service.hook("work"), SECRET)
    forge.forget_requests()
    commit = forge.push("acme", "repo-002")
    assert forge.deliveries[-1].status == 202
    accepted = service.wait_for("webhook.accepted", source="work")
    began = service.wait_for("run.started", sources="work")
    fetched = service.wait_for("repo.fast-forwarded", repo="acme/repo-002")
    ended = service.wait_for("run.ended", exit_code=0)
    assert work.git("acme/repo-002", "rev-parse", "HEAD") == commit
    # One id from the webhook to the repository.
    assert accepted["request_id"] == began["cause"] == fetched["cause"]
    assert fetched["run_id"] == ended["run_id"]
    assert audited(work, "run-started")[-1]["cause"] == accepted["request_id"]
    # No listing, and no question about the other two.
    assert {one.path.split("?")[0].split("/")[2] for one in forge.requests} == {"repo-002.git"}
    assert service.end() == 0


def test_a_forged_webhook_does_nothing_and_is_audited(
    service: Service, work: Laptop, forge: SandboxForge
) -> None:
    forge.add_hook(service.hook("work"), "somebody-elses-guess")
    before = work.git("acme/repo-001", "rev-parse", "HEAD")
    forge.push("acme", "repo-001")
    assert forge.deliveries[-1].status == 401
    refused = service.wait_for("webhook.refused", source="work", code="wrong-signature")
    assert refused["level"] == "warning"
    service.counted('mgit_webhooks_total{outcome="refused"} 1.0')
    service.counted('mgit_webhooks_total{outcome="accepted"} 0.0')
    assert service.end() == 0
    assert [one["event"] for one in service.said].count("run.started") == 1
    assert work.git("acme/repo-001", "rev-parse", "HEAD") == before
    (record,) = audited(work, "webhook-refused")
    assert record["source"] == "work"
    assert record["code"] == "wrong-signature"
    told = "".join(service.raw) + str(record)
    assert SECRET not in told
    assert "somebody-elses-guess" not in told
    assert forge.deliveries[-1].headers["X-Hub-Signature-256"] not in told


def test_a_replay_does_nothing_also_under_another_id_and_after_a_restart(
    service: Service, work: Laptop, forge: SandboxForge
) -> None:
    hook = forge.add_hook(service.hook("work"), SECRET)
    forge.push("acme", "repo-001")
    service.wait_for("repo.fast-forwarded", repo="acme/repo-001")
    service.wait_for("run.ended")
    caught = forge.deliveries[-1]
    assert send(hook, caught).status == 204
    assert service.wait_for("webhook.accepted")["code"] == "replayed"
    service.counted('mgit_webhooks_total{outcome="duplicate"} 1.0')
    caught.headers["X-GitHub-Delivery"] = "another-id"
    assert send(hook, caught).status == 204
    assert service.end() == 0
    assert [one["event"] for one in service.said].count("run.started") == 2

    with serving(work) as again:
        again.wait_for("service.started")
        assert send(Hook(again.hook("work"), SECRET), caught).status == 204
        assert again.wait_for("webhook.accepted")["code"] == "replayed"
        assert again.end() == 0
        assert "run.started" not in [one["event"] for one in again.said]


@pytest.mark.fault("the service is killed while hints of webhooks wait")
def test_hints_that_waited_are_followed_after_a_kill(
    service: Service, work: Laptop, forge: SandboxForge
) -> None:
    hook = Hook(service.hook("work"), SECRET)

    def push(name: str) -> str:
        oid = forge.push("acme", name)
        delivery = compose("github", "push", forge.store.get("acme", name), hook, oid)
        given = {**delivery.headers, "X-Request-Id": f"push-of-{name}"}
        assert send(hook, replace(delivery, headers=given)).status == 202
        return oid

    with forge.hold("/acme/repo-001.git/*") as held:
        commits = {"repo-001": push("repo-001")}  # is asked for at once, and not answered
        assert held.arrived.wait(PATIENCE)
        commits["repo-002"] = push("repo-002")  # waits for the end of that
        service.wait_for("webhook.accepted", request_id="push-of-repo-002")
        service.end(signal.SIGKILL)
    forge.forget_requests()
    with serving(work) as again:
        again.wait_for("run.ended", exit_code=0)
        assert again.end() == 0
    # One run has answered both, in whatever order.
    forwarded = [one for one in again.said if one["event"] == "repo.fast-forwarded"]
    assert {one["repo"]: one["cause"] for one in forwarded} == {
        f"acme/{name}": f"push-of-{name}" for name in commits
    }
    for name, commit in commits.items():
        assert work.git(f"acme/{name}", "rev-parse", "HEAD") == commit
    asked = {one.path.split("?")[0].split("/")[2] for one in forge.requests}
    assert asked == {"repo-001.git", "repo-002.git"}
    with serving(work) as last:  # and that is done
        last.wait_for("service.started")
        assert last.end() == 0
        assert "run.started" not in [one["event"] for one in last.said]


def test_many_webhooks_about_one_repository_are_one_fetch(
    service: Service, work: Laptop, forge: SandboxForge
) -> None:
    repo = forge.store.get("acme", "repo-003")
    hook = Hook(service.hook("work"), SECRET)
    oids = [forge.push("acme", "repo-003") for _ in range(2)]
    statuses = {
        send(hook, compose("github", "push", repo, hook, f"{number:040x}")).status
        for number in range(40)
    }
    assert statuses == {202}
    service.wait_for("repo.fast-forwarded", repo="acme/repo-003")
    service.wait_for("run.ended")
    assert service.end() == 0
    runs = [one["event"] for one in service.said].count("repo.fast-forwarded")
    assert runs == 1
    assert work.git("acme/repo-003", "rev-parse", "HEAD") == oids[-1]


def test_a_repository_that_is_new_is_listed_and_cloned_and_a_renamed_one_moves(
    service: Service, work: Laptop, forge: SandboxForge
) -> None:
    forge.add_hook(service.hook("work"), SECRET)
    forge.add_repo("acme", "brand-new")
    forge.announce("created", "acme", "brand-new")
    forge.rename("acme", "repo-001", "renamed")
    forge.announce("renamed", "acme", "renamed")
    assert {one.status for one in forge.deliveries} == {202}
    service.wait_for("run.ended")
    assert sorted(one.name for one in (work.root / "acme").iterdir()) == [
        "brand-new",
        "renamed",
        "repo-002",
        "repo-003",
    ]
    assert service.end() == 0


def test_a_secret_is_replaced_without_a_restart(
    service: Service, forge: SandboxForge, secret_file: Path
) -> None:
    repo = forge.store.get("acme", "repo-001")
    old, new = Hook(service.hook("work"), SECRET), Hook(service.hook("work"), NEXT_SECRET)

    def status(hook: Hook) -> int:
        return send(hook, compose("github", "ping", repo, hook)).status

    assert (status(old), status(new)) == (204, 401)
    write_secret(secret_file, SECRET, NEXT_SECRET)
    assert (status(old), status(new)) == (204, 204)
    write_secret(secret_file, NEXT_SECRET)
    assert (status(old), status(new)) == (401, 204)
    secret_file.unlink()
    assert (status(old), status(new)) == (403, 403)
    assert service.end() == 0


def test_other_paths_and_methods_take_no_webhooks(
    service: Service, work: Laptop, forge: SandboxForge
) -> None:
    repo = forge.store.get("acme", "repo-001")
    wrong = Hook(service.hook("nobody"), SECRET)
    assert send(wrong, compose("github", "push", repo, wrong)).status == 404
    host, _, port = service.web.removeprefix("http://").rstrip("/").rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    try:
        connection.request("GET", "/webhooks/work")
        assert connection.getresponse().status == 405
    finally:
        connection.close()
    for _ in range(60):  # a flood of refusals is told of, but not line by line
        assert send(wrong, compose("github", "push", repo, wrong)).status == 404
    assert service.end() == 0
    told = [one for one in service.said if one["event"] == "webhook.refused"]
    assert 5 <= len(told) < 40
    assert len(audited(work, "webhook-refused")) == len(told)
