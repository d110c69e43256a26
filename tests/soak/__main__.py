"""`python -m tests.soak [--cycles N] [--target compose|swarm|both] [--seed N] [--real]`.

Deployments and rollbacks in a row, good ones and all that can go wrong, drawn at random. Writes
`dist/deploy-soak/report.json` and `report.md`. 6 where one did not end as intended; 4 where the
engine or a registry is lacking.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from pipeline.artifacts.image import build_image
from pipeline.step import Exit, PipelineError
from sandbox.registry import RegistryMissing
from tests.image.box import docker
from tests.image.stacks import NoSwarm
from tests.soak import report
from tests.soak.scenes import Outcome
from tests.soak.soak import begin, draw
from tests.soak.world import KINDS, REAL, ROOT, SHORT, Kind, Pace, open_world

_CYCLES = 100
_OUT = ROOT / "dist" / "deploy-soak"


def main() -> int:
    """Play them all, tell each, write the report."""
    given = _parser().parse_args()
    pace = REAL if given.real else SHORT
    kinds: tuple[Kind, ...] = KINDS if given.target == "both" else (given.target,)
    seed = given.seed if given.seed is not None else random.randrange(1_000_000)
    if why := _lacking():
        sys.stderr.write(f"error: {why}\n")
        return Exit.ENVIRONMENT
    began = time.monotonic()
    outcomes: dict[str, list[Outcome]] = {kind: [] for kind in kinds}
    # Ctrl-C and SIGTERM end it early, with a report of what was played until then.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with contextlib.suppress(KeyboardInterrupt), _image(given.image) as image:
            for kind in kinds:
                for outcome in _played(kind, image, pace, given.cycles, seed):
                    outcomes[kind].append(outcome)
                    _tell(f"{kind} {len(outcomes[kind])} {report.line(outcome)}")
                    seconds = time.monotonic() - began
                    report.write(_OUT, "report", outcomes, pace=pace, seed=seed, seconds=seconds)
    except (RegistryMissing, NoSwarm, PipelineError) as error:
        sys.stderr.write(f"error: {error}\n       run `nox -s rehearse -- --provision`\n")
        return Exit.ENVIRONMENT
    for kind, those in outcomes.items():
        _tell(f"{kind}: {sum(not one.problems for one in those)} of {len(those)} as intended")
        _tell(f"{kind}: unready, in seconds: {report.figures(those)}")
    _tell(f"wrote {_OUT / 'report.md'}")
    return Exit.DONE if report.is_kept(outcomes) else Exit.CONFLICT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--cycles", type=int, default=_CYCLES, help=f"each (default {_CYCLES})")
    parser.add_argument("--target", choices=[*KINDS, "both"], default="compose")
    parser.add_argument("--seed", type=int, help="of what is drawn")
    parser.add_argument("--real", action="store_true", help="crash after a minute, settle for 75 s")
    parser.add_argument("--image", default="", help="mgit's image; empty: one of this tree is made")
    return parser


def _played(kind: Kind, image: str, pace: Pace, cycles: int, seed: int) -> Iterator[Outcome]:
    with (
        tempfile.TemporaryDirectory(prefix="mgit-soak-") as folder,
        open_world(Path(folder), image, kind, pace) as world,
    ):
        if not world.small_disk:
            _tell("no small file system can be mounted here: no scene fills the ledger's disk")
        begin(world)
        yield from draw(world, cycles, seed)


@contextlib.contextmanager
def _image(given: str) -> Iterator[str]:
    if given:
        yield given
        return
    tag = "mgit:deploy-soak"
    build_image(ROOT, tag)
    try:
        yield tag
    finally:
        docker("image", "rm", "--force", tag, check=False)


def _lacking() -> str:
    if shutil.which("docker") is None or docker("version", check=False).returncode:
        return "no container engine answers: `nox -s invoke -- provision` installs one"
    return ""


def _tell(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
