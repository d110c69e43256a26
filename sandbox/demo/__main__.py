"""`python -m sandbox.demo`: see what mgit does, in under a minute.

Exits with 1 when a command does not do what it should.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from sandbox.demo.company import open_company
from sandbox.demo.play import play
from sandbox.demo.stage import CommandFailed, Stage


def main(argv: list[str] | None = None) -> int:
    """Set the stage, play, clear it away."""
    options = _parser().parse_args(argv)
    folder = Path(tempfile.mkdtemp(prefix="mgit-demo-"))
    try:
        return _play(folder, options)
    except KeyboardInterrupt:
        return 130
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


def _play(folder: Path, options: argparse.Namespace) -> int:
    home = folder / "home"
    home.mkdir()
    stage = Stage(home, fast=options.fast)
    with open_company(folder, options.share) as company:
        try:
            play(stage, company)
        except CommandFailed as failed:
            sys.stdout.flush()
            sys.stderr.write(f"\nthe demo failed: {failed}\n")
            return 1
        size, forges = company.size, len(company.places)
        stage.title(
            f"{size} repositories, {forges} forges, {stage.seconds:.0f} seconds, one machine."
        )
        if options.keep:
            _play_on(folder, stage)
        else:
            stage.say("Nothing of it is left. With --keep it stays, and you can play on.")
    return 0


def _play_on(folder: Path, stage: Stage) -> None:
    """Say how, and keep the forges running until somebody presses Enter."""
    script = folder / "play-on.sh"
    names = ("HOME", "PYTHONPATH", "GIT_CONFIG_NOSYSTEM")
    lines = [f"export {name}={shlex.quote(stage.environment[name])}\n" for name in names]
    lines.append(f'mgit() {{ {shlex.quote(sys.executable)} -m mgit "$@"; }}\ncd\n')
    script.write_text("".join(lines), encoding="utf-8")
    stage.say(
        f"The forges run until you press Enter. In another terminal:\n. {script}\n"
        "mgit --help\n"
        f"The folder {folder} is yours to remove."
    )
    sys.stdin.readline()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox.demo", description=__doc__)
    parser.add_argument("--fast", action="store_true", help="do not pause to be read")
    parser.add_argument(
        "--keep", action="store_true", help="keep folder and forges, and say how to play on"
    )
    parser.add_argument(
        "--share", type=float, default=1.0, help="of the repositories to make (1.0)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
