"""Makes mgit.json, the dashboard for Grafana, from panels.yaml beside it.

    python deploy/observability/grafana/make.py

It reads from top to bottom: is everything current? If not: what is stale, what fails, how quick is
it, what limits it, is there room? Queries need no recording rule, so that it works alone.
Format: Grafana's dashboard JSON model, schema version 39 (Grafana 11 and later).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]

FILE = Path(__file__).with_name("mgit.json")
PANELS = Path(__file__).with_name("panels.yaml")
_OF = 'job=~"$job", instance=~"$instance"'
_BY = f'{_OF}, source=~"$source"'
_COLUMNS = 24
_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Query:
    """One line of a picture.

    Args:
        expr: for Prometheus; BY and OF stand for the labels that a person chose.
        legend: what to call it; empty for its labels.
    """

    expr: str
    legend: str = ""

    @property
    def whole(self) -> str:
        return self.expr.replace("{BY", "{" + _BY).replace("{OF", "{" + _OF)


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture.

    Args:
        title: what it answers.
        about: one or two sentences for whoever hovers.
        queries: what is drawn.
        size: columns of 24, and rows.
        kind: `stat`, `timeseries`, `table`, `bargauge`.
        unit: as Grafana names it.
        steps: colours from a value on; the first is for everything below.
        texts: words in place of values, from a value on, up to the next.
        colors: of lines, by their legend.
        stacked: draw sums.
        line: draw the steps as lines.
    """

    title: str
    about: str
    queries: Sequence[Query]
    size: tuple[int, int]
    kind: str = "timeseries"
    unit: str = "short"
    steps: Sequence[tuple[float | None, str]] = ((None, "green"),)
    texts: Sequence[tuple[float, str]] = ()
    colors: Mapping[str, str] = field(default_factory=dict)
    stacked: bool = False
    line: bool = False


def read_rows() -> list[tuple[str, list[Panel]]]:
    """The titles of the rows with their panels."""
    rows: list[Json] = yaml.safe_load(PANELS.read_text(encoding="utf-8"))
    return [
        (
            row["title"],
            [
                Panel(**{**panel, "queries": [Query(**one) for one in panel["queries"]]})
                for panel in row["panels"]
            ],
        )
        for row in rows
    ]


def dashboard() -> Json:
    """The whole document."""
    panels: list[Json] = []
    top = 0
    for title, row in read_rows():
        panels.append(_row(len(panels) + 1, title, top))
        top += 1
        left, high = 0, 0
        for panel in row:
            columns, rows = panel.size
            place = {"h": rows, "w": columns, "x": left, "y": top}
            panels.append(_panel(len(panels) + 1, panel, place))
            left, high = left + columns, max(high, rows)
        if left != _COLUMNS:
            raise ValueError(f"row {title!r} is {left} columns wide, not {_COLUMNS}")
        top += high
    return {
        "title": "mgit",
        "uid": "mgit-fleet",
        "description": "Is every repository current, and if not, why?",
        "tags": ["mgit", "git"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": [_restarts()]},
        "links": [],
        "templating": {"list": _variables()},
        "panels": panels,
    }


def _variables() -> list[Json]:
    return [
        {
            "name": "datasource",
            "label": "Prometheus",
            "type": "datasource",
            "query": "prometheus",
            "current": {},
        },
        _variable("job", "label_values(mgit_build_info, job)"),
        _variable("instance", 'label_values(mgit_build_info{job=~"$job"}, instance)'),
        _variable("source", 'label_values(mgit_source_up{job=~"$job"}, source)'),
    ]


def _variable(name: str, query: str) -> Json:
    return {
        "name": name,
        "type": "query",
        "datasource": _DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "sort": 1,
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _restarts() -> Json:
    return {
        "name": "another version",
        "datasource": _DATASOURCE,
        "enable": True,
        "iconColor": "blue",
        "expr": 'count by (version) (mgit_build_info{job=~"$job"}) unless'
        ' count by (version) (mgit_build_info{job=~"$job"} offset 5m)',
        "titleFormat": "mgit {{version}}",
    }


def _row(number: int, title: str, top: int) -> Json:
    return {
        "id": number,
        "type": "row",
        "title": title,
        "collapsed": False,
        "gridPos": {"h": 1, "w": _COLUMNS, "x": 0, "y": top},
        "panels": [],
    }


def _panel(number: int, panel: Panel, place: Json) -> Json:
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": _DATASOURCE,
        "gridPos": place,
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _DATASOURCE,
                "expr": query.whole,
                "legendFormat": query.legend or "__auto",
                "instant": panel.kind != "timeseries",
                "range": panel.kind == "timeseries",
                "format": "table" if panel.kind == "table" else "time_series",
            }
            for index, query in enumerate(panel.queries)
        ],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": _overrides(panel)},
        "options": _options(panel),
    }


def _defaults(panel: Panel) -> Json:
    steps = [{"color": color, "value": value} for value, color in panel.steps]
    found: Json = {
        "unit": panel.unit,
        "min": 0,
        "color": {"mode": "palette-classic" if panel.kind == "timeseries" else "thresholds"},
        "thresholds": {"mode": "absolute", "steps": steps},
        "mappings": _mappings(panel),
    }
    if panel.kind == "timeseries":
        found["custom"] = {
            "drawStyle": "line",
            "lineInterpolation": "stepAfter" if panel.stacked else "linear",
            "lineWidth": 1 if panel.stacked else 2,
            "fillOpacity": 40 if panel.stacked else 8,
            "showPoints": "never",
            "spanNulls": False,
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if panel.line else "off"},
        }
    return found


def _mappings(panel: Panel) -> list[Json]:
    ends = [start for start, _ in panel.texts[1:]]
    return [
        {
            "type": "range",
            "options": {
                "from": start,
                "to": None if index >= len(ends) else ends[index],
                "result": {"text": text, "index": index},
            },
        }
        for index, (start, text) in enumerate(panel.texts)
    ]


def _overrides(panel: Panel) -> list[Json]:
    found: list[Json] = [
        {
            "matcher": {"id": "byName", "options": name},
            "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": color}}],
        }
        for name, color in panel.colors.items()
    ]
    if panel.kind == "table":
        hidden = ("Time", "__name__", "job")
        found += [
            {
                "matcher": {"id": "byName", "options": name},
                "properties": [{"id": "custom.hidden", "value": True}],
            }
            for name in hidden
        ]
    return found


def _options(panel: Panel) -> Json:
    last = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    match panel.kind:
        case "stat":
            return {
                "reduceOptions": last,
                "colorMode": "background" if panel.texts else "value",
                "graphMode": "none" if panel.texts else "area",
                "textMode": "auto",
                "justifyMode": "center",
            }
        case "bargauge":
            return {"reduceOptions": last, "displayMode": "basic", "orientation": "horizontal"}
        case "table":
            return {"showHeader": True, "cellHeight": "sm"}
        case _:
            return {
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
                "tooltip": {"mode": "multi", "sort": "desc"},
            }


def text() -> str:
    """What stands in the file."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
