"""What a swarm is handed, and how what it says is read; no swarm is needed for that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.deployment.decide import Way, decide_deploy
from pipeline.deployment.places import SwarmPlace
from pipeline.deployment.swarm_files import (
    CONTENT,
    as_words,
    digest_of,
    files_of,
    overlay,
)
from pipeline.deployment.swarm_view import View, outcome, read_service, read_tasks
from pipeline.deployment.target import Running
from pipeline.step import Exit, PipelineError

ROOT = Path(__file__).parents[2]
NEW, OLD = (f"127.0.0.1:1/mgit@sha256:{letter * 64}" for letter in "ab")


@pytest.fixture
def place(tmp_path: Path) -> SwarmPlace:
    config, secrets = tmp_path / "config", tmp_path / "config/secrets"
    secrets.mkdir(parents=True)
    (config / "config.toml").write_text("version = 1\n")
    (secrets / "forge").write_text("canary-7c1e99-token")
    (secrets / "README.md").write_text("Files of tokens go here.\n")
    (secrets / ".gitignore").write_text("*\n")
    stack = tmp_path / "stack.yaml"
    stack.touch()
    return SwarmPlace(config=config, secrets=secrets, stack="mgit", files=(stack,))


def test_a_new_content_is_a_new_object_and_a_new_rollout(place: SwarmPlace) -> None:
    before = files_of(place)
    assert [(file.kind, file.target) for file in before] == [
        ("config", "/etc/mgit/config.toml"),
        ("secret", "/run/secrets/forge"),
    ]
    assert files_of(place) == before
    digest = digest_of(place, before)

    (place.secrets / "forge").write_text("canary-7c1e99-rotated")
    after = files_of(place)
    assert after[0] == before[0]
    assert after[1].name != before[1].name
    assert digest_of(place, after) != digest
    assert all(len(file.name) <= 64 for file in after)


@pytest.mark.parametrize("change", ["stack file", "memory", "shards"])
def test_other_settings_are_a_new_rollout(place: SwarmPlace, change: str) -> None:
    files = files_of(place)
    before = digest_of(place, files)
    other = {
        "memory": SwarmPlace(place.config, place.secrets, files=place.files, memory="2g"),
        "shards": SwarmPlace(place.config, place.secrets, files=place.files, shards=2),
    }.get(change, place)
    if change == "stack file":
        place.files[0].write_text("# changed\n")
    assert digest_of(other, files) != before


def test_the_service_gets_its_files_and_no_content_of_them(place: SwarmPlace) -> None:
    files = files_of(place)
    text = overlay("mgit", files, "0123")
    told = yaml.safe_load(text)
    mine = told["services"]["mgit"]
    assert mine["labels"] == {CONTENT: "0123"}
    (secret,) = mine["secrets"]
    assert (secret["target"], secret["uid"], secret["mode"]) == ("forge", "65532", 0o400)
    assert told["secrets"][secret["source"]] == {"name": files[1].name, "external": True}
    assert mine["configs"][0]["target"] == "/etc/mgit/config.toml"
    assert "7c1e99" not in text
    words = list(as_words(files))
    assert words[::2] == ["--config", "--secret"]
    assert words[3] == f"source={files[1].name},target=forge,uid=65532,gid=65532,mode=0400"


def test_without_secrets_there_are_none(place: SwarmPlace) -> None:
    (place.secrets / "forge").unlink()
    assert "secrets" not in yaml.safe_load(overlay("mgit", files_of(place), "0"))


@pytest.mark.parametrize("size", [0, 500_001])
def test_what_a_swarm_would_not_take_is_said_before(place: SwarmPlace, size: int) -> None:
    (place.secrets / "forge").write_bytes(b"x" * size)
    with pytest.raises(PipelineError, match=f"has {size} bytes") as refused:
        files_of(place)
    assert refused.value.exit_code is Exit.ENVIRONMENT


def spec(reference: str, secret: str) -> dict[str, Any]:
    return {
        "Labels": {"mgit.previous": OLD},
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": reference,
                "Labels": {CONTENT: "c"},
                "Secrets": [{"SecretName": secret, "SecretID": "x"}],
                "Configs": [],
            }
        },
        "Mode": {"Replicated": {"Replicas": 2}},
    }


def task(slot: int, reference: str = NEW, state: str = "running", wanted: str = "running") -> Any:
    port = {"TargetPort": 8080, "PublishedPort": 32768 + slot, "PublishMode": "host"}
    return {
        "ID": f"{slot}{state}",
        "CreatedAt": f"2026-11-28T12:00:0{slot}.25Z",
        "Slot": slot,
        "NodeID": "n",
        "DesiredState": wanted,
        "Spec": spec(reference, "new")["TaskTemplate"],
        "Status": {"State": state, "PortStatus": {"Ports": [port]}},
    }


def view(state: str, *tasks: Any, reference: str = NEW) -> View:
    service: dict[str, Any] = {"ID": "s", "Spec": spec(reference, "new")}
    service["PreviousSpec"] = spec(OLD, "old")
    if state:
        service["UpdateStatus"] = {"State": state, "Message": "update paused due to failure"}
    return View(read_service(json.dumps([service])), read_tasks(json.dumps(tasks)))


def test_it_is_there_when_each_shard_runs_and_the_swarm_has_done() -> None:
    both = task(1), task(2)
    assert outcome(view("completed", *both), NEW, "c", 0) == ""
    assert outcome(view("", *both), NEW, "c", 0) == ""  # nothing was to be changed
    assert outcome(view("updating", *both), NEW, "c", 0) is None
    assert outcome(view("completed", task(1), task(2, OLD)), NEW, "c", 0) is None
    assert outcome(view("completed", task(1), task(1)), NEW, "c", 0) is None
    assert outcome(view("", task(1), task(2, wanted="shutdown")), NEW, "c", 0) is None


def test_a_rollback_is_no_success_whatever_the_client_returned() -> None:
    back = view("rollback_completed", task(1, OLD), task(2, OLD), reference=OLD)
    assert outcome(back, NEW, "c", 0) == "the swarm took it back"
    assert back.whole
    begins = view("rollback_completed", task(1, OLD), task(2, OLD, "starting"), reference=OLD)
    assert outcome(begins, NEW, "c", 0) is None
    assert not back.moving
    assert outcome(view("rollback_started", task(1)), NEW, "c", 0) is None
    assert outcome(view("paused", task(1)), NEW, "c", 0) == (
        "the swarm gave up: update paused due to failure"
    )
    other = view("completed", task(1, OLD), task(2, OLD), reference=OLD)
    assert outcome(other, NEW, "c", 0) == f"the swarm runs {OLD} instead"


def test_what_cannot_be_taken_back_is_not_waited_for_forever() -> None:
    dead = [task(slot, state="failed", wanted="shutdown") for slot in (1, 2, 1)]
    assert outcome(view("", *dead[:2]), NEW, "c", 0) is None
    assert outcome(view("", *dead), NEW, "c", 0) == "it does not stay alive"
    assert outcome(view("", *dead), NEW, "c", 3) is None  # they died before this began


def test_what_a_rollback_needs_is_kept() -> None:
    seen = view("completed", task(1), task(2))
    assert seen.service.files == {"new", "old"}
    assert [each.port(8080) for each in seen.live] == [32770, 32769]
    assert max(each.since for each in seen.live) == "2026-11-28T12:00:02Z"


@pytest.mark.parametrize("text", ["", "[]", "{}", "[1]", "nonsense"])
def test_what_cannot_be_read_is_one_line(text: str) -> None:
    with pytest.raises(PipelineError, match="unknown way"):
        read_service(text)


def test_new_files_alone_are_rolled_out() -> None:
    running = Running(NEW, OLD, healthy=True, stale=True)
    move = decide_deploy(NEW, running, ())
    assert (move.way, move.why) == (Way.PUT, "it runs, with other files than there are now")
    assert (move.reference, move.previous) == (NEW, OLD)


def test_the_stack_is_as_hardened_as_a_swarm_can_make_it() -> None:
    told = yaml.safe_load((ROOT / "deploy/swarm/stack.yaml").read_text())["services"]["mgit"]
    assert (told["user"], told["read_only"], told["cap_drop"]) == ("65532:65532", True, ["ALL"])
    assert told["deploy"]["endpoint_mode"] == "dnsrr"
    for change in ("update_config", "rollback_config"):
        assert told["deploy"][change]["order"] == "stop-first"
    assert told["deploy"]["update_config"]["failure_action"] == "rollback"
    assert set(told["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert {mount["type"] for mount in told["volumes"]} == {"volume", "tmpfs"}
