"""Opens sources: finds the credential, opens the forge, and hands git what belongs to it.

Each source keeps to its own credential, also where two sources are at the same host.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mgit.address import Origin
from mgit.config.settings import Settings, SourceSettings
from mgit.credentials import Credential, CredentialBook, CredentialRequest, CredentialStore, Secret
from mgit.credentials.desktop import open_keyring
from mgit.credentials.find import RUN_SECRETS, find, standard_finders
from mgit.errors import ConfigurationError, InvalidInput
from mgit.fleet.measuring import Meter, Spent
from mgit.fleet.pacing import Budgets
from mgit.fleet.pool import TICK_SECONDS, Stop
from mgit.git.runner import GitRunner, Interrupted
from mgit.state import State
from mgit.telemetry.clean import Cleaner
from mgit.transport import CachedResponse, Transport

if TYPE_CHECKING:
    from mgit.forges.interface import Forge


@dataclass(frozen=True, slots=True)
class Source:
    """A source that is ready to be asked.

    Args:
        settings: how it is configured.
        forge: speaks to it.
        credential: for its API; None when it is asked anonymously.
    """

    settings: SourceSettings
    forge: Forge
    credential: Credential | None

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def book(self) -> CredentialBook:
        """The same credential for the place where git goes; asked for after the listing."""
        if self.credential is None:
            return CredentialBook()
        origin = self.forge.git_origin or self.credential.origin
        return CredentialBook([self.credential.at(origin, self.forge.git_username)])


class Sources:
    """All sources of the settings, each opened when first asked for. Safe to share.

    Args:
        settings: names the sources and where their tokens are.
        transport: carries the requests.
        state: keeps answers between runs.
        clean: learns every secret before it is used.
        runner: starts token commands.
        stop: ends the waiting for a forge's rate limit.
        budgets: what each host allows each credential.
        meter: told how long forges let it wait.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        transport: Transport,
        state: State,
        clean: Cleaner,
        runner: GitRunner,
        stop: Stop,
        budgets: Budgets,
        meter: Meter,
    ) -> None:
        self._meter = meter
        self._settings = settings
        self._transport = transport
        self._state = state
        self._clean = clean
        self._runner = runner
        self._stop = stop
        self._budgets = budgets
        self._lock = threading.Lock()
        self._opened: dict[str, Source] = {}

    def open(self, name: str) -> Source:
        """The source of that name.

        Raises:
            ConfigurationError: there is none, or its token cannot be used.
            AuthenticationError: its token command failed.
        """
        with self._lock:
            known = self._opened.get(name)
        if known is not None:
            return known
        opened = self._open(self._settings.source(name))
        with self._lock:
            return self._opened.setdefault(name, opened)

    def _open(self, source: SourceSettings) -> Source:
        from mgit.forges import ForgeContext, Pacing, api_base, open_forge

        context = ForgeContext(
            source=source.name,
            transport=self._transport,
            api=None if source.file else api_base(source.forge, source.url),
            owners=source.owners,
            cache=_Answers(self._state, source.name),
            file=source.file,
            pacing=Pacing(sleep=self._sleep),
        )
        forge = open_forge(source.forge, context)
        origin = context.api.origin if context.api else forge.git_origin
        if origin is None:
            return Source(source, forge, None)
        credential = self._credential(source, origin, forge.git_username)
        if credential is not None and source.user:
            credential = replace(credential, username=source.user)
        budget = self._budgets.of(origin, credential)
        forge = open_forge(source.forge, replace(context, credential=credential, budget=budget))
        return Source(source, forge, credential)

    def _credential(
        self, source: SourceSettings, origin: Origin, username: str
    ) -> Credential | None:
        finders = standard_finders(
            CredentialStore(self._settings.paths.data_dir, _Keyring()),
            run_command=self._runner.run_command,
            open_keyring=open_keyring,
        )
        request = CredentialRequest(
            source=source.name,
            origin=origin,
            username=username,
            token_file=source.token_file,
            token_command=source.token_command,
            environment=self._from_environment(source),
            trusted_folders=self._trusted_folders(),
        )
        credential = find(request, finders)
        if credential is not None:
            self._clean.add(credential)
        return credential

    def _from_environment(self, source: SourceSettings) -> tuple[str, Secret] | None:
        text = self._settings.token_from_environment(source)
        if text is None:
            return None
        try:
            return source.token_env, Secret.from_text(text)
        except InvalidInput as error:
            raise ConfigurationError(
                f"{source.token_env} holds no usable token: {error.message}", advice=error.advice
            ) from None

    def _trusted_folders(self) -> tuple[Path, ...]:
        systemd = self._settings.environment.given("CREDENTIALS_DIRECTORY")
        return (*RUN_SECRETS, Path(systemd)) if systemd else RUN_SECRETS

    def _sleep(self, seconds: float) -> None:
        """Wait for a forge, unless mgit is ending."""
        end = time.monotonic() + seconds
        with self._meter.timed(Spent.PAUSED):
            while (left := end - time.monotonic()) > 0:
                if self._stop.requested:
                    raise Interrupted("waiting for a forge was interrupted")
                time.sleep(min(left, TICK_SECONDS))


class _Answers:
    """`mgit.transport.ResponseCache` over the state: one source's answers."""

    def __init__(self, state: State, source: str) -> None:
        self._state = state
        self._source = source

    def get(self, url: str) -> CachedResponse | None:
        packed = self._state.load_response(self._source, url)
        if packed is None:
            return None
        try:
            return msgspec.msgpack.decode(packed, type=CachedResponse)
        except msgspec.MsgspecError:
            return None

    def put(self, url: str, response: CachedResponse) -> None:
        self._state.store_response(self._source, url, msgspec.msgpack.encode(response))


class _Keyring:
    """The desktop's keyring, opened only when an entry of the store says that it is in there."""

    def get(self, account: str) -> str | None:
        keyring = open_keyring()
        return None if keyring is None else keyring.get(account)

    def put(self, account: str, secret: str) -> bool:
        keyring = open_keyring()
        return keyring is not None and keyring.put(account, secret)

    def delete(self, account: str) -> bool:
        keyring = open_keyring()
        return keyring is not None and keyring.delete(account)
