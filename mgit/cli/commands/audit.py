"""`mgit audit verify|tail|export`: what the audit log says, and whether it can be believed."""

from __future__ import annotations

import argparse
from pathlib import Path

from mgit.cli.console import Console
from mgit.cli.flags import read_records, read_since
from mgit.cli.output import write_document, write_line
from mgit.config import current_environment, find_paths
from mgit.errors import ExitCode, InvalidInput
from mgit.telemetry.audit import AUDIT_FILE

_BELONGS = {
    "head": ("verify",),
    "head_file": ("verify",),
    "records": ("tail",),
    "follow": ("tail",),
    "action": ("tail",),
    "since": ("tail", "export"),
    "out": ("export",),
}


def run(options: argparse.Namespace, console: Console) -> int:
    """Do one of the three."""
    _refuse_what_belongs_elsewhere(options)
    match options.do:
        case "verify":
            return _verify(options, console)
        case "tail":
            return _tail(options, console)
        case _:
            return _export(options, console)


def _refuse_what_belongs_elsewhere(options: argparse.Namespace) -> None:
    for name, homes in _BELONGS.items():
        if getattr(options, name) and options.do not in homes:
            flag = f"--{name.replace('_', '-')}"
            raise InvalidInput(
                f"`mgit audit {options.do}` takes no {flag}",
                advice=f"it belongs to `mgit audit {'` and `mgit audit '.join(homes)}`",
            )
    if options.do == "export" and options.format != "table":
        raise InvalidInput(
            "`mgit audit export` takes no --format: it writes the records as they are",
            advice="leave it out; each line is JSON",
        )
    if options.follow and options.format == "json":
        raise InvalidInput(
            "--follow has no end, and --format json is one document",
            advice="use --format jsonl, one record a line",
        )


def _verify(options: argparse.Namespace, console: Console) -> int:
    from mgit.cli.auditing import read_heads, verify_document, verify_sentences
    from mgit.telemetry.verifying import verify_audit

    path = _path(options)
    heads = read_heads(options.head, options.head_file)
    verdict = verify_audit(path, kept=heads)
    kept = heads[-1] if heads else None
    if options.format == "table":
        for line in verify_sentences(verdict, kept):
            console.write(line)
    else:
        write = write_document if options.format == "json" else write_line
        write(console, verify_document(path, verdict, kept))
    if verdict.problem:
        where = f"line {verdict.line}: " if verdict.line is not None else ""
        console.warn(f"{verdict.file or path}: {where}{verdict.problem}", verdict.advice)
        return ExitCode.SOME_FAILED
    return ExitCode.OK


def _tail(options: argparse.Namespace, console: Console) -> int:
    from mgit.cli.auditing import Wanted, read_actions
    from mgit.cli.following import follow, show

    wanted = Wanted(read_actions(options.action), read_since(options.since))
    count = read_records(options.records)
    path = _path(options)
    if options.follow:
        follow(path, wanted, count, console, lines=options.format == "jsonl")
    else:
        show(path, wanted, count, console, options.format)
    return ExitCode.OK


def _export(options: argparse.Namespace, console: Console) -> int:
    from mgit.cli.auditing import export

    since = read_since(options.since)
    out = None if options.out is None else Path(options.out)
    for line in export(_path(options), out, since, console):
        console.note(line)
    return ExitCode.OK


def _path(options: argparse.Namespace) -> Path:
    """The file; where none is named no sound configuration is needed to find it."""
    if options.file:
        return Path(options.file)
    named = getattr(options, "config", None)
    paths = find_paths(current_environment(), config_file=Path(named) if named else None)
    return paths.state_dir / AUDIT_FILE
