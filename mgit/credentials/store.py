"""Tokens that `mgit login` keeps: in the desktop's keyring, else in a private file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mgit.address import Origin, parse_origin
from mgit.credentials.desktop import Keyring
from mgit.credentials.files import make_private_folder, read_private, write_private
from mgit.credentials.secret import Credential, Secret
from mgit.errors import ConfigurationError, InvalidInput

FILE_NAME = "credentials.json"
FOUND_IN = "mgit login"
"""What a credential from here says about where it was found."""


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    origin: str
    username: str
    secret: str | None  # None: the keyring has it


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    entries: list[_Entry]


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store knows about an origin, without the secret.

    Args:
        origin: what the token belongs to.
        username: who it belongs to.
        where: `keyring` or the file's path.
    """

    origin: Origin
    username: str
    where: str


class CredentialStore:
    """One token per origin, below the data folder (folder 0700, file 0600).

    Args:
        folder: mgit's data folder; made when the first token is put into it.
        keyring: where secrets go in preference to the file; None to use the file.
    """

    def __init__(self, folder: Path, keyring: Keyring | None = None) -> None:
        self._file = folder / FILE_NAME
        self._keyring = keyring

    def put(self, credential: Credential) -> Stored:
        """Keep a token in place of an older one of the same origin.

        Raises:
            ConfigurationError: the data folder or the file cannot be written.
        """
        account = str(credential.origin)
        secret = credential.secret.reveal()
        in_keyring = self._keyring is not None and self._keyring.put(account, secret)
        entry = _Entry(account, credential.username, None if in_keyring else secret)
        self._write([*self._others(account), entry])
        return self._stored(entry)

    def get(self, origin: Origin) -> Credential | None:
        """The token of exactly this origin.

        Raises:
            ConfigurationError: the file is malformed, or other users can read it.
        """
        account = str(origin)
        for entry in self._read():
            if entry.origin == account:
                secret = entry.secret if entry.secret is not None else self._from_keyring(account)
                if secret is None:
                    return None
                try:
                    return Credential(origin, entry.username, Secret(secret), FOUND_IN)
                except InvalidInput as error:
                    raise self._malformed(f"{account}: {error.message}") from None
        return None

    def delete(self, origin: Origin) -> bool:
        """Forget a token; False when there was none."""
        account = str(origin)
        before = self._read()
        others = self._others(account)
        if len(others) == len(before):
            return False
        if self._keyring is not None:
            self._keyring.delete(account)
        self._write(others)
        return True

    def list(self) -> tuple[Stored, ...]:
        """All origins that have a token here, by name."""
        return tuple(sorted((self._stored(e) for e in self._read()), key=lambda s: s.origin))

    def _from_keyring(self, account: str) -> str | None:
        return None if self._keyring is None else self._keyring.get(account)

    def _others(self, account: str) -> Sequence[_Entry]:
        return [entry for entry in self._read() if entry.origin != account]

    def _stored(self, entry: _Entry) -> Stored:
        where = "keyring" if entry.secret is None else str(self._file)
        return Stored(self._origin(entry), entry.username, where)

    def _origin(self, entry: _Entry) -> Origin:
        try:
            return parse_origin(entry.origin)
        except InvalidInput as error:
            raise self._malformed(error.message) from None

    def _malformed(self, why: str) -> ConfigurationError:
        return ConfigurationError(
            f"the token store {self._file} is malformed: {why}",
            advice="move it away and run `mgit login` again",
        )

    def _read(self) -> Sequence[_Entry]:
        if not self._file.exists():
            return []
        text = read_private(self._file, "the token store")
        try:
            document = msgspec.json.decode(text, type=_Document)
        except msgspec.MsgspecError as error:
            # The error names the field and the type it found, never a value.
            raise self._malformed(str(error)) from None
        if document.version != 1:
            raise self._malformed(f"version {document.version} is not known to this mgit")
        return document.entries

    def _write(self, entries: Sequence[_Entry]) -> None:
        ordered = sorted(entries, key=lambda entry: entry.origin)
        content = msgspec.json.format(msgspec.json.encode(_Document(1, ordered)), indent=2)
        try:
            make_private_folder(self._file.parent)
            write_private(self._file, content + b"\n")
        except OSError as error:
            raise ConfigurationError(
                f"the token store {self._file} cannot be written: {os.strerror(error.errno or 0)}",
                advice="check the folder's owner and the free space, or set a token file instead",
            ) from None
