"""`invoke dev` as somebody uses it who changes mgit: a forge, a saved file, alerts, a dashboard."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.dev import Dev
from pipeline.project import child_environment
from pipeline.shell import Shell
from tests.image.box import docker, eventually

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.long]

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A clone of this repository with the work tree's files."""
    root = tmp_path / "tree"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(root)], check=True)
    for folder in ("docker", "mgit", "sandbox", "deploy"):
        subprocess.run(["cp", "-r", f"{ROOT}/{folder}/.", str(root / folder)], check=True)
    return root


@pytest.fixture
def dev(tree: Path) -> Iterator[Dev]:
    """It runs under a name of its own."""
    said: list[str] = []
    shell = Shell(env=child_environment())
    place = Dev(shell, tree, said.append, project=f"mgit-dev-{uuid.uuid4().hex[:8]}")
    try:
        place.up()
        yield place
    finally:
        place.down()
        print(*said, sep="\n")


def data(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.loads(answer.read())["data"]


def said_by(dev: Dev, service: str) -> str:
    ran = docker("logs", f"{dev.project}-{service}-1", check=False)
    return ran.stdout + ran.stderr


def test_a_person_changes_mgit_and_sees_what_comes_of_it(dev: Dev, tree: Path) -> None:
    places = dev.places()
    prometheus = places["Prometheus"].removesuffix("/alerts")

    def is_current() -> bool:
        query = f"{prometheus}/api/v1/query?query=sum(mgit_repos{{state='current'}})"
        found = data(query)["result"]
        return bool(found) and found[0]["value"][1] == "12"

    assert eventually(is_current), said_by(dev, "mgit")
    assert data(f"{prometheus}/api/v1/alertmanagers")["activeAlertmanagers"]
    assert len(data(f"{prometheus}/api/v1/rules")["groups"]) == 2
    with urllib.request.urlopen(places["dashboard"], timeout=10) as answer:
        assert b"Is everything current?" in answer.read()
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(places["status page"], timeout=10)

    version = tree / "mgit" / "version.py"
    version.write_text(version.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    changed = "/src/mgit/version.py changed: mgit starts again"
    assert eventually(lambda: changed in said_by(dev, "mgit")), said_by(dev, "mgit")
    assert eventually(lambda: said_by(dev, "mgit").count("run ended with code 0") > 1)
    shell = docker("exec", f"{dev.project}-mgit-1", "/bin/sh", "-c", "id", check=False)
    assert "no such file or directory" in shell.stdout + shell.stderr

    alert = {"labels": {"alertname": "Made", "severity": "info"}, "annotations": {"summary": "up"}}
    manager = places["Alertmanager"].removesuffix("/")
    request = urllib.request.Request(
        f"{manager}/api/v2/alerts",
        json.dumps([alert]).encode(),
        {"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=10).close()
    assert eventually(lambda: "firing   info     Made: up" in said_by(dev, "alerts"))
