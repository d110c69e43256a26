"""What speaks git: one runner and one refs client for each source, made when first needed."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from mgit.address import CloneUrl
from mgit.config.settings import Settings
from mgit.credentials import Askpass, Credential, CredentialBook, Redactor
from mgit.fleet.network import git_network, proxy_credential
from mgit.fleet.pacing import Budgets, PacedTransport
from mgit.fleet.sources import Source
from mgit.fleet.spans import spanned_git
from mgit.forges.budget import Budget
from mgit.git.children import Children
from mgit.git.refs import RefsClient
from mgit.git.runner import GitRunner
from mgit.git.session import Session
from mgit.telemetry.tracing import UNTRACED, Tracer
from mgit.transport import Transport

T = TypeVar("T")
_Name = tuple[str, Credential | None]
"""A source with the credential that it has now: one that was rotated gets tools of its own."""

# SIGTERM must have ended everything within 10 s: 3 s to end well, 3 s for git to clean up.
GIT_GRACE_SECONDS = 3.0


class GitTools:
    """Runners and refs clients, each with the credential of its source and no other.

    Args:
        settings: the environment and the folders for askpass.
        transport: carries the refs clients' requests.
        budgets: what each host allows each credential.
        children: where all processes of this mgit are known.
        tracer: has a span for every git.
        session: for whom every git works.
    """

    def __init__(
        self,
        settings: Settings,
        transport: Transport,
        budgets: Budgets,
        children: Children,
        tracer: Tracer = UNTRACED,
        session: Session | None = None,
    ) -> None:
        self.session = session or Session()
        self._tracer = tracer
        self._settings = settings
        self._children = children
        self._transport = transport
        self._budgets = budgets
        self._lock = threading.Lock()
        self._stack = contextlib.ExitStack()
        self._runners: dict[_Name, GitRunner] = {}
        self._refs: dict[_Name, RefsClient] = {}
        self._cancelled = False
        self._descriptor: int | None = None
        self._network = git_network(settings.network)
        self.proxy = proxy_credential(self._network.proxy)
        self.local = self._new_runner(CredentialBook(), None)

    @property
    def started(self) -> int:
        """How many processes were started so far."""
        with self._lock:
            return sum(runner.started for runner in (self.local, *self._runners.values()))

    @property
    def busy(self) -> float:
        """Seconds that git processes took so far, those side by side added up."""
        with self._lock:
            return sum(runner.busy for runner in (self.local, *self._runners.values()))

    def runner(self, source: Source) -> GitRunner:
        """Starts git with this source's credential. Its askpass is made with the first call."""

        def make() -> GitRunner:
            book = source.book
            askpass = self._stack.enter_context(Askpass(book, self._folders(), proxy=self.proxy))
            return self._new_runner(book, askpass)

        return self._made(self._runners, (source.name, source.credential), make)

    def refs(self, source: Source, url: CloneUrl) -> RefsClient:
        """Asks for refs with this source's credential; starts git only for ssh."""
        over_ssh = url.origin.scheme == "ssh"
        runner = self.runner(source) if over_ssh else None

        def make() -> RefsClient:
            book = source.book
            return RefsClient(PacedTransport(self._transport, self._budgets, book), book, runner)

        name = f"ssh {source.name}" if over_ssh else source.name
        return self._made(self._refs, (name, source.credential), make)

    def budget(self, source: Source, url: CloneUrl) -> Budget:
        """What the host of a clone URL allows the credential of its source."""
        return self._budgets.of(url.origin, source.book.for_origin(url.origin))

    def keep_open(self, descriptor: int | None) -> None:
        """Hand this descriptor (the root lock's) on to every git that is started from now on."""
        with self._lock:
            self._descriptor = descriptor
            for runner in (self.local, *self._runners.values()):
                self._hand_on(runner)

    def cancel(self) -> None:
        """End every running git and refuse new ones."""
        with self._lock:  # so that a runner in the making is either seen here or sees the flag
            self._cancelled = True
            runners = (self.local, *self._runners.values())
        for runner in runners:
            runner.cancel()

    def close(self) -> None:
        """Remove what askpass wrote."""
        self._stack.close()

    def _made(self, known: dict[_Name, T], name: _Name, make: Callable[[], T]) -> T:
        with self._lock:
            if name not in known:
                known[name] = make()
            return known[name]

    def _new_runner(self, book: CredentialBook, askpass: Askpass | None) -> GitRunner:
        runner = GitRunner(
            environment=self._settings.environment.variables,
            book=book,
            askpass=askpass,
            redactor=Redactor([*book, *([self.proxy] if self.proxy else [])]),
            network=self._network,
            grace=GIT_GRACE_SECONDS,
            children=self._children,
            watch=None if self._tracer is UNTRACED else partial(spanned_git, self._tracer),
            session=self.session,
        )
        self._hand_on(runner)
        if self._cancelled:
            runner.cancel()
        return runner

    def _hand_on(self, runner: GitRunner) -> None:
        if self._descriptor is not None:
            self._stack.enter_context(runner.keep_open(self._descriptor))

    def _folders(self) -> tuple[Path, ...]:
        """Where askpass may work, best first."""
        paths = self._settings.paths
        folders = (paths.runtime_dir, Path(tempfile.gettempdir()), paths.state_dir / "tmp")
        return tuple(folder for folder in folders if folder is not None)
