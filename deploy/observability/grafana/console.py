"""Makes ../consoles/mgit.html, the dashboard as a page of Prometheus itself, from panels.yaml.

    python deploy/observability/grafana/console.py

For where there is no Grafana: the same panels in the same order, from the same queries. The page
asks the Prometheus that serves it (`--web.console.templates`) and nobody else. `?job=…&instance=…`
and `&source=…` choose (regular expressions), `?hours=24` how far back. console.js draws.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import make

HERE = Path(__file__).parent
FILE = HERE.parent / "consoles" / "mgit.html"
# Prometheus reads the page as a template of Go: two braces would begin an action.
_ACTION = "{{"
_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="refresh" content="60">
<title>mgit</title>
<!-- Made by deploy/observability/grafana/console.py from panels.yaml; change those. -->
<style>
CSS</style>
<h1>mgit</h1>
<p id="about">Is every repository current, and if not, why?</p>
<main></main>
<script id="rows" type="application/json">
ROWS
</script>
<script>
JS</script>
</html>
"""


def rows() -> list[dict[str, Any]]:
    """What the page shows, for its script."""
    return [
        {
            "title": title,
            "panels": [
                {
                    "title": panel.title,
                    "about": panel.about,
                    "kind": panel.kind,
                    "unit": panel.unit,
                    "size": list(panel.size),
                    "steps": [list(step) for step in panel.steps],
                    "texts": [list(one) for one in panel.texts],
                    "colors": dict(panel.colors),
                    "stacked": panel.stacked,
                    "queries": [
                        {"expr": query.whole, "legend": query.legend} for query in panel.queries
                    ],
                }
                for panel in panels
            ],
        }
        for title, panels in make.read_rows()
    ]


def text() -> str:
    """What stands in the file.

    Raises:
        ValueError: something would be read as a template's action.
    """
    told = json.dumps(rows(), indent=1, ensure_ascii=False)
    # Legends may hold two braces, and JSON may spell any character otherwise.
    told = told.replace("<", "\\u003c").replace(_ACTION, "{\\u007b")
    page = _PAGE
    for name, content in (("CSS", _read("console.css")), ("JS", _read("console.js"))):
        page = page.replace(name, content)
    page = page.replace("ROWS", told)
    if _ACTION in page:
        raise ValueError("the page holds an action of a template")
    return page


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text(), encoding="utf-8")
