"""`mgit doctor`: what is wrong and what to do."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from datetime import timedelta

from mgit.cli.app import settings_for
from mgit.cli.checks import (
    Check,
    State,
    check_configuration,
    check_folder,
    check_git,
    check_source,
    failed,
    utc_now,
)
from mgit.cli.console import Console
from mgit.cli.documents import Json, line_of
from mgit.cli.output import write_document, write_line
from mgit.cli.served import check_served
from mgit.cli.tables import make_table
from mgit.cli.words import count
from mgit.config import Settings, current_environment
from mgit.errors import ConfigurationError, ExitCode
from mgit.model import SourceProblem


def run(options: argparse.Namespace, console: Console) -> int:
    """Check one thing after the other; judge by the gravest."""
    checks = []
    for check in _checks(options):
        checks.append(check)
        if options.format == "jsonl":
            write_line(console, line_of("mgit.doctor.check/1", _record(check)))
    code = _judge(checks)
    match options.format:
        case "json":
            write_document(
                console,
                {
                    "schema": "mgit.doctor/1",
                    "checks": [_record(check) for check in checks],
                    "exit_code": int(code),
                },
            )
        case "table":
            rows = [(one.state, one.name, one.message, one.advice) for one in checks]
            console.table(make_table(("state", "what", "found", "what to do"), rows))
        case _:
            pass
    bad = [check for check in checks if check.state is State.FAILED]
    if bad:
        console.warn(
            f"{count(len(bad), 'check')} failed", bad[0].advice or "mend the first one first"
        )
    return int(code)


def _checks(options: argparse.Namespace) -> Iterator[Check]:
    from mgit.git.runner import GitRunner

    yield check_git(GitRunner(environment=current_environment().variables))
    try:
        settings = settings_for(options)
        settings.require_sources()
    except ConfigurationError as error:
        yield failed("configuration", error)
        return
    yield from check_configuration(settings)
    yield check_folder("root", settings.root)
    yield check_folder("state", settings.paths.state_dir)
    yield from check_served(settings, utc_now())
    yield from _source_checks(settings)


def _source_checks(settings: Settings) -> Iterator[Check]:
    from mgit.fleet import open_fleet

    warning = timedelta(seconds=settings.expiry_warning)
    with open_fleet(settings) as fleet:
        for source in settings.sources:
            yield from check_source(fleet, source.name, utc_now(), warning)


def _judge(checks: Sequence[Check]) -> ExitCode:
    from mgit.fleet import exit_code

    bad = (check for check in checks if check.state is State.FAILED)
    return exit_code(
        SourceProblem(check.name, check.message, check.advice, int(check.exit_code))
        for check in bad
    )


def _record(check: Check) -> Json:
    return {
        "name": check.name,
        "state": check.state.value,
        "message": check.message,
        "advice": check.advice,
        "exit_code": int(check.exit_code),
    }
