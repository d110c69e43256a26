"""What the service makes of what its web process tells."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from mgit.config import Environment, load_settings
from mgit.daemon.web.channel import FLOOD, Hint, Inbox, Note
from mgit.daemon.web.service import Ear
from mgit.fleet.wiring import open_parts


class Heard:
    """A service that hears, with real parts."""

    def __init__(self, folder: Path, limit: int = 4) -> None:
        variables = {"HOME": str(folder), "MGIT_STATE_DIR": str(folder / "state")}
        self.stream = io.StringIO()
        self.opened = open_parts(
            load_settings(environment=Environment(variables)), stream=self.stream, log_format="json"
        )
        self.inbox = Inbox(limit)
        self.counts: list[str] = []
        self.audit = folder / "state" / "audit.jsonl"

    def hear(self, *lines: Hint | Note) -> None:
        with self.opened as parts:
            ear = Ear(parts, self.inbox, self.counts.append)
            for line in lines:
                ear(line)

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
    assert heard.inbox.take() == (first,)


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
