"""The bars of `mgit perf`: as wide as the terminal at most, and readable without its letters."""

from __future__ import annotations

import pytest

from mgit.cli.timing import perf_lines

from .perf_cases import REPORTS

BUSY, QUIET = REPORTS


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
@pytest.mark.parametrize("report", REPORTS)
def test_no_line_with_a_bar_is_wider_than_the_terminal(report, columns: int) -> None:
    lines = [line for line in perf_lines(report, columns) if line.startswith("  ")]
    assert lines
    assert max(map(len, lines)) <= columns


def test_the_longest_has_the_longest_bar_and_what_took_time_has_one() -> None:
    lines = perf_lines(BUSY, 100)
    bars = {line.split()[0]: line.count("█") for line in lines if line.startswith("  ")}
    assert bars["applying"] > bars["comparing"] > bars["listing"]
    assert bars["git"] == max(bars[name] for name in ("asking", "git", "paused", "queued", "cpu"))
    assert any(line.startswith("  queued") and "▏" in line for line in lines)


def test_where_the_letters_are_lacking_it_is_plain() -> None:
    text = "\n".join(perf_lines(BUSY, 100, drawn=False))
    assert "#" in text
    assert text.isascii()


def test_names_cannot_play_with_the_terminal() -> None:
    text = "\n".join(perf_lines(BUSY, 100))
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_it_ends_with_what_limits_and_what_helps() -> None:
    *_, limits, helps = perf_lines(BUSY, 100)
    assert limits.startswith("what limits: concurrency. all 8 gits")
    assert helps == "what helps: a higher `concurrency`"
    assert perf_lines(QUIET, 100)[-1].startswith("what limits: nothing.")


def test_a_quiet_run_tells_of_no_repository() -> None:
    text = "\n".join(perf_lines(QUIET, 100))
    assert "slowest repositories" not in text
    assert "none was started" in text
