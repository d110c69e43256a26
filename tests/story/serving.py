"""A running `mgit serve`, as the stories about it start it."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.story.laptop import Laptop

PATIENCE = 60.0


@dataclass
class Service:
    """The process, and everything it has said."""

    process: subprocess.Popen[str]
    said: list[dict[str, object]] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    _lines: queue.SimpleQueue[str | None] = field(default_factory=queue.SimpleQueue)

    def __post_init__(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.put(line)
        self._lines.put(None)

    def wait_for(self, event: str, **fields: object) -> dict[str, object]:
        """The next line about an event; fails when the service ends without a word about it."""
        while (record := self._next()) is not None:
            if all(record.get(name) == one for name, one in {"event": event, **fields}.items()):
                return record
        raise AssertionError(f"no {event} {fields} in {''.join(self.raw)}")

    def _next(self) -> dict[str, object] | None:
        while (line := self._lines.get(timeout=PATIENCE)) is not None:
            self.raw.append(line)
            if line.startswith("{"):
                record: dict[str, object] = json.loads(line)
                self.said.append(record)
                return record
        return None

    @property
    def web(self) -> str:
        """The URL of the status page; webhooks come in below it."""
        return str(next(one["web"] for one in self.said if one["event"] == "web.started"))

    def hook(self, source: str) -> str:
        """Where a forge sends the webhooks of a source."""
        return f"{self.web}webhooks/{source}"

    def counted(self, wanted: str) -> None:
        """Wait until the metrics have this line; they are published once a second."""
        deadline = time.monotonic() + PATIENCE
        while wanted not in (text := self._metrics()).splitlines():
            assert time.monotonic() < deadline, f"no {wanted} in {text}"
            time.sleep(0.1)

    def _metrics(self) -> str:
        with urllib.request.urlopen(f"{self.web}metrics", timeout=PATIENCE) as answer:
            return str(answer.read().decode())

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; its exit code."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        """Wait for its end; its exit code."""
        code = self.process.wait(PATIENCE)
        while self._next() is not None:
            pass
        return code

    def kill(self) -> None:
        """End it where it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        if self.process.stderr is not None:
            self.process.stderr.close()


def started(
    laptop: Laptop, arguments: Sequence[str], settings: Mapping[str, str]
) -> subprocess.Popen[str]:
    """The process of a service, its log in a pipe."""
    return subprocess.Popen(
        [sys.executable, "-m", "mgit", "serve", *arguments],
        env={**laptop.environment, **settings},
        cwd=laptop.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def serving(laptop: Laptop, *arguments: str, **variables: str) -> Iterator[Service]:
    """A service; killed at the end where it still runs."""
    settings = {
        "MGIT_LISTEN": "127.0.0.1:0",
        "MGIT_WEB": "127.0.0.1:0",
        "MGIT_LOG_FORMAT": "json",
        "MGIT_LOG_LEVEL": "debug",
        "MGIT_INTERVAL": "1h",
        **variables,
    }
    service = Service(started(laptop, arguments, settings))
    try:
        yield service
    finally:
        service.kill()


def audited(laptop: Laptop, action: str) -> list[dict[str, object]]:
    """The labels of all audit records about something."""
    path = laptop.home / ".local" / "state" / "mgit" / "audit.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return [one["labels"] for one in records if one["event"]["action"] == action]


def write_secret(path: Path, *secrets: str) -> None:
    """A secret file that only its owner reads."""
    path.write_text("\n".join(secrets) + "\n")
    path.chmod(0o600)
