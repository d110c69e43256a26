"""A credential that is refused is not repeated: not by an error, a log, a journal or a report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from pipeline.project import Endpoints
from pipeline.publishing.places import registry_of
from pipeline.rehearsal.canaries import needles, search_files
from pipeline.report import Report, write_report
from pipeline.run import run_steps
from pipeline.shell import Shell
from pipeline.step import Exit
from pipeline.steps import publish, stage

from .conftest import World, secret_file

WRONG = "canary-that-nobody-knows-" + "7f" * 16


@pytest.mark.needs("docker-registry")
@pytest.mark.parametrize("which", ["index_token_file", "forge_token_file"])
def test_a_refused_token_is_told_of_and_not_repeated(
    world: World, tmp_path: Path, which: str, capfd: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "store"
    store.mkdir()
    changed = {which: str(secret_file(store, "wrong", WRONG))}
    endpoints: Endpoints = msgspec.structs.replace(world.project.endpoints, **changed)
    out = world.project.out
    shell = Shell(world.project.shell.env, log=out / "log.txt")
    project = replace(world.project, endpoints=endpoints, shell=shell)
    said: list[str] = []
    steps = (stage.STEP, replace(publish.STEP, needs=("stage",)))

    result = run_steps(
        project, steps, facts=world.facts, given=frozenset({"build", "confirm"}), say=said.append
    )

    assert result.exit_code is not Exit.DONE
    assert result.message, "it says what is wrong"
    report = Report(
        title="t",
        exit_code=result.exit_code,
        steps=result.steps,
        facts=result.facts,
        message=result.message,
        advice=result.advice,
    )
    write_report(report, out)
    heard = capfd.readouterr()
    (out / "heard.txt").write_text(
        "\n".join((result.message, result.advice, *said, heard.out, heard.err))
    )
    count, hits = search_files(out, needles({which: WRONG}), (store,))
    assert count >= 3
    assert hits == []
    assert registry_of(endpoints).name
