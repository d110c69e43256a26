"""What the service makes of what its web process tells."""

from __future__ import annotations

import io
import json
from dataclasses import replace as replace_
from pathlib import Path

import pytest
from msgspec.structs import replace

from mgit.config import Environment, load_settings
from mgit.daemon.agenda import Agenda, Errand, News
from mgit.daemon.schedule import Timetable
from mgit.daemon.waiting import Waiting
from mgit.daemon.web.channel import Hint, Inbox, Note
from mgit.daemon.web.service import Ear
from mgit.fleet.wiring import open_parts
from mgit.model import RepoKey
from mgit.plan.rhythm import Book
from mgit.state import FLOOD
from mgit.state.deliveries import MOST_WAITING

AGENDA = Agenda(Timetable.resume({"work": 60.0}, {}, now=0.0, wall=0.0), Book({}, {}))


class Heard:
    """A service that hears, with real parts."""

    def __init__(self, folder: Path, limit: int = 4) -> None:
        self.folder = folder
        self.stream = io.StringIO()
        self.opened = self.opened_again()
        self.inbox = Inbox(limit)
        self.counts: list[str] = []
        self.audit = folder / "state" / "audit.jsonl"

    def hear(self, *lines: Hint | Note) -> None:
        with self.opened as parts:
            ear = Ear(parts, self.inbox, self.counts.append)
            for line in lines:
                ear(line)

    def opened_again(self):
        variables = {"HOME": str(self.folder), "MGIT_STATE_DIR": str(self.folder / "state")}
        return open_parts(
            load_settings(environment=Environment(variables)), stream=self.stream, log_format="json"
        )

    @property
    def events(self) -> list[str]:
        return [json.loads(line)["event"] for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def heard(tmp_path: Path) -> Heard:
    return Heard(tmp_path)


def note(event: str, code: str = "", missed: int = 0) -> Note:
    audit = "webhook-refused" if event == "webhook.refused" else ""
    return Note("info", event, "words", source="work", code=code, missed=missed, audit=audit)


def test_a_hint_waits_in_the_inbox_and_the_same_delivery_again_does_not(heard):
    first = Hint("work", "push", "7", marks=("id", "body"))
    heard.hear(first, Hint("work", "push", "8", marks=("other-id", "body")))
    assert heard.inbox.take() == (replace(first, number=1),)


def test_a_hint_is_kept_until_it_is_answered_and_put_back_in_another_life(heard):
    hints = [
        Hint("work", "push", one, request_id=f"r-{one}", marks=(one,)) for one in ("7", "", "8")
    ]
    heard.hear(*hints)
    with heard.opened_again() as parts:
        kept = parts.state.deliveries.waiting()
        assert [(one.key, one.request_id, one.number) for one in kept] == [
            ("7", "r-7", 1), ("", "r-", 2), ("8", "r-8", 3),
        ]  # fmt: skip
        parts.state.deliveries.answered(kept[:2])
        assert parts.state.deliveries.waiting() == kept[2:]


def test_what_is_hinted_at_again_while_it_is_answered_waits_again(heard):
    heard.hear(Hint("work", "push", "7", marks=("1",)), Hint("work", "push", "7", marks=("2",)))
    (hint,) = heard.inbox.take()
    assert hint.number == 2  # the first one, and it answers both
    with heard.opened_again() as parts:
        waiting = Waiting(parts.state.deliveries)
        waiting.note([hint])
        Ear(parts, heard.inbox, heard.counts.append)(Hint("work", "push", "7", marks=("3",)))
        waiting.after(Errand(only={"work": frozenset({RepoKey("h", "7")})}), AGENDA)
        assert [one.number for one in parts.state.deliveries.waiting()] == [3]


def test_a_hint_is_answered_when_the_agenda_waits_for_nothing_more(heard):
    heard.hear(*(Hint("work", "push", one, marks=(one,)) for one in ("7", "8", "")))
    with heard.opened_again() as parts:
        waiting = Waiting(parts.state.deliveries)
        waiting.note(heard.inbox.take())

        def left(errand: Errand, agenda: Agenda) -> list[str]:
            waiting.after(errand, agenda)
            return [one.key for one in parts.state.deliveries.waiting()]

        errand = Errand(only={"work": frozenset({RepoKey("h", "7")})})
        later = {RepoKey("h", "8"): News("", 9.0, 1)}
        assert left(errand, replace_(AGENDA, news=later, listings={"work": ""})) == ["7", "8", ""]
        assert left(errand, replace_(AGENDA, news=later)) == ["8"]
        assert left(errand, AGENDA) == []


def test_what_does_not_fit_waits_for_a_turn_of_its_source(heard):
    heard.hear(*(Hint("work", "push", str(n), marks=(str(n),)) for n in range(MOST_WAITING + 3)))
    with heard.opened_again() as parts:
        kept = parts.state.deliveries.waiting()
        assert len(kept) == MOST_WAITING + 1
        assert kept[-1].key == FLOOD
        waiting = Waiting(parts.state.deliveries)
        waiting.note([Hint("work", FLOOD, number=kept[-1].number)])
        waiting.after(Errand(("work",)), AGENDA)
        assert parts.state.deliveries.waiting()[-1].key == FLOOD
        waiting.after(Errand(("work",), turn=True), AGENDA)
        assert parts.state.deliveries.waiting()[-1].key != FLOOD


def test_more_hints_than_there_is_room_for_are_told_of_now_and_again(heard):
    heard.hear(*(Hint("work", "push", str(n), marks=(str(n),)) for n in range(12)))
    assert heard.events == ["webhook.flood"] * 4  # of 1, 2, 4 and 8
    assert heard.inbox.take()[-1].event == FLOOD


def test_every_delivery_is_counted_by_what_came_of_it(heard):
    heard.hear(
        note("webhook.accepted"),
        note("webhook.accepted", "replayed"),
        note("webhook.accepted", "ping"),
        note("webhook.refused", "wrong-signature", missed=2),
        note("webhook.refused", "malformed"),
        note("web.request"),
    )
    assert heard.counts == [
        "accepted",
        "duplicate",
        "ignored",
        "refused",
        "limited",
        "limited",
        "malformed",
    ]
    records = [json.loads(line) for line in heard.audit.read_text().splitlines()]
    assert [one["labels"]["code"] for one in records] == ["wrong-signature", "malformed"]
    assert records[0]["labels"]["missed"] == 2
