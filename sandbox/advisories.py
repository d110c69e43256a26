"""An advisory service on loopback that speaks the OSV query protocol over recorded advisories.

Protocol: `POST /v1/query` as pip-audit sends it (https://google.github.io/osv.dev/post-v1-query/).
Versions are compared by PEP 440. What the records do not know is answered as clean, so a clean
word from here says nothing about a real package. The README beside the records says their age.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from sandbox.serving import LOOPBACK, Handler, Server, bound, running, serve_until_told

RECORDS = Path(__file__).resolve().parent.parent / "tests" / "data" / "advisories"
QUERY = "/v1/query"
Record = Mapping[str, Any]
_BEGINNING = Version("0.dev0")


def load(folder: Path = RECORDS) -> dict[str, list[Record]]:
    """The records of a folder by canonical package name."""
    return {
        file.stem: json.loads(file.read_bytes())
        for file in sorted(folder.glob("*.json"))
        if file.name != "index.json"
    }


def concerns(record: Record, name: str, version: Version) -> bool:
    """Whether a record holds for this version of this package.

    It does where the version is listed, or where an ECOSYSTEM range holds it.
    """
    for affected in record.get("affected", ()):
        package = affected.get("package", {})
        if (package.get("ecosystem"), canonicalize_name(package.get("name", ""))) != ("PyPI", name):
            continue
        if version in map(_version, affected.get("versions", ())):
            return True
        if any(
            in_range(each.get("events", ()), version)
            for each in affected.get("ranges", ())
            if each.get("type") == "ECOSYSTEM"
        ):
            return True
    return False


def in_range(events: Iterable[Mapping[str, str]], version: Version) -> bool:
    """Walk the events of a range in order of version and say where the version falls.

    `introduced` opens, `fixed` closes before its version, `last_affected` after it.
    """
    steps: list[tuple[Version, int, str]] = []
    for event in events:
        for kind, order in (("introduced", 0), ("fixed", 1), ("last_affected", 2)):
            if kind in event and (at := _version(event[kind])):
                steps.append((at, order, kind))
    inside = False
    for at, _, kind in sorted(steps):
        if kind == "last_affected":
            inside = inside and version <= at
        elif at <= version:
            inside = kind == "introduced"
    return inside


def _version(text: str) -> Version | None:
    if text == "0":
        return _BEGINNING
    try:
        return Version(text)
    except InvalidVersion:
        return None


@dataclass(frozen=True, slots=True)
class Advisories:
    """A running service.

    Args:
        url: the address to give to `pip-audit --osv-url`.
        records: how many advisories it knows.
        asked: every `NAME==VERSION` that was asked for, in order.
    """

    url: str
    records: int
    asked: list[str] = field(default_factory=list)


class _Handler(Handler):
    records: Mapping[str, list[Record]]
    asked: list[str]

    def serve(self) -> None:
        """Answer one question."""
        if (self.command, self.path) != ("POST", QUERY):
            self.close_connection = True  # whatever body there is stays unread
            self.answer(404, {"code": 5, "message": "Not Found"})
            return
        body = self.body()
        if body is None:
            return
        try:
            query = json.loads(body)
            name = canonicalize_name(query["package"]["name"])
            version = Version(query["version"])
        except (ValueError, KeyError, TypeError):
            self.answer(400, {"code": 3, "message": "Invalid query."})
            return
        self.asked.append(f"{name}=={version}")
        found = [each for each in self.records.get(name, ()) if concerns(each, name, version)]
        self.answer(200, {"vulns": found} if found else {})


@contextmanager
def open_advisories(folder: Path = RECORDS, *, port: int = 0) -> Iterator[Advisories]:
    """Serve the advisories of a folder.

    Args:
        folder: one JSON list of OSV records per package.
        port: 0 takes a free one.
    """
    records = load(folder)
    asked: list[str] = []
    server = Server((LOOPBACK, port), bound(_Handler, _Handler.serve, records=records, asked=asked))
    with running(server):
        yield Advisories(server.url + QUERY, sum(map(len, records.values())), asked)


def main() -> int:
    """`python -m sandbox.advisories [--folder DIR] [--port N]`."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.advisories", description=main.__doc__)
    parser.add_argument("--folder", type=Path, default=RECORDS)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    return serve_until_told(open_advisories(given.folder, port=given.port))


if __name__ == "__main__":
    sys.exit(main())
