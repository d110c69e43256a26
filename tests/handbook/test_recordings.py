"""Recordings are drawn from their casts, hold real commands, and need nobody."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from mgit.cli.parser import parse
from tests.recording.__main__ import SCENES
from tests.recording.film import Cast, drawn, frames
from tests.recording.terminal import PLAIN, Terminal
from tests.story.laptop import REPOSITORY

PICTURES = REPOSITORY / "docs" / "pictures"
casts = pytest.mark.parametrize("file", sorted(PICTURES.glob("*.cast")), ids=lambda file: file.stem)
_TYPED = re.compile(r"\$\x1b\[0m (mgit [^\r]+)\r\n")
MOST_BYTES = 120_000


def test_each_scene_was_recorded_and_is_shown() -> None:
    assert {file.stem for file in PICTURES.glob("*.cast")} == set(SCENES)
    pages = "".join(file.read_text("utf-8") for file in (REPOSITORY / "docs").rglob("*.md"))
    assert [name for name in SCENES if f"pictures/{name}.svg)" not in pages] == []


@casts
def test_the_picture_is_drawn_from_its_cast(file: Path) -> None:
    picture = file.with_suffix(".svg").read_text("utf-8")
    assert picture == drawn(Cast.load(file.read_text("utf-8"))), "python -m tests.recording --draw"
    assert len(picture) < MOST_BYTES
    root = ET.fromstring(picture)
    assert root.findtext("{http://www.w3.org/2000/svg}title") == SCENES[file.stem][0]
    assert not re.search(r"(href|src)=\"(?!#)|url\(|<script|@import", picture)


@casts
def test_what_is_typed_are_commands_of_today(file: Path) -> None:
    said = "".join(text for _, text in Cast.load(file.read_text("utf-8")).events)
    typed = _TYPED.findall(said)
    assert len(typed) >= 2
    for command in typed:
        parse(shlex.split(command)[1:])
    assert not re.search(r"/tmp/|/root|127\.0\.0\.1|canary", said)


def test_a_line_that_is_drawn_over_is_seen_as_it_stands() -> None:
    terminal = Terminal(20, 2)
    terminal.feed("first\r\nworking 1/3\r\x1b[Kworking 2/3\r\x1b[K\x1b[1;32mdone\x1b[0m all\r\n")
    assert terminal.screen() == (
        ((0, "done", ("c2", True, False)), (4, " all", PLAIN)),
        (),
    )


def test_nothing_happens_for_long_and_no_frame_is_too_short_to_be_seen() -> None:
    cast = Cast("x", 10, 3, ((0.0, "a"), (0.01, "b"), (0.2, "c"), (60.0, "d")))
    shown = frames(cast)
    assert [[run[1] for run in screen[0]] for _, screen in shown] == [["ab"], ["abc"], ["abcd"]]
    assert max(wait for wait, _ in shown[:-1]) < 2
    assert Cast.load(cast.dump()) == cast
