"""`invoke prove`: a release's folder, a past tag, or a journal of CI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.endpoints import find_endpoints
from pipeline.invocation import Options, open_clone, say
from pipeline.project import Endpoints, Project, child_environment, environment
from pipeline.report import Proof
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError
from pipeline.table import table
from pipeline.versioning.versions import version_of_tag


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person wants to have proven; one of the first three.

    Args:
        folder: of a release.
        tag: `vX.Y.Z`, to be built again.
        journal: a file, to be done again.
        against: folder with the published files, to tell what differs.
        endpoints: file of endpoints, empty for the default.
    """

    folder: str = ""
    tag: str = ""
    journal: str = ""
    against: str = ""
    endpoints: str = ""


def prove(here: Path, asked: Asked) -> Exit:
    """Prove it, print what holds and what does not.

    Raises:
        PipelineError: USAGE, not one question; whatever stands in the way of an answer.
    """
    if sum(map(bool, (asked.folder, asked.tag, asked.journal))) != 1:
        raise PipelineError(
            "what is to be proven?",
            exit_code=Exit.USAGE,
            advice="give one of --folder, --tag and --journal",
        )
    if asked.folder:
        from pipeline.proving.folder import prove_folder

        return show(prove_folder(here / asked.folder))
    return show(_tag(here, asked) if asked.tag else _journal(here, asked))


def show(proofs: Sequence[Proof]) -> Exit:
    """Print a table, and below it what does not hold, in full."""
    rows = [
        ("yes" if proof.ok else "NO", proof.name, proof.detail.partition("\n")[0])
        for proof in proofs
    ]
    print(table(("holds", "what", "how"), rows))  # noqa: T201  the command's own output
    for proof in proofs:
        for line in () if proof.ok else proof.detail.splitlines()[1:]:
            print(f"{proof.name}: {line}")  # noqa: T201  see above
    return Exit.DONE if all(proof.ok for proof in proofs) else Exit.CONFLICT


def _tag(here: Path, asked: Asked) -> tuple[Proof, ...]:
    from pipeline.proving.tag import Question, prove_tag

    version = version_of_tag(asked.tag)
    _git, endpoints = open_clone(here, Options(endpoints=asked.endpoints))
    project = _project(here, version, endpoints)
    folders = [here / "dist" / kind / version / "artifacts" for kind in ("release", "publish")]
    if asked.against:
        folders.insert(0, here / asked.against)
    question = Question(asked.tag, tuple(folders))
    say(f"building {asked.tag} again in {project.out}")
    return prove_tag(project, here, question)


def _journal(here: Path, asked: Asked) -> tuple[Proof, ...]:
    from pipeline.proving.replay import replay, told_by
    from pipeline.release import CI, LAPTOP

    told = told_by(here / asked.journal)
    if not told.facts.commit:
        raise PipelineError(f"{asked.journal} ends before there was a commit", exit_code=Exit.USAGE)
    shell = Shell(env=child_environment())
    endpoints = find_endpoints(here, asked.endpoints, environment(), _origin(shell, here))
    project = _project(here, told.facts.version, endpoints, tag=told.tag)
    return replay(project, here, told, CI if told.tag else LAPTOP, say)


def _origin(shell: Shell, here: Path) -> str:
    argv = ("git", "-C", here, "remote", "get-url", "origin")
    return shell.run(argv, check=False).stdout.strip()


def _project(here: Path, version: str, endpoints: Endpoints, tag: str = "") -> Project:
    out = here / "dist" / "prove" / version
    shell = Shell(env=child_environment(), log=out / "log.txt")
    return Project(out / "src", out, endpoints, shell, ci=bool(tag), tag=tag)
