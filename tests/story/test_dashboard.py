"""The dashboard, every query of it tried on a Prometheus that scraped a service in trouble."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.forge import SandboxForge
from tests.story.laptop import Laptop
from tests.story.monitoring import Prometheus
from tests.story.test_serve_daemon import Service, Start, start  # noqa: F401 - a fixture

ROOT = Path(__file__).resolve().parents[2]
OBSERVABILITY = ROOT / "deploy" / "observability"
DASHBOARD: dict[str, Any] = json.loads(
    (OBSERVABILITY / "grafana" / "mgit.json").read_text(encoding="utf-8")
)
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EMPTY: dict[str, str] = {}
"""Pictures that legitimately have nothing to show in this world, and why."""
_VARIABLES = {
    "$__rate_interval": "20s",
    "$__range": "5m",
    "$datasource": "prometheus",
    "$job": "mgit",
    "$instance": ".*",
    "$source": ".*",
}


@dataclass(frozen=True)
class Watched:
    """A service in trouble, and who watches it."""

    service: Service
    prometheus: Prometheus


@pytest.fixture
def watched(
    start: Start,  # noqa: F811
    work: Laptop,
    forge: SandboxForge,
    tmp_path: Path,
) -> Iterator[Watched]:
    """One repository changes, one fails, one lost its refs, one is damaged, one vanishes."""
    forge.add_repos("acme", 8)
    ends = "[sources.work]\ntoken_expires = 2099-12-31"
    work.config_file.write_text(work.config_file.read_text().replace("[sources.work]", ends))
    service = start(MGIT_INTERVAL="1s", MGIT_PER_REPOSITORY_METRICS="5", MGIT_CONCURRENCY="2")
    service.wait_for("run.ended")
    with Prometheus(tmp_path, [service.listen], [OBSERVABILITY / "mgit.rules.yml"]) as prometheus:
        prometheus.wait_for('mgit_repos{state="current"}', lambda found: value(found) == 8)
        forge.push("acme", "repo-001")
        forge.fail_next("/acme/repo-002.git/*", 500, times=10_000)
        empty = forge.store.get("acme", "repo-003")
        for ref in forge.store.refs(empty):
            forge.store.delete_ref(empty, ref)
        (work.root / "acme" / "repo-004" / ".git" / "HEAD").write_text("rubbish")
        forge.store.delete(forge.store.get("acme", "repo-008"))
        for metric in ("held_repos", "repos_corrupt", "repos_vanished_total"):
            prometheus.wait_for(f"sum(mgit_{metric})", lambda found: value(found) == 1)
        prometheus.wait_for('mgit_repos{state="failed"}', lambda found: value(found) == 3)
        forge.fail_next("/api/*", 401, {}, b"{}", times=1)
        refused = 'mgit_source_problems_total{kind="credential"}'
        prometheus.wait_for(refused, lambda found: value(found) == 1)
        prometheus.wait_for("sum(mgit_source_up)", lambda found: value(found) == 1)
        yield Watched(service, prometheus)


def value(found: list[dict[str, Any]]) -> float:
    return float(found[0]["value"][1]) if found else -1.0


def filled(expr: str) -> str:
    """A query as Grafana sends it."""
    for name, text in _VARIABLES.items():
        expr = expr.replace(name, text)
    return expr


def test_the_file_is_what_the_list_of_panels_makes() -> None:
    made = subprocess.run(
        [sys.executable, "-c", "import make, sys; sys.stdout.write(make.text())"],
        cwd=OBSERVABILITY / "grafana",
        env={"PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        check=True,
    ).stdout
    assert made == (OBSERVABILITY / "grafana" / "mgit.json").read_bytes()


def test_panels_fill_their_rows_and_none_hides_another() -> None:
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    taken: set[tuple[int, int]] = set()
    for place in places:
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


def test_each_panel_says_what_it_is_about_and_asks_the_chosen_prometheus() -> None:
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["datasource"]["uid"] == "${datasource}"
        assert panel["targets"]
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}"
            assert "BY" not in target["expr"]
            assert set(re.findall(r"\$\w+", target["expr"])) <= _VARIABLES.keys()


def test_the_first_row_answers_whether_everything_is_current() -> None:
    first = DASHBOARD["panels"][0]
    assert (first["type"], first["title"]) == ("row", "Is everything current?")
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert [row.split()[0] for row in rows] == [
        *("Is", "Stale", "Failing", "Speed", "Limits", "Storage"),
    ]


@pytest.mark.slow
@pytest.mark.needs("prometheus", "promtool")
def test_every_query_gives_data_where_there_is_some(watched: Watched) -> None:
    empty = {}
    for panel in PANELS:
        for target in panel["targets"]:
            if not watched.prometheus.query(filled(target["expr"])):
                empty.setdefault(panel["title"], []).append(filled(target["expr"]))
    assert empty.keys() == EMPTY.keys(), empty
    for variable in DASHBOARD["templating"]["list"][1:]:
        asked = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"])
        assert asked is not None
        metric, label = asked.groups()
        labels = [one["metric"].get(label) for one in watched.prometheus.query(filled(metric))]
        assert labels
        assert None not in labels
    check_what_it_says(watched.prometheus)
    check_the_rules(watched.prometheus)
    check_the_scrape(watched.service)


def check_what_it_says(prometheus: Prometheus) -> None:
    """The numbers are those of the world."""
    shown = {
        panel["title"]: prometheus.query(filled(panel["targets"][0]["expr"])) for panel in PANELS
    }
    assert value(shown["Failed"]) == 3
    assert value(shown["Held and damaged"]) == 2
    assert 0.4 < value(shown["Current"]) < 0.7
    assert value(shown["Services that answer"]) == 1
    reasons = {one["metric"]["reason"] for one in shown["Failures by reason"]}
    assert {"broken", "upstream-emptied"} <= reasons
    assert len(shown["The stalest by name"]) == 5


def check_the_rules(prometheus: Prometheus) -> None:
    """What is recorded has data, and who has to be woken is."""
    rules = (OBSERVABILITY / "mgit.rules.yml").read_text(encoding="utf-8")
    for record in re.findall(r"record: (\S+)", rules):
        if "vanished" not in record:  # fewer than four repositories are a clean-up
            prometheus.wait_for(record, lambda found: found != [])
    wanted = {"MgitRefLossHeld", "MgitRepositoryCorrupt", "MgitCredentialRejected"}
    prometheus.wait_for(
        "ALERTS", lambda found: wanted <= {one["metric"]["alertname"] for one in found}
    )


def check_the_scrape(service: Service) -> None:
    """`promtool check metrics` has nothing to say about what Prometheus really gets."""
    ran = subprocess.run(
        [shutil.which("promtool") or "promtool", "check", "metrics"],
        input=service.ask("/metrics")[1],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
