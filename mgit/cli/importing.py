"""`mgit config import`: the sources and tokens of mgit 0.x, taken over beside what is there.

First decided as a whole, then written: tokens before the configuration, the configuration in one
step. A second import finds everything there and changes nothing. The old file is only read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from mgit.address import Origin
from mgit.cli.providers_of_0x import (
    OldProvider,
    OldSettings,
    free_name,
    renamed,
    unique_names,
)
from mgit.cli.recording import Recorder
from mgit.config import Settings, SourceSettings
from mgit.config.edit import Edit, NewSource, add_sources
from mgit.config.settings import origins
from mgit.config.sources import DEFAULT_URLS
from mgit.credentials import Credential, CredentialStore
from mgit.credentials.files import make_private_folder, write_private
from mgit.errors import ConfigurationError, MgitError

Kept = Literal["store", "file", "variable", "there", "none"]
Result = Literal["added", "there", "left-out"]


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of one provider.

    Args:
        was: its name in the old file.
        result: `added`, `there` already, or `left-out`.
        source: what it is today, None when it was left out.
        kept: where its token is.
        where: the file or the variable of the token, empty otherwise.
        notes: what the person should know, one line each; the first says why it was left out.
    """

    was: str
    result: Result
    source: NewSource | None
    kept: Kept = "none"
    where: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Import:
    """An import that was decided but not yet made.

    Args:
        providers: what comes of each.
        edit: the new configuration, None when nothing is added to it.
        credentials: what goes to the credential store.
        files: tokens that go to files of their own, by path.
        notes: about everything else.
    """

    providers: tuple[Imported, ...]
    edit: Edit | None
    credentials: tuple[Credential, ...]
    files: Mapping[Path, Credential]
    notes: tuple[str, ...]

    def write(self, store: CredentialStore, recorder: Recorder) -> None:
        """Keep the tokens, then write the configuration; the audit log gets a record of each.

        Raises:
            ConfigurationError: something cannot be written; run it again after mending that.
        """
        for credential in self.credentials:
            store.put(credential)
            recorder.stored(credential, "", "the credential store")
        for path, credential in self.files.items():
            try:
                make_private_folder(path.parent)
                write_private(path, credential.secret.reveal().encode() + b"\n")
            except OSError as error:
                raise ConfigurationError(
                    f"cannot write {path}: {error.strerror}",
                    advice="check its folder's owner and the free space, then import again",
                ) from None
            recorder.stored(credential, path.name, str(path))
        if self.edit is not None:
            self.edit.write()
            recorder.configured(self.edit)


def decide(old: OldSettings, settings: Settings, store: CredentialStore) -> Import:
    """What an import would do. Writes nothing.

    Args:
        old: what stands in the old file.
        settings: what is configured today.
        store: tokens that are kept today.

    Raises:
        ConfigurationError: the configuration or the store of today is not sound.
    """
    taken = [source.name for source in settings.sources]
    planned: list[_Planned] = []
    for one in unique_names(old.providers):
        plan = _match(one, settings, store)
        if plan.there is None and plan.source is not None:
            plan = replace(plan, old=renamed(one, free_name(plan.source.name, taken)))
            taken.append(plan.name)
        planned.append(plan)
    keeper = _Keeper(settings, store, planned)
    found = tuple(keeper.keep(plan) for plan in planned)
    added = [one.source for one in found if one.result == "added" and one.source is not None]
    notes = list(old.notes)
    edit = _edit(added, old.concurrency, settings, notes)
    return Import(found, edit, tuple(keeper.credentials), keeper.files, tuple(notes))


@dataclass(frozen=True, slots=True)
class _Planned:
    """A provider, the source that it already is (if it is one), and where its token belongs."""

    old: OldProvider
    there: SourceSettings | None = None
    origin: Origin | None = None

    @property
    def source(self) -> NewSource | None:
        return self.old.source

    @property
    def name(self) -> str:
        return "" if self.old.source is None else self.old.source.name


def _match(old: OldProvider, settings: Settings, store: CredentialStore) -> _Planned:
    from mgit.forges import api_base

    new = old.source
    if new is None:
        return _Planned(old)
    try:
        origin = api_base(new.forge, new.url).origin
    except MgitError as error:
        return _Planned(replace(old, source=None, problem=error.message))
    kept = store.get(origin)
    for known in settings.sources:
        place = (new.forge, new.url or DEFAULT_URLS.get(new.forge, ""), new.owners)
        if (known.forge, known.url, known.owners) != place:
            continue
        same = old.token is not None and kept is not None and kept.secret == old.token
        if same or re.fullmatch(f"{re.escape(new.name)}(-[0-9]+)?", known.name):
            return _Planned(old, known, origin)
    return _Planned(old, None, origin)


class _Keeper:
    """Decides where tokens go: to the store, which has one for each host, or to files."""

    def __init__(
        self, settings: Settings, store: CredentialStore, planned: Sequence[_Planned]
    ) -> None:
        from mgit.forges import api_base

        self.credentials: list[Credential] = []
        self.files: dict[Path, Credential] = {}
        self._store = store
        self._folder = settings.paths.data_dir / "tokens"
        # How many sources would take what the store has for a host.
        hosts = [api_base(one.forge, one.url).origin for one in settings.sources if not one.file]
        hosts += [one.origin for one in planned if one.origin and one.there is None]
        self._takers = Counter(hosts)

    def keep(self, plan: _Planned) -> Imported:
        """What comes of a provider and its token."""
        old, new, origin = plan.old, plan.source, plan.origin
        if new is None or origin is None:
            return Imported(old.was, "left-out", None, notes=(old.problem, *old.notes))
        if plan.there is not None:
            return self._there(old, plan.there, origin)
        if old.token is None:
            place: Kept = "variable" if new.token_env else "none"
            notes = old.notes
            if new.token_env and self._store.get(origin) is not None:
                notes = (*notes, f"the token that is stored for {origin} comes before its variable")
            elif not new.token_env:
                notes = (*notes, f"it has no token yet: `mgit login {new.name}`")
            return Imported(old.was, "added", new, place, new.token_env, notes)
        credential = Credential(origin, _username(new), old.token, "mgit config import")
        stored = self._store.get(origin)
        if stored is not None and stored.secret == old.token:
            return Imported(old.was, "added", new, "there", notes=old.notes)
        if stored is None and self._takers[origin] == 1:
            self.credentials.append(credential)
            return Imported(old.was, "added", new, "store", notes=old.notes)
        # The store has one token for each host, and this host has several sources.
        path = self._folder / new.name
        self.files[path] = credential
        new = replace(new, token_file=str(path))
        return Imported(old.was, "added", new, "file", str(path), old.notes)

    def _there(self, old: OldProvider, known: SourceSettings, origin: Origin) -> Imported:
        notes = [f"source {known.name} is the same already and stays as it is"]
        has = known.token_file or known.token_command or self._store.get(origin) is not None
        if old.token is not None and not has:
            credential = Credential(origin, _username(known), old.token, "mgit config import")
            self.credentials.append(credential)
            return Imported(old.was, "there", _as_new(known), "store", notes=tuple(notes))
        return Imported(old.was, "there", _as_new(known), "there", notes=tuple(notes))


def _as_new(known: SourceSettings) -> NewSource:
    return NewSource(known.name, known.forge, known.url, known.owners, known.user)


def _username(source: NewSource | SourceSettings) -> str:
    """The user name that goes with a token of this source."""
    from mgit.forges import ForgeContext, api_base, open_forge
    from mgit.transport import Transport

    if source.user:
        return source.user
    with Transport() as unused:
        base = api_base(source.forge, source.url)
        context = ForgeContext(source.name, unused, api=base, owners=source.owners)
        return open_forge(source.forge, context).git_username


def _edit(
    added: Sequence[NewSource], concurrency: int | None, settings: Settings, notes: list[str]
) -> Edit | None:
    """The new configuration; None when it stays as it is."""
    set_already = origins(settings)["defaults.concurrency"] == str(settings.paths.config_file)
    defaults = {}
    if concurrency is not None and concurrency != settings.concurrency:
        if set_already:
            notes.append(
                f"concurrency stays {settings.concurrency}, as the configuration says; "
                f"it was {concurrency}"
            )
        else:
            defaults = {"concurrency": concurrency}
    if not added and not defaults:
        return None
    edit = add_sources(added, settings.paths, settings.environment, defaults)
    if f"\nconcurrency = {concurrency}\n" not in edit.text and defaults:
        notes.append(f"write `concurrency = {concurrency}` into [defaults] yourself")
    return edit
