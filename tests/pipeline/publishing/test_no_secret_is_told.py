"""A credential that is refused is not repeated: not by an error, a log, a journal or a report."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from pipeline.project import Endpoints
from pipeline.publishing.places import registry_of
from pipeline.rehearsal.canaries import needles, search_files, search_texts
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


def test_a_token_inside_a_wheel_is_found(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr("fine.py", "pass\n" * 100)
        wheel.writestr("leak.py", f"TOKEN = '{WRONG}'\n" + "pass\n" * 1000)
    assert WRONG.encode() not in (tmp_path / "x.whl").read_bytes()
    (tmp_path / "no-zip").write_bytes(b"PK\x03\x04 and then something else")
    assert search_files(tmp_path, needles({"t": WRONG}), ()) == (2, ["t in x.whl"])


def test_a_token_in_the_last_word_is_named_and_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "report.md").write_text(f"see {WRONG}\n")
    (tmp_path / "report.json").write_text("{}\n")
    paths = [tmp_path / name for name in ("report.md", "report.json", "not-there.txt")]
    assert search_texts(paths, needles({"index": WRONG})) == ["index in report.md"]
