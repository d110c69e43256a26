"""Every line is one event, whole, clean and with its run."""

import io
import json

import pytest

from mgit.address import Origin, parse_clone_url
from mgit.credentials import Credential, Secret
from mgit.errors import ExitCode
from mgit.model import (
    Clone,
    CopyKind,
    Listing,
    Outcome,
    Plan,
    Reason,
    RemoteRepo,
    RepoKey,
    RepoPath,
    Result,
    Skip,
)
from mgit.telemetry import (
    CredentialFound,
    Ended,
    Listed,
    Planned,
    RunEnded,
    RunStarted,
    log_observer,
    open_log,
)
from mgit.telemetry.clean import Cleaner

REPO = RemoteRepo(
    key=RepoKey("git.example.com", "1"),
    source="work",
    path=RepoPath("acme", "tool"),
    url=parse_clone_url("https://git.example.com/acme/tool.git"),
)
CLONE = Clone(REPO, "acme/tool", CopyKind.MIRROR)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture
def stream():
    return io.StringIO()


def test_a_json_line_has_run_and_repo_also_where_there_is_none(stream):
    events = open_log("json", "info", str, stream)
    events.info("service.started", "hello", listen="127.0.0.1:8080")
    (line,) = lines(stream)
    assert line["event"] == "service.started"
    assert line["level"] == "info"
    assert line["message"] == "hello"
    assert line["listen"] == "127.0.0.1:8080"
    assert line["run_id"] is None
    assert line["repo"] is None
    assert str(line["ts"]).endswith("Z")


def test_bound_fields_stand_on_every_line(stream):
    events = open_log("json", "info", str, stream).bind(run_id="r1")
    events.info("a", "one")
    events.warning("b", "two", repo="acme/tool")
    assert [(line["run_id"], line["repo"]) for line in lines(stream)] == [
        ("r1", None),
        ("r1", "acme/tool"),
    ]


def test_the_level_is_kept(stream):
    events = open_log("json", "warning", str, stream)
    events.debug("a", "a")
    events.info("b", "b")
    events.error("c", "c")
    assert [line["event"] for line in lines(stream)] == ["c"]


def test_a_percent_sign_is_a_percent_sign(stream):
    open_log("console", "info", str, stream).info("a", "100 %s done %(x)d")
    assert "100 %s done %(x)d" in stream.getvalue()


def test_secrets_and_control_characters_never_come_through(stream):
    clean = Cleaner()
    clean.add(Credential(Origin("https", "h", 443), "me", Secret("hunter2hunter2"), "test"))
    for kind in ("json", "console"):
        events = open_log(kind, "info", clean, stream)
        events.info("a", "token hunter2hunter2 \x1b[31mred\u202e\nsecond", field="x hunter2hunter2")
    text = stream.getvalue()
    assert "hunter2" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert len(text.splitlines()) == 2


def test_a_secret_that_was_replaced_stays_hidden():
    clean = Cleaner()
    for value in ("old-token-1234", "new-token-5678"):
        clean.add(Credential(Origin("https", "h", 443), "me", Secret(value), "test"))
    assert clean("old-token-1234 new-token-5678") == "*** ***"


def test_a_closed_stream_does_not_end_the_run(stream):
    events = open_log("json", "info", str, stream)
    stream.close()
    events.info("a", "nobody listens")


def test_console_lines_are_for_people(stream):
    open_log("console", "info", str, stream).bind(run_id="r1").info("a", "cloned acme/tool", refs=3)
    assert stream.getvalue().endswith("info    cloned acme/tool  run_id=r1 refs=3\n")


def test_the_stream_of_events_becomes_lines(stream):
    observe = log_observer(open_log("json", "debug", str, stream))
    failed = Outcome(CLONE, Result.FAILED, None, "no space", "make room", 1, 2.0)
    current = Outcome(Skip("acme/a", "acme/a", Reason.CURRENT), Result.CURRENT, Reason.CURRENT)
    observe(RunStarted("r1", "/data", ("work",)))
    observe(CredentialFound("r1", "work", "https://git.example.com", "file /run/secrets/t"))
    observe(Listed("r1", Listing("work", (REPO,)), 0.5))
    observe(Listed("r1", Listing("home", (), complete=False, problem="refused", exit_code=3), 0.1))
    observe(Planned("r1", Plan((CLONE,)), 0.2))
    observe(Ended("r1", failed, "work"))
    observe(Ended("r1", current, "work"))
    observe(RunEnded("r1", ExitCode.SOME_FAILED, 3.0, 4))
    found = lines(stream)
    assert {line["run_id"] for line in found} == {"r1"}
    assert [(line["event"], line["level"]) for line in found] == [
        ("run.started", "info"),
        ("credential.found", "debug"),
        ("source.listed", "info"),
        ("source.problem", "warning"),
        ("source.listed", "info"),
        ("run.planned", "info"),
        ("repo.failed", "warning"),
        ("repo.current", "debug"),
        ("run.ended", "warning"),
    ]
    assert found[6]["repo"] == "acme/tool"
    assert found[6]["advice"] == "make room"
