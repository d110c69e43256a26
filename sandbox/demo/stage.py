"""Where the demo plays: a home of its own, commands as they are typed, and what they print."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parents[2]
_SECONDS = 120.0
_PASSED_ON = ("COLORTERM", "COLUMNS", "LANG", "LC_ALL", "NO_COLOR", "PATH", "TERM", "TMPDIR")
_WHO = {"AUTHOR": "Mona", "COMMITTER": "Mona"}
_BOLD, _DIM, _GREEN, _CYAN, _PLAIN = "1", "2", "1;32", "1;36", "0"


class CommandFailed(Exception):
    """A command of the demo ended otherwise than it should."""


@dataclass(frozen=True)
class Stage:
    """A person's machine in a folder, and the terminal that shows it.

    Args:
        home: the person's home.
        fast: neither type nor pause.
    """

    home: Path
    fast: bool = False
    _began: float = field(default_factory=time.monotonic)

    @property
    def root(self) -> Path:
        """Where the clones are."""
        return self.home / "src"

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of the person who watches but the terminal and the programs."""
        passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        who = {f"GIT_{role}_NAME": name for role, name in _WHO.items()}
        who |= {f"GIT_{role}_EMAIL": "mona@example.com" for role in _WHO}
        own = {"HOME": str(self.home), "PYTHONPATH": str(_REPOSITORY), "GIT_CONFIG_NOSYSTEM": "1"}
        return {**passed, **who, **own}

    def title(self, text: str) -> None:
        """A line that begins a chapter."""
        self._print(f"\n{self._painted(text, _CYAN)}\n")
        self._pause(0.5)

    def say(self, text: str) -> None:
        """What happens off the terminal."""
        for line in text.splitlines():
            self._print(f"{self._painted(f'# {line}', _DIM)}\n")
        self._pause(0.8)

    def mgit(self, *arguments: str, stdin: Path | None = None, stdout: Path | None = None) -> None:
        """Type an mgit command and let it print.

        Raises:
            CommandFailed: it did not end with 0.
        """
        typed = shlex.join(("mgit", *arguments))
        typed += f" < {self._short(stdin)}" if stdin else ""
        typed += f" > {self._short(stdout)}" if stdout else ""
        self._type(typed)
        with ExitStack() as stack:
            given = stack.enter_context((stdin or Path(os.devnull)).open("rb"))
            taken = stack.enter_context(stdout.open("wb")) if stdout else None
            done = subprocess.run(
                [sys.executable, "-m", "mgit", *arguments],
                stdin=given,
                stdout=taken,
                cwd=self.home,
                env=self.environment,
                timeout=_SECONDS,
                check=False,
            )
        self._pause(1.0)
        if done.returncode != 0:
            raise CommandFailed(f"`{typed}` ended with {done.returncode}")

    def git(self, folder: str, *arguments: str) -> None:
        """What the person does in a clone, unseen."""
        subprocess.run(
            ["git", *arguments],
            cwd=self.root / folder,
            env=self.environment,
            timeout=_SECONDS,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def configure(self, tables: Mapping[str, Mapping[str, object]]) -> None:
        """Add tables to mgit's configuration, as a person's editor would."""
        file = self.home / ".config" / "mgit" / "config.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        text = file.read_text(encoding="utf-8") if file.exists() else "version = 1\n"
        for name, keys in tables.items():
            lines = "".join(f"{key} = {_toml(value)}\n" for key, value in keys.items())
            text += f"\n[{name}]\n{lines}"
        file.write_text(text, encoding="utf-8")

    @property
    def seconds(self) -> float:
        """Since the stage was set."""
        return time.monotonic() - self._began

    def _type(self, command: str) -> None:
        self._print(f"\n{self._painted('$', _GREEN)} ")
        if self.fast or not self._on_terminal:
            self._print(f"{self._painted(command, _BOLD)}\n")
            return
        for character in command:
            self._print(self._painted(character, _BOLD))
            time.sleep(0.012)
        self._print("\n")

    def _short(self, path: Path) -> str:
        return f"~/{path.relative_to(self.home)}" if path.is_relative_to(self.home) else str(path)

    def _pause(self, seconds: float) -> None:
        if not self.fast and self._on_terminal:
            time.sleep(seconds)

    def _painted(self, text: str, color: str) -> str:
        if not self._on_terminal or os.environ.get("NO_COLOR"):
            return text
        return f"\x1b[{color}m{text}\x1b[{_PLAIN}m"

    @property
    def _on_terminal(self) -> bool:
        return sys.stdout.isatty()

    def _print(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return f'"{value}"'
