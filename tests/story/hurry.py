"""The project's alert rules with a quicker clock: nobody waits ten minutes in a test.

Every time in them (how long an alert waits, how far back a query looks, how old is too old) is
divided by one number; nothing else changes. docs/operations/alerts.md tells of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

TIMES = 1200.0
"""An hour lasts three seconds."""
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LEAST_WINDOW = 3.0  # two scrapes, one a second, must fall into it
_RANGE = re.compile(r"\[(\d+)([smhd])\]")
_AGE = re.compile(r"\b(3600|86400)\b")


def hurried(rules: Path, folder: Path) -> Path:
    """A copy of the rules in which time flies."""
    document: dict[str, Any] = yaml.safe_load(rules.read_text(encoding="utf-8"))
    for rule in rules_of(document):
        rule["expr"] = _RANGE.sub(_shorter, rule["expr"])
        rule["expr"] = _AGE.sub(lambda found: f"{int(found[1]) / TIMES:g}", rule["expr"])
        if "for" in rule:
            rule["for"] = f"{seconds(rule['for']) / TIMES * 1000:.0f}ms"
    copy = folder / rules.name
    copy.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return copy


def rules_of(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for group in document["groups"]:
        yield from group["rules"]


def seconds(duration: str) -> float:
    return float(duration[:-1]) * _SECONDS[duration[-1]]


def _shorter(found: re.Match[str]) -> str:
    return f"[{max(_LEAST_WINDOW, seconds(found[1] + found[2]) / TIMES):.0f}s]"


def hurried_routes(config: Path, folder: Path, receiver: str) -> Path:
    """A copy of Alertmanager's configuration that sends at once, to that address."""
    document: dict[str, Any] = yaml.safe_load(config.read_text(encoding="utf-8"))
    for route in (document["route"], *document["route"]["routes"]):
        for name in ("group_wait", "group_interval"):
            if name in route:
                route[name] = "1s"
    (people,) = document["receivers"]
    people["webhook_configs"][0]["url"] = receiver
    copy = folder / config.name
    copy.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return copy
