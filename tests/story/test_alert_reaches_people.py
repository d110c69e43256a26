"""An alert from its cause to a person and back: real forge, mgit, Prometheus and Alertmanager."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from sandbox.alerts import open_pager, read_alerts
from sandbox.forge import SandboxForge
from tests.story.hurry import TIMES, hurried, hurried_routes, rules_of, seconds
from tests.story.laptop import Laptop
from tests.story.monitoring import Prometheus, alertmanager
from tests.story.test_serve_daemon import Start, start  # noqa: F401 - a fixture

OBSERVABILITY = Path(__file__).resolve().parents[2] / "deploy" / "observability"
RULES = OBSERVABILITY / "mgit.rules.yml"
ROUTES = OBSERVABILITY / "alertmanager.yml"


@pytest.mark.slow
@pytest.mark.needs("prometheus", "prometheus-alertmanager")
def test_a_repository_that_goes_stale_is_told_and_so_is_its_recovery(
    start: Start,  # noqa: F811
    work: Laptop,
    forge: SandboxForge,
    tmp_path: Path,
) -> None:
    forge.add_repos("acme", 3)
    service = start(MGIT_INTERVAL="1s", MGIT_CONCURRENCY="2")
    service.wait_for("run.ended")
    rules = hurried(RULES, tmp_path)
    with (
        open_pager() as pager,
        alertmanager(tmp_path, hurried_routes(ROUTES, tmp_path, pager.url)) as address,
        Prometheus(tmp_path, [service.listen], [rules], [address]) as prometheus,
    ):
        prometheus.wait_for('mgit_repos{state="current"}', lambda found: found != [])
        assert prometheus.query('ALERTS{alertname="MgitSourceStale"}') == []
        forge.fail_next("/acme/repo-002.git/*", 500, times=100_000)

        fired = pager.wait_for("MgitSourceStale", "firing")
        assert fired.labels["source"] == "work"
        assert fired.labels["severity"] == "warning"
        assert fired.summary == "work is not current"
        assert fired.runbook == "docs/operations/alerts.md#mgitsourcestale"
        assert [one for one in pager.told() if one.status == "resolved"] == []

        forge.heal()
        over = pager.wait_for("MgitSourceStale", "resolved")
        assert over.labels == fired.labels


def test_only_time_differs_in_the_hurried_rules(tmp_path: Path) -> None:
    ours = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    quick = yaml.safe_load(hurried(RULES, tmp_path).read_text(encoding="utf-8"))
    for slow, fast in zip(rules_of(ours), rules_of(quick), strict=True):
        if "for" in slow:
            assert float(fast["for"].removesuffix("ms")) == seconds(slow["for"]) / TIMES * 1000
        for rule in (slow, fast):
            rule.pop("for", None)
            rule["expr"] = re.sub(r"\[\d+\w\]|\b[\d.]+\b", "", rule["expr"])
        assert slow == fast


def test_what_is_no_notification_is_refused() -> None:
    for body in (b"", b"[]", b'{"version": "3"}', b'{"version": "4", "alerts": [{}]}'):
        with pytest.raises(ValueError, match=r".+"):
            read_alerts(body)
    told = {"version": "4", "alerts": [{"status": "firing", "labels": {"alertname": "A"}}]}
    with pytest.raises(ValueError, match="annotations"):
        read_alerts(json.dumps(told).encode())
