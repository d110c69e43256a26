"""A transparency log: the three calls of Rekor's API that are used, over a list for each name.

What is added stays in a folder where one is given, so that a resumed rehearsal meets it again.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.serving import LOOPBACK, Handler, Server, bound, running, serve_until_told

_API = "/api/v1/"


@dataclass(frozen=True)
class TransparencyLog:
    """A running log.

    Args:
        url: `URL/NAME` is the log of that name, `URL` the one without a name.
        entries: name of a log -> what was added there, by name of the entry.
    """

    url: str
    entries: dict[str, dict[str, bytes]] = field(default_factory=dict)


class _Handler(Handler):
    kept: dict[str, dict[str, bytes]]
    folder: Path | None

    def serve(self) -> None:
        """Answer one request."""
        name, _, call = self.path.partition(_API)
        entries = self.kept.setdefault(name.strip("/"), {})
        asked: dict[str, Any] = {}
        if self.command == "POST":
            asked = json.loads(self.body() or b"{}")
        if call == "index/retrieve":
            digest = str(asked["hash"]).removeprefix("sha256:").encode()
            self.answer(200, [entry for entry, body in entries.items() if digest in body])
        elif call == "log/entries":
            self._add(entries, name.strip("/"), json.dumps(asked).encode())
        elif (entry := call.rpartition("/")[2]) in entries:
            self.answer(200, {entry: self._shown(entries[entry])})
        else:
            self.answer(404, {"code": 404, "message": "there is no such entry"})

    def _add(self, entries: dict[str, bytes], name: str, body: bytes) -> None:
        entry = hashlib.sha256(body).hexdigest()
        if entry in entries:
            self.answer(409, {"code": 409, "message": "an equivalent entry already exists"})
            return
        entries[entry] = body
        if self.folder is not None:
            place = self.folder / name
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{entry}.json").write_bytes(body)
        self.answer(201, {entry: self._shown(body)})

    def _shown(self, body: bytes) -> dict[str, str]:
        return {"body": base64.b64encode(body).decode()}


@contextmanager
def open_transparency(folder: Path | None = None, *, port: int = 0) -> Iterator[TransparencyLog]:
    """Serve logs.

    Args:
        folder: keeps what is added; None: nothing is kept.
        port: to listen at on loopback; 0 takes a free one.
    """
    kept = _load(folder) if folder is not None else {}
    handler = bound(_Handler, _Handler.serve, kept=kept, folder=folder)
    with running(Server((LOOPBACK, port), handler)) as server:
        yield TransparencyLog(server.url, kept)


def _load(folder: Path) -> dict[str, dict[str, bytes]]:
    kept: dict[str, dict[str, bytes]] = {}
    for path in sorted(folder.rglob("*.json")):
        name = path.parent.relative_to(folder).as_posix()
        kept.setdefault("" if name == "." else name, {})[path.stem] = path.read_bytes()
    return kept


if __name__ == "__main__":
    sys.exit(serve_until_told(open_transparency()))
