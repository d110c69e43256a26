"""Documents on standard output. ASCII only, so that no name can trick a terminal."""

from __future__ import annotations

import json

from mgit.cli.console import Console
from mgit.cli.documents import Json


def write_document(console: Console, document: Json) -> None:
    """One indented JSON document."""
    console.write(json.dumps(document, indent=2))


def write_line(console: Console, record: Json) -> None:
    """One line of JSON Lines, at once: somebody may be reading along."""
    console.write(json.dumps(record, separators=(",", ":")))
    console.out.flush()
