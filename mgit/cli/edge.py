"""What the outermost edge does with an error: one line, one piece of advice, an exit code."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mgit.errors import ExitCode, MgitError

if TYPE_CHECKING:
    from mgit.config import Settings
    from mgit.credentials import Secret


def explain(error: Exception, arguments: Sequence[str]) -> int:
    """Tell the person what happened and what to do next.

    Args:
        error: what nobody handled.
        arguments: of the command; `--debug` among them asks for the traceback.

    Returns:
        The exit code.
    """
    if "--debug" in arguments:
        sys.stderr.write(_traceback(error))
    if isinstance(error, MgitError):
        write_error(error.message, error.advice or _default_advice(error))
        return int(error.exit_code)
    return _crash(error, shown="--debug" in arguments)


def write_error(message: str, advice: str = "") -> None:
    """One line that says what happened and, if there is any, one with advice."""
    from mgit.text import escape_untrusted

    sys.stdout.flush()
    sys.stderr.write(f"mgit: {escape_untrusted(message)}\n")
    if advice:
        sys.stderr.write(f"mgit: {escape_untrusted(advice)}\n")
    sys.stderr.flush()


def leave_quietly() -> None:
    """The reader of our output is gone: keep the interpreter from complaining at its end."""
    import os

    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())


def _default_advice(error: MgitError) -> str:
    if error.exit_code is ExitCode.USAGE:
        return "correct it and run the command again; `mgit --help` shows how it is used"
    return "run the command again; `mgit doctor` finds out more"


def _crash(error: Exception, *, shown: bool) -> int:
    kind = type(error).__name__
    if shown:
        write_error(f"this is a defect of mgit ({kind})", "please report the traceback above")
        return int(ExitCode.SOME_FAILED)
    report = _write_report(error)
    where = f"the report is {report}" if report else "run it again with --debug to see where"
    write_error(f"this is a defect of mgit ({kind}); {where}", "please report it; nothing is lost")
    return int(ExitCode.SOME_FAILED)


def _write_report(error: Exception) -> str:
    """Keep the traceback where only its owner can read it; the path, empty when that failed."""
    import os
    import tempfile

    from mgit.config import current_environment, find_paths

    try:
        folder = find_paths(current_environment()).state_dir / "crashes"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix="mgit-", suffix=".txt", dir=folder)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as out:
            out.write(_traceback(error))
    except (OSError, MgitError):
        return ""
    return name


def _traceback(error: Exception) -> str:
    """Where it happened, without the values of variables and without the tokens known here."""
    import platform
    import traceback

    from mgit.credentials import Redactor
    from mgit.text import escape_untrusted
    from mgit.version import __version__

    lines = "".join(traceback.format_exception(error)).splitlines()
    head = f"mgit {__version__}, Python {platform.python_version()}, {platform.system()}"
    clean = Redactor(_known_secrets()).clean("\n".join([head, *lines]))
    return "\n".join(escape_untrusted(line) for line in clean.split("\n")) + "\n"


def _known_secrets() -> list[Secret]:
    """Tokens of environment, files and store, and all that this process has met and still holds.

    An exception may hold one by mistake. What a program or a keyring has said is known nowhere
    else, and neither is asked again: a defect must not start anything.
    """
    import gc

    from mgit.config import current_environment, load_settings
    from mgit.config.keys import VARIABLE_PREFIX
    from mgit.credentials import CredentialStore, Secret

    environment = current_environment()
    names = {name for name in environment.variables if name.startswith(VARIABLE_PREFIX)}
    found = [one for one in gc.get_objects() if type(one) is Secret]
    # With a broken configuration or store, the variables with mgit's own names have to do.
    with contextlib.suppress(MgitError):
        settings = load_settings(environment=environment)
        names |= {source.token_env for source in settings.sources}
        found += _from_files(settings)
        store = CredentialStore(settings.paths.data_dir)
        kept = [store.get(entry.origin) for entry in store.list()]
        found += [credential.secret for credential in kept if credential is not None]
    for name in names:
        with contextlib.suppress(MgitError):
            found.append(Secret.from_text(environment.given(name) or ""))
    return found


def _from_files(settings: Settings) -> list[Secret]:
    from mgit.credentials import Secret
    from mgit.credentials.files import read_private
    from mgit.credentials.find import SYSTEMD_PREFIX

    systemd = settings.environment.given("CREDENTIALS_DIRECTORY")
    found = []
    for source in settings.sources:
        named = (source.token_file, systemd and Path(systemd, f"{SYSTEMD_PREFIX}{source.name}"))
        for path in (one for one in named if one):
            with contextlib.suppress(MgitError):
                found.append(Secret.from_text(read_private(path, "token", trusted=(path.parent,))))
    return found
