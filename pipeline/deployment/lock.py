"""One change at a time per environment, and a word about who is at it.

The lock is `flock(2)` on a file beside the ledger; the kernel lets go of it when its holder dies,
however that was. The file says who holds it. When it can be locked and still names somebody, that
one died: on this machine the lock is taken over and that is said. From another machine the kernel
may not tell (not every shared folder carries locks), so a person has to.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from pipeline.step import Exit, PipelineError

_ATTEMPTS, _PAUSE = 4, 0.05  # somebody who only looks holds it for a moment
_ACTOR = "GITHUB_ACTOR"


class Holder(msgspec.Struct, frozen=True):
    """Who changes an environment.

    Args:
        who: `USER@HOST`, or CI's name for who started it.
        host: name of the machine.
        pid: process there.
        since: RFC 3339, UTC.
    """

    who: str
    host: str
    pid: int
    since: str

    def __str__(self) -> str:
        return f"{self.who} (process {self.pid} on {self.host}, since {self.since})"


@dataclass(frozen=True, slots=True)
class Seen:
    """A lock as somebody sees it who does not want it.

    Args:
        holder: who is named in it; None for nobody.
        held: whether that one is at work; otherwise it died.
    """

    holder: Holder | None
    held: bool

    def __str__(self) -> str:
        if self.holder is None:
            return "held" if self.held else "free"
        return f"{'held' if self.held else 'left'} by {self.holder}"


def myself(env: Mapping[str, str]) -> Holder:
    """This process.

    Args:
        env: environment; CI says there who started it.
    """
    host = socket.gethostname()
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    who = f"{env[_ACTOR]} by CI" if env.get(_ACTOR) else f"{user}@{host}"
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Holder(_plain(who), _plain(host), os.getpid(), now)


def lock_path(folder: Path, environment: str) -> Path:
    """The lock of an environment."""
    return folder / f"{environment}.lock"


@contextmanager
def hold(path: Path, me: Holder) -> Iterator[str]:
    """Hold the lock as long as the block runs.

    Yields:
        From whom it was taken over; empty where it was free.

    Raises:
        PipelineError: ENVIRONMENT, somebody holds it, or it cannot be made.
    """
    fd = _open(path)
    try:
        if not _locked(fd):
            raise _held(path, _holder(fd))
        dead = _holder(fd)
        if dead is not None and dead.host != me.host:
            raise PipelineError(
                f"{path.stem} was left locked by {dead}",
                exit_code=Exit.ENVIRONMENT,
                advice=f"when that is over for certain: rm {path}",
            )
        _write(path, fd, msgspec.json.encode(me))
        try:
            yield str(dead) if dead is not None else ""
        finally:  # also when it went wrong: that is told, not left behind
            _write(path, fd, b"")
    finally:
        os.close(fd)


def look(path: Path) -> Seen:
    """Who holds a lock, without taking it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return Seen(None, held=False)
    try:
        return Seen(_holder(fd), held=not _locked(fd, fcntl.LOCK_SH, attempts=1))
    finally:
        os.close(fd)


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from None


def _locked(fd: int, kind: int = fcntl.LOCK_EX, *, attempts: int = _ATTEMPTS) -> bool:
    for attempt in range(attempts):
        try:
            fcntl.flock(fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE if attempt + 1 < attempts else 0)
        else:
            return True
    return False


def _holder(fd: int) -> Holder | None:
    """Who is named in the file; a name that was cut off is nobody's."""
    try:
        return msgspec.json.decode(os.pread(fd, 4096, 0), type=Holder)
    except msgspec.MsgspecError:
        return None


def _write(path: Path, fd: int, text: bytes) -> None:
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, text, 0)
    except OSError as error:
        raise _unwritable(path, error) from None


def _held(path: Path, holder: Holder | None) -> PipelineError:
    return PipelineError(
        f"{path.stem} is being changed by {holder or 'somebody who has not said who'}",
        exit_code=Exit.ENVIRONMENT,
        advice="wait for it, then run the same command again",
    )


def _unwritable(path: Path, error: OSError) -> PipelineError:
    return PipelineError(
        f"the lock {path} cannot be written: {error.strerror}",
        exit_code=Exit.ENVIRONMENT,
        advice="make room or give the rights, then run the same command again",
    )


def _plain(text: str) -> str:
    return "".join(character for character in text if character.isprintable())[:80]
