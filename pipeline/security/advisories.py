"""pip-audit over every pinned package of every lock file.

It exits 1 for "found something" and for "could not ask" alike, so its JSON report is judged, which
is not written after an error; and the number of packages in it must be the number asked about.
Advisories come from the service of the endpoints, else from the live one, else (where `auto`
allows) from the records in tests/data, which prove the gate and nothing about today's packages.
"""

from __future__ import annotations

import hashlib
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from pipeline.publishing.http import is_loopback
from pipeline.security.scan import Scan, Seen, cannot, must_flag
from pipeline.shell import Shell
from pipeline.step import Database, Finding, PipelineError

NAME = "pip-audit"
FIXTURE = "tests/data/advisories"

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)
_CANARY, _CANARY_IDS = "pyyaml==5.3.1\n", ("CVE-2020-14343",)


class _Vulnerability(msgspec.Struct):
    id: str
    fix_versions: list[str] = []
    aliases: list[str] = []


class _Dependency(msgspec.Struct):
    name: str
    version: str = ""
    vulns: list[_Vulnerability] = []
    skip_reason: str = ""


class _Report(msgspec.Struct):
    dependencies: list[_Dependency]


def pins(root: Path) -> tuple[str, ...]:
    """Every `name==version` of requirements/*.txt, each once, whatever its marker says."""
    found: set[str] = set()
    for lock in sorted(root.glob("requirements/*.txt")):
        pairs = _PIN.findall(lock.read_text(encoding="utf-8"))
        if not pairs:
            raise cannot(NAME, f"finds no pinned package in requirements/{lock.name}")
        found |= {f"{name.lower()}=={version}" for name, version in pairs}
    return tuple(sorted(found))


def scan(shell: Shell, root: Path, *, mode: str = "auto", url: str = "") -> Scan:
    """Prove pip-audit on an old PyYAML, then ask about every pinned package.

    Args:
        shell: starts it.
        root: the project.
        mode: `live`, `fixture`, or `auto`: live where it answers, else the fixture.
        url: an own advisory service, which goes before `mode`; on this machine it is a fixture.

    Raises:
        PipelineError: ENVIRONMENT; it missed the canary, could not ask, or left a package out.
    """
    wanted = pins(root)
    if url or mode == "live":
        return _scan(shell, wanted, url, _database(url, root))
    if mode == "auto":
        try:
            _prove(shell, "")
        except PipelineError:
            mode = "fixture"
        else:
            return _scan(shell, wanted, "", _database("", root))
    with _fixture(root) as address:
        return _scan(shell, wanted, address, _database(address, root))


def _scan(shell: Shell, wanted: tuple[str, ...], url: str, database: Database) -> Scan:
    canary = _prove(shell, url)
    report = _ask(shell, "\n".join(wanted) + "\n", url) if wanted else _Report([])
    read = len(report.dependencies)
    if read != len(wanted):
        raise cannot(NAME, f"looked at {read} of {len(wanted)} packages")
    seen = tuple(one for dependency in report.dependencies for one in _seen(dependency))
    return Scan(NAME, read, "packages", seen, canary, database)


def _prove(shell: Shell, url: str) -> tuple[str, ...]:
    report = _ask(shell, _CANARY, url)
    found = {
        name
        for dependency in report.dependencies
        for flaw in dependency.vulns
        for name in (flaw.id, *flaw.aliases)
    }
    return must_flag(NAME, _CANARY_IDS, found)


def _ask(shell: Shell, requirements: str, url: str) -> _Report:
    with tempfile.TemporaryDirectory(prefix="mgit-audit-") as folder:
        asked, answer = Path(folder, "requirements.txt"), Path(folder, "report.json")
        asked.write_text(requirements, encoding="utf-8")
        argv = (
            *(sys.executable, "-m", "pip_audit", "--requirement", asked, "--no-deps"),
            *("--disable-pip", "--strict", "--progress-spinner", "off", "--timeout", "20"),
            *("--cache-dir", Path(folder, "cache"), "--vulnerability-service", "osv"),
            *(("--osv-url", url) if url else ()),
            *("--format", "json", "--output", answer),
        )
        local = "127.0.0.1,localhost"
        bypass = {"NO_PROXY": local, "no_proxy": local} if url and is_loopback(url) else {}
        ran = shell.run(argv, env=bypass, check=False)
        if not answer.is_file():
            last = (ran.stderr.strip().splitlines() or ["no output"])[-1]
            raise cannot(NAME, f"could not ask the advisory service: {last[:200]}")
        return msgspec.json.decode(answer.read_bytes(), type=_Report)


def _seen(dependency: _Dependency) -> Iterator[Seen]:
    if dependency.skip_reason:
        raise cannot(NAME, f"left out {dependency.name}: {dependency.skip_reason}")
    where = f"{dependency.name} {dependency.version}"
    for flaw in dependency.vulns:
        fixed = f"fixed in {', '.join(flaw.fix_versions)}" if flaw.fix_versions else "no fix yet"
        finding = Finding(NAME, flaw.id, "UNKNOWN", where, fixed)
        yield Seen(finding, blocking=True, ids=(flaw.id, *flaw.aliases))


@contextmanager
def _fixture(root: Path) -> Iterator[str]:
    from sandbox.advisories import open_advisories

    with open_advisories(root / FIXTURE) as service:
        yield service.url


def _database(url: str, root: Path) -> Database:
    if url and is_loopback(url):
        digest = hashlib.sha256()
        for file in sorted((root / FIXTURE).glob("*.json")):
            digest.update(file.read_bytes())
        statement = (
            "The advisories are recorded ones that end in October 2024: this proves that the gate "
            "works; nothing was compared with a live database, so a clean result says nothing "
            "about today's packages."
        )
        return Database(
            "fixture", f"sha256:{digest.hexdigest()}", "2024-10-10T00:00:00Z", statement
        )
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Database("live", "", now, f"Compared with the live advisory service at {now}.")
