"""Opens sources: finds the credential, opens the forge, and hands git what belongs to it.

Each source keeps to its own credential, also where two sources are at the same host.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec

from mgit.address import Origin
from mgit.config.environ import Environment
from mgit.config.settings import Settings, SourceSettings
from mgit.credentials import Credential, CredentialBook, CredentialRequest, CredentialStore, Secret
from mgit.credentials.desktop import open_keyring
from mgit.credentials.find import RUN_SECRETS, find, standard_finders
from mgit.errors import AuthenticationError, ConfigurationError, InvalidInput
from mgit.fleet.measuring import Meter, Spent
from mgit.fleet.pacing import Budgets
from mgit.fleet.pool import TICK_SECONDS, Stop
from mgit.fleet.rotation import News, Rotation
from mgit.git.runner import GitRunner, Interrupted
from mgit.state import State
from mgit.telemetry.clean import Cleaner
from mgit.transport import CachedResponse, Transport

if TYPE_CHECKING:
    from mgit.forges.interface import Forge

T = TypeVar("T")


def trusted_folders(environment: Environment) -> tuple[Path, ...]:
    """Folders whose files may be readable by others, for the platform decides who sees them."""
    systemd = systemd_folder(environment)
    return RUN_SECRETS if systemd is None else (*RUN_SECRETS, systemd)


def systemd_folder(environment: Environment) -> Path | None:
    """Where systemd puts the credentials of a unit; None where no unit has any."""
    folder = environment.given("CREDENTIALS_DIRECTORY")
    return Path(folder) if folder else None


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
        self._rotation: Rotation[Source] = Rotation(self._read_again)

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

    def asking(self, name: str, ask: Callable[[Source], T], *, told: bool = False) -> T:
        """Ask with the credential of a source; where it is refused, once more with a newer one.

        A credential that was refused and that nobody replaced is left alone for the rest of the
        run: nothing is asked with it any more. Other sources go on.

        Args:
            name: of the source.
            ask: asks; called a second time where another credential was found.
            told: the caller tells of a refusal itself.

        Raises:
            AuthenticationError: it was refused, now or before.
            ConfigurationError: see `open`.
        """
        source = self.open(name)
        try:
            self._rotation.check(source)
            answer = ask(source)
        except AuthenticationError as error:
            fresh = self._renewed(source, error, told=told)
            if fresh is None:
                raise
            return ask(fresh)
        self._rotation.accepted(source)
        return answer

    def news(self) -> tuple[News, ...]:
        """What became of credentials since this was asked last."""
        return self._rotation.news()

    def _renewed(self, source: Source, error: AuthenticationError, *, told: bool) -> Source | None:
        fresh = self._rotation.renewed(source, error, told=told)
        if fresh is not None:
            with self._lock:
                self._opened[source.name] = fresh
        return fresh

    def _read_again(self, name: str) -> Source:
        return self._open(self._settings.source(name))

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
            systemd=systemd_folder(self._settings.environment),
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
