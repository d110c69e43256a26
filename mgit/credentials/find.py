"""Where a token comes from: asked in order, the first answer wins.

Token file, systemd's credential, token command, own store, desktop keyring, environment variable.
What can be renewed from outside comes first, what another program of the same user can read comes
last. Nothing here reads the environment or starts a process: both are handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mgit.address import Origin
from mgit.credentials.desktop import Keyring
from mgit.credentials.files import read_private
from mgit.credentials.secret import Credential, Secret
from mgit.credentials.store import FOUND_IN, CredentialStore
from mgit.errors import AuthenticationError, ConfigurationError, InvalidInput

RUN_SECRETS = (Path("/run/secrets"), Path("/var/run/secrets"))
"""Where container platforms mount secrets; their modes are the platform's business."""


class Ran(Protocol):
    """How a token command ended."""

    @property
    def returncode(self) -> int:
        """0 when it did what it was asked."""

    @property
    def stdout(self) -> bytes:
        """What it printed: the token."""

    @property
    def stderr(self) -> str:
        """Why it failed, cleaned."""


SYSTEMD_PREFIX = "mgit-token-"
"""`LoadCredential=mgit-token-NAME:…` in a unit gives source NAME its token: systemd.exec(5)."""

RunCommand = Callable[[Sequence[str]], Ran]
"""Starts a program without a shell and waits for it; `GitRunner.run_command` is one."""


@dataclass(frozen=True, slots=True)
class CredentialRequest:
    """For whom a token is looked for, and where the configuration says it may be.

    Args:
        source: the configured name, for messages.
        origin: what the token will belong to.
        username: the user name that goes with it.
        token_file: a file with the token, read again on each run.
        token_command: program and arguments that print the token.
        environment: name and value of the environment variable that holds it.
        trusted_folders: where token files may be readable by others.
        systemd: systemd's `CREDENTIALS_DIRECTORY`, None where no unit has one; it is trusted too.
    """

    source: str
    origin: Origin
    username: str
    token_file: Path | None = None
    token_command: tuple[str, ...] = ()
    environment: tuple[str, Secret] | None = None
    trusted_folders: tuple[Path, ...] = RUN_SECRETS
    systemd: Path | None = None


Finder = Callable[[CredentialRequest], Credential | None]
"""Looks in one place. None: not here. An error: it should be here and cannot be used."""


def find(request: CredentialRequest, finders: Sequence[Finder]) -> Credential | None:
    """The first credential that is found; None when there is none anywhere.

    Raises:
        ConfigurationError: a named file cannot be used. It is not passed over in silence:
            another token may belong to somebody else.
        AuthenticationError: the token command failed.
    """
    for finder in finders:
        credential = finder(request)
        if credential is not None:
            return credential
    return None


def standard_finders(
    store: CredentialStore | None = None,
    *,
    run_command: RunCommand | None = None,
    open_keyring: Callable[[], Keyring | None] | None = None,
) -> tuple[Finder, ...]:
    """All finders in the documented order.

    Args:
        store: what `mgit login` wrote; None to leave it out.
        run_command: starts token commands; None to refuse them.
        open_keyring: opens the desktop's keyring, only when it comes to that; None for never.
    """
    finders: list[Finder] = [from_file, from_systemd, _FromCommand(run_command)]
    if store is not None:
        finders.append(_FromStore(store))
    if open_keyring is not None:
        finders.append(_FromKeyring(open_keyring))
    return (*finders, from_environment)


def from_file(request: CredentialRequest) -> Credential | None:
    """Read the token file that the configuration names."""
    path = request.token_file
    if path is None:
        return None
    what = f"token file of source {request.source!a}"
    text = read_private(path, what, trusted=_trusted(request))
    return _credential(request, text, f"file {path}", f"{what} {path}")


def from_systemd(request: CredentialRequest) -> Credential | None:
    """Read the credential that the service's unit has for this source, if it has one."""
    if request.systemd is None:
        return None
    path = request.systemd / f"{SYSTEMD_PREFIX}{request.source}"
    if not path.exists():
        return None
    what = f"systemd credential of source {request.source!a}"
    text = read_private(path, what, trusted=_trusted(request))
    return _credential(request, text, f"systemd credential {path.name}", f"{what} {path}")


def from_environment(request: CredentialRequest) -> Credential | None:
    """Take the value that the configuration read from the environment."""
    if request.environment is None:
        return None
    name, secret = request.environment
    return Credential(request.origin, request.username, secret, f"environment {name}")


@dataclass(frozen=True, slots=True)
class _FromCommand:
    run: RunCommand | None

    def __call__(self, request: CredentialRequest) -> Credential | None:
        argv = request.token_command
        if not argv:
            return None
        what = f"token command {argv[0]!a} of source {request.source!a}"
        if self.run is None:
            raise ConfigurationError(f"{what} cannot be started here")
        ran = self.run(argv)
        if ran.returncode != 0:
            raise AuthenticationError(
                f"{what} failed: {ran.stderr or f'exit code {ran.returncode}'}",
                advice="run it by hand and sign in, then try again",
            )
        text = ran.stdout.decode(errors="replace")
        return _credential(request, text, f"command {argv[0]}", what)


@dataclass(frozen=True, slots=True)
class _FromStore:
    store: CredentialStore

    def __call__(self, request: CredentialRequest) -> Credential | None:
        return self.store.get(request.origin)


@dataclass(frozen=True, slots=True)
class _FromKeyring:
    open: Callable[[], Keyring | None]

    def __call__(self, request: CredentialRequest) -> Credential | None:
        keyring = self.open()
        text = None if keyring is None else keyring.get(str(request.origin))
        if text is None:
            return None
        return _credential(request, text, "keyring", f"keyring entry {request.origin}")


def how_to_renew(source: str, found_in: str) -> str:
    """What a person does about a token that ends: where it was found outranks other places.

    Args:
        source: name of the source.
        found_in: see `Credential`.
    """
    if found_in == FOUND_IN:
        return f"make a new token and run `mgit login {source}`"
    return f"make a new token and put it in the place of the old one ({found_in})"


def _trusted(request: CredentialRequest) -> tuple[Path, ...]:
    systemd = () if request.systemd is None else (request.systemd,)
    return (*request.trusted_folders, *systemd)


def _credential(request: CredentialRequest, text: str, found_in: str, what: str) -> Credential:
    try:
        secret = Secret.from_text(text)
    except InvalidInput as error:
        raise ConfigurationError(
            f"{what} holds no usable token: {error.message}", advice=error.advice
        ) from None
    return Credential(request.origin, request.username, secret, found_in)
