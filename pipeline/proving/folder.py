"""Checks a finished (or stopped) release from what it left behind: journal, report, artefacts."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from pipeline.journal import Entry, Event, read_journal
from pipeline.report import Proof
from pipeline.result import from_dict
from pipeline.step import Exit, Facts, PipelineError


def prove_folder(folder: Path) -> tuple[Proof, ...]:
    """Check a release's folder.

    Args:
        folder: `dist/release/X.Y.Z` or `dist/publish/X.Y.Z`.

    Returns:
        what was checked, and whether it holds.

    Raises:
        PipelineError: USAGE, there is no journal; CONFLICT, it was tampered with.
    """
    entries = read_journal(folder / "journal.jsonl")
    if not entries:
        raise PipelineError(
            f"there is no journal in {folder}",
            exit_code=Exit.USAGE,
            advice="name the folder of a release, for example dist/release/0.1.0",
        )
    facts = _facts(entries)
    return (
        Proof("the journal is whole", ok=True, detail=f"{len(entries)} lines, chained by hash"),
        _report(folder, facts),
        *(_artifact(folder, name, digest) for name, digest in _digests(facts)),
    )


def _facts(entries: tuple[Entry, ...]) -> Facts:
    done = [entry for entry in entries if entry.event is Event.DONE]
    return from_dict(done[-1].facts) if done else Facts()


def _report(folder: Path, facts: Facts) -> Proof:
    what = "the report says what the journal says"
    try:
        report: dict[str, Any] = msgspec.json.decode((folder / "report.json").read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        return Proof(what, ok=False, detail=f"report.json: {error}")
    told = {a["name"]: a["digest"] for a in report.get("artifacts", ())}
    same = (report.get("version"), report.get("digest"), told) == (
        facts.version,
        facts.image_digest,
        dict(_digests(facts)),
    )
    return Proof(what, ok=same, detail=f"version {facts.version}, {len(told)} artefacts")


def _digests(facts: Facts) -> tuple[tuple[str, str], ...]:
    return tuple((artifact.name, artifact.digest) for artifact in facts.artifacts)


def _artifact(folder: Path, name: str, digest: str) -> Proof:
    path = folder / "artifacts" / name
    if not path.is_file():
        return Proof(name, ok=False, detail="is not there")
    with path.open("rb") as file:
        found = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    return Proof(name, ok=found == digest, detail=found)
