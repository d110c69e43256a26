"""`python -m tests.picture FILE.svg`: three minutes of a service with trouble, as its dashboard.

The panels are those of deploy/observability/grafana/mgit.json, with their titles and queries; the
numbers come from a real Prometheus that scraped a real `mgit serve`. Turns last two seconds.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox.forge import SandboxForge
from tests.picture.drawing import PALETTE, Box, Line, chart, heading, page, tile
from tests.story.laptop import CANARY, REPOSITORY, Laptop
from tests.story.monitoring import Prometheus
from tests.story.test_serve_daemon import Service

SECONDS = 170.0
_EMPTY = b"{}"
DASHBOARD = REPOSITORY / "deploy" / "observability" / "grafana" / "mgit.json"
PANELS: dict[str, dict[str, Any]] = {
    panel["title"]: panel
    for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    if panel["type"] != "row"
}
_NAMED = {"$__rate_interval": "10s", "$job": "mgit", "$instance": ".*", "$source": ".*"}
_COLORS = {"current": "#56a64b", "held": "#e5a50a", "failed": "#e02f44", "foreign": "#8e8e8e"}
_GOOD, _LATE, _BAD, _PLAIN = "#299c46", "#d9a406", "#d44a3a", "#3274d9"
_WIDE, _GAP = 1160.0, 10.0


def main(file: Path) -> None:
    """Live through it, then draw it."""
    with tempfile.TemporaryDirectory(prefix="mgit-picture-") as folder:
        work = Path(folder)
        laptop = Laptop.new(work)
        with (
            SandboxForge(work / "forge", token=CANARY) as forge,
            _serving(laptop, forge) as service,
            Prometheus(work, [service.listen]) as prometheus,
        ):
            began = time.time()
            _trouble(forge, laptop, began)
            file.write_text(_drawn(prometheus, began), encoding="utf-8")


@contextmanager
def _serving(laptop: Laptop, forge: SandboxForge) -> Iterator[Service]:
    for owner, many in (("acme", 14), ("labs", 6)):
        forge.add_owner(owner)
        forge.add_repos(owner, many)
    (laptop.home / "token").write_text(f"{CANARY}\n")
    (laptop.home / "token").chmod(0o600)
    source = 'forge = "github"\nurl = "{}"\nowners = ["{}"]\ntoken_file = "{}"\n'
    laptop.configure(
        "".join(
            f"[sources.{name}]\n" + source.format(forge.api_url, owner, laptop.home / "token")
            for name, owner in (("work", "acme"), ("labs", "labs"))
        )
    )
    settings = {"MGIT_LISTEN": "127.0.0.1:0", "MGIT_LOG_FORMAT": "json", "MGIT_INTERVAL": "2s"}
    process = subprocess.Popen(
        [sys.executable, "-m", "mgit", "serve"],
        env={**laptop.environment, **settings, "MGIT_HEAL": "off"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        service = Service(process)
        service.wait_for("run.ended")
        yield service
    finally:
        process.terminate()
        process.wait(60)


def _trouble(forge: SandboxForge, laptop: Laptop, began: float) -> None:
    """Pushes all the time; a forge that refuses, a host that fails, lost refs, a damaged clone."""

    def lose() -> None:
        empty = forge.store.get("acme", "repo-013")
        for ref in forge.store.refs(empty):
            forge.store.delete_ref(empty, ref)

    def damage() -> None:
        (laptop.root / "acme" / "repo-014" / ".git" / "HEAD").write_text("rubbish")

    events: list[tuple[float, Callable[[], object]]] = [
        (40, lambda: forge.fail_next("/api/*labs*", 401, {}, _EMPTY, times=10_000)),
        (75, forge.heal),
        (90, lambda: forge.fail_next("/acme/repo-00[1-4].git/*", 500, times=10_000)),
        (115, forge.heal),
        (125, lose),
        (140, damage),
    ]
    number = 0
    while (now := time.time() - began) < SECONDS:
        while events and events[0][0] <= now:
            events.pop(0)[1]()
        number += 1
        forge.push("acme", f"repo-{1 + number % 12:03}")
        if number % 3 == 0:
            forge.push("labs", f"repo-{1 + number % 6:03}")
        time.sleep(0.7)


def _filled(expr: str) -> str:
    for name, text in _NAMED.items():
        expr = expr.replace(name, text)
    return expr


def _drawn(prometheus: Prometheus, began: float) -> str:
    parts = [heading("Is everything current?", _GAP, 24)]
    parts += _tiles(prometheus)
    rows = (
        ("Stale", ("Stalest repository of each source", "Age of the last whole listing")),
        ("Failing", ("Repositories by state", "Failures by reason", "Held, damaged, vanished")),
        ("Speed", ("A run takes", "Where the time goes", "Work")),
    )
    top = 150.0
    for title, names in rows:
        parts.append(heading(title, _GAP, top))
        wide = (_WIDE - _GAP * (len(names) + 1)) / len(names)
        for place, name in enumerate(names):
            box = Box(_GAP + place * (wide + _GAP), top + 10, wide, 200)
            parts.append(_panel(prometheus, PANELS[name], box, began))
        top += 246
    return page(parts, _WIDE, top - 24, "The dashboard of mgit, from a real Prometheus")


def _tiles(prometheus: Prometheus) -> list[str]:
    wanted: Mapping[str, Callable[[float], tuple[str, str, bool]]] = {
        "Everything current?": lambda value: (
            ("Yes", _GOOD, True)
            if value < 2
            else ("Late", _LATE, True)
            if value < 4
            else ("No", _BAD, True)
        ),
        "Current": lambda value: (f"{value:.0%}", _GOOD if value >= 0.99 else _LATE, False),
        "Failed": lambda value: (f"{value:.0f}", _BAD if value else _GOOD, False),
        "Held and damaged": lambda value: (f"{value:.0f}", _BAD if value else _GOOD, False),
        "Sources up": lambda value: (f"{value:.0f} of 2", _PLAIN, False),
        "Last run ended": lambda value: (f"{value:.1f} s", _GOOD, False),
        "Services that answer": lambda value: (f"{value:.0%}", _GOOD, False),
    }
    wide = (_WIDE - _GAP * (len(wanted) + 1)) / len(wanted)
    parts = []
    for place, (title, shown) in enumerate(wanted.items()):
        found = prometheus.query(_filled(PANELS[title]["targets"][0]["expr"]))
        text, color, filled = shown(float(found[0]["value"][1]))
        box = Box(_GAP + place * (wide + _GAP), 34, wide, 86)
        parts.append(tile(box, title, text, color, filled=filled))
    return parts


def _panel(prometheus: Prometheus, panel: dict[str, Any], box: Box, began: float) -> str:
    found = [
        (target["legendFormat"], one)
        for target in panel["targets"]
        for one in prometheus.history(_filled(target["expr"]), SECONDS)
    ]
    lines = []
    for number, (legend, one) in enumerate(found):
        name = legend
        for label, value in one["metric"].items():
            name = name.replace("{{" + label + "}}", value or "other")
        points = [(float(s), float(v)) for s, v in one["values"] if v != "NaN"]
        color = _COLORS.get(name, PALETTE[number % len(PALETTE)])
        lines.append(Line(name, points, color))
    highest = max((value for line in lines for _, value in line.points), default=0.0)
    custom = panel["fieldConfig"]["defaults"]["custom"]
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"][1:]
    dashed = custom["thresholdsStyle"]["mode"] == "dashed"
    return chart(
        box,
        panel["title"],
        [line for line in lines if any(value > highest / 50 for _, value in line.points)],
        unit={"s": "s", "percentunit": "%"}.get(panel["fieldConfig"]["defaults"]["unit"], ""),
        stacked=custom["stacking"]["mode"] == "normal",
        limits={step["value"]: _BAD for step in steps} if dashed else {},
        span=(began, began + SECONDS),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
