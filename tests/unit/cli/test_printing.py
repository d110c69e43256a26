"""Tables, reports and progress: aligned, complete, and harmless whatever the names are."""

from __future__ import annotations

import io
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.cli.commands.run import text_lines
from mgit.cli.console import Console
from mgit.cli.documents import sync_summary
from mgit.cli.line import View, progress_line
from mgit.cli.progress import LineWatcher, PlainWatcher, watch
from mgit.cli.render import print_table
from mgit.cli.report import last_word, plan_tables, sync_report, tell_problems
from mgit.cli.sentences import (
    changes_sentence,
    plan_sentence,
    run_sentence,
    status_sentence,
    sync_sentence,
)
from mgit.cli.tables import (
    Findings,
    Table,
    findings_lines,
    fold,
    make_table,
    plain_table,
    stacked,
    width,
)
from mgit.cli.words import count
from mgit.fleet.values import Phase, Step
from mgit.model import Clone, CopyKind, Outcome, Plan, Reason, Result, Skip
from mgit.text import escape_untrusted, is_unsafe

from .cases import ACTIONS, CHANGES, OUTCOMES, PLAN, PROBLEM, RAN, remote


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _console(*, verbose: bool = False, quiet: bool = False) -> Console:
    return Console(io.StringIO(), io.StringIO(), verbose=verbose, quiet=quiet)


def _said(parts: Iterable[Table | Findings]) -> str:
    console = _console()
    console.parts(parts)
    return _text(console.out)


def _text(stream: object) -> str:
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


def test_columns_line_up_also_with_wide_letters() -> None:
    table = make_table(("name", "n"), [("日本", 5), ("plain", 12)], title="all:", right=("n",))
    assert plain_table(table) == "all:\nname    n\n日本    5\nplain  12\n"


@given(st.lists(st.tuples(st.text(), st.text()), max_size=5))
def test_a_row_is_a_line_whatever_is_in_it(rows: list[tuple[str, str]]) -> None:
    text = plain_table(make_table(("a", "b"), rows))
    assert text.count("\n") == len(rows) + 1
    assert "\x1b" not in text
    assert len(text.splitlines()) == len(rows) + 1


def test_combining_letters_take_no_column() -> None:
    assert width("e\u0301") == 1


def test_the_report_says_what_was_done_held_and_failed() -> None:
    text = _said(sync_report(OUTCOMES, verbose=False))
    done, _, rest = text.partition("left alone:")
    held, _, failed = rest.partition("failed:")
    assert "cloned" in done
    assert "1 ref changed" in done
    assert "acme/same" not in text
    assert "acme/dirty" in held
    assert "foreign" in held
    assert "check the network" in failed
    told = _said(sync_report(OUTCOMES, verbose=True))
    assert "acme/same" in told


def test_sentences_add_up() -> None:
    assert sync_sentence(OUTCOMES) == (
        "9 repositories: 1 failed, 1 cloned, 1 moved, 1 archived, 2 fast-forwarded, "
        "1 fetched, 1 skipped, 1 current"
    )
    assert sync_sentence([]) == "0 repositories: nothing to do"
    assert plan_sentence(PLAN).startswith("plan: 1 clone, 2 fetch, 2 fast-forward")
    assert plan_sentence(Plan(())) == "plan: nothing to do"


def test_the_plan_shows_effects_and_what_stays() -> None:
    text = _said(plan_tables(PLAN, verbose=False))
    assert "work tree stays: dirty" in text
    assert "to acme/after" in text
    assert "acme/same" not in text
    assert "not made by mgit" in text.partition("would be left alone:")[2]


def test_the_last_word_is_advice() -> None:
    console = _console()
    last_word(console, OUTCOMES)
    assert _text(console.err) == "mgit: 1 repository failed\nmgit: check the network\n"
    tell_problems(console, [PROBLEM])
    assert _text(console.err).endswith("mgit: source labs: page 2 failed\nmgit: try again\n")
    silent = _console()
    last_word(silent, OUTCOMES[:2])
    assert _text(silent.err) == ""


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _step(name: str, done: int, total: int, *, started: bool = False) -> Step:
    return Step(Phase.APPLY, name, started=started, done=done, total=total)


def test_off_a_terminal_progress_is_a_line_every_few_seconds() -> None:
    console, clock = _console(), Clock()
    watcher = PlainWatcher(console, clock)
    watcher.step(Step(Phase.COMPARE, "acme/a", started=True, done=0, total=2))
    for done in range(1, 101):
        clock.now += 0.125
        watcher.step(_step(f"acme/{done}", done, 100))
        watcher.outcome(OUTCOMES[0])
    assert _text(console.err).splitlines() == [
        "comparing 2 repositories",
        "applying 100 actions",
        "applying: 41 of 100, 8.0/s, 8 s left",
        "applying: 81 of 100, 8.0/s, 3 s left",
    ]


def test_a_long_silence_is_broken_by_the_tick() -> None:
    console, clock = _console(), Clock()
    watcher = PlainWatcher(console, clock)
    watcher.step(_step("acme/huge", 0, 2, started=True))
    clock.now += 6
    watcher.tick()
    assert _text(console.err).splitlines()[1:] == ["applying: 0 of 2"]


def test_verbose_names_every_outcome() -> None:
    console = _console(verbose=True)
    watcher = PlainWatcher(console)
    watcher.step(_step("acme/a", 0, 3, started=True))
    for outcome in (OUTCOMES[0], OUTCOMES[1]):
        watcher.outcome(outcome)
    assert _text(console.err).splitlines()[1:] == [
        "[1/3] cloned acme/new",
        "[2/3] fetched acme/dirty (dirty)",
    ]


def test_quiet_says_nothing_but_errors() -> None:
    console = _console(quiet=True)
    with watch(console) as watcher:
        watcher.outcome(OUTCOMES[0])
    console.note("a note")
    console.warn("broken", "mend it")
    assert _text(console.err) == "mgit: broken\nmgit: mend it\n"


def test_on_a_terminal_a_table_is_drawn_without_reading_markup() -> None:
    out = Terminal()
    table = make_table(("name", "why"), [("[red]x[/red]\x1b[31m", "dirty")], title="left alone:")
    print_table(table, out, color=False)
    assert "[red]x[/red]\\e[31m" in out.getvalue()


def test_on_a_terminal_one_line_lives_and_a_new_kind_of_failure_stands_above_it() -> None:
    err, clock = Terminal(), Clock()
    watcher = LineWatcher(Console(io.StringIO(), err), clock)
    for name in "abcde":
        clock.now += 1
        watcher.step(_step(f"acme/{name}", 0, 5, started=True))
    for number in range(3):
        evil = Skip(f"acme/\u202eevil{number}", f"acme/evil{number}", Reason.UNREACHABLE)
        watcher.outcome(Outcome(evil, Result.FAILED, message="timed out"))
    watcher.outcome(Outcome(ACTIONS[0], Result.CLONED))
    clock.now += 1
    watcher.step(_step("acme/a", 1, 5))
    watcher.clear()
    text = err.getvalue()
    assert text.count("failed: ") == 1
    assert "failed: acme/\\u202eevil0: timed out\n" in text
    assert "1/5  acme/b, acme/c, acme/d +1" in text
    assert text.endswith("\r\x1b[K")
    assert text.count("\n") == 1


FULL = "applying ━━━━━━━━──────────── 421/1000  35/s  16 s left"


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (20, "applying 421/1000"),
        (40, "applying 421/1000  35/s  16 s left"),
        (60, FULL),
        (80, f"{FULL}  日本/api, acme/web +2"),
        (90, f"{FULL}  日本/api, acme/web, acme/ops +1"),
    ],
)
def test_the_living_line_leaves_out_what_matters_least(columns: int, line: str) -> None:
    busy = ("日本/api", "acme/web", "acme/ops", "acme/x")
    assert progress_line(View("applying", 421, 1000, 35.2, 15.5, busy), columns) == line


@given(
    st.integers(1, 250),
    st.integers(0, 10_000),
    st.lists(st.text(), max_size=9),
    st.none() | st.floats(0.001, 1e6),
)
def test_the_living_line_is_one_line_and_fits(
    columns: int, done: int, busy: list[str], rate: float | None
) -> None:
    left = None if rate is None else 10_000 / rate
    line = progress_line(View("comparing", done, 10_000, rate, left, busy), columns)
    assert width(line) < max(columns, 2)
    assert not any(is_unsafe(letter) for letter in line)


@given(st.text(), st.integers(12, 80))
def test_folded_text_fits_and_loses_no_word(text: str, columns: int) -> None:
    lines = fold(escape_untrusted(text), columns, "  ")
    assert all(width(line) <= columns for line in lines)
    assert "".join("".join(lines).split()) == "".join(escape_untrusted(text).split())


def test_forty_failures_of_one_kind_are_one_entry() -> None:
    outcomes = []
    for number in range(40):
        repo = remote(f"repo-{number:02}", number)
        action = Clone(repo, f"acme/repo-{number:02}", CopyKind.MIRROR)
        message = f"acme/repo-{number:02}: cannot be reached"
        outcomes.append(
            Outcome(action, Result.FAILED, Reason.UNREACHABLE, message, "try later", exit_code=4)
        )
    outcomes.append(Outcome(ACTIONS[3], Result.FAILED, None, "disk full", "make room"))
    assert _said(sync_report(outcomes, verbose=False)).splitlines() == [
        "failed:",
        "  acme/repo-00, acme/repo-01, acme/repo-02 and 37 others",
        "    …: cannot be reached",
        "    -> try later",
        "  acme/web",
        "    disk full",
        "    -> make room",
    ]


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(Result))))
def test_the_parts_of_the_summary_add_up_to_the_repositories(
    ends: list[tuple[int, Result]],
) -> None:
    outcomes = [
        Outcome(Clone(remote(f"r{number}", number), f"acme/r{number}", CopyKind.MIRROR), result)
        for number, result in ends
    ]
    summary = sync_summary(outcomes)
    assert summary.pop("repositories") == len({number for number, _ in ends})
    assert sum(summary.values()) == len({number for number, _ in ends})


def test_a_narrow_terminal_gets_blocks_in_place_of_columns() -> None:
    table = make_table(("folder", "branch", "state"), [("a" * 50, "main", "dirty 1")], title="x:")
    assert findings_lines(stacked(table), 40) == [
        "x:",
        "  " + "a" * 38,
        "  " + "a" * 12,
        "    branch: main",
        "    state: dirty 1",
    ]


def test_a_sum_of_commands() -> None:
    assert run_sentence(RAN) == "ran in 3: 1 ok, 1 ended early, 1 exit 2"
    assert changes_sentence(CHANGES) == "2 changes in 2 repositories: 1 ref-moved, 1 renamed"
    assert status_sentence("/src", [("dirty",), (), ("dirty", "behind")]) == (
        "3 clones in /src: 2 dirty, 1 behind; 1 need no attention"
    )


def test_what_a_command_wrote_reaches_no_terminal_raw() -> None:
    assert text_lines(b"a\tb\r\n\x1b[2J\xff\n\n") == ["a       b", "\\e[2J\\xff"]
    assert text_lines(b" \n") == []


def test_a_number_and_its_noun_agree() -> None:
    assert [count(1, "repository"), count(2, "repository")] == ["1 repository", "2 repositories"]
    assert count(0, "source") == "0 sources"
