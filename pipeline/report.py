"""The report of a release: `report.json` for machines, `report.md` for people.

The JSON has at least `result`, `version`, `steps` (name, state, seconds), `artifacts` (name,
digest, bytes), `image` (platforms with bytes and compressed_bytes), `findings`, `database` and
`skipped`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from pipeline.comparison import Change, Comparison
from pipeline.result import Result, StepResult
from pipeline.step import Exit, Facts, Finding
from pipeline.table import markdown_table
from pipeline.waterfall import waterfall

PICTURE = "waterfall.svg"

_WORDS = {
    Exit.DONE: "done",
    Exit.USAGE: "usage",
    Exit.GATE: "stopped by a gate",
    Exit.ENVIRONMENT: "environment",
    Exit.INCOMPLETE: "incomplete",
    Exit.CONFLICT: "conflict",
}
_SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN")


@dataclass(frozen=True, slots=True)
class Proof:
    """Something that was shown, not only said.

    Args:
        name: what was to be shown, for example `a planted password stops the release`.
        ok: whether it was.
        detail: how it was seen.
    """

    name: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that a report says.

    Args:
        title: heading of `report.md`.
        exit_code: what the command returns.
        steps: how each step ended.
        facts: what is known about the release.
        skipped: what was not done, each with the reason.
        proofs: what was shown.
        message: what stopped it, empty when done.
        advice: what to do next.
        comparison: with the release before, None where there is none to compare with.
    """

    title: str
    exit_code: Exit
    steps: Sequence[StepResult]
    facts: Facts
    skipped: Sequence[str] = ()
    proofs: Sequence[Proof] = field(default=())
    message: str = ""
    advice: str = ""
    comparison: Comparison | None = None


def report_of(
    result: Result, title: str = "Release", comparison: Comparison | None = None
) -> Report:
    """The report of one run of the pipeline."""
    return Report(
        title=title,
        exit_code=result.exit_code,
        steps=result.steps,
        facts=result.facts,
        skipped=result.facts.skipped,
        message=result.message,
        advice=result.advice,
        comparison=comparison,
    )


def write_report(report: Report, folder: Path) -> tuple[Path, Path]:
    """Write `report.json`, `report.md` and `waterfall.svg`; each appears whole or not at all.

    Returns:
        The first two.
    """
    folder.mkdir(parents=True, exist_ok=True)
    json = msgspec.json.format(msgspec.json.encode(as_document(report))).decode() + "\n"
    as_json, page = folder / "report.json", folder / "report.md"
    if report.steps:
        title = f"{report.title} {report.facts.version}".rstrip()
        _write(folder / PICTURE, waterfall(report.steps, f"{title}: where the time went"))
    _write(as_json, json)
    _write(page, as_markdown(report))
    return as_json, page


def _write(path: Path, text: str) -> None:
    aside = path.with_name(f".{path.name}.new")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def as_document(report: Report) -> dict[str, Any]:
    """The JSON document as plain values."""
    facts = report.facts
    return {
        "schema": "mgit.release-report/1",
        "result": _WORDS[report.exit_code],
        "exit": int(report.exit_code),
        "message": report.message,
        "version": facts.version,
        "commit": facts.commit,
        "digest": facts.image_digest,
        "tag_object": facts.tag_object,
        "deployed": facts.deployed,
        "steps": [
            {"name": s.name, "state": s.state, "seconds": round(s.seconds, 3)} for s in report.steps
        ],
        "artifacts": [
            {"name": a.name, "digest": a.digest, "bytes": a.bytes} for a in facts.artifacts
        ],
        "image": {"digest": facts.image_digest, "platforms": msgspec.to_builtins(facts.platforms)},
        "findings": {
            "by_severity": _counts(facts.findings),
            "scanned": dict(facts.scanned),
            "items": msgspec.to_builtins(facts.findings),
        },
        "database": msgspec.to_builtins(facts.database) if facts.database else {},
        "compared": msgspec.to_builtins(report.comparison) if report.comparison else {},
        "skipped": list(report.skipped),
        "proofs": msgspec.to_builtins(tuple(report.proofs)),
    }


def as_markdown(report: Report) -> str:
    """The page for people: what came out, what was shown, what was left out, where time went."""
    facts = report.facts
    blocks = [f"# {report.title} {facts.version}".rstrip(), _first_words(report)]
    blocks += _proofs(report.proofs)
    blocks += _artifacts(facts)
    blocks += _findings(facts)
    blocks += _compared(report.comparison)
    if report.skipped:
        blocks += ["## Not done", "\n".join(f"- {line}" for line in report.skipped)]
    blocks += _times(report.steps)
    return "\n\n".join(blocks) + "\n"


def _first_words(report: Report) -> str:
    facts = report.facts
    lines = [f"**Result: {_WORDS[report.exit_code]}** (exit {int(report.exit_code)})"]
    if report.message:
        lines.append(f"\n{report.message}" + (f"\n{report.advice}" if report.advice else ""))
    known = (
        ("commit", facts.commit),
        ("image", facts.image_digest),
        ("tag object", facts.tag_object),
        ("deployed", facts.deployed),
    )
    rows = [(name, f"`{value}`") for name, value in known if value]
    return "\n".join(lines) + (f"\n\n{markdown_table(('what', 'which'), rows)}" if rows else "")


def _proofs(proofs: Sequence[Proof]) -> list[str]:
    if not proofs:
        return []
    rows = [("yes" if p.ok else "**NO**", p.name, p.detail) for p in proofs]
    return ["## What was shown", markdown_table(("shown", "what", "how"), rows)]


def _artifacts(facts: Facts) -> list[str]:
    blocks = []
    if facts.artifacts:
        files = [(a.name, f"{a.bytes:,}", f"`{a.digest}`") for a in facts.artifacts]
        told = markdown_table(("artefact", "bytes", "digest"), files, "bytes")
        blocks += ["## Artefacts", told]
    if facts.platforms:
        rows = [
            (p.platform, f"{p.bytes / 1e6:.1f}", f"{p.compressed_bytes / 1e6:.1f}", f"`{p.digest}`")
            for p in facts.platforms
        ]
        head = ("platform", "MB", "MB-compressed", "digest")
        blocks += ["## Image", markdown_table(head, rows, "MB MB-compressed")]
    return blocks


def _findings(facts: Facts) -> list[str]:
    blocks: list[str] = []
    if facts.scanned:
        rows = [(name, f"{count:,}") for name, count in facts.scanned.items()]
        blocks += ["## Scanned", markdown_table(("scanner and what", "read"), rows, "read")]
    if facts.findings:
        counts = ", ".join(f"{n} {word}" for word, n in _counts(facts.findings).items() if n)
        grave = [f for f in facts.findings if f.severity != "LOW"]
        told = [(f.severity, f.scanner, f.id, f.where, f.title) for f in grave]
        blocks.append(f"Findings that stop nothing: {counts}.")
        if told:
            head = ("severity", "scanner", "id", "where", "what")
            blocks.append(markdown_table(head, told))
    if facts.database is not None:
        updated = f", last updated {facts.database.updated}" if facts.database.updated else ""
        blocks.append(f"**Database: {facts.database.kind}{updated}.** {facts.database.statement}")
    return blocks


def _times(steps: Sequence[StepResult]) -> list[str]:
    if not steps:
        return []
    total = sum(step.seconds for step in steps)
    rows = [
        (
            s.name,
            s.state,
            f"{s.seconds:.1f}",
            f"{100 * s.seconds / total if total else 0:.0f}",
            s.note,
        )
        for s in steps
    ]
    rows.append(("total", "", f"{total:.1f}", "", ""))
    head = ("step", "state", "seconds", "%", "note")
    told = markdown_table(head, rows, "seconds %")
    return ["## Steps, and where the time went", f"![where the time went]({PICTURE})", told]


def _compared(comparison: Comparison | None) -> list[str]:
    if comparison is None:
        return []
    rows = [(c.what, f"{c.now:,}", _grown(c)) for c in comparison.sizes]
    blocks = [f"## Beside {comparison.version}"]
    if rows:
        blocks.append(markdown_table(("what", "bytes", "change"), rows, "bytes change"))
    if comparison.sizes_only:
        blocks.append("Sizes as its tag has them. Its report is not here: nothing of its findings.")
        return blocks
    new = ", ".join(f"{f.scanner} {f.id} ({f.where})" for f in comparison.new)
    gone = ", ".join(comparison.gone)
    blocks.append(f"New findings: {new or 'none'}. No longer found: {gone or 'nothing'}.")
    return blocks


def _grown(change: Change) -> str:
    return "new" if change.percent is None else f"{change.percent:+.1f} %"


def _counts(findings: Sequence[Finding]) -> dict[str, int]:
    counted = Counter(finding.severity for finding in findings)
    return {word: counted[word] for word in _SEVERITIES}
