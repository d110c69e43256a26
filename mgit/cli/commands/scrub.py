"""`mgit scrub`: read clones whole and compare every object with its checksum."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mgit.cli.choosing import choose
from mgit.cli.console import Console
from mgit.cli.documents import line_of, scrub_document
from mgit.cli.flags import read_flag
from mgit.cli.output import write_document, write_line
from mgit.cli.places import require_root
from mgit.cli.progress import watched_fleet
from mgit.cli.records import scrubbed_record
from mgit.cli.tables import make_findings
from mgit.cli.words import count
from mgit.config.sizes import read_limit
from mgit.errors import ExitCode
from mgit.telemetry.events import Scrubbed

_SLOWEST = 64 * 1024
_MIB = 1024 * 1024


def run(options: argparse.Namespace, console: Console) -> int:
    """Read, tell, and end with 1 where something is damaged."""
    rate = read_flag("--rate", options.rate, read_limit(_SLOWEST)) or 0
    settings, selection = choose(options, options.patterns, sources=False)
    require_root(settings.root)
    found: list[Scrubbed] = []
    with watched_fleet(settings, console, hidden=options.no_progress) as (fleet, _):
        for one in fleet.scrub(selection, everything=options.all, rate=rate):
            found.append(one)
            if options.format == "jsonl":
                write_line(console, line_of("mgit.scrub.clone/1", scrubbed_record(one)))
            elif options.format == "table" and console.verbose:
                console.note(f"{one.folder}: {one.damage or 'sound'}")
    damaged = [one for one in found if one.damage]
    code = ExitCode.SOME_FAILED if damaged else ExitCode.OK
    if options.format == "json":
        write_document(console, scrub_document(found, code))
    elif options.format == "table":
        _print(console, found, damaged)
    if damaged:
        console.warn(
            f"{count(len(damaged), 'clone')} damaged",
            "`mgit sync` clones damaged mirrors anew and sets the old ones aside",
        )
    return int(code)


def _print(console: Console, found: Sequence[Scrubbed], damaged: Sequence[Scrubbed]) -> None:
    if damaged:
        items = [(one.folder, [one.damage]) for one in damaged]
        console.parts([make_findings("damaged:", items)])
    size = sum(one.bytes for one in found) / _MIB
    if found:
        read = f"{count(len(found), 'clone')} read, {size:.1f} MiB"
        console.note(f"{read}: {len(damaged)} damaged" if damaged else f"{read}: all sound")
    else:
        console.note("no clone is due; `mgit scrub --all` reads them all the same")
