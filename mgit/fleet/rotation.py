"""What becomes of a credential that a forge refuses in the middle of a run.

Whoever rotates tokens puts the new one in the place of the old one and revokes that. So a refused
credential is looked for again, once. Where another one is found, the run goes on with it. Where it
is the same, the question is whether the forge means the credential, or one repository that it may
not read: the forge itself is asked that. A credential that is of no use is left alone for the rest
of the run, by all sources that have it, whatever else would have been asked with it: a thousand
refusals lock accounts.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Literal, Protocol, TypeVar

from mgit.credentials import Credential
from mgit.errors import AuthenticationError, MgitError

if TYPE_CHECKING:
    from mgit.config.settings import SourceSettings
    from mgit.forges.interface import Forge

PATIENCE = 5
"""So many refusals of single repositories are believed before the credential is doubted again."""


class Opened(Protocol):
    """A source that is ready to be asked; `mgit.fleet.sources.Source` is one."""

    @property
    def name(self) -> str:
        """What the person calls it."""

    @property
    def settings(self) -> SourceSettings:
        """How it is configured."""

    @property
    def forge(self) -> Forge:
        """Speaks to it."""

    @property
    def credential(self) -> Credential | None:
        """What it is asked with."""


S = TypeVar("S", bound=Opened)


@dataclass(frozen=True, slots=True)
class News:
    """What became of a credential.

    Args:
        source: name of the source.
        credential: the new one after a rotation; the one that is left alone after a refusal.
        refused: why it is left alone, None after a rotation.
    """

    source: str
    credential: Credential
    refused: AuthenticationError | None = None


class Rotation(Generic[S]):
    """Decides about refused credentials; for one run, safe to share between threads.

    Args:
        read_again: finds the credential of a source anew, and opens the source with it.
    """

    def __init__(self, read_again: Callable[[str], S]) -> None:
        self._read_again = read_again
        self._lock = threading.Lock()
        self._turns: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._renewed: dict[str, S] = {}
        self._left_alone: dict[Hashable, AuthenticationError] = {}
        self._looked: set[Hashable] = set()
        self._believed: Counter[Hashable] = Counter()
        self._in_a_row: Counter[Hashable] = Counter()
        self._news: list[News] = []

    def check(self, source: S) -> None:
        """Whether the credential of a source may be used.

        Raises:
            AuthenticationError: it was refused, and is left alone.
        """
        error = self._left_alone.get(_shown(source))
        if error is not None:
            raise AuthenticationError(f"{error.message}; left alone since", advice=error.advice)

    def renewed(self, source: S, error: AuthenticationError, *, told: bool = False) -> S | None:
        """The source with another credential than the one that was just refused; None for none.

        Args:
            source: as it was asked.
            error: the refusal.
            told: the caller tells of the refusal itself.
        """
        with self._turn(source.name):
            # Many threads are refused at the same time: the first one looks, the others follow.
            known = self._renewed.get(source.name)
            if known is not None and known.credential != source.credential:
                return known
            left_alone = _shown(source) in self._left_alone
            if (left_alone and _own(source) in self._looked) or self._is_believed(source):
                return None
            self._looked.add(_own(source))
            try:
                fresh = self._read_again(source.name)
            except MgitError:  # half rotated: the refusal says more than a file that is not there
                return None
            if fresh.credential != source.credential:
                self._take(fresh)
                return fresh
            if not left_alone:
                self._judge(fresh, error, told=told)
            return None

    def accepted(self, source: S) -> None:
        """Something was answered with the credential of a source."""
        if self._in_a_row:
            self._in_a_row.pop(_own(source), None)

    def news(self) -> tuple[News, ...]:
        """What happened since this was asked last."""
        if not self._news:
            return ()
        with self._lock:
            found, self._news = tuple(self._news), []
        return found

    def _take(self, fresh: S) -> None:
        self._renewed[fresh.name] = fresh
        if fresh.credential is not None:
            self._tell(News(fresh.name, fresh.credential))

    def _is_believed(self, source: S) -> bool:
        """Whether the refusal is one more of those of a credential that the forge stood by."""
        left = self._believed[_own(source)]
        if left:
            self._believed[_own(source)] = left - 1
        return left > 0

    def _judge(self, source: S, error: AuthenticationError, *, told: bool) -> None:
        from mgit.forges.refusals import CredentialRefused

        if not isinstance(error, CredentialRefused):
            doubted = self._doubted(source)
            if doubted is None:
                return
            error = doubted or error
        self._left_alone[_shown(source)] = error
        if not told and source.credential is not None:
            self._tell(News(source.name, source.credential, error))

    def _doubted(self, source: S) -> AuthenticationError | Literal[False] | None:
        """Why the credential itself is of no use: the forge's words, False for none; None: it is.

        A manifest has no forge to ask: there so many refusals in a row decide. Whoever asks
        without a credential is refused where one is wanted, and that says nothing of the rest.
        """
        from mgit.forges.refusals import CredentialRefused

        if source.credential is None:
            return None
        if source.settings.file is not None:
            self._in_a_row[_own(source)] += 1
            return False if self._in_a_row[_own(source)] >= PATIENCE else None
        try:
            source.forge.whoami()
        except CredentialRefused as refused:
            return refused
        except MgitError:  # in trouble: no answer to the question
            return None
        self._believed[_own(source)] = PATIENCE
        return None

    def _tell(self, news: News) -> None:
        with self._lock:
            self._news.append(news)

    def _turn(self, name: str) -> threading.Lock:
        with self._lock:
            return self._turns[name]


def _own(source: Opened) -> Hashable:
    """A source with what it is asked with."""
    return source.name, source.credential


def _shown(source: Opened) -> Hashable:
    """What a host sees: the same for two sources that ask it with one token."""
    credential = source.credential
    return source.name if credential is None else (credential.origin, credential.secret)
