"""The development environment's parts that can be looked at without an engine."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.quickstart.page import PAGE, script, steps, times, with_times

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
OBSERVABILITY = ROOT / "deploy" / "observability"


class _Compose(yaml.SafeLoader):
    """Reads compose files; `!override` and `!reset` are for compose."""


_Compose.add_constructor("!override", lambda loader, node: loader.construct_sequence(node))


def services(name: str) -> dict[str, dict[str, Any]]:
    document = yaml.load((DOCKER / name).read_text(encoding="utf-8"), _Compose)
    return dict(document["services"])


def read(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def test_mgit_is_confined_while_it_is_developed_as_it_is_in_production() -> None:
    dev, production = services("compose.dev.yaml")["mgit"], services("compose.yaml")["mgit"]
    for key in (
        "user",
        "read_only",
        "cap_drop",
        "security_opt",
        "tmpfs",
        "pids_limit",
    ):
        assert dev[key] == production[key], key


@pytest.mark.parametrize("file", ["compose.dev.yaml", "compose.monitoring.yaml"])
def test_everything_is_published_on_loopback_only_and_has_no_rights(file: str) -> None:
    for name, service in services(file).items():
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), name
        if "extends" not in service:
            assert service["cap_drop"] == ["ALL"], name
            assert "no-new-privileges:true" in service["security_opt"], name


def test_what_is_mounted_is_there() -> None:
    for file in ("compose.dev.yaml", "compose.monitoring.yaml"):
        for name, service in services(file).items():
            for volume in service.get("volumes", ()):
                if isinstance(volume, dict) and volume["type"] == "bind":
                    assert (DOCKER / volume["source"]).exists(), f"{name}: {volume}"
                    assert volume["read_only"] is True, f"{name}: {volume}"


def test_both_prometheus_watch_the_same_with_the_same_rules() -> None:
    ours, dev = read(OBSERVABILITY / "prometheus.yml"), read(DOCKER / "dev" / "prometheus.yml")
    assert ours["rule_files"] == dev["rule_files"] == ["/observability/mgit.rules.yml"]
    assert ours["alerting"] == dev["alerting"]
    (job,), (dev_job,) = ours["scrape_configs"], dev["scrape_configs"]
    assert dev_job.pop("authorization")
    assert job == dev_job


def test_grafana_finds_its_prometheus_and_its_dashboard() -> None:
    """Its image cannot be had everywhere: what it would read is held here."""
    place = OBSERVABILITY / "grafana" / "provisioning"
    (source,) = read(place / "datasources" / "mgit.yaml")["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in services("compose.monitoring.yaml")
    (provider,) = read(place / "dashboards" / "mgit.yaml")["providers"]
    grafana = services("compose.monitoring.yaml")["grafana"]
    mounts = {volume["target"]: volume["source"] for volume in grafana["volumes"]}
    assert mounts["/etc/grafana/provisioning"] == "../deploy/observability/grafana/provisioning"
    assert mounts[f"{provider['options']['path']}/mgit.json"].endswith("grafana/mgit.json")
    assert grafana["profiles"] == ["grafana"]


@pytest.mark.needs("promtool", "amtool")
def test_the_tools_find_nothing_wrong_with_the_configurations() -> None:
    for argv in (
        ("promtool", "check", "config", "--syntax-only", OBSERVABILITY / "prometheus.yml"),
        ("promtool", "check", "config", "--syntax-only", DOCKER / "dev" / "prometheus.yml"),
        ("amtool", "check-config", OBSERVABILITY / "alertmanager.yml"),
    ):
        ran = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr


def wait_for(file: Path, text: str) -> None:
    end = time.monotonic() + 60
    while not (file.exists() and text in file.read_text()):
        assert time.monotonic() < end, f"no {text} in {file.read_text() if file.exists() else ''}"
        time.sleep(0.05)


def test_a_changed_source_starts_mgit_again_and_a_broken_one_waits(tmp_path: Path) -> None:
    package, told = tmp_path / "mgit" / "cli", tmp_path / "told"
    package.mkdir(parents=True)
    (tmp_path / "mgit" / "__init__.py").touch()
    program = (
        "import signal, sys\n"
        "def main():\n"
        f"    with open({str(told)!r}, 'a') as out: print('NAME', *sys.argv[1:], file=out)\n"
        "    signal.sigwait({signal.SIGTERM, signal.SIGINT})\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})\n"
    )
    source = package / "__init__.py"
    source.write_text(program.replace("NAME", "first"))
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-I", str(DOCKER / "dev" / "reload.py"), str(tmp_path), "serve"],
            stdin=subprocess.DEVNULL,
            stderr=out,
        )
    try:
        wait_for(told, "first serve\n")
        source.write_text(program.replace("NAME", "second"))
        wait_for(told, "second serve\n")
        source.write_text("a mistake\n")
        wait_for(log, "mgit ended with 1; it starts again")
        source.write_text(program.replace("NAME", "third"))
        wait_for(told, "third serve\n")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    assert told.read_text().split() == ["first", "serve", "second", "serve", "third", "serve"]
    assert f"{source} changed: mgit starts again" in log.read_text()


def test_the_page_for_a_new_server_has_a_time_for_each_of_its_steps() -> None:
    text = PAGE.read_text(encoding="utf-8")
    parts = steps(text)
    assert [title for title, _ in times(text)] == [part.title for part in parts]
    assert all(part.commands for part in parts)
    whole = script(parts, "MINE=1\n")
    assert "MINE=1" in whole
    assert parts[0].commands not in whole
    assert all(part.commands in whole for part in parts[1:])
    assert times(with_times(text, "| 1. A | 7 s |\n")) == [("A", 7)]
