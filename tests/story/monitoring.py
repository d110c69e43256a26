"""A real Prometheus that scrapes real services, for as long as a `with` block lasts."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

_PATIENCE = 60.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def alertmanager(folder: Path, config: Path) -> Iterator[str]:
    """A real Alertmanager of its own, no member of a cluster; its address."""
    address = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [
            "prometheus-alertmanager",
            f"--config.file={config}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address={address}",
            "--cluster.listen-address=",
            "--log.level=error",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield address
    finally:
        end(process)


@dataclass
class Prometheus:
    """Scrapes every second, at a free port of loopback."""

    folder: Path
    targets: Sequence[str]
    rules: Sequence[Path] = ()
    alertmanagers: Sequence[str] = ()
    flags: Sequence[str] = ()
    port: int = 0
    process: subprocess.Popen[bytes] = field(init=False)

    def __enter__(self) -> Self:
        self.port = free_port()
        config = self.folder / "prometheus.json"  # JSON is YAML
        config.write_text(
            json.dumps(
                {
                    "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                    "rule_files": [str(rule) for rule in self.rules],
                    "alerting": {
                        "alertmanagers": [
                            {"static_configs": [{"targets": list(self.alertmanagers)}]}
                        ]
                    },
                    "scrape_configs": [
                        {"job_name": "mgit", "static_configs": [{"targets": list(self.targets)}]}
                    ],
                }
            )
        )
        self.process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={self.folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--log.level=error",
                *self.flags,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.wait_for("up", lambda found: found != [])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        end(self.process)

    def query(self, expr: str) -> list[dict[str, Any]]:
        """What an instant query gives; fails where Prometheus cannot read it."""
        return self._ask("/api/v1/query", {"query": expr})["result"]

    def history(self, expr: str, seconds: float, step: float = 1.0) -> list[dict[str, Any]]:
        """What a query over the last seconds gives."""
        now = time.time()
        span = {"query": expr, "start": str(now - seconds), "end": str(now), "step": str(step)}
        return self._ask("/api/v1/query_range", span)["result"]

    def wait_for(self, expr: str, well: Any) -> list[dict[str, Any]]:
        """Ask until the answer is as it should be."""
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            try:
                found = self.query(expr)
            except (OSError, http.client.HTTPException, ValueError):
                found = []  # it is starting, and answers with words of its own
            if well(found):
                return found
            time.sleep(0.2)
        raise AssertionError(f"{expr} is {self.query(expr)}")

    def _ask(self, path: str, fields: Mapping[str, str]) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        try:
            connection.request("GET", f"{path}?{urlencode(fields, quote_via=quote)}")
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        assert answer["status"] == "success", f"{fields}: {answer}"
        return answer["data"]
