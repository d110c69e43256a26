"""`python -m sandbox.forge`: serve a sandbox forge until SIGTERM or Ctrl-C.

Prints one line of JSON when it is ready: `url`, `api_url`, `flavour`, `owner`, `repos`,
`token_file`, `pid`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import secrets
import signal
import sys
from pathlib import Path
from typing import get_args

from sandbox.forge import Flavour, SandboxForge


def main(argv: list[str] | None = None) -> int:
    """Parse the arguments, make what is missing, serve."""
    options = _parser().parse_args(argv)
    root: Path = options.root
    root.mkdir(parents=True, exist_ok=True)
    token_file: Path = options.token_file or root / "token"
    # Blocked before any thread starts, so that only sigwait below receives them.
    stop = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop)
    forge = SandboxForge(
        root / "forge",
        options.flavour,
        token=_token(token_file),
        page_cap=options.page_cap,
        host=options.host,
        port=options.port,
    )
    with forge:
        have = len(forge.store.all(options.owner))
        for number in range(have + 1, options.repos + 1):
            forge.add_repo(options.owner, f"repo-{number:03}", commits=options.commits)
        ready = {
            "url": forge.url,
            "api_url": forge.api_url,
            "flavour": forge.flavour,
            "owner": options.owner,
            "repos": len(forge.store.all(options.owner)),
            "token_file": str(token_file.resolve()),
            "pid": os.getpid(),
        }
        print(json.dumps(ready), flush=True)
        _serve(forge, options.owner, stop, options.push_every)
    return 0


def _serve(forge: SandboxForge, owner: str, stop: set[signal.Signals], pause: float) -> None:
    """Until a signal; somebody pushes to one repository after the other meanwhile, if asked for."""
    if not pause:
        signal.sigwait(stop)
        return
    repos = itertools.cycle(forge.store.all(owner))
    while signal.sigtimedwait(stop, pause) is None:
        forge.push(owner, next(repos).name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox.forge", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder for repositories")
    parser.add_argument("--repos", type=int, default=50, help="repositories to make (50)")
    parser.add_argument("--commits", type=int, default=3, help="commits in each (3)")
    parser.add_argument("--owner", default="acme", help="organisation that owns them (acme)")
    parser.add_argument("--port", type=int, default=0, help="0 for a free one (0)")
    parser.add_argument("--host", default="127.0.0.1", help="address to bind to (127.0.0.1)")
    parser.add_argument("--flavour", choices=get_args(Flavour), default="github")
    parser.add_argument(
        "--push-every", type=float, default=0.0, help="seconds between pushes; 0 for none (0)"
    )
    parser.add_argument("--page-cap", type=int, default=None, help="largest page of a listing")
    parser.add_argument(
        "--token-file", type=Path, help="file with the token; made where it is missing (ROOT/token)"
    )
    return parser


def _token(file: Path) -> str:
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secrets.token_urlsafe(32) + "\n")
    token = file.read_text().strip()
    if not token:
        sys.exit(f"error: {file} holds no token; delete it, and a new one is made")
    return token


if __name__ == "__main__":
    sys.exit(main())
