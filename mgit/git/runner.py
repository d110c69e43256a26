"""The one place that starts processes: git, and a person's token commands.

Every child runs in a process group of its own, with an environment built from nothing, a
deadline, and bounded output. No `preexec_fn`: it is unsafe with threads and forbids vfork, so
there is no `PR_SET_PDEATHSIG`. What a killed mgit leaves behind keeps the root's lock instead
(its descriptor is passed on), and ends by itself at the low-speed limit.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from mgit.address import Origin
from mgit.credentials import Askpass, CredentialBook, Redactor
from mgit.errors import ConfigurationError, GitError
from mgit.git.children import Children, signal_group
from mgit.git.ending import Interrupted, Stop, end_group, give_up
from mgit.git.environment import (
    Channel,
    command_environment,
    foreign_environment,
    git_environment,
)
from mgit.git.network import Network
from mgit.git.pump import Gathered, Gatherer, Pump
from mgit.git.session import Session
from mgit.git.words import clean_messages, failure, what_is_run

__all__ = ["GitResult", "GitRunner", "Interrupted", "Watch"]

_MIB = 1024 * 1024
_CORRECT = "correct the command in the configuration"
_TICK = 1.0  # seconds between looks at the cancel flag

Watch = Callable[[str, Origin | None], AbstractContextManager[Callable[[int], object]]]
"""Made for each git, of its command and the place that it may talk to."""


@dataclass(frozen=True, slots=True)
class GitResult:
    """How a child ended.

    Args:
        returncode: its exit code, negative for a signal.
        stdout: what it printed, as bytes: names in it may be in any encoding.
        stderr: what it said, free of secrets, escaped, one line per line.
    """

    returncode: int
    stdout: bytes = field(repr=False)
    stderr: str


class GitRunner:
    """Starts git, hardened and supervised; safe to share between threads.

    Args:
        git: the program, a name to look for in `environment`'s PATH or a path.
        environment: mgit's own environment; children get little of it.
        book: credentials; their user names are told to git.
        askpass: answers for `book`; None to never answer.
        redactor: cleans what children say; None when there is no secret.
        network: proxies and certificates.
        local_deadline: seconds for a git that talks to nobody.
        network_deadline: seconds for a git that talks to a forge.
        grace: seconds between SIGTERM and SIGKILL.
        children: where all processes of this mgit are known, and what they may write.
        watch: what goes around every git; what it enters is told the exit code.
        session: for whom each git works.
    """

    def __init__(
        self,
        git: str = "git",
        *,
        environment: Mapping[str, str] | None = None,
        book: CredentialBook | None = None,
        askpass: Askpass | None = None,
        redactor: Redactor | None = None,
        network: Network | None = None,
        local_deadline: float = 300.0,
        network_deadline: float = 3600.0,
        grace: float = 5.0,
        children: Children | None = None,
        watch: Watch | None = None,
        session: Session | None = None,
    ) -> None:
        self._git = git
        self._environment = dict(environment or {})
        self._book = book or CredentialBook()
        self._askpass = askpass
        self._redactor = redactor or Redactor(self._book)
        self._network = network or Network()
        self._local_deadline = local_deadline
        self._network_deadline = network_deadline
        self._grace = grace
        self._children = children or Children()
        self._lock = threading.Lock()
        self._running: set[int] = set()
        self._kept_open: set[int] = set()
        self._started = 0
        self._busy = 0.0
        self._watched = watch or _unwatched
        self._session = session or Session()
        self._has_lfs: bool | None = None
        self._cancelled = False

    @property
    def started(self) -> int:
        """How many processes were started so far."""
        return self._started

    @property
    def busy(self) -> float:
        """Seconds that git processes took so far, those side by side added up."""
        return self._busy

    @property
    def has_lfs(self) -> bool:
        """Whether git-lfs is installed; asked once."""
        if self._has_lfs is None:
            self._has_lfs = self.run(["lfs", "version"], check=False).returncode == 0
        return self._has_lfs

    def run(
        self,
        args: Sequence[str],
        *,
        git_dir: Path | None = None,
        cwd: Path | None = None,
        origin: Origin | None = None,
        deadline: float | None = None,
        stdin: bytes | None = None,
        check: bool = True,
        personal: bool = False,
        any_host: bool = False,
        config: Iterable[tuple[str, str]] = (),
        max_stdout: int = 256 * _MIB,
    ) -> GitResult:
        """Run one git command and wait for it.

        Args:
            args: the command and its arguments; untrusted ones only after `--end-of-options`.
            git_dir: the git directory itself (mirrors); nothing is searched for.
            cwd: the work tree to run in; git looks no further up than this folder.
            origin: the one place it may talk to; None for none.
            deadline: seconds; None for the default.
            stdin: what to feed it; None for nothing.
            check: whether to raise when it fails.
            personal: whether the person's own configuration counts (see `git_environment`).
            any_host: whether it may also go to other hosts, by https or ssh and without any
                credential of mgit's (submodules); `origin` is then where its credential belongs.
            config: more configuration, nothing secret.
            max_stdout: bytes of output to accept.

        Raises:
            AuthenticationError, NotFound, NetworkError, GitError: it failed, with its last words.
            Interrupted: `cancel` was called.
            ConfigurationError: there is no git.
        """
        where = [f"--git-dir={git_dir}"] if git_dir is not None else []
        if deadline is None:
            deadline = self._local_deadline if origin is None else self._network_deadline
        environment = git_environment(
            self._environment,
            self._channel(origin, any_host=any_host),
            self._redactor,
            personal=personal,
            ceiling=Path(os.path.realpath(cwd)).parent if cwd is not None else None,
            session=self._session.sid,
            extra=config,
        )
        with self._watched(args[0], origin) as ended:
            result = self._supervise(
                [self._git, *where, *args],
                cwd=cwd if cwd is not None else git_dir,
                environment=environment,
                deadline=deadline,
                data=stdin,
                max_stdout=max_stdout,
                what=what_is_run(args, origin),
            )
            ended(result.returncode)
        if check and result.returncode != 0:
            raise failure(what_is_run(args, origin), result.stderr, result.returncode)
        return result

    def run_command(self, argv: Sequence[str], deadline: float = 60.0) -> GitResult:
        """Run a person's own program (a token command), without a shell and without input.

        Raises:
            ConfigurationError: there is no such program.
            GitError: it did not end within `deadline` seconds.
        """
        return self._supervise(
            list(argv),
            cwd=None,
            environment=command_environment(self._environment, self._redactor),
            deadline=deadline,
            data=None,
            max_stdout=_MIB,
            what=f"command {argv[0]!a}",
        )

    def run_foreign(
        self,
        argv: Sequence[str],
        cwd: Path,
        *,
        without: Iterable[str] = (),
        deadline: float | None = None,
        max_output: int = 8 * _MIB,
    ) -> Gathered:
        """Run a person's own command in a clone, with their environment and without input.

        Args:
            argv: the program and its arguments.
            cwd: where to run it.
            without: names of variables that hold tokens for mgit; it does not get them.
            deadline: seconds after which its whole process group is ended; None for no limit.
            max_output: bytes of output to keep.

        Raises:
            ConfigurationError: there is no such program.
            GitError: the folder is gone.
            Interrupted: `cancel` was called.
        """
        what = f"command {argv[0]!a}"
        environment = foreign_environment(self._environment, without)
        ends = math.inf if deadline is None else time.monotonic() + deadline
        child = self._start(
            list(argv), cwd, environment, has_input=False, what=what, one_output=True
        )
        try:
            assert child.stdout is not None  # noqa: S101 - for the type checker: we asked for it
            with Gatherer(child.stdout, max_output) as gatherer:
                returncode: int | None = None
                try:
                    returncode = self._watch(child, gatherer, ends)
                except Stop as stop:
                    end_group(child, gatherer, self._grace)
                    if stop.why == "cancelled":
                        raise Interrupted(f"{what} was interrupted") from None
                except BaseException:
                    end_group(child, gatherer, self._grace)
                    raise
                return Gathered(returncode, gatherer.output, gatherer.cut)
        finally:
            self._ended(child.pid)

    def cancel(self) -> None:
        """End every running child and refuse new ones. Safe in a signal handler's thread."""
        self._cancelled = True
        for group in tuple(self._running):
            signal_group(group, signal.SIGTERM)

    @contextmanager
    def keep_open(self, descriptor: int) -> Iterator[None]:
        """Let children inherit a descriptor: a lock then lives as long as the last of them."""
        self._kept_open.add(descriptor)
        try:
            yield
        finally:
            self._kept_open.discard(descriptor)

    def _channel(self, origin: Origin | None, *, any_host: bool) -> Channel:
        if origin is None:
            return Channel()
        program = None if self._askpass is None else self._askpass.program_for(origin)
        credential = self._book.for_origin(origin) if program is not None else None
        return Channel(
            origin=origin,
            username=None if credential is None else credential.username,
            askpass=program,
            ssh=None if self._askpass is None else self._askpass.ssh,
            network=self._network,
            any_host=any_host,
        )

    def _supervise(
        self,
        argv: list[str],
        *,
        cwd: Path | None,
        environment: Mapping[str, str],
        deadline: float,
        data: bytes | None,
        max_stdout: int,
        what: str,
    ) -> GitResult:
        began = time.monotonic()
        ends = began + deadline
        child = self._start(argv, cwd, environment, has_input=data is not None, what=what)
        try:
            assert child.stdout is not None  # noqa: S101 - for the type checker: we asked for pipes
            assert child.stderr is not None  # noqa: S101 - the same
            with Pump(child.stdin, child.stdout, child.stderr, data or b"", max_stdout) as pump:
                try:
                    returncode = self._watch(child, pump, ends)
                except Stop as stop:
                    end_group(child, pump, self._grace)
                    give_up(what, stop, deadline)
                except BaseException:
                    end_group(child, pump, self._grace)
                    raise
                messages = clean_messages(pump.messages, self._redactor)
                return GitResult(returncode, pump.output, messages)
        finally:
            self._ended(child.pid, busy=time.monotonic() - began)

    def _ended(self, pid: int, *, busy: float = 0.0) -> None:
        with self._lock:
            self._running.discard(pid)
            self._busy += busy
        self._children.ended(pid)

    def _start(
        self,
        argv: list[str],
        cwd: Path | None,
        environment: Mapping[str, str],
        *,
        has_input: bool,
        what: str,
        one_output: bool = False,
    ) -> subprocess.Popen[bytes]:
        def spawn() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                argv,
                cwd=cwd,
                env=dict(environment),
                stdin=subprocess.PIPE if has_input else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if one_output else subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
                pass_fds=tuple(self._kept_open),
            )

        # Under the lock, so that `cancel` sees every child or the child sees `cancel`.
        with self._lock:
            if self._cancelled:
                raise Interrupted(f"{what} was not started: mgit is ending")
            try:
                child = self._children.start(spawn, limited=argv[0] == self._git)
            except OSError as error:
                absent = isinstance(error, FileNotFoundError | NotADirectoryError)
                if absent and cwd is not None and not cwd.is_dir():
                    raise GitError(f"{what} failed: folder {cwd} is gone") from None
                own = argv[0] == self._git
                advice = "install git 2.32 or newer, or correct PATH" if own else _CORRECT
                raise ConfigurationError(
                    f"{argv[0]!a} cannot be started: {error.strerror}",
                    advice=advice if absent else "",
                ) from None
            self._started += 1
            self._running.add(child.pid)
        return child

    def _watch(self, child: subprocess.Popen[bytes], pump: Pump | Gatherer, ends: float) -> int:
        while True:
            left = ends - time.monotonic()
            if pump.step(min(left, _TICK)):
                break
            if pump.overflow:
                raise Stop("overflow")
            if self._cancelled:
                raise Stop("cancelled")
            if left <= 0:
                raise Stop("deadline")
        try:
            returncode = child.wait(max(ends - time.monotonic(), _TICK))
        except subprocess.TimeoutExpired:  # closed its outputs, and works on
            raise Stop("deadline") from None
        if self._cancelled and returncode != 0:  # `cancel` was quicker than this thread
            raise Stop("cancelled")
        return returncode


def _unwatched(
    command: str, origin: Origin | None
) -> AbstractContextManager[Callable[[int], object]]:
    del command, origin
    return nullcontext(abs)  # takes the exit code, and nothing comes of it
