"""A token that ends soon is told of in time: as its forge says, or as a person wrote down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.forge import SandboxForge
from sandbox.forge.forge import Flavour
from sandbox.forge.web import Answer
from tests.story.laptop import CANARY, Laptop
from tests.story.test_serve_daemon import Start, start, state_folder

__all__ = ["start"]  # the fixture

_HEADER = "GitHub-Authentication-Token-Expiration"


def in_days(days: int) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)


def say(forge: SandboxForge, moment: datetime) -> None:
    """Let every answer tell when the token ends, as GitHub's do."""
    words = {_HEADER: moment.strftime("%Y-%m-%d %H:%M:%S UTC")}
    forge.dress_next("/api/v3/*", words, times=10_000)


def checks(laptop: Laptop, *arguments: str) -> dict[str, list[dict[str, Any]]]:
    ran = laptop.mgit("doctor", "--format", "json", *arguments)
    assert ran.code == 0, ran.err
    found: dict[str, list[dict[str, Any]]] = {}
    for check in ran.json["checks"]:  # type: ignore[attr-defined]
        found.setdefault(check["name"], []).append(check)
    return found


def test_github_tells_with_every_answer(work: Laptop, forge: SandboxForge) -> None:
    forge.add_repo("acme", "api")
    ends = in_days(5)
    say(forge, ends)
    synced = work.mgit("sync")
    assert synced.code == 0, "it is no failure yet"
    day = ends.date().isoformat()
    assert (
        f"work: its token ends on {day}; make a new token and run `mgit login work`" in synced.err
    )
    assert day in work.mgit("list").err
    ok, warning = checks(work)["source work"]
    assert (ok["state"], warning["state"]) == ("ok", "warning")
    assert warning["message"] == f"its token expires on {day}"
    assert "mgit login work" in warning["advice"]
    requests = len(forge.requests)
    work.mgit("list")
    assert len(forge.requests) == requests + 1, "knowing costs no request"


def test_how_early_is_the_persons_choice(work: Laptop, forge: SandboxForge) -> None:
    forge.add_repo("acme", "api")
    say(forge, in_days(20))
    assert "ends on" not in work.mgit("list").err
    assert "ends on" in work.mgit("list", env={"MGIT_EXPIRY_WARNING": "30d"}).err
    assert len(checks(work)["source work"]) == 1
    text = work.config_file.read_text()
    work.config_file.write_text(f'{text}\n[defaults]\nexpiry_warning = "21d"\n')
    assert len(checks(work)["source work"]) == 2
    assert "ends on" in work.mgit("list").err


def test_the_service_warns_and_writes_it_down(
    start: Start, work: Laptop, forge: SandboxForge
) -> None:
    ends = in_days(3)
    say(forge, ends)
    service = start(MGIT_LOG_LEVEL="debug")
    found = service.wait_for("credential.found", source="work")
    assert found["expires_at"] == ends.timestamp()
    warned = service.wait_for("credential.expiring")
    assert (warned["level"], warned["source"]) == ("warning", "work")
    assert warned["expires_at"] == ends.timestamp()
    assert service.wait_for("run.ended")["exit_code"] == 0
    assert service.end() == 0
    lines = (state_folder(work) / "audit.jsonl").read_text().splitlines()
    (record,) = [
        one for one in map(json.loads, lines) if one["event"]["action"] == "credential-expiring"
    ]
    assert record["labels"]["expires"] == ends.isoformat().replace("+00:00", "Z")
    assert record["labels"]["source"] == "work"


@pytest.fixture(params=["azuredevops", "bitbucket-datacenter", "gitea", "gitlab"])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SandboxForge]:
    flavour: Flavour = request.param
    with SandboxForge(tmp_path / "other", flavour, token=CANARY) as running:
        running.add_repo("acme", "api")
        yield running


def test_what_a_forge_does_not_tell_a_person_writes_down(
    laptop: Laptop, other: SandboxForge
) -> None:
    """GitLab does tell: its word outranks what is written."""
    source = (
        f'[sources.work]\nforge = "{other.flavour}"\nurl = "{other.api_url}"\nowners = ["acme"]\n'
    )
    day = in_days(6).date().isoformat()
    laptop.configure(f"{source}token_expires = {day}\n")
    variables = {"MGIT_TOKEN_WORK": CANARY}
    ran = laptop.mgit("list", env=variables)
    assert ran.code == 0, ran.err
    tells = other.flavour == "gitlab"
    told = f"work: its token ends on {day}; make a new token and put it in the place of the old"
    assert (told in ran.err) is not tells
    shown = laptop.mgit("config", "show")
    assert f"{day}" in shown.out
    laptop.configure(f'{source}token_expires = "soon"\n')
    wrong = laptop.mgit("list", env=variables)
    assert wrong.code == 2
    assert "sources.work.token_expires must be a day, such as 2027-01-31" in wrong.err


def test_gitlab_is_asked_once_a_run(laptop: Laptop, tmp_path: Path) -> None:
    with SandboxForge(tmp_path / "gitlab", "gitlab", token=CANARY) as forge:
        forge.add_repo("acme", "api")
        laptop.configure(
            f'[sources.work]\nforge = "gitlab"\nurl = "{forge.api_url}"\nowners = ["acme"]\n'
        )
        day = in_days(2).date().isoformat()

        def soon(answer: Answer) -> Answer:
            return replace(answer, body=answer.body.replace(b"2099-12-31", day.encode()))

        forge.spoil_next("*/personal_access_tokens/self", soon, times=10)
        ran = laptop.mgit("list", env={"MGIT_TOKEN_WORK": CANARY})
        assert f"ends on {day}" in ran.err
        asked = [one for one in forge.requests if one.path.endswith("/self")]
        assert len(asked) == 1


def test_a_token_that_has_ended_is_told_in_the_past(work: Laptop) -> None:
    text = work.config_file.read_text()
    work.config_file.write_text(f"{text}token_expires = 2020-01-31\n")
    _, warning = checks(work)["source work"]
    assert warning["message"] == "its token expired on 2020-01-31"
