"""What a journal tells of is done again here; each difference is found."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.journal import Event, Journal
from pipeline.project import Project, child_environment
from pipeline.proving.commands import Asked, prove, show
from pipeline.proving.replay import Told, compare, replay, told_by
from pipeline.report import Proof
from pipeline.result import journal_path
from pipeline.run import run_steps
from pipeline.shell import Shell
from pipeline.step import Artifact, Done, Effect, Exit, Facts, PipelineError, Step, Todo, Verdict
from tests.pipeline.conftest import Tiny

CODE = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_bytes(b'made')"


def build(*words: str, digest: str = "1") -> Step:
    """A step that makes one file by one process."""

    def check(project: Project, facts: Facts) -> Verdict:
        if not (project.out / "a.whl").exists():
            return Todo(("build",))
        artifact = Artifact("a.whl", f"sha256:{digest * 64}", 4)
        return Done(replace(facts, artifacts=(artifact,)))

    def run(project: Project, facts: Facts) -> Facts:
        argv = (sys.executable, "-c", CODE, project.out / "a.whl", *words)
        project.shell.run(argv, cwd=project.root, env={"SOURCE_DATE_EPOCH": str(facts.epoch)})
        return facts

    return Step("build", (), check, run)


def publish() -> Step:
    """A step that nobody may do again."""
    seen = {"ran": False}

    def run(_project: Project, facts: Facts) -> Facts:
        if seen["ran"]:
            pytest.fail("published twice")
        seen["ran"] = True
        return facts

    def check(_project: Project, facts: Facts) -> Verdict:
        return Done(facts) if seen["ran"] else Todo(("publish",))

    return Step("publish_index", ("build",), check, run, effect=Effect.PUBLIC)


Run = Callable[..., Told]


@pytest.fixture
def released(tiny: Tiny, project_at: Callable[..., Project], tmp_path: Path) -> Run:
    """Runs steps as CI would, in a folder of its own, and reads the journal."""

    def run(*steps: Step, **changes: object) -> Told:
        out = tmp_path / "ci"
        shell = Shell(child_environment())
        project = project_at(**{"out": out, "shell": shell, **changes})
        facts = Facts(version="0.1.0", commit=tiny.git("rev-parse", "HEAD"), epoch=5)
        assert run_steps(project, steps, facts=facts).exit_code is Exit.DONE
        return told_by(journal_path(project))

    return run


@pytest.fixture
def here(project_at: Callable[..., Project], tmp_path: Path) -> Project:
    out = tmp_path / "quite" / "another" / "place"
    return project_at(out / "src", out=out, shell=Shell(child_environment()))


def wrong(proofs: tuple[Proof, ...]) -> list[str]:
    return [proof.name for proof in proofs if not proof.ok]


def quiet(_line: str) -> None:
    """Nobody watches."""


def test_the_same_is_done_here(released: Run, here: Project, tiny: Tiny) -> None:
    steps = (build(), publish())
    theirs = released(*steps)
    proofs = replay(here, tiny.here, theirs, steps, quiet)
    assert wrong(proofs) == []
    names = [proof.name for proof in proofs]
    assert "build starts the same processes" in names
    assert "a.whl" in names
    assert any(name.startswith("the same python") for name in names)


def test_another_argument_is_found(released: Run, here: Project, tiny: Tiny) -> None:
    theirs = released(build("--quick"), publish())
    proofs = replay(here, tiny.here, theirs, (build(), publish()), quiet)
    assert wrong(proofs) == ["build starts the same processes"]
    (bad,) = (proof for proof in proofs if not proof.ok)
    assert "only there" in bad.detail
    assert "--quick" in bad.detail


def test_another_artefact_is_found(released: Run, here: Project, tiny: Tiny) -> None:
    theirs = released(build(digest="2"), publish())
    assert wrong(replay(here, tiny.here, theirs, (build(), publish()), quiet)) == ["a.whl"]


def test_a_variable_that_is_not_on_the_list_is_found(
    released: Run, here: Project, tiny: Tiny
) -> None:
    shell = Shell({**here.shell.env, "GITHUB_" + "TOKEN": "x"})
    theirs = released(build(), publish(), shell=shell)
    proofs = replay(here, tiny.here, theirs, (build(), publish()), quiet)
    assert wrong(proofs) == ["children get only the variables on the list"]


def test_another_tool_is_found(released: Run, here: Project, tiny: Tiny) -> None:
    theirs = released(build(), publish())
    for call in theirs.calls["build"]:
        call["program"] = "sha256:0"
    (bad,) = wrong(replay(here, tiny.here, theirs, (build(), publish()), quiet))
    assert bad.startswith("the same python")


def test_another_order_is_found(released: Run) -> None:
    theirs = released(build(), publish())
    swapped = replace(theirs, order=theirs.order[::-1])
    name = "the steps are those of the list, in its order"
    assert wrong(compare(swapped, theirs, (build(), publish()))) == [name]


def test_what_cannot_be_done_here_is_told(released: Run, here: Project, tiny: Tiny) -> None:
    def broken(_project: Project, _facts: Facts) -> Facts:
        raise PipelineError("no engine")

    theirs = released(build(), publish())
    steps = (replace(build(), run=broken), publish())
    first = replay(here, tiny.here, theirs, steps, quiet)[0]
    assert (first.ok, first.detail) == (False, "no engine")


def test_a_journal_without_processes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError) as refused:
        told_by(tmp_path / "none.jsonl")
    assert refused.value.exit_code is Exit.USAGE
    with Journal(tmp_path / "old.jsonl") as journal:
        journal.write(Event.BEGIN, facts={"half": "laptop"})
    with pytest.raises(PipelineError, match="no journal that tells of processes"):
        told_by(tmp_path / "old.jsonl")


@pytest.mark.parametrize("asked", [Asked(), Asked(folder="a", tag="v1.0.0")])
def test_one_question_at_a_time(tmp_path: Path, asked: Asked) -> None:
    with pytest.raises(PipelineError) as refused:
        prove(tmp_path, asked)
    assert refused.value.exit_code is Exit.USAGE


def test_what_does_not_hold_is_shown_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    assert show((Proof("a", ok=True, detail="x"),)) is Exit.DONE
    assert show((Proof("b", ok=False, detail="one\ntwo"),)) is Exit.CONFLICT
    assert "b: two" in capsys.readouterr().out
