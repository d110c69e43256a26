"""Small parts of the web helper: the pipe, the inbox, markup, words, parameters, the token file."""

import hashlib
import os
import threading
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.daemon.board import Board
from mgit.daemon.keys import SHORTEST, KeyFile, parse_tokens
from mgit.daemon.region import MAX_KEYS, Region
from mgit.daemon.web.answer import Answer, cached, problem
from mgit.daemon.web.channel import MAX_LINE, Channel, Hint, Inbox, Note, Teller
from mgit.daemon.web.markup import Markup, many, tag
from mgit.daemon.web.parameters import (
    Unfit,
    read_cursor,
    read_moment,
    read_repositories,
    write_cursor,
    write_moment,
)
from mgit.daemon.web.words import lapse, size, took
from mgit.errors import ConfigurationError
from mgit.state import FLOOD
from mgit.state.overview import Mark, Show, Sort
from mgit.text import escape_untrusted

# --- the pipe ----------------------------------------------------------------------------------


def test_what_is_told_is_heard_in_order_and_rubbish_is_said_to_be():
    heard, garbled, there = [], [], threading.Event()

    def hear(line):
        heard.append(line)
        there.set() if line == last else None

    last = Hint("work", event="push", path="acme/tööl")
    with Channel(hear, lambda: garbled.append(1)) as channel:
        teller = Teller(os.dup(channel.writes))
        assert teller.tell(Note("info", "web.request", "answered 200"))
        os.write(channel.writes, b'{"type":"other"}\n\xff\n')
        assert teller.tell(last)
        assert there.wait(10)
        os.close(teller._descriptor)
    assert [type(one) for one in heard] == [Note, Hint]
    assert len(garbled) == 2


def test_a_full_pipe_and_a_long_line_are_refused_at_once():
    reads, writes = os.pipe()
    teller = Teller(writes)
    told = 0
    while teller.tell(Hint("work", delivery="x" * 1000)):
        told += 1
    assert 10 < told < 1000
    assert not teller.tell(Hint("work", delivery="x" * MAX_LINE))
    os.close(reads)
    os.close(writes)


def test_an_inbox_keeps_each_repository_once_and_has_an_end():
    inbox = Inbox(limit=2)
    assert not inbox
    assert inbox.put(Hint("a", repo_id="1", delivery="first"))
    assert inbox.put(Hint("a", repo_id="1", delivery="second"))
    assert inbox.put(Hint("b", repo_id="1"))
    assert not inbox.put(Hint("c"))
    assert inbox
    assert inbox.dropped == 1
    waiting = [(hint.source, hint.event, hint.delivery) for hint in inbox.take()]
    # The first about a repository is kept; what did not fit stands for its whole source.
    assert waiting == [("a", "", "first"), ("b", "", ""), ("c", FLOOD, "")]
    assert inbox.take() == ()


# --- answers -----------------------------------------------------------------------------------


def test_an_answer_is_known_by_its_tag():
    first = cached(Answer(200, b"body"), "")
    (tag_,) = [value for name, value in first.headers if name == "ETag"]
    for known in (tag_, f"W/{tag_}", f'"other", {tag_}', "*"):
        again = cached(Answer(200, b"body"), known)
        assert (again.status, again.body) == (304, b"")
        assert b"Content-Length" not in again.wire("r" * 8, "now")
    assert cached(Answer(200, b"other"), tag_).status == 200


@given(st.text(), st.sampled_from([400, 401, 404, 413, 421, 429, 503]))
def test_a_problem_cannot_break_out_of_its_line(detail, status):
    answer = problem(status, "some-code", detail, "r" * 16)
    head, _, body = answer.wire("r" * 16, "now").partition(b"\r\n\r\n")
    assert f"HTTP/1.1 {status} ".encode() in head
    assert body == answer.body
    assert answer.code == "some-code"


# --- markup ------------------------------------------------------------------------------------


class Seen(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.words += data


@given(st.text(), st.text())
def test_no_text_becomes_markup(words, value):
    seen = Seen(tag("p", words, tag("b", "ours"), title=value, hidden=False, lang=None))
    assert seen.tags == ["p", "b"]
    assert [name for name, _ in seen.attributes] == ["title"]
    assert seen.words == escape_untrusted(words) + "ours"


def test_markup_is_not_escaped_twice_and_characters_that_hide_are_shown():
    assert many((tag("i", "<"), "<")) == "<i>&lt;</i>&lt;"
    assert tag("b", "a\u202eb") == "<b>a\\u202eb</b>"
    assert isinstance(tag("input", name="q", required=True), Markup)
    assert tag("input", name="q", required=True) == '<input name="q" required/>'


def test_times_and_sizes_in_words():
    assert [lapse(one) for one in (0, 59, 60, 7200, 200_000)] == [
        "0 s",
        "59 s",
        "1 min",
        "2 h",
        "2 d",
    ]
    assert [took(one) for one in (0.0004, 0.25, 1.44, 90)] == ["0 ms", "250 ms", "1.4 s", "2 min"]
    assert [size(one) for one in (999, 1000, 2_500_000, 10**18)] == [
        "999 B",
        "1.0 kB",
        "2.5 MB",
        "1000.0 PB",
    ]


# --- parameters --------------------------------------------------------------------------------

marks = st.builds(
    Mark, st.floats(allow_nan=False, allow_infinity=False), st.text(), st.text(), st.text()
)


@given(st.sampled_from(Sort), marks)
def test_a_cursor_comes_back(sort, mark):
    text = write_cursor(sort, mark)
    assert text.isascii()
    assert read_cursor(text, sort) == mark
    other = next(one for one in Sort if one is not sort)
    with pytest.raises(Unfit, match="another order"):
        read_cursor(text, other)


@given(st.text(min_size=1))
def test_any_other_cursor_is_refused(text):
    with pytest.raises(Unfit):
        read_cursor(text, Sort.NAME)


@given(st.floats(min_value=0, max_value=1e11))
def test_a_moment_comes_back(at):
    assert read_moment(write_moment(at)) == at


@pytest.mark.parametrize("text", ["nan", "inf", "-0x1p+3", "0x1p+999", "0x1p+9999", "yesterday"])
def test_any_other_moment_is_refused(text):
    with pytest.raises(Unfit):
        read_moment(text)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": "0"}, "parameter-invalid"),
        ({"limit": "501"}, "parameter-invalid"),
        ({"limit": "\xb2"}, "parameter-invalid"),
        ({"state": "broken"}, "parameter-invalid"),
        ({"sort": "rowid; --"}, "parameter-invalid"),
        ({"source": "other"}, "source-unknown"),
        ({"cursor": "e30"}, "cursor-invalid"),
        ({"stat": "failed"}, "parameter-unknown"),
    ],
)
def test_a_misspelt_filter_is_no_filter(query, code):
    with pytest.raises(Unfit) as caught:
        read_repositories(query, ["work"])
    assert caught.value.code == code


def test_what_is_asked_for():
    asked = read_repositories({"state": "stale", "q": " x ", "source": "work"}, ["work"])
    assert (asked.show, asked.text, asked.source, asked.limit) == (Show.STALE, "x", "work", 100)


# --- the token file ----------------------------------------------------------------------------

GOOD = "g" * SHORTEST
OTHER = "o" * SHORTEST


def write(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)


def test_several_tokens_and_remarks(tmp_path):
    digests = parse_tokens(f"# laptop\n{GOOD}\n\n  {OTHER}  \r\n", tmp_path)
    assert digests == tuple(hashlib.sha256(one.encode()).digest() for one in (GOOD, OTHER))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# none\n",
        "short\n",
        "with a space in the middle\n",
        "ü" * 30,
        f"{GOOD}\n" * (MAX_KEYS + 1),
    ],
)
def test_what_is_no_token_is_told_by_its_line_only(tmp_path, text):
    with pytest.raises(ConfigurationError) as caught:
        parse_tokens(text, tmp_path)
    assert "openssl rand" in caught.value.advice
    for word in ("short", "space", "ü", GOOD):
        assert word not in caught.value.message.partition(":")[2].replace("no token of", "")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        self.now += 2.0
        return self.now


@pytest.mark.fault("the token file is emptied, damaged or gone")
def test_a_file_that_changes_counts_at_once_and_one_that_is_emptied_takes_all_keys_back(tmp_path):
    path, told = tmp_path / "tokens", []
    write(path, f"{GOOD}\n")
    with Board() as board:
        region = Region(board.descriptor)
        keys = KeyFile(path, board, lambda *words: told.append(words), clock=Clock())
        assert region.holds(GOOD.encode())
        keys.refresh()
        assert told == []
        write(path, f"{GOOD}\n{OTHER}\n")
        keys.refresh()
        assert region.holds(GOOD.encode())
        assert region.holds(OTHER.encode())
        write(path, f"{OTHER}\n")
        keys.refresh()
        assert not region.holds(GOOD.encode())
        write(path, "")
        keys.refresh()
        assert not region.holds(OTHER.encode())
        assert not region.lets_in(b"")
        path.unlink()
        keys.refresh()
        write(path, f"{GOOD}\n", 0o644)
        keys.refresh()
        assert not region.holds(GOOD.encode())
        write(path, f"{GOOD}\n")
        keys.refresh()
        assert region.holds(GOOD.encode())
    assert [count for count, _, _ in told] == [2, 1, 0, 0, 0, 1]
    assert "other users" in told[4][1]
