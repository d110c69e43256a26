"""What the page and the API say of a service in a state of one's choice, without a process.

The same answers over real sockets and in a real browser are in `tests/story/test_status_*.py`.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from mgit.daemon.board import Board
from mgit.daemon.health import Snapshot
from mgit.daemon.region import Region
from mgit.daemon.web.answer import Answer
from mgit.daemon.web.app import App, Parts
from mgit.daemon.web.channel import Hint, Note
from mgit.daemon.web.guard import Gate
from mgit.daemon.web.openapi import openapi_document
from mgit.daemon.web.request import Malformed, parse_request
from mgit.daemon.web.server import Exchange, Peer
from mgit.daemon.web.status import Running
from mgit.daemon.web.view import View
from mgit.model import Reason
from mgit.state.overview import Overview
from tests.story.scenes import DAY, HOUR, MINUTE, SCENES, Scene, failed, fetched, held

EMPTY_ELEMENTS = {"meta", "link", "input", "rect", "path", "circle"}


class Whole(HTMLParser):
    """Sees that every element that begins also ends, in the right order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attributes if name == "href"]
        if tag not in EMPTY_ELEMENTS:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attributes if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        if tag not in EMPTY_ELEMENTS:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


class Shown:
    """An application over a scene; `ask` is what a server would do with a request."""

    def __init__(self, scene: Scene, *, debug: bool = False) -> None:
        self.scene = scene
        self.told: list[Hint | Note] = []
        self.board, self.status = Board(), Board()
        self.board.lock(None)
        self.room = True
        self.now = 0.0
        self.refresh()
        view = View(
            Region(self.board.descriptor),
            Region(self.status.descriptor),
            Overview(scene.folder / "state.db"),
            clock=lambda: scene.now,
        )
        gate = Gate(Region(self.board.descriptor), tokens=False, certificates=False)
        parts = Parts(view=view, gate=gate, tell=self._tell, debug=debug)
        self.app = App(parts, clock=lambda: self.now)

    def refresh(self) -> None:
        self.board.show(self.scene.snapshot)
        self.status.publish(msgspec.json.encode(self.scene.status))

    def _tell(self, line: Hint | Note) -> bool:
        if self.room:
            self.told.append(line)
        return self.room

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        target = path.partition("#")[0]  # a browser keeps the fragment to itself
        lines = [f"{method} {target} HTTP/1.1", "Host: localhost"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        request = parse_request("\r\n".join(lines).encode())
        exchange = Exchange(request, Peer("192.0.2.7"), self.app.identify(request))
        answer = self.app.answer(exchange)
        assert isinstance(answer, Answer)
        self.app.ended(exchange, answer, 0.01)
        return answer

    def page(self, path: str = "/", status: int = 200) -> Whole:
        answer = self.ask(path)
        assert answer.status == status
        return Whole(answer.body.decode("utf-8").removeprefix("<!doctype html>"))

    def json(self, path: str, status: int = 200) -> Any:
        answer = self.ask(path)
        assert answer.status == status, answer.body
        return json.loads(answer.body)

    def close(self) -> None:
        self.scene.state.close()
        for one in (self.board, self.status):
            one.__exit__(None, None, None)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.fixture
def show(scene: Scene) -> Iterator[Any]:
    made: list[Shown] = []

    def start(name: str = "", *, debug: bool = False) -> Shown:
        if name:
            SCENES[name](scene)
        made.append(Shown(scene, debug=debug))
        return made[-1]

    yield start
    for one in made:
        one.close()


# --- the page ----------------------------------------------------------------------------------


def test_before_the_first_run_the_page_says_what_will_come(show):
    page = show("empty").page()
    assert "No repository yet" in page.text
    assert "as soon as the first run has looked at them" in page.text
    assert "No run has begun yet." in page.text
    assert "Waiting" in page.text
    assert "not told" in page.text


def test_when_all_is_well_it_says_so_first(show):
    page = show("healthy").page()
    assert page.text.startswith("All is well")
    assert "200 of 200 repositories hold all of their upstream" in page.text
    assert "Last run" in page.text
    assert "a second" in page.text
    assert "412.3 GB" in page.text
    assert "mgit 1.4.0" in page.text
    assert "in 11 min" in page.text
    assert "every 1 h" in page.text


def test_a_forge_that_is_down_is_the_headline_with_what_to_do(show):
    page = show("stale").page()
    assert page.text.startswith("1 source failing")
    assert "connection timed out" in page.text
    assert "look at the network" in page.text
    assert "40 stale" in page.text
    assert "Unreachable" in page.text
    assert "/?source=gitlab&state=stale#repositories" in page.links


def test_stale_alone_is_the_headline_too(show, scene):
    scene.source("github", "github")
    scene.run(2 * DAY, [fetched(1, "github")])
    assert show().page().text.startswith("1 repository stale")


def test_a_source_without_words_tells_how_often_it_failed(show, scene):
    scene.source("github", "github", up=False, failures=4)
    assert "failed 4 times in a row" in show().page().text


def test_failures_a_run_under_way_and_hostile_names_are_text(show):
    page = show("failing").page()
    assert page.text.startswith("4 repositories and 1 source failing")
    assert "40 of 126 actions done" in page.text
    assert "Not ended" in page.text
    assert "Some failed" in page.text
    assert "Token refused" in page.text
    assert "ask its owner" in page.text
    assert not any("onerror" in link for link in page.links)


def test_while_the_forges_are_asked_nothing_is_planned_yet(show, scene):
    scene.source("github", "github")
    scene.running = Running(run_id="a" * 16, sources=("github",), started_at=scene.now - 1)
    page = show().page()
    assert "asking the forges" in page.text
    assert "just now" in page.text


def test_a_stuck_service_is_said_before_all_else(show, scene):
    scene.source("github", "github")
    scene.run(4 * MINUTE, [failed(1, "github", "broken")], code=77)
    scene.snapshot = Snapshot(time.monotonic() - 600, lock_held=True, state_loaded=True)
    page = show().page()
    assert page.text.startswith("The service is stuck")
    assert "What is below is how it stood then." in page.text
    assert "Code 77" in page.text


def test_a_service_that_cannot_write_says_so(show, scene):
    scene.source("github", "github")
    scene.snapshot = Snapshot(time.monotonic(), lock_held=True, state_loaded=True)
    page = show().page()
    assert page.text.startswith("The service is not ready")
    assert "Storage full or not writable." in page.text


def test_a_shard_says_which_it_is_and_what_it_leaves_to_others(show, scene):
    scene.source("github", "github")
    scene.run(MINUTE, [held(1, "github", Reason.FOREIGN, "not a clone of mgit's")])
    whole = scene.status
    shown = show()
    shown.status.publish(msgspec.json.encode(msgspec.structs.replace(whole, shard="2/3")))
    page = shown.page()
    assert "shard 2/3" in page.text
    assert "Foreign" in page.text


def test_a_run_that_looked_at_nothing_has_no_pace(show, scene):
    scene.source("github", "github", interval=30.0)
    scene.run(HOUR, [], seconds=0.0)
    page = show().page()
    assert "no figure yet" in page.text
    assert "every 30 s" in page.text


def test_pages_of_repositories_lead_to_each_other(show):
    shown = show("healthy")
    first = shown.page("/?sort=name")
    assert "1 to 25 of 200" in first.text
    assert "Page 1 of 8" in first.text
    second = shown.page(next(link for link in first.links if "page=2" in link))
    assert "26 to 50 of 200" in second.text
    last = shown.page("/?sort=name&page=8")
    assert "176 to 200 of 200" in last.text
    beyond = shown.page("/?page=9")
    assert "No repository is like that." in beyond.text


@pytest.mark.parametrize("sort", ["attention", "stalest", "changed", "slowest", "name"])
@pytest.mark.parametrize("state", ["", "failed", "stale", "held", "well", "foreign"])
def test_every_filter_and_order_can_be_asked_for(show, sort, state):
    page = show("failing").page(f"/?q=e&source=github&state={state}&sort={sort}")
    assert "Show all" in page.text


@pytest.mark.parametrize(
    "query", ["page=0", "page=x", "sort=best", "source=other", "unknown=1", "state=odd"]
)
def test_a_question_that_makes_no_sense_is_a_page_that_says_why(show, query):
    page = show("healthy").page(f"/?{query}", 400)
    assert "That cannot be shown" in page.text
    assert "/" in page.links


def test_the_page_of_a_repository_tells_its_history(show):
    shown = show("failing")
    key = quote("github.example.com#1123", safe="")
    page = shown.page(f"/repositories/{key}")
    assert "repository is disabled by its owner" in page.text
    assert "ask its owner" in page.text
    assert "github.example.com#1123" in page.text
    assert "What was done" in page.text
    kept = shown.page(f"/repositories/{quote('github.example.com#1121', safe='')}")
    assert "emptied" in kept.text
    assert "No such repository" in shown.page("/repositories/nobody%231", 404).text
    assert "Nothing is here" in shown.page("/elsewhere", 404).text


def test_style_and_icon_are_ours_and_pages_are_not_sent_twice(show):
    shown = show("healthy")
    assert shown.ask("/style.css").kind.startswith("text/css")
    assert shown.ask("/icon.svg").kind == "image/svg+xml"
    first = shown.ask("/")
    tag = dict(first.headers)["ETag"]
    assert shown.ask("/", If_None_Match=tag).status == 304
    assert shown.ask("/metrics").kind.startswith("text/plain")


# --- the API -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["empty", "healthy", "stale", "failing"])
def test_the_api_says_of_every_scene_what_the_page_says(show, name):
    shown = show(name)
    status = shown.json("/api/v1/status")
    sources = shown.json("/api/v1/sources")["sources"]
    assert status["sources"] == len(sources)
    assert status["repositories"]["repositories"] == sum(
        one["repositories"]["repositories"] for one in sources
    )
    for one in sources:
        assert shown.json(one["href"])["source"] == one
    runs = shown.json("/api/v1/runs")["runs"]
    assert (status["last_run"] is None) == (not any(run["ended_at"] for run in runs))


def test_a_service_that_is_stuck_or_not_ready_says_why(show, scene):
    scene.source("github", "github")
    shown = show()
    scene.snapshot = Snapshot(time.monotonic(), lock_held=False, state_loaded=True)
    shown.refresh()
    told = shown.json("/api/v1/status")
    assert (told["live"], told["ready"]) == (True, False)
    assert told["not_ready_because"] == "root lock not held, storage full or not writable"
    scene.snapshot = Snapshot(time.monotonic() - 600, lock_held=True, state_loaded=True)
    shown.refresh()
    told = shown.json("/api/v1/status")
    assert (told["live"], told["ready"]) == (False, False)
    assert "silent for" in told["not_ready_because"]


def test_a_status_that_cannot_be_read_is_an_empty_one(show, scene):
    scene.source("github", "github")
    shown = show()
    shown.status.publish(b"{half a docu")
    assert shown.json("/api/v1/status")["sources"] == 0


def test_repositories_come_in_pages_whose_links_keep_the_question(show):
    shown = show("failing")
    seen: list[str] = []
    path: str | None = "/api/v1/repositories?limit=50&sort=slowest&source=github"
    while path:
        answer = shown.ask(path)
        page = json.loads(answer.body)
        seen += [one["name"] for one in page["repositories"]]
        link = dict(answer.headers).get("Link")
        path = re.fullmatch(r'<(.*)>; rel="next"', link)[1] if link else None
    assert len(seen) == page["total"] == 126
    one = shown.json("/api/v1/repositories/github.example.com%231123")
    assert one["repository"]["state"] == "failed"
    assert one["outcomes"][0]["result"] == "failed"


def test_runs_come_in_pages(show):
    shown = show("healthy")
    first = shown.json("/api/v1/runs?limit=3")
    assert len(first["runs"]) == 3
    rest = shown.json(f"/api/v1/runs?limit=500&cursor={quote(first['next'])}")
    assert (len(rest["runs"]), rest["next"]) == (4, None)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/elsewhere", 404, "not-found"),
        ("/api/v1/sources/other", 404, "source-unknown"),
        ("/api/v1/repositories/other%231", 404, "repository-unknown"),
        ("/api/v1/status?verbose=1", 400, "parameter-unknown"),
        ("/api/v1/repositories?limit=0", 400, "parameter-invalid"),
        ("/api/v1/repositories?limit=1e3", 400, "parameter-invalid"),
        ("/api/v1/repositories?state=odd", 400, "parameter-invalid"),
        ("/api/v1/repositories?source=other", 400, "source-unknown"),
        ("/api/v1/repositories?cursor=!!", 400, "cursor-invalid"),
        ("/api/v1/runs?cursor=now", 400, "cursor-invalid"),
        ("/webhooks/work", 404, "not-found"),
    ],
)
def test_what_cannot_be_answered_is_a_problem_with_a_code(show, path, status, code):
    assert show("healthy").json(path, status)["code"] == code


def test_the_description_of_the_api_is_served(show):
    served = show("empty").json("/api/v1/openapi.json")
    assert served == json.loads(msgspec.json.encode(openapi_document()))


def test_nothing_can_be_changed_here(show):
    answer = show("empty").ask("/api/v1/status", "DELETE")
    assert (answer.status, dict(answer.headers)["Allow"]) == (405, "GET, HEAD")


# --- what the service is told ------------------------------------------------------------------


def test_what_went_well_is_told_only_when_asked_for(show):
    quiet = show("empty")
    quiet.ask("/")
    assert quiet.told == []
    chatty = show("", debug=True)
    chatty.ask("/", X_Request_Id="given-by-a-proxy")
    (note,) = chatty.told
    assert (note.level, note.event, note.status) == ("debug", "web.request", 200)
    assert note.request_id == "given-by-a-proxy"


def test_a_malformed_request_is_answered_and_told(show):
    shown = show("empty")
    exchange = Exchange(None, Peer("192.0.2.7"), shown.app.identify(None), Malformed(431, "Long."))
    answer = shown.app.answer(exchange)
    assert (answer.status, answer.code) == (431, "request-malformed")
    shown.app.ended(exchange, answer, 0.0)
    assert [(one.event, one.path) for one in shown.told] == [("web.request", "")]


def test_an_answer_that_cannot_be_made_is_told_by_its_place_only(show):
    shown = show("empty")
    exchange = Exchange(parse_request(b"GET / HTTP/1.1\r\nHost: x"), Peer("192.0.2.7"), "id")
    try:
        raise ValueError("a secret stands here")
    except ValueError:
        answer = shown.app.failed(exchange)
    (note,) = shown.told
    assert answer.status == 500
    assert note.message.startswith("ValueError in test_an_answer_that_cannot_be_made")
    assert "secret" not in note.message
    assert shown.app.failed(exchange).status == 500  # nothing is being handled any more


def test_a_flood_is_told_in_part_and_the_rest_counted(show):
    shown = show("empty")
    for _ in range(130):
        shown.ask("/elsewhere/still")
    assert len(shown.told) == 100
    shown.now = 60.0
    shown.room = False
    shown.ask("/elsewhere")
    shown.room = True
    shown.ask("/elsewhere")
    assert shown.told[-1].missed == 31
