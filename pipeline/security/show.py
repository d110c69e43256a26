"""A security verdict for people (a table) and for machines (JSON, SARIF 2.1.0). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from pipeline.security.scan import Scan, Verdict
from pipeline.step import Finding
from pipeline.table import table

_LEVELS = {"CRITICAL": "error", "HIGH": "error", "MEDIUM": "warning", "LOW": "note"}
_QUIET = frozenset({"LOW", "INFORMATIONAL"})  # counted in the table, told in full by JSON
_PLACE = re.compile(r"^(?P<file>[^\s:]+):(?P<line>[0-9]+)$")


def as_table(verdict: Verdict) -> str:
    """What each scanner read, was proven on and found; then the findings; then the word."""
    head = ("scanner", "read", "proven on", "found", "stop", "database", "seconds", "note")
    blocking = set(verdict.blocking)
    rows = [_row(scan, {s.finding for s in scan.seen} & blocking) for scan in verdict.scans]
    parts = [table(head, rows)]
    shown = [f for f in verdict.findings if f in blocking or f.severity not in _QUIET]
    if shown:
        found = [_line(finding, finding in blocking) for finding in shown]
        parts.append(table(("", "scanner", "severity", "id", "where", "what"), found))
    parts += _lines(f"waived: {finding.id} in {finding.where}" for finding in verdict.waived)
    parts += _lines(f"stop: {complaint}" for complaint in verdict.complaints)
    statements = dict.fromkeys(s.database.statement for s in verdict.scans if s.database)
    parts += list(statements)
    stops = len(verdict.blocking) + len(verdict.complaints)
    word = "nothing stops a release" if verdict.ok else f"{stops} to mend before a release"
    parts.append(f"security: {word}")
    return "\n\n".join(parts) + "\n"


def as_json(verdict: Verdict) -> str:
    """Schema `mgit.security/1`."""
    document = {
        "schema": "mgit.security/1",
        "ok": verdict.ok,
        "scans": [msgspec.to_builtins(scan) for scan in verdict.scans],
        "blocking": msgspec.to_builtins(verdict.blocking),
        "waived": msgspec.to_builtins(verdict.waived),
        "complaints": list(verdict.complaints),
    }
    return msgspec.json.format(msgspec.json.encode(document)).decode() + "\n"


def as_sarif(verdict: Verdict) -> str:
    """One SARIF run per scanner; waived findings are suppressed results."""
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [_sarif_run(scan, set(verdict.waived)) for scan in verdict.scans],
    }
    return msgspec.json.format(msgspec.json.encode(document)).decode() + "\n"


def _lines(lines: Iterable[str]) -> list[str]:
    """One paragraph, or none."""
    return ["\n".join(found)] if (found := list(lines)) else []


def _row(scan: Scan, blocking: set[Finding]) -> Sequence[str]:
    database = scan.database
    age = f"{database.kind} {database.updated[:10]}" if database else "its own rules"
    return (
        scan.scanner,
        f"{scan.read} {scan.unit}",
        ", ".join(scan.canary),
        str(len(scan.seen)),
        str(len(blocking)),
        age,
        f"{scan.seconds:.1f}",
        scan.note,
    )


def _line(finding: Finding, stops: bool) -> Sequence[str]:  # noqa: FBT001  a column of the table
    mark = "STOP" if stops else ""
    return (mark, finding.scanner, finding.severity, finding.id, finding.where, finding.title)


def _sarif_run(scan: Scan, waived: set[Finding]) -> dict[str, Any]:
    return {
        "tool": {"driver": {"name": scan.scanner, "rules": _rules(scan)}},
        "results": [_result(seen.finding, seen.finding in waived) for seen in scan.seen],
    }


def _rules(scan: Scan) -> list[dict[str, str]]:
    return [{"id": name} for name in sorted({seen.finding.id for seen in scan.seen})]


def _result(finding: Finding, waived: bool) -> dict[str, Any]:  # noqa: FBT001  one of two shapes
    place = _PLACE.match(finding.where)
    uri, line = (place["file"], max(int(place["line"]), 1)) if place else ("requirements", 1)
    return {
        "ruleId": finding.id,
        "level": _LEVELS.get(finding.severity, "warning"),
        "message": {"text": f"{finding.where}: {finding.title or finding.id}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": uri},
                    "region": {"startLine": line},
                }
            }
        ],
        "suppressions": [{"kind": "external"}] if waived else [],
    }
