"""A transparency log: the three calls of Rekor's API that are used, over a list for each world."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sandbox.serving import LOOPBACK, Handler, Server, bound, running

_API = "/api/v1/"


@dataclass(frozen=True)
class Log:
    """A running log.

    Args:
        url: `URL/NAME` is the log of the world of that name.
        entries: name of a world -> what was added there, by name of the entry.
    """

    url: str
    entries: dict[str, dict[str, bytes]] = field(default_factory=dict)


class _Handler(Handler):
    kept: dict[str, dict[str, bytes]]

    def serve(self) -> None:
        """Answer one request."""
        world, _, call = self.path.partition(_API)
        entries = self.kept.setdefault(world.strip("/"), {})
        asked: dict[str, Any] = {}
        if self.command == "POST":
            asked = json.loads(self.body() or b"{}")
        if call == "index/retrieve":
            digest = str(asked["hash"]).removeprefix("sha256:").encode()
            self.answer(200, [name for name, body in entries.items() if digest in body])
        elif call == "log/entries":
            body = json.dumps(asked).encode()
            name = hashlib.sha256(body).hexdigest()
            entries[name] = body
            self.answer(201, {name: self._shown(body)})
        else:
            name = call.rpartition("/")[2]
            self.answer(200, {name: self._shown(entries[name])})

    def _shown(self, body: bytes) -> dict[str, str]:
        return {"body": base64.b64encode(body).decode()}


@contextmanager
def open_log() -> Iterator[Log]:
    """Serve logs that are empty at first."""
    kept: dict[str, dict[str, bytes]] = {}
    with running(Server((LOOPBACK, 0), bound(_Handler, _Handler.serve, kept=kept))) as server:
        yield Log(server.url, kept)
