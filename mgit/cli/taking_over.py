"""What `mgit config import` reads, prints and answers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from mgit.cli.app import load_for_login
from mgit.cli.console import Console
from mgit.cli.importing import Import, Imported, decide
from mgit.cli.output import write_document, write_line
from mgit.cli.providers_of_0x import translate
from mgit.cli.recording import Recorder
from mgit.cli.tables import Table, make_table
from mgit.cli.words import count
from mgit.cli.yaml_of_0x import read_old_file
from mgit.config import Environment, current_environment
from mgit.errors import ConfigurationError, ExitCode
from mgit.text import escape_untrusted

_RESULTS = {"added": "added", "there": "there already", "left-out": "left out"}
_KEPT = {
    "store": "kept in the credential store",
    "file": "kept in a file of its own",
    "variable": "in a variable",
    "there": "there already",
    "none": "none",
}


def take_over(options: argparse.Namespace, console: Console) -> int:
    """Decide, print, and write unless it is a dry run.

    Returns:
        0, or 1 when a provider could not be taken over.
    """
    environment = current_environment()
    file = _file(options.file, environment)
    old = translate(read_old_file(file), environment)
    settings = load_for_login(options)
    from mgit.credentials import CredentialStore
    from mgit.credentials.desktop import open_keyring

    store = CredentialStore(settings.paths.data_dir, open_keyring())
    result = decide(old, settings, store)
    if not options.dry_run:
        result.write(store, Recorder(settings, console, "mgit config import"))
    left_out = [one for one in result.providers if one.result == "left-out"]
    steps = tuple(_steps(result, file, dry=options.dry_run))
    if options.format == "table":
        _print(console, result, dry=options.dry_run)
        for step in steps:
            console.note(f"next: {step}")
    else:
        write = write_document if options.format == "json" else write_line
        write(
            console,
            {
                "schema": "mgit.import/1",
                "file": str(file),
                "config": str(settings.paths.config_file),
                "dry_run": bool(options.dry_run),
                "providers": [_record(one) for one in result.providers],
                "notes": list(result.notes),
                "next": list(steps),
            },
        )
    return ExitCode.SOME_FAILED if left_out else ExitCode.OK


def _file(named: str | None, environment: Environment) -> Path:
    if named:
        return Path(named)
    places = list(_places(environment))
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        where = " or ".join(str(place) for place in places) or "there is no home folder"
        raise ConfigurationError(
            f"no configuration of mgit 0.x was found: {where}",
            advice="name it: mgit config import FILE; or begin with `mgit login`",
        )
    return found


def _places(environment: Environment) -> Iterator[Path]:
    base = environment.given("XDG_CONFIG_HOME")
    if base is not None and Path(base).is_absolute():
        yield Path(base) / "mgit" / "config.yaml"
    home = environment.home()
    if home is not None:
        yield home / ".config" / "mgit" / "config.yaml"


def _print(console: Console, result: Import, *, dry: bool) -> None:
    console.table(_table(result.providers))
    for one in result.providers:
        for note in one.notes:
            console.note(f"{one.was}: {note}")
    for note in result.notes:
        console.note(note)
    if result.edit is None:
        console.note("the configuration stays as it is")
    elif dry:
        console.note(f"{result.edit.file} would be:")
        for line in result.edit.text.splitlines():
            console.write(escape_untrusted(line))
    else:
        console.note(f"wrote {result.edit.file}")


def _table(providers: Sequence[Imported]) -> Table:
    rows = [
        (
            one.was,
            _RESULTS[one.result],
            one.source.name if one.source else "",
            one.source.forge if one.source else "",
            " ".join(filter(None, (_KEPT[one.kept], one.where))) if one.source else "",
        )
        for one in providers
    ]
    return make_table(("provider", "result", "source", "forge", "token"), rows)


def _steps(result: Import, file: Path, *, dry: bool) -> Iterator[str]:
    """What to do now."""
    if dry:
        yield "the same without --dry-run"
        return
    if any(one.source for one in result.providers):
        yield "mgit doctor, then mgit sync --dry-run"
    left_out = sum(one.result == "left-out" for one in result.providers)
    if left_out:
        yield f"{count(left_out, 'provider')} left out: add each with `mgit login NAME --forge …`"
    elif any(one.kept in ("store", "file", "there") for one in result.providers):
        yield f"{file} still holds tokens as plain text: delete it when all works"


def _record(one: Imported) -> dict[str, object]:
    return {
        "was": one.was,
        "result": one.result,
        "source": one.source.name if one.source else None,
        "forge": one.source.forge if one.source else None,
        "url": (one.source.url or None) if one.source else None,
        "owners": list(one.source.owners) if one.source else [],
        "token": one.kept,
        "token_where": one.where or None,
        "notes": list(one.notes),
    }
