"""`mgit run`: a person's own command in every clone."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mgit.cli.choosing import choose
from mgit.cli.console import Console
from mgit.cli.documents import line_of, run_document, run_summary
from mgit.cli.flags import read_timeout
from mgit.cli.output import write_document, write_line
from mgit.cli.places import split_places
from mgit.cli.progress import Watcher, watched_fleet
from mgit.cli.records import ran_record
from mgit.cli.sentences import run_sentence
from mgit.config import Settings
from mgit.errors import ExitCode, InvalidInput
from mgit.text import escape_untrusted

if TYPE_CHECKING:
    from mgit.fleet.values import Ran

_TAB = 8


def run(options: argparse.Namespace, console: Console) -> int:
    """Run it everywhere, print what each said in one piece, judge by the exit codes."""
    command = _command(options)
    timeout = read_timeout(options.timeout)
    place, patterns = split_places(options.patterns)
    if place is not None:
        options.root = _one_root(options.root, str(place))
    settings, selection = choose(options, patterns, sources=False)
    results: list[Ran] = []
    with watched_fleet(settings, console, hidden=options.no_progress) as (fleet, watcher):
        ran = fleet.run(  # nosec B604 - the line that the person gave to --shell
            command,
            selection,
            shell=options.shell is not None,
            timeout=timeout,
            progress=watcher.step,
        )
        for one in _until_failure(ran, stop=options.fail_fast):
            results.append(one)
            _show(options.format, console, watcher, one)
    if not results:
        raise _nobody(settings, patterns)
    return _end(options, console, settings, command, results)


def _command(options: argparse.Namespace) -> tuple[str, ...]:
    """What to run.

    Raises:
        InvalidInput: nothing, or two things at once.
    """
    behind: Sequence[str] | None = options.command_line
    if options.shell is not None:
        if behind:
            raise InvalidInput(
                "there is a command behind -- and a line for --shell; one is possible",
                advice="leave one of them out",
            )
        if not options.shell.strip():
            raise InvalidInput("--shell has an empty line", advice="see `mgit run --help`")
        return (options.shell,)
    if behind:
        return tuple(behind)
    raise InvalidInput(
        "mgit run does not know what to run",
        advice="put it behind --, as in: mgit run 'acme/*' -- git status --short",
    )


def _one_root(given: str | None, place: str) -> str:
    if given is not None:
        raise InvalidInput(
            "a folder and --root are given; one is possible", advice="leave one of them out"
        )
    return place


def _until_failure(ran: Iterator[Ran], *, stop: bool) -> Iterator[Ran]:
    for one in ran:
        yield one
        if stop and one.returncode != 0:
            return


def _show(form: str, console: Console, watcher: Watcher, ran: Ran) -> None:
    match form:
        case "table":
            watcher.clear()
            _show_text(console, ran)
        case "jsonl":
            write_line(console, line_of("mgit.run.repository/1", ran_record(ran)))
        case _:
            pass


def _show_text(console: Console, ran: Ran) -> None:
    head = f"{escape_untrusted(ran.local.folder)}: {how_ended(ran)}"
    console.heading(head, good=ran.returncode == 0)
    if ran.returncode == 0 and console.quiet:
        return
    for line in text_lines(ran.output):
        console.write(f"  {line}")


def text_lines(output: bytes) -> list[str]:
    """What a command wrote, made harmless for a terminal; empty lines at the end left out."""
    text = output.decode("utf-8", errors="surrogateescape").expandtabs(_TAB)
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n") if text.strip() else []
    return [escape_untrusted(line) for line in lines]


def how_ended(ran: Ran) -> str:
    """`ok`, `exit 2`, `ended after 5 s`."""
    if ran.returncode is None:
        return escape_untrusted(ran.problem) or "ended"
    word = "ok" if ran.returncode == 0 else _exit_words(ran.returncode)
    return f"{word} ({escape_untrusted(ran.problem)})" if ran.problem else word


def _exit_words(code: int) -> str:
    return f"ended by signal {-code}" if code < 0 else f"exit {code}"


def _nobody(settings: Settings, patterns: Sequence[str]) -> InvalidInput:
    meant = f"no clone in {settings.root} is meant by {' '.join(patterns)[:80]!a}"
    return InvalidInput(
        meant if patterns else f"there is no clone that mgit made in {settings.root}",
        advice="`mgit status --all` shows the clones, `mgit sync` makes them",
    )


def _end(
    options: argparse.Namespace,
    console: Console,
    settings: Settings,
    command: Sequence[str],
    results: Sequence[Ran],
) -> int:
    failed = [one for one in results if one.returncode != 0]
    code = ExitCode.SOME_FAILED if failed else ExitCode.OK
    match options.format:
        case "json":
            ordered = sorted(results, key=lambda one: one.local.folder)
            write_document(console, run_document(command, str(settings.root), ordered, code))
        case "jsonl":
            end = {"summary": run_summary(results), "exit_code": int(code)}
            write_line(console, line_of("mgit.run.end/1", end))
        case _:
            pass
    if not failed:
        console.note(run_sentence(results))
        return int(code)
    first = min(failed, key=lambda one: one.local.folder).local
    name = str(first.path or first.folder)
    words = f"--shell {shlex.quote(command[0])}" if options.shell else f"-- {shlex.join(command)}"
    more = "; stopped at the first failure" if options.fail_fast else ""
    console.warn(
        f"{run_sentence(results)}{more}",
        f"to see one alone: mgit run {shlex.quote(name)} {words}"[:400],
    )
    return int(code)
