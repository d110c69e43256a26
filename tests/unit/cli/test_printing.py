"""Tables, reports and progress: aligned, complete, and harmless whatever the names are."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from mgit.cli.console import Console
from mgit.cli.progress import watch
from mgit.cli.render import live_progress, print_table
from mgit.cli.report import (
    last_word,
    plan_sentence,
    plan_tables,
    sync_sentence,
    sync_tables,
    tell_problems,
)
from mgit.cli.tables import make_table, plain_table, width
from mgit.cli.words import count
from mgit.fleet.values import Phase, Step
from mgit.model import Outcome, Plan, Reason, Result, Skip

from .cases import ACTIONS, OUTCOMES, PLAN, PROBLEM


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _console(*, verbose: bool = False, quiet: bool = False) -> Console:
    return Console(io.StringIO(), io.StringIO(), verbose=verbose, quiet=quiet)


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
    text = "".join(plain_table(table) for table in sync_tables(OUTCOMES, verbose=False))
    done, _, rest = text.partition("left alone:")
    held, _, failed = rest.partition("failed:")
    assert "cloned" in done
    assert "1 ref changed" in done
    assert "acme/same" not in text
    assert "acme/dirty" in held
    assert "foreign" in held
    assert "check the network" in failed
    told = "".join(plain_table(table) for table in sync_tables(OUTCOMES, verbose=True))
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
    text = "".join(plain_table(table) for table in plan_tables(PLAN, verbose=False))
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


def test_off_a_terminal_progress_is_a_line_for_each_event() -> None:
    console = _console()
    with watch(console) as watcher:
        watcher.step(Step(Phase.COMPARE, "acme/a", started=True, done=0, total=2))
        watcher.step(Step(Phase.COMPARE, "acme/a", started=False, done=1, total=2))
        watcher.step(Step(Phase.APPLY, "acme/a", started=True, done=0, total=3))
        watcher.outcome(OUTCOMES[0])
        watcher.outcome(OUTCOMES[1])
        watcher.outcome(OUTCOMES[8])
    assert _text(console.err).splitlines() == [
        "comparing 2 repositories",
        "applying 3 actions",
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


def test_on_a_terminal_failures_stand_above_the_bars() -> None:
    err = Terminal()
    evil = Skip("acme/\u202eevil", "acme/evil", Reason.UNREACHABLE)
    with live_progress(err, color=False) as watcher:
        watcher.step(Step(Phase.APPLY, "acme/a", started=True, done=0, total=5))
        for name in "bcde":
            watcher.step(Step(Phase.APPLY, f"acme/{name}", started=True, done=0, total=5))
        watcher.step(Step(Phase.APPLY, "acme/a", started=False, done=1, total=5))
        watcher.outcome(Outcome(evil, Result.FAILED, message="timed out"))
        watcher.outcome(Outcome(ACTIONS[0], Result.CLONED))
    text = err.getvalue()
    assert "failed acme/\\u202eevil: timed out" in text
    assert "acme/b, acme/c, acme/d and 1 other" in text
    assert "1/5" in text


def test_a_number_and_its_noun_agree() -> None:
    assert [count(1, "repository"), count(2, "repository")] == ["1 repository", "2 repositories"]
    assert count(0, "source") == "0 sources"
