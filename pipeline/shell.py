"""The one place of the pipeline that starts processes.

Argument lists only, no shell, bounded time.
"""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.errors import Exit, PipelineError


@dataclass(frozen=True, slots=True)
class Ran:
    """How a process ended."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def ok(self) -> bool:
        return self.returncode == 0


@dataclass(frozen=True, slots=True)
class Call:
    """A process that was started and ended, as a witness hears of it: no output, no values.

    Args:
        argv: program and arguments.
        passed: names of all variables in its environment, sorted.
        added: names of those that the pipeline itself set, sorted.
        path: its PATH, to find the program again.
        returncode: how it ended.
        seconds: how long it took.
    """

    argv: tuple[str, ...]
    passed: tuple[str, ...]
    added: tuple[str, ...]
    path: str
    returncode: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Shell:
    """Starts processes with a chosen environment.

    Args:
        env: the whole environment of every child; secrets do not belong in it.
        log: file that gets each argv and its output, None for nowhere.
        witness: is told of every process after its end.
        own: names of variables that come from the pipeline itself, not from around it.
    """

    env: Mapping[str, str] = field(repr=False)
    log: Path | None = None
    witness: Callable[[Call], None] | None = field(default=None, repr=False, compare=False)
    own: frozenset[str] = frozenset()

    def varied(self, own: Mapping[str, str]) -> Shell:
        """This shell with variables of the pipeline's own in the environment of every child."""
        return replace(self, env={**self.env, **own}, own=self.own | own.keys())

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        check: bool = True,
        timeout: float = 1800,
    ) -> Ran:
        """Run to the end and keep what it printed.

        Args:
            argv: program and arguments.
            cwd: where to run.
            env: additions to the environment.
            stdin: text for its standard input.
            check: raise when it returns another code than 0.
            timeout: seconds.

        Raises:
            PipelineError: the program is missing, took too long, or (with `check`) failed.
        """
        words = tuple(str(word) for word in argv)
        start = time.monotonic()
        try:
            done = subprocess.run(
                words,
                cwd=cwd,
                env={**self.env, **(env or {})},
                input=stdin,
                stdin=None if stdin is not None else subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
            )
        except FileNotFoundError:
            raise PipelineError(
                f"{words[0]} is not installed",
                exit_code=Exit.ENVIRONMENT,
                advice="run `nox -s rehearse -- --provision`, or install it yourself",
            ) from None
        except subprocess.TimeoutExpired:
            raise PipelineError(f"{words[0]} took longer than {timeout:.0f} s") from None
        ran = Ran(words, done.returncode, done.stdout, done.stderr, time.monotonic() - start)
        self._note(ran)
        self.tell(ran.argv, env, ran.returncode, ran.seconds)
        if check and not ran.ok:
            last = (ran.stderr.strip() or ran.stdout.strip()).splitlines()[-1:]
            raise PipelineError(f"{words[0]} ended with {ran.returncode}: {' '.join(last)}")
        return ran

    def stream(self, argv: Sequence[str | Path], *, cwd: Path | None = None) -> int:
        """Run with the output on this terminal, for commands that a person watches.

        Raises:
            PipelineError: the program is missing.
        """
        words = tuple(str(word) for word in argv)
        start = time.monotonic()
        try:
            code = subprocess.run(words, cwd=cwd, env=dict(self.env), check=False).returncode
        except FileNotFoundError:
            raise PipelineError(
                f"{words[0]} is not installed", exit_code=Exit.ENVIRONMENT
            ) from None
        self.tell(words, None, code, time.monotonic() - start)
        return code

    def watch(
        self,
        argv: Sequence[str | Path],
        each: Callable[[str], None],
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Ran:
        """Run to the end and hand on every line at once, as a person would see it.

        Args:
            argv: program and arguments.
            each: gets a line of its output or its errors.
            cwd: where to run.
            env: additions to the environment.

        Raises:
            PipelineError: the program is missing.
        """
        words = tuple(str(word) for word in argv)
        start = time.monotonic()
        lines: list[str] = []
        try:
            process = subprocess.Popen(
                words,
                cwd=cwd,
                env={**self.env, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        except FileNotFoundError:
            raise PipelineError(
                f"{words[0]} is not installed", exit_code=Exit.ENVIRONMENT
            ) from None
        with process:
            try:
                for line in process.stdout or ():
                    lines.append(line)
                    each(line.rstrip("\n"))
            except BaseException:
                process.terminate()  # whoever interrupts us does not want to wait for its end
                raise
        ran = Ran(words, process.returncode, "".join(lines), "", time.monotonic() - start)
        self._note(ran)
        self.tell(ran.argv, env, ran.returncode, ran.seconds)
        return ran

    @contextlib.contextmanager
    def beside(self, argv: Sequence[str | Path], *, seconds: float) -> Iterator[str]:
        """Run something beside the block, and end it with the block.

        Args:
            argv: program and arguments.
            seconds: until it has to have printed its first line; then it is ended.

        Yields:
            The first line that it printed, without the line break; empty where it ended without.

        Raises:
            PipelineError: the program is missing.
        """
        words = tuple(str(word) for word in argv)
        start = time.monotonic()
        try:
            process = subprocess.Popen(
                words,
                env=dict(self.env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                errors="replace",
            )
        except FileNotFoundError:
            raise PipelineError(
                f"{words[0]} is not installed", exit_code=Exit.ENVIRONMENT
            ) from None
        late = threading.Timer(seconds, process.kill)
        late.start()
        with process:
            try:
                line = process.stdout.readline() if process.stdout else ""
                late.cancel()
                yield line.rstrip("\n")
            finally:
                late.cancel()
                process.terminate()
        self.tell(words, None, process.returncode, time.monotonic() - start)

    def tell(
        self,
        argv: tuple[str, ...],
        added: Mapping[str, str] | None,
        returncode: int,
        seconds: float,
    ) -> None:
        """Tell the witness of a process; a library that starts its own is told of by its caller.

        Args:
            argv: program and arguments.
            added: what the call added to the environment.
            returncode: how it ended.
            seconds: how long it took.
        """
        if self.witness is None:
            return
        env = {**self.env, **(added or {})}
        names = tuple(sorted(env)), tuple(sorted({*(added or {}), *self.own}))
        self.witness(Call(argv, *names, env.get("PATH", ""), returncode, seconds))

    def _note(self, ran: Ran) -> None:
        if self.log is None:
            return
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("a", encoding="utf-8") as out:
            out.write(f"$ {shlex.join(ran.argv)}\n{ran.stdout}{ran.stderr}")
            out.write(f"[{ran.returncode} after {ran.seconds:.2f} s]\n")
