"""The dashboard without Grafana: a page that Prometheus itself serves, looked at by a browser."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.forge import SandboxForge
from tests.story.browser import browsing
from tests.story.laptop import Laptop
from tests.story.monitoring import Prometheus
from tests.story.test_dashboard import EMPTY, PANELS, value
from tests.story.test_serve_daemon import Start, start  # noqa: F401 - a fixture

GRAFANA = Path(__file__).resolve().parents[2] / "deploy" / "observability" / "grafana"
CONSOLES = GRAFANA.parent / "consoles"
_DONE = "document.querySelectorAll('.panel[data-done]').length"


def test_the_page_is_what_the_list_of_panels_makes() -> None:
    made = subprocess.run(
        [sys.executable, "-c", "import console, sys; sys.stdout.write(console.text())"],
        cwd=GRAFANA,
        env={"PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        check=True,
    ).stdout
    assert made == (CONSOLES / "mgit.html").read_bytes()


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.needs("prometheus", "chromium")
def test_prometheus_shows_every_panel_without_grafana(
    start: Start,  # noqa: F811
    work: Laptop,
    forge: SandboxForge,
    tmp_path: Path,
) -> None:
    forge.add_repos("acme", 3)
    service = start(MGIT_INTERVAL="1s", MGIT_PER_REPOSITORY_METRICS="5")
    service.wait_for("run.ended")
    flags = [f"--web.console.templates={CONSOLES}"]
    with (
        Prometheus(tmp_path, [service.listen], flags=flags) as prometheus,
        browsing(tmp_path / "browser") as browser,
        browser.tab(width=1280) as tab,
    ):
        prometheus.wait_for('mgit_repos{state="current"}', lambda found: found != [])
        # A rate is one of two looks at least.
        prometheus.wait_for("sum(rate(mgit_runs_total[20s]))", lambda found: value(found) > 0)
        tab.open(f"http://127.0.0.1:{prometheus.port}/consoles/mgit.html")
        end = time.monotonic() + 60
        while tab.script(_DONE) < len(PANELS):
            assert time.monotonic() < end
            time.sleep(0.1)
        assert tab.texts(".panel h3") == [panel["title"] for panel in PANELS]
        assert tab.texts(".wrong") == []
        assert tab.text(".panel .big") == "Yes"
        assert tab.script("document.querySelectorAll('.panel:not(:has(.none))').length") >= (
            len(PANELS) - len(EMPTY) - 6  # what only a service in trouble has
        )
