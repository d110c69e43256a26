"""`mgit login --from gh|glab|az`: the token of another command line that is signed in."""

from __future__ import annotations

import argparse
import shutil
from typing import TYPE_CHECKING

from mgit.config import Settings, SourceSettings
from mgit.credentials.tools import TOOLS, Tool
from mgit.errors import AuthenticationError, ConfigurationError, InvalidInput

if TYPE_CHECKING:
    from mgit.credentials import Secret


def tool_of(options: argparse.Namespace) -> Tool | None:
    """The program that `--from` names, None without it.

    Raises:
        InvalidInput: flags that contradict each other.
    """
    if not options.from_tool:
        if options.copy:
            raise InvalidInput(
                "--copy is about --from, which is not there",
                advice=f"add --from with one of {', '.join(TOOLS)}",
            )
        return None
    tool = TOOLS[options.from_tool]
    if options.stdin:
        raise InvalidInput(
            "--stdin and --from both say where the token comes from",
            advice="leave one of them out",
        )
    if options.forge and options.forge != tool.forge:
        raise InvalidInput(
            f"{tool.program} signs in to {tool.forge}, not to {str(options.forge)[:40]!a}",
            advice=f"leave --forge out, or take the token from elsewhere than {tool.program}",
        )
    return tool


def check_forge(tool: Tool, source: SourceSettings) -> None:
    """Refuse a tool that knows nothing of a source's forge.

    Raises:
        InvalidInput: it signs in to another kind.
    """
    if source.forge != tool.forge:
        raise InvalidInput(
            f"{tool.program} signs in to {tool.forge}, and source {source.name} is a"
            f" {source.forge}",
            advice="run the command without --from",
        )


def check_known(
    tool: Tool, source: SourceSettings, command: tuple[str, ...], settings: Settings
) -> None:
    """An existing source is never rewritten: it must have the command already.

    Raises:
        ConfigurationError: it has not; the advice holds the line.
    """
    if source.token_command != command:
        words = ", ".join(f'"{word}"' for word in command)
        raise ConfigurationError(
            f"source {source.name} exists, and mgit rewrites no source of yours",
            advice=f"put `token_command = [{words}]` into [sources.{source.name}] of"
            f" {settings.paths.config_file}, or add --copy to keep the token that"
            f" {tool.program} has now",
        )


def borrow(tool: Tool, host: str, settings: Settings) -> Secret:
    """Ask the program for its token.

    Raises:
        ConfigurationError: it is not there.
        AuthenticationError: it is not signed in to this host.
        GitError: it did not answer in time.
    """
    from mgit.credentials import Secret
    from mgit.git.runner import GitRunner

    variables = settings.environment.variables
    if shutil.which(tool.program, path=variables.get("PATH", "")) is None:
        raise ConfigurationError(
            f"{tool.program} is not installed, or not on PATH",
            advice=f"install it and run `{tool.sign_in_command(host)}`,"
            " or run this without --from to be asked for a token",
        )
    ran = GitRunner(environment=variables).run_command(tool.token_command(host))
    text = ran.stdout.decode(errors="replace").strip()
    if ran.returncode != 0 or not text:
        said = ran.stderr.strip().rpartition("\n")[2]
        raise AuthenticationError(
            f"{tool.program} has no token for {host}" + (f": {said}" if said else ""),
            advice=f"run `{tool.sign_in_command(host)}` first",
        )
    try:
        return Secret(text)
    except InvalidInput as error:
        raise AuthenticationError(
            f"{tool.program} printed something else than a token: {error.message}",
            advice=f"see what `{' '.join(tool.token_command(host))}` prints",
        ) from None
