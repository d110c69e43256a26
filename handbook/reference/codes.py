"""Every exit code, of mgit and of the release, from `mgit.errors` and `pipeline.errors`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import MappingProxyType

from handbook.reference import text
from mgit import errors
from mgit.errors import ExitCode, MgitError
from pipeline.errors import Exit

MEANING: Mapping[ExitCode, tuple[str, str]] = MappingProxyType(
    {
        ExitCode.OK: ("all well", "nothing"),
        ExitCode.SOME_FAILED: (
            "a repository failed; `health`: not well; `status --fail-on`, `scrub`: a clone is so",
            "read the lines under `failed:`, each says what helps; the others are done",
        ),
        ExitCode.USAGE: (
            "usage or configuration; nothing was changed",
            "the last line says which word, file and key",
        ),
        ExitCode.AUTHENTICATION: (
            "a credential was refused or is missing",
            "`mgit login SOURCE`, or replace the token file; then `mgit doctor`",
        ),
        ExitCode.UNREACHABLE: (
            "a forge or the network failed, and nothing else did",
            "try again later; `mgit doctor` goes step by step",
        ),
        ExitCode.INTERRUPTED: (
            "interrupted; nothing is half made",
            "run the same command again to go on",
        ),
    }
)
RELEASE: Mapping[Exit, tuple[str, str]] = MappingProxyType(
    {
        Exit.DONE: ("done", "nothing"),
        Exit.USAGE: ("the command or a file was wrong", "the message says what"),
        Exit.GATE: (
            "a gate said no, or a deployment was rolled back",
            "mend it, then run it again",
        ),
        Exit.ENVIRONMENT: (
            "the environment is wrong: a tool, the network, a clock",
            "the message has the command that helps",
        ),
        Exit.INCOMPLETE: (
            "interrupted, or a place did not answer",
            "the same command with `--resume`",
        ),
        Exit.CONFLICT: (
            "the world has something else under this name",
            "look who did that; a version is never used twice",
        ),
    }
)
_PIPE = 141


def kinds() -> dict[ExitCode, list[str]]:
    """Which errors end with which code."""
    found: dict[ExitCode, list[str]] = {code: [] for code in ExitCode}
    for name, kind in inspect.getmembers(errors, inspect.isclass):
        if issubclass(kind, MgitError) and kind is not MgitError:
            found[kind.exit_code].append(name)
    return found


def page() -> str:
    """The whole page."""
    by_kind = kinds()
    rows = [
        (str(int(code)), *MEANING[code], ", ".join(map(text.code, by_kind[code])))
        for code in ExitCode
    ]
    rows.append((str(_PIPE), "whoever read the output has left", "nothing", ""))
    release = [(str(int(code)), *RELEASE[code]) for code in Exit]
    return text.page(
        "Exit codes",
        "A run over many repositories ends with the worst that happened: 3, then 2, then 1, then\n"
        "4. One repository that fails does not stop the others.",
        f"## Of mgit\n\n{text.table(('code', 'means', 'what to do', 'errors'), rows)}",
        "What each error says: [Messages](messages.md).",
        "## Of `invoke release`, `invoke deploy` and `nox`\n\n"
        + text.table(("code", "means", "then"), release),
        "More about these: [Releasing mgit](../release.md#when-it-stops).",
    )
