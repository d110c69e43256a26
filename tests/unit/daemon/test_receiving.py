"""The web process judges deliveries; the inbox of the service keeps what comes of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mgit import webhooks
from mgit.credentials.hooks import read_hook_secrets
from mgit.daemon.web import hooks
from mgit.daemon.web.channel import DEBOUNCE_SECONDS, MAX_LINE, Hint, Inbox
from mgit.daemon.web.hooks import Accepted, Refused
from mgit.daemon.web.receiving import KEPT_MARKS, HookSetup, Marks, Receiver, SecretFile
from mgit.errors import ConfigurationError
from mgit.state import FLOOD
from sandbox.forge import Delivery, Hook, SandboxRepo, compose

SECRET = "a-secret-that-two-sides-know"
HOOK = Hook("", SECRET)
REPO = SandboxRepo(
    id=1001,
    owner_id=1,
    owner="acme",
    name="tool",
    default_branch="main",
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "secret", SECRET)


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text + "\n")
    path.chmod(mode)
    return path


def receiver(file: Path, known: tuple[str, ...] = (), clock: Clock | None = None) -> Receiver:
    setup = HookSetup("work", "gitea", str(file))
    return Receiver([setup], lambda source: known, clock=clock or Clock())


def judged(one: Receiver, sent: Delivery, source: str = "work") -> Accepted | Refused:
    headers = {name.lower(): value for name, value in sent.headers.items()}
    return one(source, headers, sent.body)


def test_a_push_becomes_one_hint(file):
    verdict = judged(receiver(file), compose("gitea", "push", REPO, HOOK))
    assert isinstance(verdict, Accepted)
    (hint,) = verdict.hints
    assert (hint.source, hint.event, hint.repo_id, hint.path) == (
        "work",
        "push",
        "1001",
        "acme/tool",
    )
    assert verdict.note == "push of acme/tool"


def test_what_changes_the_list_becomes_a_hint_without_a_repository(file):
    verdict = judged(receiver(file), compose("gitea", "renamed", REPO, HOOK))
    assert isinstance(verdict, Accepted)
    assert [one.repo_id for one in verdict.hints] == [""]


@pytest.mark.parametrize("path", ["x" * 1000, "\u202e" * 100, "\U0001f600" * 100])
def test_a_hint_always_fits_into_a_line(file, path):
    import msgspec

    repo = msgspec.structs.replace(REPO, name=path)
    verdict = judged(receiver(file), compose("gitea", "push", repo, HOOK))
    assert isinstance(verdict, Accepted)
    named = msgspec.structs.replace(verdict.hints[0], request_id="r" * 64)
    assert len(msgspec.json.encode(named)) < MAX_LINE


def test_again_means_nothing_also_when_both_come_at_once(file):
    one, sent = receiver(file), compose("gitea", "push", REPO, HOOK)
    with ThreadPoolExecutor(8) as pool:
        verdicts = list(pool.map(lambda _: judged(one, sent), range(40)))
    assert sum(len(verdict.hints) for verdict in verdicts if isinstance(verdict, Accepted)) == 1
    again = judged(one, sent)
    assert isinstance(again, Accepted)
    assert again.code == "replayed"


def test_what_an_earlier_life_was_sent_is_known(file):
    first = judged(receiver(file), sent := compose("gitea", "push", REPO, HOOK))
    assert isinstance(first, Accepted)
    again = judged(receiver(file, first.hints[0].marks), sent)
    assert isinstance(again, Accepted)
    assert again.hints == ()


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (
            compose("gitea", "push", REPO, Hook("", "another-secret-altogether")),
            401,
            "wrong-signature",
        ),
        (Delivery({}, b"{}"), 401, "unsigned"),
        (compose("github", "push", REPO, Hook("", "")), 401, "wrong-signature"),
    ],
)
def test_what_is_not_believed_is_refused_in_words_that_tell_nothing(file, sent, status, code):
    verdict = judged(receiver(file), sent)
    assert isinstance(verdict, Refused)
    assert (verdict.status, verdict.code, verdict.audited) == (status, code, True)
    assert SECRET not in verdict.detail


def test_a_name_that_nobody_set_up(file):
    verdict = judged(receiver(file), compose("gitea", "push", REPO, HOOK), "somebody")
    assert isinstance(verdict, Refused)
    assert (verdict.status, verdict.code) == (404, "source-unknown")


def test_a_flood_of_refusals_is_told_of_now_and_again_and_counted(file):
    clock = Clock()
    one, sent = receiver(file, clock=clock), Delivery({}, b"{}")
    verdicts = [judged(one, sent) for _ in range(100)]
    told = [verdict for verdict in verdicts if isinstance(verdict, Refused) and verdict.told]
    assert len(told) == 10
    # Another name is heard all the same.
    other = judged(one, sent, "somebody")
    assert isinstance(other, Refused)
    assert other.told
    clock.now += 60.0
    later = judged(one, sent)
    assert isinstance(later, Refused)
    assert (later.told, later.missed, later.audited) == (True, 90, True)


# --- secrets ------------------------------------------------------------------------------------


def test_a_secret_file_is_read_again_when_it_changes(file):
    secrets = SecretFile(file)
    first = secrets.read()
    assert secrets.read() is first
    write(file, f"{SECRET}\n\nthe-secret-that-comes-next")
    assert [one.reveal() for one in secrets.read()] == [SECRET, "the-secret-that-comes-next"]
    file.unlink()
    assert secrets.read() == ()
    write(file, SECRET)
    assert len(secrets.read()) == 1


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("short", 0o600, "fewer than 16 characters"),
        ("", 0o600, "holds 0 secrets"),
        ("\n".join(f"secret-number-{n:02}-of-many" for n in range(9)), 0o600, "holds 9 secrets"),
        (SECRET, 0o644, "can be read by other users"),
        ("a-secret-with-a\x07-bell-in-it", 0o600, "is no secret"),
    ],
)
def test_a_secret_file_that_cannot_be_used_says_why(tmp_path, text, mode, words):
    path = write(tmp_path / "secret", text, mode)
    with pytest.raises(ConfigurationError, match=words) as caught:
        read_hook_secrets(path)
    assert caught.value.advice
    assert SECRET not in str(caught.value)
    assert SecretFile(path).read() == ()


def test_without_a_secret_that_can_be_used_everything_is_refused(file):
    file.chmod(0o644)
    verdict = judged(receiver(file), compose("gitea", "push", REPO, HOOK))
    assert isinstance(verdict, Refused)
    assert (verdict.status, verdict.code) == (403, "no-secret")


def test_the_marks_of_one_source_are_bounded():
    marks = Marks(f"old-{n}" for n in range(10))
    marks.add(str(n) for n in range(KEPT_MARKS))
    assert "old-9" not in marks
    assert str(KEPT_MARKS - 1) in marks


def test_the_bodies_that_are_read_are_the_bodies_that_are_understood():
    assert hooks.MAX_BODY == webhooks.MAX_BODY


# --- the inbox -----------------------------------------------------------------------------------


def test_a_thousand_hints_about_one_repository_are_one_the_first():
    inbox = Inbox()
    for number in range(1000):
        inbox.put(Hint("work", "push", "7", request_id=f"request-{number}"))
    (hint,) = inbox.take()
    assert hint.request_id == "request-0"
    assert not inbox


def test_hints_are_ripe_a_moment_after_the_first():
    clock = Clock()
    inbox = Inbox(clock=clock)
    assert not inbox.ripe
    inbox.put(Hint("work", "push", "7"))
    assert not inbox.ripe
    clock.now += DEBOUNCE_SECONDS / 2
    inbox.put(Hint("work", "push", "8"))  # does not put it off
    clock.now += DEBOUNCE_SECONDS / 2
    assert inbox.ripe
    assert len(inbox.take()) == 2
    assert not inbox.ripe


def test_what_does_not_fit_stands_for_its_whole_source():
    inbox = Inbox(limit=3)
    kept = [inbox.put(Hint(source, "push", str(n))) for source in "ab" for n in range(5)]
    assert kept == [True] * 3 + [False] * 7
    hints = inbox.take()
    assert [(one.source, one.event) for one in hints[3:]] == [("a", FLOOD), ("b", FLOOD)]
    assert inbox.dropped == 7
