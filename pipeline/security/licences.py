"""The licences of what mgit ships with, read by Trivy from the packages themselves.

Trivy is shown the metadata of exactly those packages that `requirements/image.txt` pins. What
stands below may be combined with an Apache-2.0 program and shipped; everything else stops the
release until somebody has read it.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from pipeline.security.scan import Scan, Seen, cannot, must_flag
from pipeline.security.trivy import FIXTURE, Trivy, open_trivy
from pipeline.security.trivy_report import Licence
from pipeline.shell import Shell
from pipeline.step import Finding

NAME = "licences"
LOCK = Path("requirements/image.txt")
ALLOWED = frozenset(
    {
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "MIT",
        "MPL-2.0",
        "PSF-2.0",
        "Python-2.0",
        "Unlicense",
    }
)
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
_SITE = "usr/lib/python3/dist-packages"
_JOIN = re.compile(r"\s+(?:AND|OR)\s+|[()]")


def scan(shell: Shell, root: Path) -> Scan:
    """Prove Trivy on a planted AGPL package, then read ours.

    Raises:
        PipelineError: ENVIRONMENT; it missed the canary, or a package is not installed here.
    """
    with tempfile.TemporaryDirectory(prefix="mgit-licences-") as work:
        # Licences are not looked up in a database: the small one does.
        trivy = open_trivy(shell, root / FIXTURE, Path(work))
        return _scan(trivy, root)


def _scan(trivy: Trivy, root: Path) -> Scan:
    with tempfile.TemporaryDirectory(prefix="mgit-canary-") as folder:
        place = Path(folder, _SITE, "planted-1.0.dist-info")
        place.mkdir(parents=True)
        text = "Metadata-Version: 2.1\nName: planted\nVersion: 1.0\nLicense: AGPL-3.0-only\n"
        (place / "METADATA").write_text(text, encoding="utf-8")
        shown = trivy.licences(Path(folder))
    stopping = {one.name for one in shown if not allowed(one.name)}
    canary = must_flag(NAME, ("AGPL-3.0-only",), stopping)
    pins = dict(_PIN.findall((root / LOCK).read_text(encoding="utf-8")))
    with tempfile.TemporaryDirectory(prefix="mgit-licences-") as folder:
        for one in _installed(pins):
            _copy_metadata(one, Path(folder, _SITE))
        found = trivy.licences(Path(folder))
    read = {_plain(one.package) for one in found}
    silent = sorted(name for name in pins if _plain(name) not in read)
    seen = (*map(_seen, found), *map(_untold, silent))
    return Scan(NAME, len(pins), "packages", seen, canary)


def allowed(expression: str) -> bool:
    """Whether an SPDX expression is made of allowed licences only.

    An `OR` would do with one of them; asking for all keeps the rule simple and errs on the safe
    side.
    """
    parts = [part.strip() for part in _JOIN.split(expression)]
    return all(part in ALLOWED for part in parts if part) and any(parts)


def _installed(pins: Mapping[str, str]) -> Iterator[Distribution]:
    for name, version in pins.items():
        try:
            found = distribution(name)
        except PackageNotFoundError:
            raise cannot(NAME, f"cannot read {name}: it is not installed here") from None
        if found.version != version:
            raise cannot(NAME, f"has {name} {found.version} to read, and {version} is shipped")
        yield found


def _copy_metadata(one: Distribution, target: Path) -> None:
    place = target / f"{_plain(one.name)}-{one.version}.dist-info"
    place.mkdir(parents=True)
    for file in one.files or ():
        if file.name == "METADATA" and file.parent.name.endswith(".dist-info"):
            shutil.copyfile(str(one.locate_file(file)), place / "METADATA")


def _plain(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _seen(one: Licence) -> Seen:
    fine = allowed(one.name)
    severity = "LOW" if fine else "HIGH"
    finding = Finding(NAME, one.name[:80], severity, one.package, f"{one.category} licence")
    return Seen(finding, not fine, (one.name,))


def _untold(name: str) -> Seen:
    finding = Finding(NAME, "no-licence", "HIGH", name, "the package does not say its licence")
    return Seen(finding, blocking=True, ids=("no-licence",))
