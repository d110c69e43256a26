"""`mgit login`: a source and its token, proven against the forge before anything is kept."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mgit.cli.app import load_for_login
from mgit.cli.borrowing import borrow, check_forge, check_known, tool_of
from mgit.cli.console import Console
from mgit.cli.recording import Recorder
from mgit.config import Settings, SourceSettings
from mgit.config.document import check_source_name
from mgit.config.edit import Edit, NewSource, add_source
from mgit.config.keys import FORGES
from mgit.config.nearest import did_you_mean
from mgit.config.values import Unfit, Where, read_url
from mgit.errors import AuthenticationError, ConfigurationError, InvalidInput

if TYPE_CHECKING:
    from mgit.credentials import Secret
    from mgit.credentials.tools import Tool
    from mgit.forges.interface import Account

_MAX_TOKEN = 8192


def run(options: argparse.Namespace, console: Console) -> int:
    """Ask for the token, prove it, keep it, and write the source down if it is new."""
    settings = load_for_login(options)
    tool = tool_of(options)
    source, edit = _source(options, settings, tool)
    recorder = Recorder(settings, console, "mgit login")
    if tool is None:
        secret = _read_token(options, console, source)
    else:
        check_forge(tool, source)
        command = _token_command(tool, source)
        if edit is None and not options.copy:
            check_known(tool, source, command, settings)
        secret = borrow(tool, _host(source), settings)
    kept = tool is None or options.copy
    account = _keep(settings, source, secret, edit, recorder, kept=kept)
    whose = f" of {account.login}" if account.login else ""
    how = "and is kept" if kept or tool is None else f"and {tool.program} is asked for it each time"
    console.note(f"the token{whose} works for {source.url} {how}")
    if tool is not None and tool.short_lived and kept:
        console.note(f"tokens of {tool.program} end within hours: without --copy it is asked anew")
    if account.expires is not None:
        console.note(f"it expires on {account.expires.date().isoformat()}")
    if edit is not None:
        console.note(f"added source {source.name} to {settings.paths.config_file}")
    console.note(f"next: mgit list --source {source.name}")
    return 0


def _host(source: SourceSettings) -> str:
    """The host that other programs know a source's forge by, with its port where it has one."""
    from mgit.forges import ForgeContext, api_base, open_forge
    from mgit.transport import Transport

    api = api_base(source.forge, source.url)
    with Transport() as unused:
        origin = open_forge(source.forge, ForgeContext(source.name, unused, api)).git_origin
    return (origin or api.origin).authority


def _token_command(tool: Tool, source: SourceSettings) -> tuple[str, ...]:
    return tool.token_command(_host(source))


def _source(
    options: argparse.Namespace, settings: Settings, tool: Tool | None
) -> tuple[SourceSettings, Edit | None]:
    """The source to sign in to, and the edit that adds it unless it is there already."""
    for known in settings.sources:
        if known.name == options.name:
            _refuse_changes(options, known, settings)
            return known, None
    check_source_name(options.name, "the NAME given")
    new = NewSource(
        name=options.name,
        forge=_forge(options) if tool is None else tool.forge,
        url=_url(options),
        owners=tuple(options.owner or ()),
        user=options.user or "",
    )
    edit = add_source(new, settings.paths, settings.environment)
    source = edit.settings.source(new.name)
    if tool is not None and not options.copy:
        # The forge's host is known when its address is: so the command comes in a second time.
        new = replace(new, token_command=_token_command(tool, source))
        edit = add_source(new, settings.paths, settings.environment)
        source = edit.settings.source(new.name)
    return source, edit


def _url(options: argparse.Namespace) -> str:
    if not options.url:
        return ""
    try:
        return read_url(options.url, Where("--url", Path.cwd(), None))
    except Unfit as error:
        raise InvalidInput(
            f"--url must be {error}", advice="it is the address of the forge's API"
        ) from None


def _forge(options: argparse.Namespace) -> str:
    kinds = [kind for kind in FORGES if kind != "manifest"]
    forge = str(options.forge or options.name)
    if forge in kinds:
        return forge
    if not options.forge:
        raise InvalidInput(
            "the source is new, and nothing says which forge it is",
            advice=f"add --forge with one of {', '.join(kinds)}",
        )
    raise InvalidInput(
        f"--forge does not know {forge[:40]!a}{did_you_mean(forge, kinds)}",
        advice=f"forges: {', '.join(kinds)}; a manifest needs no login",
    )


def _refuse_changes(options: argparse.Namespace, known: SourceSettings, settings: Settings) -> None:
    if known.forge == "manifest":
        raise InvalidInput(
            f"source {known.name} is a manifest, which has no account to sign in to",
            advice="name a token_file, token_env or token_command in the configuration",
        )
    differs = [
        flag
        for flag, given, there in (
            ("--forge", options.forge, known.forge),
            ("--url", options.url and options.url.rstrip("/"), known.url),
            ("--owner", options.owner and tuple(options.owner), known.owners),
            ("--user", options.user, known.user),
        )
        if given and given != there
    ]
    if differs:
        raise ConfigurationError(
            f"source {known.name} exists with another {' and '.join(differs)}",
            advice=f"edit [sources.{known.name}] in {settings.paths.config_file}, "
            "or choose another name",
        )


def _read_token(options: argparse.Namespace, console: Console, source: SourceSettings) -> Secret:
    from mgit.credentials import Secret

    if options.stdin:
        try:
            text = sys.stdin.read(_MAX_TOKEN + 2)
        except UnicodeDecodeError:
            raise InvalidInput(
                "what came on standard input is not text", advice="give the token alone, as UTF-8"
            ) from None
    elif sys.stdin.isatty():
        import getpass

        text = getpass.getpass(f"Token for {source.url}: ", stream=console.err)
    else:
        raise InvalidInput(
            "there is no terminal to ask for the token at",
            advice="give it on standard input: mgit login NAME --stdin < FILE",
        )
    if not text.strip():
        raise InvalidInput("no token was given", advice="nothing was changed; try again")
    return Secret.from_text(text)


def _keep(
    settings: Settings,
    source: SourceSettings,
    secret: Secret,
    edit: Edit | None,
    recorder: Recorder,
    *,
    kept: bool,
) -> Account:
    """Prove the token, then keep it, then write the source down; nothing before it is proven."""
    from mgit.credentials import Credential, CredentialStore
    from mgit.credentials.desktop import open_keyring
    from mgit.fleet.network import open_transport
    from mgit.forges import ForgeContext, api_base, open_forge

    transport = open_transport(settings.network)
    context = ForgeContext(
        source=source.name,
        transport=transport,
        api=api_base(source.forge, source.url),
        owners=source.owners,
    )
    try:
        username = open_forge(source.forge, context).git_username
        origin = api_base(source.forge, source.url).origin
        credential = Credential(origin, source.user or username, secret, "prompt")
        try:
            account = open_forge(source.forge, replace(context, credential=credential)).whoami()
        except AuthenticationError as error:
            recorder.refused(credential, source.name, error.message)
            raise
    finally:
        transport.close()
    if kept:
        store = CredentialStore(settings.paths.data_dir, open_keyring())
        store.put(credential)
        recorder.stored(credential, source.name, "the credential store")
    if edit is not None:
        edit.write()
        recorder.configured(edit)
    return account
