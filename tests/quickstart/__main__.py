"""`nox -s quickstart`: what docs/quickstart-server.md says, done by somebody who has nothing yet.

All commands of the page run in one shell, in a home of their own, as root. Then it is looked at
from outside: every repository of the sandbox forge is mirrored, Prometheus has the service and the
rules. Ends with 1 where something is not as the page says. `--write` puts the times into the page.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.quickstart.page import PAGE, ROOT, Step, script, steps, with_times

_REPOS = 25
_PATIENCE = 120.0
# How this machine reaches the world: not a new user's own.
_KEPT = re.compile(r"^(PATH|LANG|SSL_CERT_FILE|\w+_CA_BUNDLE|(PIP|UV)_.*|.*_proxy)$", re.IGNORECASE)


def main(argv: Sequence[str] | None = None) -> int:
    """Do it, look at it, clear it away."""
    parser = argparse.ArgumentParser(prog="nox -s quickstart --", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the times into the page")
    options = parser.parse_args(argv)
    text = PAGE.read_text(encoding="utf-8")
    parts = steps(text)
    there = what_is_there()
    with tempfile.TemporaryDirectory(prefix="mgit-quickstart-") as name:
        home = Path(name)
        home.chmod(0o755)
        place = Place(home)
        try:
            began = place.type(parts)
            place.check()
        finally:
            place.clear(there)
    table = table_of(parts, began, there)
    print(table)
    if options.write:
        PAGE.write_text(with_times(text, table), encoding="utf-8")
    return 0


class Place:
    """A new user's home, and the compose project that comes of it."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._clone = home / "mgit"
        files = (
            "docker/compose.yaml",
            "docker/compose.monitoring.yaml",
            "tests/quickstart/sandbox.yaml",
        )
        self._environment = {
            **{name: value for name, value in os.environ.items() if _KEPT.search(name)},
            "HOME": str(home),
            "DEBIAN_FRONTEND": "noninteractive",
            "COMPOSE_FILE": ":".join(files),
            "COMPOSE_PROJECT_NAME": f"mgit-quickstart-{secrets.token_hex(4)}",
            "MGIT_SECRETS_FOLDER": str(self._clone / "secrets"),
            "MGIT_CONFIG_FOLDER": str(self._clone / "config"),
            "MGIT_IMAGE": "mgit:local",
        }

    def type(self, parts: Sequence[Step]) -> list[float]:
        """Type all of it; when each step began, and when the last one ended."""
        (self._home / "token").write_text(secrets.token_urlsafe(32) + "\n")
        yours = (
            f"MGIT_SOURCE=file://{ROOT}\nFORGE=gitea\nFORGE_URL=http://127.0.0.1:3000\n"
            "ORGANISATION=acme\nTOKEN_FILE=$HOME/token\n"
        )
        process = subprocess.Popen(
            ["bash", "-c", script(parts, yours)],
            cwd=self._home,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        began: list[float] = []
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("@@ "):
                number, when = line.split()[1:]
                began.append(float(when))
                title = parts[int(number) - 1].title if int(number) <= len(parts) else "done"
                print(f"── {title}", flush=True)
            else:
                print(line, end="", flush=True)
        if process.wait():
            sys.exit(
                f"step {len(began)} ended with {process.returncode}: {parts[len(began) - 1].title}"
            )
        return began

    def check(self) -> None:
        """Everything is mirrored, and watched.

        Raises:
            SystemExit: it is not.
        """
        code = "import pathlib; print(len(list(pathlib.Path('/data/acme').glob('*/HEAD'))))"
        python = ("/usr/bin/python3", "-I", "-c", code)
        self._wait("every repository is mirrored", lambda: self._exec(*python) == str(_REPOS))
        prometheus = self._compose("port", "prometheus", "9090").strip()
        current = "sum(mgit_repos{state='current'})"
        self._wait("Prometheus knows it", lambda: self._ask(prometheus, current) == str(_REPOS))
        rules = self._get(f"http://{prometheus}/api/v1/rules?type=alert")["groups"]
        count = sum(len(group["rules"]) for group in rules)
        receivers = self._get(f"http://{prometheus}/api/v1/alertmanagers")["activeAlertmanagers"]
        if count < 10 or len(receivers) != 1:
            sys.exit(f"Prometheus has {count} alerts and {len(receivers)} Alertmanagers")
        print(f"── {_REPOS} repositories are mirrored; {count} alerts are watched for")

    def clear(self, there: Sequence[str]) -> None:
        """Take the project away, and the image where it was not there before."""
        if self._clone.is_dir():
            self._compose("down", "--volumes", "--remove-orphans", "--timeout", "5")
        if "mgit:local" not in there:
            subprocess.run(
                ["docker", "image", "rm", "mgit:local"], capture_output=True, check=False
            )

    def _wait(self, what: str, holds: Any) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not holds():
            if time.monotonic() > deadline:
                print(self._compose("logs", "--tail", "20"))
                sys.exit(f"not so within {_PATIENCE:.0f} s: {what}")
            time.sleep(0.5)

    def _exec(self, *words: str) -> str:
        return self._compose("exec", "-T", "mgit", *words).strip()

    def _compose(self, *words: str) -> str:
        ran = subprocess.run(
            ["docker", "compose", *words],
            cwd=self._clone,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return ran.stdout

    def _ask(self, address: str, query: str) -> str:
        found = self._get(f"http://{address}/api/v1/query?query={query}")["result"]
        return str(found[0]["value"][1]) if found else ""

    def _get(self, url: str) -> Any:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.loads(answer.read())["data"]


def what_is_there() -> list[str]:
    """What this machine had before the first command."""
    found = []
    for name, argv in (
        ("container engine", ("docker", "version")),
        ("mgit:local", ("docker", "image", "inspect", "mgit:local")),
        ("base image", ("docker", "image", "inspect", "debian:trixie-slim")),
        ("mgit-tools", ("docker", "image", "inspect", "mgit-tools")),
    ):
        try:
            ran = subprocess.run(argv, capture_output=True, check=False)
        except FileNotFoundError:
            continue
        if ran.returncode == 0:
            found.append(name)
    return found


def table_of(parts: Sequence[Step], began: Sequence[float], there: Sequence[str]) -> str:
    """What each step took, for the page."""
    rows = [
        f"| {number}. {part.title} | {end - start:.0f} s |"
        for number, (part, start, end) in enumerate(zip(parts, began, began[1:], strict=False), 1)
    ]
    had = ", ".join(there) or "nothing of it"
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    total, load = began[-1] - began[0], os.getloadavg()[2]
    machine = f"{os.cpu_count()} cores, {memory:.0f} GiB of memory, shared (load {load:.0f})"
    whole = f"| **all of it** | **{total:.0f} s** |"
    lines = ["| step | time |", "| --- | --- |", *rows, whole, ""]
    return "\n".join([*lines, f"{machine}. There before: {had}.", ""])


if __name__ == "__main__":
    sys.exit(main())
