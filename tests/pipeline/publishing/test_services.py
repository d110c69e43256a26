"""Each stand-in can be run by hand: one JSON line when it is ready, a clean end on SIGTERM."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.publishing.http import request

from .conftest import secret_file

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("module", "path", "status"),
    [
        ("index", "/simple/", 200),
        ("releases", "/repos/acme/mgit/releases", 401),
        ("advisories", "", 404),
        pytest.param("registry", "/v2/", 200, marks=pytest.mark.needs("docker-registry")),
    ],
)
def test_a_service_says_where_it_is_and_ends_when_told(
    tmp_path: Path, module: str, path: str, status: int
) -> None:
    token = secret_file(tmp_path, "token", "canary-of-a-service")
    options = {
        "index": ["--root", tmp_path / "data", "--token-file", token],
        "releases": ["--root", tmp_path / "data", "--token-file", token],
        "advisories": [],
        "registry": ["--root", tmp_path / "data"],
    }[module]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", f"sandbox.{module}", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            url = json.loads(line)["url"]
            assert url.startswith("http://127.0.0.1:")
            assert request("GET", url + path).status == status
        finally:
            process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
    assert "canary" not in line + said
    assert "Traceback" not in said
