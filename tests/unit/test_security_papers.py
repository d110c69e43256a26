"""The pages about security cannot go stale: what they name as a proof is there."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.faults.page import read_rows, rendered, shown_by
from tests.unit.pods import (
    WORKLOADS,
    assert_no_secret_in_the_environment,
    assert_restricted,
    pod_of,
)

ROOT = Path(__file__).parents[2]
PAGES = ("threat-model.md", "faults.md")
_PROOF = re.compile(r"`(tests/[\w./-]+\.py)(?:::(\w+))?`")
_PROVEN = re.compile(r"^\| (?!what \||fault \||input \||---)(.+) \| *([^|]*) *\|$")


def rows(page: str) -> list[tuple[str, str]]:
    """What the tables with proofs say, and the proofs: their last column is `shown by`."""
    found: list[tuple[str, str]] = []
    proven = False
    for line in (ROOT / "docs" / "security" / page).read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            proven = False
        elif line.endswith("| shown by |"):
            proven = True
        elif proven and (row := _PROVEN.match(line)):
            found.append((row[1], row[2]))
    return found


def functions_of(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("page", PAGES)
def test_every_row_names_a_test_or_says_that_there_is_none_yet(page: str) -> None:
    found = rows(page)
    assert len(found) > 20
    for words, proof in found:
        assert bool(_PROOF.search(proof)) != ("not yet" in words), words


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_is_named_is_there(page: str) -> None:
    for path, name in _PROOF.findall((ROOT / "docs" / "security" / page).read_text("utf-8")):
        assert (ROOT / path).is_file(), path
        assert not name or name in functions_of(ROOT / path), f"{path}::{name}"


# What the service was asked to survive; each is a row of the page, in its own words.
SURVIVED = (
    "killed anywhere",
    "the service dies, its gits live on",
    "two services on one root",
    "no space, no inodes",
    "an error of the disk while syncing",
    "a folder that cannot be written",
    "a connection that breaks, resets or goes nowhere",
    "a slow drip, silence",
    "a storm of 429 or 500",
    "a cut pack or advertisement, HTML or nothing with 200",
    "upstream emptied",
    "upstream rewritten",
    "a token that expired",
    "a redirect to another host",
    "a damaged clone, in fifteen ways",
    "the wall clock jumps",
    "a listing that is partial or fails",
    "a pack bomb",
)


def test_the_page_of_faults_is_as_its_rows_and_the_tests_say() -> None:
    said = (ROOT / "docs" / "security" / "faults.md").read_text(encoding="utf-8")
    assert said == rendered(), "run `python -m tests.faults.page`"


def test_every_fault_is_shown_by_a_test_and_none_is_left() -> None:
    _, tables = read_rows()
    shown = shown_by()
    known = [row.what for rows in tables.values() for row in rows]
    assert [what for what in known if not shown.get(what)] == []
    assert sorted(shown.keys() - set(known)) == [], "a test shows a row that is not there"
    assert set(SURVIVED) <= {row.what for row in tables["fault"]}
    assert len(tables["input"]) >= 9
    assert "not yet" not in rendered()


# ── controls.md: each row a test, a file that has or lacks something, or why it is not met ────────

_FACT = re.compile(r"`([\w./-]+)` (has|lacks) `([^`]+)`")
_UNMET = re.compile(r"\*\*(not met|yours)\*\*")


def controls() -> list[tuple[str, str]]:
    """Id and proof of every row."""
    page = (ROOT / "docs" / "security" / "controls.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
    assert all(len(row) == 4 for row in cells), [row for row in cells if len(row) != 4]
    return [(row[0], row[3]) for row in cells if row[0] not in ("id", "---")]


def test_every_control_names_a_proof_or_says_why_it_is_not_met() -> None:
    rows = controls()
    assert len(rows) > 90
    for name, proof in rows:
        proven = bool(_PROOF.search(proof) or _FACT.search(proof))
        assert proven is not bool(_UNMET.search(proof)), name
        assert "**not met**" not in proof or "**not met**: " in proof, name


@pytest.mark.parametrize(("name", "proof"), controls())
def test_the_proof_of_a_control_holds(name: str, proof: str) -> None:
    for path, test in _PROOF.findall(proof):
        assert (ROOT / path).is_file(), f"{name}: {path}"
        assert not test or test in functions_of(ROOT / path), f"{name}: {path}::{test}"
    for path, verb, text in _FACT.findall(proof):
        content = (ROOT / path).read_text(encoding="utf-8")
        told = "\n".join(line for line in content.splitlines() if not line.lstrip().startswith("#"))
        assert (text in told) is (verb == "has"), f"{name}: {path} {verb} {text}"


# ── what hardening.md ships ───────────────────────────────────────────────────────────────────────

UNITS = ("mgit.service", "mgit-sync.service", "mgit-sync.timer")
KUBERNETES = ROOT / "deploy" / "kubernetes"


def _manifests() -> list[dict[str, Any]]:
    """Every object as it stands in the files, before kustomize has touched it."""
    files = sorted(KUBERNETES.rglob("*.yaml"))
    texts = [file.read_text("utf-8") for file in files if file.name != "kustomization.yaml"]
    return [one for text in texts for one in yaml.safe_load_all(text)]


def _of(kind: str) -> list[dict[str, Any]]:
    return [one for one in _manifests() if one["kind"] == kind]


@pytest.mark.parametrize("kind", WORKLOADS)
def test_the_pod_is_within_restricted(kind: str) -> None:
    assert _of(kind)
    for workload in _of(kind):
        assert_restricted(pod_of(workload))
        assert_no_secret_in_the_environment(pod_of(workload))


def test_the_network_of_the_pod_is_closed_but_for_what_it_needs() -> None:
    rules = {one["metadata"]["name"]: one["spec"] for one in _of("NetworkPolicy")}
    nothing = rules.pop("mgit-nothing")
    assert nothing == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    ports = {port["port"] for rule in rules["mgit-out"]["egress"] for port in rule["ports"]}
    assert ports == {53, 443, 22}
    inwards = [rule for each in rules.values() for rule in each.get("ingress", [])]
    assert {port["port"] for rule in inwards for port in rule["ports"]} == {8080, 8081}
    for rule in inwards:  # from certain pods of certain namespaces, never from everywhere
        assert all({"namespaceSelector", "podSelector"} == peer.keys() for peer in rule["from"])


CONFIGURATIONS = sorted(KUBERNETES.glob("overlays/*/config.toml"))


@pytest.mark.parametrize("file", CONFIGURATIONS, ids=lambda file: file.parent.name)
def test_the_configuration_in_the_manifest_is_sound(file: Path) -> None:
    from mgit.config.document import parse_document
    from mgit.config.environ import Environment
    from mgit.config.load import settle
    from mgit.config.paths import find_paths

    environment = Environment({"HOME": "/home/mgit"})
    document = parse_document(file.read_bytes(), Path("/etc/mgit/config.toml"))
    assert settle(document, environment, find_paths(environment), {}).sources


def _unit(folder: Path, name: str) -> str:
    """A unit with a program that is here: mgit is not installed where the unit expects it."""
    text = (ROOT / "deploy" / "systemd" / name).read_text(encoding="utf-8")
    file = folder / name
    file.write_text(text.replace("/usr/local/bin/mgit", "/bin/true"), encoding="utf-8")
    return str(file)


@pytest.mark.needs("systemd-analyze")
def test_the_units_are_sound(tmp_path: Path) -> None:
    files = [_unit(tmp_path, name) for name in UNITS]
    found = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in found.stderr.splitlines() if "mgit" in line]
    assert (found.returncode, ours) == (0, []), found.stderr


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("name", [name for name in UNITS if name.endswith(".service")])
def test_the_units_expose_little(tmp_path: Path, name: str) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager"]
    rated = subprocess.run(
        [*command, _unit(tmp_path, name)], capture_output=True, text=True, check=False
    )
    assert rated.returncode == 0, rated.stdout[-2000:]


def test_both_services_are_hardened_alike() -> None:
    def hardening(name: str) -> set[str]:
        text = (ROOT / "deploy" / "systemd" / name).read_text(encoding="utf-8")
        names = "Protect|Private|Restrict|SystemCall|NoNew|Capability|Ambient|Memory|Lock|Device"
        return set(re.findall(rf"^(?:{names})\w*=.*$", text, re.MULTILINE))

    assert hardening("mgit.service") == hardening("mgit-sync.service")


def test_hardening_speaks_of_files_that_are_there() -> None:
    page = (ROOT / "docs" / "security" / "hardening.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:deploy|docker)/[\w./-]+)`", page))
    assert named >= {"deploy/systemd/mgit.service", "docker/compose.yaml"}
    assert [name for name in named if not (ROOT / name).exists()] == []
    directives = {
        name for cell in re.findall(r"^\| `.*?\|", page, re.MULTILINE)
        for name in re.findall(r"`(\w+)=", cell)
    }  # fmt: skip
    unit = (ROOT / "deploy" / "systemd" / "mgit.service").read_text(encoding="utf-8")
    assert all(f"{name}=" in unit for name in directives)
