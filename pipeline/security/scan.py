"""What a scanner's run is worth: what it read, what it was proven on, what it found. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

from pipeline.security.waivers import Waiver, expired
from pipeline.step import Database, Exit, Finding, PipelineError


@dataclass(frozen=True, slots=True)
class Seen:
    """One finding.

    Args:
        finding: as it is reported.
        blocking: whether it stops a release.
        ids: all names it goes by, for waivers.
    """

    finding: Finding
    blocking: bool
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scan:
    """One scanner's run.

    Args:
        scanner: its name.
        read: how much it read; never zero where there is something to read.
        unit: of what.
        seen: what it found.
        canary: what it was shown and flagged before its word was believed.
        database: what it compared with, None for a scanner that carries its rules.
        seconds: how long it took.
        note: what a person should know beside.
    """

    scanner: str
    read: int
    unit: str
    seen: tuple[Seen, ...]
    canary: tuple[str, ...]
    database: Database | None = None
    seconds: float = 0.0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all scans together say.

    Args:
        scans: one per scanner.
        waived: findings that a waiver covers.
        blocking: findings that stop the release.
        complaints: what is wrong with the waivers; each stops the release too.
    """

    scans: tuple[Scan, ...]
    waived: tuple[Finding, ...] = ()
    blocking: tuple[Finding, ...] = ()
    complaints: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.blocking and not self.complaints

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings that no waiver covers, blocking or not."""
        covered = set(self.waived)
        found = (seen.finding for scan in self.scans for seen in scan.seen)
        return tuple(finding for finding in found if finding not in covered)

    @property
    def scanned(self) -> dict[str, int]:
        return {f"{scan.scanner} {scan.unit}": scan.read for scan in self.scans}

    @property
    def database(self) -> Database | None:
        """The weakest of the databases: a fixture anywhere makes it a fixture."""
        used = [scan.database for scan in self.scans if scan.database is not None]
        fixtures = [database for database in used if database.kind == "fixture"]
        return next(iter(fixtures or used), None)


@dataclass(frozen=True, slots=True)
class _Tally:
    waived: list[Finding] = field(default_factory=list)
    blocking: list[Finding] = field(default_factory=list)
    used: set[Waiver] = field(default_factory=set)


def judge(scans: tuple[Scan, ...], waivers: tuple[Waiver, ...], today: date) -> Verdict:
    """Apply the waivers and decide.

    A waiver for an advisory counts as unused only when the advisories were live ones: a fixture
    does not know what was waived last week.
    """
    lapsed = expired(waivers, today)
    holding = tuple(waiver for waiver in waivers if waiver not in lapsed)
    tally = _Tally()
    for scan in scans:
        for seen in scan.seen:
            _count(scan.scanner, seen, holding, tally)
    complaints = [f"{_named(w)} expired on {w.expires}" for w in lapsed]
    complaints += [
        f"{_named(w)} waives nothing: take it out"
        for w in holding
        if w not in tally.used and not _unknowable(w, scans)
    ]
    return Verdict(scans, tuple(tally.waived), tuple(tally.blocking), tuple(complaints))


def cannot(scanner: str, why: str) -> PipelineError:
    """The error of a scanner that cannot do its work: never a clean word."""
    return PipelineError(
        f"{scanner} {why}",
        exit_code=Exit.ENVIRONMENT,
        advice="a scanner that cannot work proves nothing: repair it and run again",
    )


def must_flag(scanner: str, wanted: tuple[str, ...], found: set[str]) -> tuple[str, ...]:
    """Refuse a scanner that overlooks what it was shown.

    Raises:
        PipelineError: ENVIRONMENT.
    """
    missed = sorted(set(wanted) - found)
    if missed:
        raise cannot(scanner, f"did not flag the planted {', '.join(missed)}")
    return wanted


def timed(scan: Scan, seconds: float) -> Scan:
    """The same scan, with how long it took."""
    return replace(scan, seconds=round(seconds, 3))


def _count(scanner: str, seen: Seen, waivers: tuple[Waiver, ...], tally: _Tally) -> None:
    covering = [w for w in waivers if w.covers(scanner, seen.ids, seen.finding.where)]
    tally.used.update(covering)
    if covering:
        tally.waived.append(seen.finding)
    elif seen.blocking:
        tally.blocking.append(seen.finding)


def _named(waiver: Waiver) -> str:
    place = f" in {waiver.where}" if waiver.where else ""
    return f"the waiver of {waiver.id}{place} (owner {waiver.owner})"


def _unknowable(waiver: Waiver, scans: tuple[Scan, ...]) -> bool:
    """Whether only a live database could say that the waiver is used."""
    fixtures = {s.scanner for s in scans if s.database is not None and s.database.kind == "fixture"}
    advisory = waiver.id.startswith(("CVE-", "GHSA-", "PYSEC-"))
    return advisory and bool(fixtures) and waiver.scanner in {"", *fixtures}
