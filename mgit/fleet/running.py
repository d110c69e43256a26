"""A person's own command in many clones side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mgit.errors import MgitError
from mgit.fleet.kit import Kit
from mgit.fleet.meaning import meant_clones
from mgit.fleet.phases import Task, run_tasks
from mgit.fleet.pool import Driver
from mgit.fleet.values import Phase, Progress, Ran
from mgit.git.runner import GitRunner, Interrupted
from mgit.model import LocalRepo
from mgit.plan.select import Selection

MOST_OUTPUT = 8 * 1024 * 1024
"""Bytes of output that are kept of each clone."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, and how.

    Args:
        argv: the program and its arguments; for a shell its words are joined as `sh -c` has them.
        shell: hand the words to the person's shell.
        timeout: seconds after which one command is ended; None for no limit.
        without: names of variables that hold tokens for mgit.
    """

    argv: tuple[str, ...]
    shell: bool
    timeout: float | None
    without: frozenset[str]

    @property
    def words(self) -> tuple[str, ...]:
        """What is really started."""
        return ("/bin/sh", "-c", " ".join(self.argv)) if self.shell else self.argv


def run_meant(
    kit: Kit,
    command: Command,
    selection: Selection,
    *,
    concurrency: int | None,
    progress: Progress | None,
) -> Iterator[Ran]:
    """Run it in every clone that mgit made and the selection means."""
    clones = meant_clones(kit, kit.settings.root, selection)
    yield from run_everywhere(
        command,
        [clone for clone in clones if clone.key is not None],
        root=kit.settings.root,
        runner=kit.tools.local,
        workers=concurrency or kit.settings.concurrency,
        driver=kit.driver,
        progress=progress,
        clean=kit.clean,
    )


def run_everywhere(
    command: Command,
    clones: Iterable[LocalRepo],
    *,
    root: Path,
    runner: GitRunner,
    workers: int,
    driver: Driver,
    progress: Progress | None,
    clean: Callable[[str], str],
) -> Iterator[Ran]:
    """Run it in every clone; the failure of one never stops the others."""

    def work(clone: LocalRepo) -> Iterator[Ran]:
        began = time.monotonic()
        try:
            ended = runner.run_foreign(
                command.words,
                root / clone.folder,
                without=command.without,
                deadline=command.timeout,
                max_output=MOST_OUTPUT,
            )
        except Interrupted:
            return
        except MgitError as error:
            yield Ran(clone, None, b"", time.monotonic() - began, clean(error.message))
            return
        problem = ""
        if ended.returncode is None:
            problem = f"ended after {command.timeout:g} s"
        elif ended.cut:
            problem = f"said more than {MOST_OUTPUT // 2**20} MiB; the rest was left out"
        yield Ran(clone, ended.returncode, ended.output, time.monotonic() - began, problem)

    tasks = [Task(clone.folder, partial(work, clone)) for clone in clones]
    yield from run_tasks(Phase.RUN, tasks, workers=workers, driver=driver, progress=progress)


def as_command(
    argv: Sequence[str], *, shell: bool, timeout: float | None, without: Iterable[str]
) -> Command:
    """Put a command together."""
    return Command(tuple(argv), shell, timeout, frozenset(name for name in without if name))
