"""`python -m pipeline.mutation [--sample N] [--only PACKAGE]`: exit code 3 below the mark."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.mutation import page
from pipeline.mutation.mutants import (
    Mutant,
    Verdict,
    read_equivalents,
    read_mutants,
    scores,
    stale,
    survivors,
)
from pipeline.project import environment
from pipeline.shell import Shell

ROOT = Path(__file__).parents[2]
PACKAGES = ("mgit.plan", "mgit.credentials")
MARK = 0.85
SEED = 20261128
EQUIVALENTS = ROOT / "tests" / "mutation-equivalents.toml"
_COPIED = ("mgit", "tests", "sandbox", "pyproject.toml")
_PATIENCE = ("timeout_multiplier = 5.0", "timeout_multiplier = 20.0")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, write `dist/mutation`, print, judge."""
    options = _parse(arguments)
    packages = tuple(options.only or PACKAGES)
    out = ROOT / "dist" / "mutation"
    work = out / "work"
    if not options.judge:
        try:
            _mutate(work, packages, options)
        except PipelineError as error:
            sys.stderr.write(f"{error}\n")
            return int(error.exit_code)
    mutants = read_mutants(work, packages)
    equivalents = read_equivalents(EQUIVALENTS)
    found = scores(mutants, equivalents, packages)
    left = survivors(mutants, equivalents)
    text = page.table(found, MARK) + page.list_survivors(left)
    whole = options.sample is None and packages == PACKAGES
    old = stale(mutants, equivalents) if whole else []
    text += page.list_stale(old)
    json = page.document(found, left, mark=MARK, sample=options.sample, seed=SEED)
    (out / "mutation.json").write_text(json, encoding="utf-8")
    (out / "survivors.txt").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 3 if old or any(one.share < MARK for one in found) else 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s mutation --")
    parser.add_argument("--sample", type=int, metavar="N", help="only N mutants, always the same")
    parser.add_argument("--only", action="append", choices=PACKAGES, help="one package")
    parser.add_argument("--keep", action="store_true", help="go on where an earlier run ended")
    parser.add_argument("--children", type=int, default=2, metavar="N", help="so many at a time")
    parser.add_argument("--judge", action="store_true", help="judge an earlier run again")
    return parser.parse_args(arguments)


def _mutate(work: Path, packages: Sequence[str], options: argparse.Namespace) -> None:
    if not options.keep and work.exists():
        shutil.rmtree(work)
    work.mkdir(parents=True, exist_ok=True)
    for name in _COPIED:
        _copy(ROOT / name, work / name)
    os.nice(5)  # this takes all of the machine for long
    chosen: Sequence[str] = [f"{package}.*" for package in packages]
    if options.sample is not None:
        # The names are there when mutants were made; a few of them are run to have them made.
        _mutmut(work, ["mgit.plan.hints.*"], options.children)
        chosen = _sample(read_mutants(work, packages), options.sample)
    elif tuple(packages) == PACKAGES:
        chosen = []
    _mutmut(work, chosen, options.children)
    slow = [one.name for one in read_mutants(work, packages) if one.verdict is Verdict.TIMEOUT]
    if slow:
        # On a busy machine a test that was only slow looks like one that never ends.
        settings = work / "pyproject.toml"
        settings.write_text(settings.read_text("utf-8").replace(*_PATIENCE), encoding="utf-8")
        _mutmut(work, slow, options.children)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        unwanted = shutil.ignore_patterns("__pycache__", ".*_cache")
        shutil.copytree(source, target, ignore=unwanted, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)


def _mutmut(work: Path, names: Sequence[str], children: int) -> None:
    """Run mutmut; what it prints while it works goes to this terminal.

    Raises:
        PipelineError: it failed, for example since the tests fail without any mutant.
    """
    shell = Shell({**environment(), "MGIT_TESTS_FIXED": "1", "MGIT_TESTS_EXAMPLES": "20"})
    program = [sys.executable, "-m", "mutmut", "run", "--max-children", str(children)]
    code = shell.stream([*program, *names], cwd=work)
    if code != 0:
        raise PipelineError(f"mutmut ended with {code}", advice="see what it said above")


def _sample(mutants: Sequence[Mutant], size: int) -> list[str]:
    names = sorted(one.name for one in mutants)
    return sorted(random.Random(SEED).sample(names, min(size, len(names))))  # noqa: S311 - no secret


if __name__ == "__main__":
    raise SystemExit(main())
