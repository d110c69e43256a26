"""Does what a journal tells of, here, and compares: steps, processes, tools, artefacts.

What others would see (publishing) is not done again; its processes are only held against the list
of variables that children may get. Signing needs a key that is not here, so it is left out too.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.git import Git
from pipeline.journal import FORMAT, Entry, Event, read_journal
from pipeline.project import Project, child_environment
from pipeline.report import Proof
from pipeline.result import Progress, from_dict, journal_path
from pipeline.run import run_steps
from pipeline.step import Exit, Facts, PipelineError, Step
from pipeline.workspace import fetch_annotated

REPLAYED = ("gates", "build", "inspect", "attest")


@dataclass(frozen=True, slots=True)
class Told:
    """What a journal tells.

    Args:
        half: `laptop`, or `ci vX.Y.Z`.
        order: names of the steps that were done in its last run, in order.
        facts: what was known at the end.
        calls: for each step that was run, the processes of its last run.
        everything: all processes, those of checks included.
    """

    half: str
    order: tuple[str, ...]
    facts: Facts
    calls: dict[str, list[dict[str, Any]]]
    everything: tuple[dict[str, Any], ...]

    @property
    def tag(self) -> str:
        """The tag that started CI; empty for a laptop."""
        kind, _, tag = self.half.partition(" ")
        return tag if kind == "ci" else ""


def told_by(path: Path) -> Told:
    """Read a journal.

    Raises:
        PipelineError: USAGE, there is none, or it is too old to tell of processes; CONFLICT, it
            was tampered with.
    """
    entries = read_journal(path)
    starts = [n for n, e in enumerate(entries) if e.event in {Event.BEGIN, Event.RESUME}]
    if not starts or entries[starts[-1]].facts.get("format") != FORMAT:
        raise PipelineError(
            f"{path} is no journal that tells of processes",
            exit_code=Exit.USAGE,
            advice="name the journal.jsonl that a release of this pipeline left behind",
        )
    done = [entry for entry in entries if entry.event is Event.DONE]
    return Told(
        half=str(entries[starts[-1]].facts.get("half", "")),
        order=tuple(e.step for e in entries[starts[-1] :] if e.event is Event.DONE),
        facts=from_dict(done[-1].facts) if done else Facts(),
        calls=_calls(entries),
        everything=tuple(e.facts for e in entries if e.event is Event.PROCESS),
    )


def replay(
    project: Project, here: Path, theirs: Told, steps: Sequence[Step], say: Progress
) -> tuple[Proof, ...]:
    """Run the local steps of a journal again and compare.

    Args:
        project: of the same half as the journal; `root` is where the clean clone goes.
        here: the repository that has the commit.
        theirs: what the journal tells.
        steps: the whole list of that half.
        say: gets lines of progress.
    """
    shutil.rmtree(project.out, ignore_errors=True)
    project.out.mkdir(parents=True)
    git, root = Git(project.shell, project.root), str(project.root)
    Git(project.shell, here).run(
        "clone", "--quiet", "--no-hardlinks", "--no-checkout", str(here), root
    )
    if project.tag:
        fetch_annotated(git, project.endpoints.git_remote, project.tag)
    git.run("checkout", "--quiet", "--detach", theirs.facts.commit)
    start = Facts(
        version=theirs.facts.version, commit=theirs.facts.commit, epoch=theirs.facts.epoch
    )
    again = [step for step in steps if step.name in REPLAYED and step.name in theirs.calls]
    given = frozenset(step.name for step in steps) - {step.name for step in again}
    result = run_steps(project, again, facts=start, given=given, say=say)
    proofs = compare(theirs, told_by(journal_path(project)), steps)
    if result.exit_code is not Exit.DONE:
        return (Proof("it can be done here", ok=False, detail=result.message), *proofs)
    return proofs


def compare(theirs: Told, mine: Told, steps: Sequence[Step]) -> tuple[Proof, ...]:
    """Hold what a journal tells against what happened here.

    Args:
        theirs: the journal in question.
        mine: of the replay.
        steps: the list that both should have followed.
    """
    replayed = [name for name in theirs.calls if name in REPLAYED]
    return (
        _order(theirs, steps),
        _allowed(theirs.everything),
        *(_processes(name, theirs.calls[name], mine.calls.get(name, [])) for name in replayed),
        *_tools(theirs, mine),
        *_artifacts(theirs.facts, mine.facts),
    )


def _calls(entries: Iterable[Entry]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        if entry.event is Event.START:
            found[entry.step] = []
        elif entry.event is Event.PROCESS and entry.facts["doing"]:
            found.setdefault(entry.step, []).append(entry.facts)
    return found


def _order(theirs: Told, steps: Sequence[Step]) -> Proof:
    listed = tuple(step.name for step in steps)
    ok = bool(theirs.order) and theirs.order == listed[: len(theirs.order)]
    return Proof("the steps are those of the list, in its order", ok, ", ".join(theirs.order))


def _allowed(calls: Iterable[dict[str, Any]]) -> Proof:
    """Children get what is on the list, and what a call sets itself."""
    names = {name for call in calls for name in set(call["passed"]) - set(call["added"])}
    strange = sorted(name for name in names if not child_environment({name: ""}))
    detail = f"also {', '.join(strange)}" if strange else f"{len(names)} names, all on the list"
    return Proof("children get only the variables on the list", not strange, detail)


def _processes(
    step: str, theirs: Sequence[dict[str, Any]], mine: Sequence[dict[str, Any]]
) -> Proof:
    one, two = (Counter(_line(call) for call in calls) for calls in (theirs, mine))
    name = f"{step} starts the same processes"
    only_there, only_here = sorted((one - two).elements()), sorted((two - one).elements())
    if not only_there and not only_here:
        return Proof(name, ok=True, detail=f"{len(theirs)} of them")
    lines = [f"only there: {line}" for line in only_there[:2]]
    lines += [f"only here: {line}" for line in only_here[:2]]
    return Proof(name, ok=False, detail="\n".join(lines))


def _line(call: dict[str, Any]) -> str:
    added = " ".join(f"{name}=…" for name in call["added"])
    return f"{added} {' '.join(call['argv'])} -> {call['exit']}".strip()[:300]


def _tools(theirs: Told, mine: Told) -> list[Proof]:
    """Each program by its digest, where both used one of that name."""
    one, two = _programs(theirs), _programs(mine)
    return [
        Proof(f"the same {name}", one[name] == two[name], f"{one[name]}, here {two[name]}")
        if one[name] != two[name]
        else Proof(f"the same {name}", ok=True, detail=one[name])
        for name in sorted(one.keys() & two.keys())
    ]


def _programs(told: Told) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for name, calls in told.calls.items():
        for call in calls if name in REPLAYED else ():
            program = Path(call["argv"][0]).name
            found.setdefault(program, set()).add(call["program"])
    return {name: " ".join(sorted(digests)) for name, digests in found.items()}


def _artifacts(theirs: Facts, mine: Facts) -> list[Proof]:
    """What was made here is what was made there; what was not made again is not judged."""
    there = {artifact.name: artifact.digest for artifact in theirs.artifacts}
    here = {artifact.name: artifact.digest for artifact in mine.artifacts}
    there["image"], here["image"] = theirs.image_digest, mine.image_digest
    return [
        Proof(name, ok=here[name] == there.get(name), detail=here[name])
        if here[name] == there.get(name)
        else Proof(name, ok=False, detail=f"{here[name]}, there {there.get(name) or 'nothing'}")
        for name in sorted(here)
        if here[name]
    ]
