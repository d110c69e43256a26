"""Private files: read with care, written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mgit.errors import ConfigurationError

_MAX_BYTES = 64 * 1024


def read_private(path: Path, what: str, *, trusted: tuple[Path, ...] = ()) -> str:
    """Read a small text file that holds a secret.

    Args:
        path: the file.
        what: what to call it in an error.
        trusted: folders whose files may be readable by others, because the platform that
            mounts them decides who sees them (`/run/secrets`).

    Raises:
        ConfigurationError: absent, unreadable, not a regular file, too large, not UTF-8, or
            readable by other users of this machine.
    """
    try:
        # O_NONBLOCK: a named pipe must not hang mgit.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise ConfigurationError(
            f"{what} {path} cannot be read: {error.strerror}", advice="check its path and its owner"
        ) from None
    try:
        content = _read_checked(descriptor, path, what, trusted)
    finally:
        os.close(descriptor)
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ConfigurationError(f"{what} {path} is not UTF-8 text") from None


def _read_checked(descriptor: int, path: Path, what: str, trusted: tuple[Path, ...]) -> bytes:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise ConfigurationError(f"{what} {path} is not a regular file")
    if stat.S_IMODE(status.st_mode) & 0o077 and not _is_below(path, trusted):
        raise ConfigurationError(
            f"{what} {path} can be read by other users",
            advice=f"run `chmod 600 {path}`; if it was shared, make a new token",
        )
    content = b""
    while len(content) <= _MAX_BYTES:
        chunk = os.read(descriptor, _MAX_BYTES)
        if not chunk:
            return content
        content += chunk
    raise ConfigurationError(f"{what} {path} is larger than 64 KiB: not a token")


def make_private_folder(path: Path) -> None:
    """Create a folder, and those above it, for this user only; a wider one is narrowed."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        path.chmod(0o700)


def write_private(path: Path, content: bytes) -> None:
    """Replace a file by a new one that only this user can read; old or new, never half.

    Raises:
        OSError: the folder is absent, full or read-only.
    """
    with private_file(path) as file:
        file.write(content)


@contextlib.contextmanager
def private_file(path: Path) -> Iterator[BinaryIO]:
    """The same, written bit by bit; whatever is raised within leaves the file as it was.

    Raises:
        OSError: the folder is absent, full or read-only.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(aside, flags, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make a rename in this folder survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_below(path: Path, folders: tuple[Path, ...]) -> bool:
    plain = Path(os.path.normpath(path.absolute()))
    return any(plain.is_relative_to(folder) for folder in folders)
