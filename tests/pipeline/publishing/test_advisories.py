"""The advisory service answers as the real one does, and pip-audit believes it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from sandbox.advisories import Advisories, in_range, load, open_advisories


@pytest.fixture(scope="module")
def service() -> Iterator[Advisories]:
    with open_advisories() as running:
        yield running


def ask(service: Advisories, body: bytes) -> dict:
    request = urllib.request.Request(service.url, data=body, method="POST")
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def query(name: str, version: str, ecosystem: str = "PyPI") -> bytes:
    return json.dumps(
        {"package": {"name": name, "ecosystem": ecosystem}, "version": version}
    ).encode()


def test_an_old_version_is_known_and_a_fixed_one_is_clean(service: Advisories) -> None:
    old = {record["id"] for record in ask(service, query("requests", "2.19.0"))["vulns"]}
    assert {"PYSEC-2018-28", "PYSEC-2023-74", "GHSA-9wx4-h78v-vm56"} <= old
    assert ask(service, query("requests", "2.32.5")) == {}


def test_a_name_is_canonical_however_it_is_written(service: Advisories) -> None:
    assert ask(service, query("PyYAML", "5.3.1")) == ask(service, query("pyyaml", "5.3.1"))
    assert ask(service, query("pyyaml", "5.3.1"))["vulns"]


def test_what_nobody_recorded_is_clean(service: Advisories) -> None:
    assert ask(service, query("no-such-package-of-mine", "1.0")) == {}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", query("x", "not a version"), b'{"version":"1"}']
)
def test_a_malformed_query_is_refused(service: Advisories, body: bytes) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(service, body)
    assert refused.value.code == 400
    refused.value.close()


@pytest.mark.parametrize(
    ("events", "inside", "outside"),
    [
        ([{"introduced": "0"}, {"fixed": "2.0"}], ["0.1", "1.9.9", "2.0rc1"], ["2.0", "2.0.1"]),
        ([{"introduced": "1.0"}, {"last_affected": "1.5"}], ["1.0", "1.5"], ["0.9", "1.5.1"]),
        ([{"fixed": "1.10"}, {"introduced": "1.9"}], ["1.9", "1.9.5"], ["1.8", "1.10", "1.11"]),
        (
            [{"introduced": "0"}, {"fixed": "1.1"}, {"introduced": "2"}, {"fixed": "2.2"}],
            ["1.0", "2.1"],
            ["1.1", "1.9", "2.2"],
        ),
        ([], [], ["0", "1"]),
        ([{"introduced": "not a version"}], [], ["1"]),
    ],
)
def test_ranges_follow_pep_440(
    events: list[dict[str, str]], inside: list[str], outside: list[str]
) -> None:
    assert all(in_range(events, Version(version)) for version in inside)
    assert not any(in_range(events, Version(version)) for version in outside)


@given(st.lists(st.integers(0, 40), min_size=3, max_size=3, unique=True).map(sorted))
def test_a_range_holds_exactly_what_lies_between(points: list[int]) -> None:
    start, probe, end = (Version(f"1.{point}") for point in points)
    events = [{"introduced": str(start)}, {"fixed": str(end)}]
    assert in_range(events, probe)
    assert in_range(events, start)
    assert not in_range(events, end)
    assert in_range(list(reversed(events)), probe)


def test_every_record_names_its_package() -> None:
    for name, records in load().items():
        assert records, name
        for record in records:
            assert record["id"]
            assert any(entry["package"]["ecosystem"] == "PyPI" for entry in record["affected"])


def test_pip_audit_finds_the_old_and_passes_the_new(service: Advisories, tmp_path: Path) -> None:
    def audit(requirement: str) -> tuple[int, dict]:
        wanted, report = tmp_path / "wanted.txt", tmp_path / "report.json"
        wanted.write_text(requirement)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip_audit", "-r", wanted, "--no-deps", "--disable-pip"),
                *("-s", "osv", "--osv-url", service.url, "--progress-spinner", "off"),
                *("-f", "json", "-o", report),
            ],
            capture_output=True,
            env={"PATH": "", "NO_PROXY": "127.0.0.1", "HOME": str(tmp_path)},
            check=False,
        )
        return done.returncode, json.loads(report.read_bytes())

    code, report = audit("requests==2.19.0\n")
    assert code == 1
    assert len(report["dependencies"][0]["vulns"]) == 3
    code, report = audit("requests==2.32.5\n")
    assert code == 0
    assert service.asked[-1] == "requests==2.32.5"
