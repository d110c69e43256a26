"""Every alert has its words, its run book, and a case in which it fires and one in which not."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from mgit.telemetry.metrics import Metrics

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "deploy" / "observability"
RULES: dict[str, Any] = yaml.safe_load((FOLDER / "mgit.rules.yml").read_text("utf-8"))
CASES: dict[str, Any] = yaml.safe_load((FOLDER / "mgit.rules.test.yml").read_text("utf-8"))
PAGE = (ROOT / "docs" / "operations" / "alerts.md").read_text("utf-8")
WANTED = {
    "MgitDown",
    "MgitSourceStale",
    "MgitDiscoveryStale",
    "MgitErrorRatioHigh",
    "MgitCredentialExpiring",
    "MgitCredentialRejected",
    "MgitStorageFull",
    "MgitRepositoryCorrupt",
    "MgitRepositoriesVanished",
    "MgitRefLossHeld",
    "MgitHealthRestarting",
}


def rules(kind: str) -> list[dict[str, Any]]:
    return [rule for group in RULES["groups"] for rule in group["rules"] if kind in rule]


ALERTS = rules("alert")
NAMES = {rule["alert"] for rule in ALERTS}


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_whatever_operators_must_hear_of_has_an_alert() -> None:
    assert NAMES >= WANTED


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_grave_it_is_what_it_means_and_what_to_do(rule: dict[str, Any]) -> None:
    name = rule["alert"]
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"docs/operations/alerts.md#{name.lower()}"
    book = section(name)
    for part in ("**What it means.**", "**Look here.**", "**Do this.**"):
        assert part in book, f"{name}: no {part}"


def test_no_run_book_is_about_an_alert_that_is_not_there() -> None:
    assert set(re.findall(r"^## (\w+)$", PAGE, re.MULTILINE)) == NAMES


def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    fires: dict[str, int] = defaultdict(int)
    quiet: dict[str, int] = defaultdict(int)
    for case in CASES["tests"]:
        for one in case["alert_rule_test"]:
            (fires if one["exp_alerts"] else quiet)[one["alertname"]] += 1
    assert fires.keys() == quiet.keys() == NAMES


def test_both_grades_of_an_alert_are_tried() -> None:
    tried = {
        (one["alertname"], alert["exp_labels"]["severity"])
        for case in CASES["tests"]
        for one in case["alert_rule_test"]
        for alert in one["exp_alerts"]
    }
    assert tried == {(rule["alert"], rule["labels"]["severity"]) for rule in ALERTS}


def test_rules_ask_only_for_metrics_that_there_are() -> None:
    there = {name for metric in Metrics().registry.collect() for name in names_of(metric)}
    recorded = {rule["record"] for rule in rules("record")}
    for rule in (*ALERTS, *rules("record")):
        asked = set(re.findall(r"\b(?:source|instance):[a-z0-9_:]+", rule["expr"]))
        assert asked <= recorded
        plain = re.sub(r"\b(?:source|instance):[a-z0-9_:]+", "", rule["expr"])
        assert set(re.findall(r"\bmgit_[a-z_]+\b", plain)) <= there


def names_of(metric: Any) -> set[str]:
    if metric.type == "histogram":
        return {f"{metric.name}_{end}" for end in ("bucket", "sum", "count")}
    return {f"{metric.name}_total" if metric.type == "counter" else metric.name}


@pytest.mark.needs("promtool")
@pytest.mark.parametrize(
    "command", [("check", "rules", "mgit.rules.yml"), ("test", "rules", "mgit.rules.test.yml")]
)
def test_prometheus_own_tool_agrees(command: tuple[str, ...]) -> None:
    ran = subprocess.run(
        ["promtool", *command], cwd=FOLDER, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
