"""Judges deliveries of forges in the web process: who sent them, and what they are a hint of."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import assert_never

import msgspec

from mgit.credentials.hooks import read_hook_secrets
from mgit.credentials.secret import Secret
from mgit.daemon.web.channel import Hint
from mgit.daemon.web.hooks import Accepted, Refused
from mgit.errors import ConfigurationError
from mgit.webhooks import Accepted as Genuine
from mgit.webhooks import Headers, ListingHint, NoHint, Refusal, RepoHint, receive
from mgit.webhooks import Refused as NotGenuine

KEPT_MARKS = 10_000
_STATUS = {
    Refusal.TOO_LARGE: 413,
    Refusal.UNREADY: 403,
    Refusal.UNSIGNED: 401,
    Refusal.WRONG_SIGNATURE: 401,
    Refusal.STALE: 401,
    Refusal.MALFORMED: 400,
}
_BURST = 10.0
_PER_SECOND = 0.2


class HookSetup(msgspec.Struct, frozen=True):
    """The webhook of one source.

    Args:
        source: its name: the last part of the path.
        forge: its kind of forge.
        secret_file: the file of its secrets, which this process reads.
        trusted: folders whose files may be readable by others.
    """

    source: str
    forge: str
    secret_file: str
    trusted: tuple[str, ...] = ()


class SecretFile:
    """The secrets of a file, read again when the file is another one or has changed.

    Args:
        path: the file.
        trusted: see `HookSetup`.
    """

    def __init__(self, path: Path, trusted: tuple[Path, ...] = ()) -> None:
        self._path = path
        self._trusted = trusted
        self._seen: tuple[int, ...] = ()
        self._secrets: tuple[Secret, ...] = ()

    def read(self) -> tuple[Secret, ...]:
        """All that are valid; none where the file cannot be used."""
        try:
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
            if seen != self._seen:
                self._secrets = read_hook_secrets(self._path, trusted=self._trusted)
                self._seen = seen
        except (OSError, ConfigurationError):
            self._secrets, self._seen = (), ()
        return self._secrets


class Marks:
    """What one source was sent before; the oldest is forgotten first.

    Args:
        known: from an earlier life, oldest first.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._kept = dict.fromkeys(known)

    def __contains__(self, mark: object) -> bool:
        return mark in self._kept

    def add(self, marks: Iterable[str]) -> None:
        """Remember these too."""
        self._kept.update(dict.fromkeys(marks))
        while len(self._kept) > KEPT_MARKS:
            del self._kept[next(iter(self._kept))]


class Loud:
    """Lets a burst of complaints through, and then one now and again.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left = _BURST
        self._at = clock()
        self._missed = 0

    def may_say(self) -> int | None:
        """How many were left out before this one; None where this one is left out too."""
        now = self._clock()
        self._left = min(_BURST, self._left + (now - self._at) * _PER_SECOND)
        self._at = now
        if self._left < 1:
            self._missed += 1
            return None
        self._left -= 1
        missed, self._missed = self._missed, 0
        return missed


class Receiver:
    """See `mgit.daemon.web.hooks.Accepts`. Safe to use from many threads.

    Args:
        hooks: by source.
        known: marks of what a source was sent in an earlier life.
        wall: seconds since 1970.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        hooks: Iterable[HookSetup],
        known: Callable[[str], Iterable[str]],
        *,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hooks = {one.source: one for one in hooks}
        self._files = {name: _file_of(one) for name, one in self._hooks.items()}
        self._marks = {name: Marks(known(name)) for name in self._hooks}
        # One for each source, and one for all names that are none: nobody outshouts another.
        self._loud = {name: Loud(clock) for name in (*self._hooks, "")}
        self._wall = wall
        self._lock = threading.Lock()

    def __call__(self, source: str, headers: Mapping[str, str], body: bytes) -> Accepted | Refused:
        hook = self._hooks.get(source)
        if hook is None:
            return self._refused("", 404, "source-unknown", "no webhook is set up under this name")
        with self._lock:
            secrets = self._files[source].read()
        judged = receive(
            hook.forge,
            Headers(headers.items()),
            body,
            secrets,
            now=self._wall(),
            remembered=self._marks[source],
        )
        match judged:
            case NotGenuine(reason=reason, detail=detail):
                return self._refused(source, _STATUS[reason], reason.value, detail)
            case Genuine():
                return self._accepted(source, judged)
            case _:
                assert_never(judged)

    def _accepted(self, source: str, judged: Genuine) -> Accepted:
        event = judged.event or "an event without a name"
        hint = judged.hint
        match hint:
            case NoHint(why=why):
                return Accepted(note=f"{event}: nothing to do", code=why.value)
            case RepoHint(id=repo_id, path=path):
                about = f"{event} of {path}"
            case ListingHint(path=path):
                repo_id, about = "", f"{event}: the listing"
            case _:
                assert_never(hint)
        with self._lock:
            # Looked at again: two copies may have been judged side by side.
            if any(mark in self._marks[source] for mark in judged.marks):
                return Accepted(note=f"{event}: nothing to do", code="replayed")
            self._marks[source].add(judged.marks)
        hints = (Hint(source, judged.event, repo_id, path, judged.delivery, marks=judged.marks),)
        return Accepted(hints, about)

    def _refused(self, source: str, status: int, code: str, detail: str) -> Refused:
        with self._lock:
            missed = self._loud[source].may_say()
        sentence = f"{detail[:1].upper()}{detail[1:]}."
        told = missed is not None
        return Refused(status, code, sentence, audited=told, told=told, missed=missed or 0)


def _file_of(hook: HookSetup) -> SecretFile:
    return SecretFile(Path(hook.secret_file), tuple(Path(one) for one in hook.trusted))
