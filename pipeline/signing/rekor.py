"""A transparency log: who signed what, for everybody to see. Rekor's API, version 1.

Entries are `hashedrekord` 0.0.1: a digest, a signature over it and the public key. Nothing else
leaves this machine, and no credential is needed.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec

from pipeline.publishing import http
from pipeline.step import Exit, PipelineError

_JSON = {"Content-Type": "application/json", "Accept": "application/json"}
_ALREADY = 409


@dataclass(frozen=True, slots=True)
class Log:
    """One log.

    Args:
        url: its base URL.
    """

    url: str

    def find(self, body: bytes) -> tuple[str, ...]:
        """The entries about some bytes, whoever made them.

        Raises:
            PipelineError: the log refuses or does not answer.
        """
        asked = {"hash": f"sha256:{hashlib.sha256(body).hexdigest()}"}
        return tuple(http.decode(self._post("/api/v1/index/retrieve", asked), list[str]))

    def has(self, body: bytes, signature: str) -> bool:
        """Whether this very signature of these bytes is in the log."""
        for entry in self.find(body):
            answer = http.request("GET", f"{self._base}/api/v1/log/entries/{entry}", headers=_JSON)
            if any(
                _signature(each) == signature
                for each in http.decode(answer, dict[str, _Entry]).values()
            ):
                return True
        return False

    def add(self, body: bytes, signature: str, public: bytes) -> None:
        """Add a signature; one that is there already is fine.

        Args:
            body: what was signed; only its digest is sent.
            signature: base64.
            public: the public key (PEM).

        Raises:
            PipelineError: the log refuses, does not answer, or does not show what it took.
        """
        answer = self._post("/api/v1/log/entries", entry_of(body, signature, public))
        if not answer.ok and answer.status != _ALREADY:
            raise http.refused(answer, "logging the signature")
        if not self.has(body, signature):
            raise PipelineError(
                f"{http.shown(self.url)} took the signature and does not show it",
                exit_code=Exit.ENVIRONMENT,
            )

    @property
    def _base(self) -> str:
        return self.url.rstrip("/")

    def _post(self, path: str, value: object) -> http.Answer:
        return http.request(
            "POST", self._base + path, headers=_JSON, body=msgspec.json.encode(value)
        )


class _Entry(msgspec.Struct):
    body: str


def entry_of(body: bytes, signature: str, public: bytes) -> dict[str, Any]:
    """What is sent to a log."""
    return {
        "apiVersion": "0.0.1",
        "kind": "hashedrekord",
        "spec": {
            "data": {"hash": {"algorithm": "sha256", "value": hashlib.sha256(body).hexdigest()}},
            "signature": {
                "content": signature,
                "publicKey": {"content": base64.b64encode(public).decode()},
            },
        },
    }


def _signature(entry: _Entry) -> str:
    """The signature in an entry; empty for an entry of another kind."""
    try:
        document = msgspec.json.decode(base64.b64decode(entry.body))
        return str(document["spec"]["signature"]["content"])
    except (ValueError, LookupError, TypeError):
        return ""
