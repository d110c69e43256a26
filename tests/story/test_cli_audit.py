"""`mgit audit` from the seat of who has to answer for it, on the real command line."""

from __future__ import annotations

import json
import signal
import stat
from pathlib import Path

import pytest

from mgit.telemetry import AuditTrail
from mgit.telemetry.rotation import Rotation
from sandbox.forge import SandboxForge
from tests.story.laptop import CANARY, Laptop


def _log(laptop: Laptop) -> Path:
    return laptop.home / ".local" / "state" / "mgit" / "audit.jsonl"


@pytest.fixture
def audited(laptop: Laptop) -> Laptop:
    """A laptop with a log of eight records, and no configuration."""
    moments = iter(1_700_000_000 + 3600 * number for number in range(8))
    trail = AuditTrail(_log(laptop), clean=str, clock=lambda: float(next(moments)))
    for number in range(4):
        trail.record("repository-cloned", "success", source="work", repo=f"acme/café-{number}")
        trail.record("credential-refused", "failure", source="work", message="the forge said no")
    return laptop


def _head(text: str) -> str:
    return text.rstrip("\n").rpartition("head ")[2]


def test_a_head_that_was_kept_is_found_again_until_the_log_is_rebuilt(audited: Laptop) -> None:
    first = audited.mgit("audit", "verify")
    assert first.code == 0, first.err
    assert "8 records hold, from 2023-11-14T22:13:20.000Z to 2023-11-15T05:13:20.000Z" in first.out
    kept = audited.home / "heads.txt"
    kept.write_text(f"some older {'1' * 64}\n{first.out}")

    AuditTrail(_log(audited), clean=str).record("run-started", "success")
    for words in (("--head-file", str(kept)), ("--head", _head(first.out).upper())):
        again = audited.mgit("audit", "verify", *words)
        assert again.code == 0, again.err
        assert "the head that was kept is in the chain; 1 record since" in again.out

    _log(audited).unlink()
    AuditTrail(_log(audited), clean=str).record("run-started", "success")
    assert audited.mgit("audit", "verify").code == 0
    rebuilt = audited.mgit("audit", "verify", "--head-file", str(kept), "--format", "json")
    assert rebuilt.code == 1
    assert rebuilt.json["problem"]["line"] is None
    assert "rebuilt" in rebuilt.err


def test_a_changed_record_is_named_with_what_to_do(audited: Laptop) -> None:
    content = _log(audited).read_text(encoding="utf-8")
    _log(audited).write_text(content.replace("café-2", "café-9"), encoding="utf-8")
    ran = audited.mgit("audit", "verify")
    assert ran.code == 1
    assert ran.out.startswith("4 records hold, ")
    assert "line 5: record 5 was changed" in ran.err
    assert "backup" in ran.last_line
    told = audited.mgit("audit", "verify", "--format", "jsonl")
    assert told.code == 1
    assert (told.json["records"], told.json["problem"]["line"]) == (4, 5)

    out = audited.home / "export.jsonl"
    assert audited.mgit("audit", "export", "--out", str(out)).code == 1
    assert not out.exists()
    printed = audited.mgit("audit", "export")
    assert (printed.code, len(printed.lines)) == (1, 4)


def test_the_last_records_stand_in_a_table_and_are_chosen(audited: Laptop) -> None:
    ran = audited.mgit("audit", "tail", "-n", "3")
    head, *rows = ran.out.splitlines()
    assert head.split() == ["time", "action", "outcome", "source", "repo", "details"]
    assert [row.split()[2] for row in rows] == [
        "credential-refused",
        "repository-cloned",
        "credential-refused",
    ]
    assert rows[1].index("acme/café-3") == head.index("repo")
    assert "message=the forge said no" in rows[2]

    chosen = audited.mgit("audit", "tail", "--action", "repository-cloned", "--format", "jsonl")
    assert [line["labels"]["repo"] for line in chosen.lines] == [
        f"acme/café-{number}" for number in range(4)
    ]
    assert chosen.out.isascii()
    young = audited.mgit("audit", "tail", "--since", "2023-11-15T04:00", "--format", "json")
    assert [record["seq"] for record in young.json["records"]] == [7, 8]
    assert audited.mgit("audit", "tail", "--since", "2h").out.count("\n") == 1


def test_an_export_is_private_and_verifies_elsewhere(audited: Laptop) -> None:
    out = audited.home / "export.jsonl"
    ran = audited.mgit("audit", "export", "--out", str(out))
    assert ran.code == 0, ran.err
    assert ran.out == ""
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert out.read_bytes() == _log(audited).read_bytes()
    copy = audited.mgit("audit", "verify", "--head", _head(ran.err), str(out))
    assert copy.code == 0, copy.err

    printed = audited.mgit("audit", "export", "--since", "2023-11-15T04:00")
    lines = _log(audited).read_text(encoding="utf-8").splitlines(keepends=True)
    assert printed.out == "".join(lines[6:])
    assert "2 records exported" in printed.err
    assert _head(printed.err) == json.loads(lines[-1])["hash"]

    itself = audited.mgit("audit", "export", "--out", str(_log(audited)))
    assert itself.code == 2
    assert audited.mgit("audit", "export", "--out", "/nowhere/at/all").code == 1
    assert audited.mgit("audit", "verify").code == 0


@pytest.mark.parametrize("form", ["table", "jsonl"])
def test_follow_prints_what_comes_until_ctrl_c(audited: Laptop, form: str) -> None:
    follow = ("audit", "tail", "-f", "-n", "1", "--action", "repository-cloned", "--format", form)
    with audited.start(*follow) as running:
        assert running.stdout is not None
        if form == "table":
            assert running.stdout.readline().startswith("time")
        assert "acme/caf" in running.stdout.readline()
        trail = AuditTrail(_log(audited), clean=str)
        trail.record("credential-refused", "failure", source="work")
        trail.record("repository-cloned", "success", repo="acme/new")
        line = running.stdout.readline()
        assert "acme/new" in line
        # Moved away, and begun anew: the new file is followed.
        _log(audited).rename(audited.home / "old.jsonl")
        trail.record("repository-cloned", "success", repo="acme/newest")
        assert "acme/newest" in running.stdout.readline()
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, "")
    assert "Traceback" not in err


def test_what_makes_no_sense_is_refused_in_two_lines(audited: Laptop) -> None:
    ran = audited.mgit("audit", "verify", "--follow")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.splitlines() == [
        "mgit: `mgit audit verify` takes no --follow",
        "mgit: it belongs to `mgit audit tail`",
    ]


def test_without_a_log_it_says_so(laptop: Laptop) -> None:
    for word in ("verify", "tail", "export"):
        ran = laptop.mgit("audit", word)
        assert ran.code == 1
        assert "there is no audit log" in ran.err


def test_a_line_of_somebody_else_is_told_by_tail(audited: Laptop) -> None:
    with _log(audited).open("a") as log:
        log.write("\x1b[31mnothing to see here\n")
    ran = audited.mgit("audit", "tail", "-n", "2")
    assert ran.code == 0
    assert len(ran.out.splitlines()) == 3
    assert "1 line among the last" in ran.err
    assert "\x1b" not in ran.out + ran.err


def test_signing_in_and_being_refused_is_recorded_without_the_token(
    laptop: Laptop, forge: SandboxForge
) -> None:
    forge.add_owner("acme")
    login = ("login", "work", "--forge", "github", "--url", forge.api_url, "--owner", "acme")
    assert laptop.mgit(*login, "--stdin", stdin="canary-that-is-wrong\n").code == 3
    assert laptop.mgit(*login, "--stdin", stdin=f"{CANARY}\n").code == 0
    records = [json.loads(line) for line in _log(laptop).read_text().splitlines()]
    refused, stored, changed = records
    assert [record["event"]["action"] for record in records] == [
        "credential-refused",
        "credential-stored",
        "configuration-changed",
    ]
    assert refused["labels"]["by"] == stored["labels"]["by"] == "mgit login"
    assert changed["labels"]["path"] == str(laptop.config_file)
    assert changed["labels"]["keys"] == (
        "sources.work.forge, sources.work.url, sources.work.owners"
    )
    assert "canary" not in _log(laptop).read_text()
    assert laptop.mgit("audit", "verify").code == 0


def test_importing_is_recorded_and_a_log_that_cannot_be_kept_is_told(
    laptop: Laptop, forge: SandboxForge
) -> None:
    forge.add_owner("acme")
    login = ("login", "work", "--forge", "github", "--url", forge.api_url, "--owner", "acme")
    _log(laptop).mkdir(parents=True)  # in the way of the file
    ran = laptop.mgit(*login, "--stdin", stdin=f"{CANARY}\n")
    assert ran.code == 0
    assert ran.err.count("cannot be written") == 1
    _log(laptop).rmdir()

    old = laptop.home / "old.yaml"
    old.write_text(
        "providers:\n"
        f'  azure: {{url: "https://dev.azure.com/myorg", user: "", token: "{CANARY}-azure"}}\n'
    )
    ran = laptop.mgit("config", "import", str(old))
    records = [json.loads(line) for line in _log(laptop).read_text().splitlines()]
    actions = [record["event"]["action"] for record in records]
    assert actions == ["credential-stored", "configuration-changed"], ran.err + ran.out
    assert CANARY not in _log(laptop).read_text()


def test_what_a_forge_must_not_say_is_recorded_as_refused(
    work: Laptop, forge: SandboxForge
) -> None:
    as_json = {"Content-Type": "application/json"}
    forge.fail_next("/api/*", 200, as_json, b'{"not": "a list"}')
    assert work.mgit("list").code == 4
    forge.fail_next("/api/*", 200, {"Content-Type": "text/html"}, b"<h1>Sign in</h1>")
    assert work.mgit("list").code == 4
    forge.fail_next("/api/*", 404, as_json, b"{}", times=100)
    assert work.mgit("list").code == 4
    ran = work.mgit("audit", "tail", "--action", "input-refused", "--format", "jsonl")
    assert [line["labels"]["malformed"] for line in ran.lines] == ["1", "1"]
    assert "in place of JSON" in ran.lines[1]["labels"]["message"]
    assert work.mgit("audit", "verify").code == 0


def test_what_a_sync_takes_away_or_forces_is_recorded(work: Laptop, forge: SandboxForge) -> None:
    forge.add_repo("acme", "api")
    app, store = forge.store.get("acme", "api"), forge.store
    for number in range(30):  # so many that twelve of them may go at once
        store.git(app, "update-ref", f"refs/heads/old-{number:02}", "refs/heads/main")
    assert work.mgit("sync").code == 0
    before = work.git("acme/api", "rev-parse", "HEAD")
    for number in range(12):
        store.git(app, "update-ref", "-d", f"refs/heads/old-{number:02}")
    forge.push("acme", "api", rewrite=True, files={"new.txt": "new\n"})
    assert work.mgit("sync").code == 0
    ran = work.mgit("audit", "tail", "--format", "jsonl")
    found = {line["event"]["action"]: line["labels"] for line in ran.lines}
    assert found["refs-deleted"]["count"] == "12"
    assert "refs/heads/old-00, refs/heads/old-01" in found["refs-deleted"]["refs"]
    assert found["branch-forced"]["branch"] == "main"
    assert found["branch-forced"]["before"] == before
    assert found["branch-forced"]["repo"] == "acme/api"


def test_a_log_over_several_files_is_checked_shown_and_exported_as_one(audited: Laptop) -> None:
    state = _log(audited).parent
    moments = iter(range(1_700_100_000, 1_800_000_000))
    small = Rotation(size=2000)
    trail = AuditTrail(_log(audited), clean=str, rotation=small, clock=lambda: float(next(moments)))
    for number in range(9):
        trail.record("repository-cloned", "success", repo=f"acme/later-{number}")
    closed = sorted(state.glob("audit-*.jsonl"))
    assert len(closed) >= 2
    records = 8 + 9 + len(closed)
    verified = audited.mgit("audit", "verify")
    assert verified.code == 0, verified.err
    assert verified.out.startswith(f"{records} records hold, from 2023-11-14T22:13:20.000Z")
    shown = audited.mgit("audit", "tail", "-n", "100", "--format", "jsonl")
    assert [line["seq"] for line in shown.lines] == list(range(1, records + 1))
    itself = audited.mgit("audit", "export", "--out", str(closed[0]))
    assert itself.code == 2
    out = audited.home / "export.jsonl"
    assert audited.mgit("audit", "export", "--out", str(out)).code == 0
    assert out.read_bytes() == b"".join(file.read_bytes() for file in (*closed, _log(audited)))
    assert audited.mgit("audit", "verify", str(out)).out == verified.out

    heads = audited.home / "heads.txt"
    heads.write_text(f"{json.loads(closed[0].read_text().splitlines()[-1])['hash']}\n")
    with heads.open("a") as file:
        file.write(verified.out)
    closed[0].rename(audited.home / "taken-away.jsonl")
    missing = audited.mgit("audit", "verify")
    assert missing.code == 1
    assert f"{closed[1]}: line 1: record 1 does not follow" in missing.err
    assert "--head-file" in missing.last_line
    known = audited.mgit("audit", "verify", "--head-file", str(heads))
    assert known.code == 0, known.err
    assert "the first of them is number" in known.out


def test_follow_goes_on_in_the_next_file(audited: Laptop) -> None:
    follow = ("audit", "tail", "-f", "-n", "1", "--format", "jsonl")
    with audited.start(*follow) as running:
        assert running.stdout is not None
        assert json.loads(running.stdout.readline())["seq"] == 8
        trail = AuditTrail(_log(audited), clean=str, rotation=Rotation(size=1000))
        for _ in range(6):  # several files within one look
            trail.record("credential-refused", "failure", source="work")
        assert len(list(_log(audited).parent.glob("audit-*.jsonl"))) >= 2
        last = json.loads(_log(audited).read_text().splitlines()[-1])["seq"]
        seen = [json.loads(running.stdout.readline())["seq"] for _ in range(last - 8)]
        assert seen == list(range(9, last + 1))
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=60)
    assert out == ""


def test_the_head_is_kept_in_a_second_place_and_shows_that_the_log_was_rebuilt(
    work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repo("acme", "api")
    second = work.home / "elsewhere" / "heads.txt"
    told = work.mgit("sync", env={"MGIT_AUDIT_HEAD_FILE": str(second)})
    assert told.code == 0
    assert told.err.count("cannot be kept in") == 1
    second.parent.mkdir()
    for _ in range(2):
        assert work.mgit("sync", env={"MGIT_AUDIT_HEAD_FILE": str(second)}).code == 0
    assert len(second.read_text().splitlines()) == 2
    assert stat.S_IMODE(second.stat().st_mode) == 0o600
    assert work.mgit("audit", "verify", "--head-file", str(second)).code == 0
    _log(work).unlink()
    assert work.mgit("sync").code == 0
    assert work.mgit("audit", "verify").code == 0
    assert work.mgit("audit", "verify", "--head-file", str(second)).code == 1
