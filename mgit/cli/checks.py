"""The checks of `mgit doctor`: each looks at one thing and says what it found."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from mgit.config import Settings
from mgit.errors import ConfigurationError, ExitCode, MgitError

if TYPE_CHECKING:
    from mgit.fleet import Fleet
    from mgit.forges.interface import Account
    from mgit.git.runner import GitRunner

TESTED_GIT = (2, 39)
_LOW_SPACE_BYTES = 1 << 30
_SKEW = timedelta(seconds=60)


class State(StrEnum):
    """How a check ended; the words are part of the JSON schema."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """What was found.

    Args:
        name: what was looked at.
        state: how it is.
        message: one line.
        advice: what to do, empty when all is well.
        exit_code: what a failure asks the command to return.
    """

    name: str
    state: State
    message: str
    advice: str = ""
    exit_code: ExitCode = ExitCode.OK


def failed(name: str, error: MgitError) -> Check:
    """A check that ended with an error of ours."""
    return Check(name, State.FAILED, error.message, error.advice, error.exit_code)


def check_git(runner: GitRunner) -> Check:
    """Whether git is there and as new as the ones that mgit is tested with."""
    try:
        said = runner.run(["--version"], cwd=Path(tempfile.gettempdir())).stdout.decode()
    except MgitError as error:
        return failed("git", error)
    found = re.search(r"(\d+)\.(\d+)(?:\.\d+)?", said)
    if found is None:
        return Check("git", State.WARNING, "git does not say its version", "is it really git?")
    if (int(found[1]), int(found[2])) < TESTED_GIT:
        wanted = ".".join(str(part) for part in TESTED_GIT)
        return Check(
            "git", State.WARNING, f"git {found[0]} is older than {wanted}", "install a newer git"
        )
    return Check("git", State.OK, f"git {found[0]}")


def check_folder(name: str, folder: Path) -> Check:
    """Whether a folder can be written, or made where it is missing, and has room."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    what = f"{folder}" if there == folder else f"{folder} (to be made in {there})"
    advice = "change its owner, or name another folder in the configuration"
    if not there.is_dir():
        return Check(name, State.FAILED, f"{there} is not a folder", advice, ExitCode.USAGE)
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        why = f"{what} cannot be written: {error.strerror}"
        return Check(name, State.FAILED, why, advice, ExitCode.USAGE)
    if free < _LOW_SPACE_BYTES:
        room = f"{what} has only {free >> 20} MiB left"
        return Check(name, State.WARNING, room, "make room before the next sync")
    return Check(name, State.OK, f"{what}, {free >> 30} GiB free")


def check_configuration(settings: Settings) -> Iterator[Check]:
    """What the reader of the file let pass."""
    file = settings.paths.config_file
    try:
        check_sources(settings)
    except MgitError as error:
        yield failed("configuration", error)
    else:
        yield Check("configuration", State.OK, f"{file} is sound")
    for warning in settings.warnings:
        yield Check("configuration", State.WARNING, warning, "unset it, or correct its name")


def check_sources(settings: Settings) -> None:
    """Check what the reader of the file cannot know: patterns, conditions, addresses, files.

    Raises:
        ConfigurationError: one of them is not as it must be.
        InvalidInput: an entry of a manifest is malformed.
    """
    from mgit.fleet.selecting import saved_selections, source_selection
    from mgit.forges import ForgeContext, api_base, open_forge
    from mgit.transport import Transport

    saved = saved_selections(settings)
    for source in settings.require_sources():
        source_selection(settings, source, saved)
        if source.token_file is not None and not source.token_file.is_file():
            raise ConfigurationError(
                f"the token file of source {source.name} is missing: {source.token_file}",
                advice="create it, or correct its path in the configuration",
            )
        if source.file is None:
            api_base(source.forge, source.url)
        else:
            with Transport() as unused:
                context = ForgeContext(source.name, unused, file=source.file)
                open_forge(source.forge, context).list_repos()


def check_source(fleet: Fleet, name: str, now: datetime, warning: timedelta) -> Iterator[Check]:
    """Whether a source answers, takes the credential, and agrees about the time.

    Args:
        fleet: opens it.
        name: of the source.
        now: the time here (aware).
        warning: how long before its credential ends a person wants to know.
    """
    what = f"source {name}"
    from mgit.credentials.find import how_to_renew

    try:
        source = fleet.source(name)
        account = source.forge.whoami()
    except MgitError as error:
        yield failed(what, error)
        return
    found = f", token from {source.credential.found_in}" if source.credential else ", no token"
    who = f"signed in as {account.login}" if account.login else "answers"
    yield Check(what, State.OK, f"{who}{found}")
    if source.credential is not None and account.expires is None:
        account = replace(account, expires=source.settings.token_expires)
    place = source.credential.found_in if source.credential else ""
    yield from check_account(what, account, now, warning, how_to_renew(name, place))


def check_account(
    what: str, account: Account, now: datetime, warning: timedelta, advice: str
) -> Iterator[Check]:
    """What an account says about the token's end and the forge's clock. Pure.

    Args:
        what: what was asked.
        account: its answer.
        now: the time here (aware).
        warning: how long before the token ends a person wants to know.
        advice: what to do about a token that ends.
    """
    if account.expires is not None and account.expires - now < warning:
        day = account.expires.date().isoformat()
        verb = "expired" if account.expires <= now else "expires"
        yield Check(what, State.WARNING, f"its token {verb} on {day}", advice)
    if account.server_time is not None and abs(account.server_time - now) > _SKEW:
        seconds = round((now - account.server_time).total_seconds())
        side = "ahead of" if seconds > 0 else "behind"
        yield Check(
            "clock",
            State.WARNING,
            f"this clock is {abs(seconds)} s {side} that of {what}",
            "set the clock; TLS and tokens depend on it",
        )


def utc_now() -> datetime:
    """The clock that doctor compares with."""
    return datetime.now(UTC)
