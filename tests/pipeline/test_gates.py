"""The gates over a tiny project with a real nox, real scanners and a planted flaw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import msgspec
import pytest

from pipeline.git import Git
from pipeline.project import Endpoints, Project
from pipeline.step import Done, Exit, Facts, PipelineError, Todo
from pipeline.steps import gates
from pipeline.workspace import checked_repository, open_workspace
from tests.pipeline.conftest import Tiny

pytestmark = pytest.mark.slow

Make = Callable[..., Project]
DATA = Path(__file__).parents[1] / "data"
NOXFILE = """
import sys

import nox

nox.options.default_venv_backend = "none"

@nox.session(python=False)
def lint(session):
    session.run("python", "-c", "LINT", external=True)

@nox.session(python=False)
def types(session):
    session.run("python", "-c", "1", external=True)

@nox.session(python=False)
def imports(session):
    session.run("python", "-c", "1", external=True)

@nox.session(python=f"{sys.version_info.major}.{sys.version_info.minor}")
def tests(session):
    session.run("python", "-c", "TESTS", external=True)
"""


@pytest.fixture
def project(
    tiny: Tiny, endpoints: Endpoints, project_at: Make, tmp_path: Path
) -> Callable[..., Project]:
    def make(lint: str = "1", tests: str = "1", **files: str) -> Project:
        noxfile = NOXFILE.replace("LINT", lint).replace("TESTS", tests)
        tiny.write("noxfile.py", noxfile)
        tiny.write("pyproject.toml", "[tool.bandit]\n")
        tiny.write("requirements/image.txt", f"msgspec=={version('msgspec')} --hash=sha256:00\n")
        for name, text in files.items():
            tiny.write(f"mgit/{name}.py", text)
        for name in ("advisories", "trivy-db"):
            target = tiny.here / "tests" / "data" / name
            target.mkdir(parents=True, exist_ok=True)
            for file in (DATA / name).iterdir():
                (target / file.name).write_bytes(file.read_bytes())
        tiny.commit("Sources")
        git = checked_repository(project_at().shell, tiny.here)
        root = open_workspace(git, tmp_path / "out", endpoints, resume=False).root
        return project_at(root)

    return make


def facts_of(project: Project) -> Facts:
    commit = Git(project.shell, project.root).resolve("HEAD")
    return Facts(version="0.1.0", commit=commit)


def stopped(project: Project) -> PipelineError:
    with pytest.raises(PipelineError) as caught:
        gates.run(project, facts_of(project))
    assert isinstance(gates.check(project, facts_of(project)), Todo)
    return caught.value


def test_gates_that_are_passed_are_remembered_for_this_tree(
    project: Callable[..., Project], tiny: Tiny
) -> None:
    clean = project()
    facts = facts_of(clean)
    assert isinstance(gates.check(clean, Facts()), Todo)
    made = gates.run(clean, facts)
    assert made.scanned["bandit files"] == 2
    assert made.database is not None
    assert made.database.kind == "fixture"
    assert gates.check(clean, facts) == Done(made)
    assert gates.check(clean, made) == Done(made), "nothing is told twice"
    pinned = msgspec.structs.replace(clean.endpoints, trivy_cache=str(DATA / "trivy-db"))
    other = replace(clean, endpoints=pinned)
    assert isinstance(gates.check(other, facts), Todo), "another database asks again"
    (clean.root / "more.txt").write_text("x", encoding="utf-8")
    tiny.git("add", "more.txt", where=clean.root)
    tiny.git("commit", "--quiet", "-m", "More", where=clean.root)
    assert isinstance(gates.check(clean, facts_of(clean)), Todo)


def test_a_planted_password_stops_it(project: Callable[..., Project]) -> None:
    error = stopped(project(two='password = "hunter2-hunter2"\n'))
    assert error.exit_code is Exit.GATE
    assert error.message == "security says no: bandit B105 in mgit/two.py:1"
    assert "nox -s security" in error.advice


@pytest.mark.parametrize("broken", [pytest.param("lint", marks=pytest.mark.long), "tests"])
def test_a_session_that_fails_stops_it(project: Callable[..., Project], broken: str) -> None:
    error = stopped(project(**{broken: "raise SystemExit(1)"}))
    assert error.exit_code is Exit.GATE
    assert error.message.startswith(f"`nox -s {broken}` says no")


def test_a_check_that_writes_into_the_sources_stops_it(project: Callable[..., Project]) -> None:
    error = stopped(project(lint="open('made.txt', 'w').close()"))
    assert error.exit_code is Exit.GATE
    assert "dirtied the clean clone" in error.message


@pytest.mark.long
def test_a_session_that_is_not_there_is_no_pass(
    project: Callable[..., Project], tiny: Tiny
) -> None:
    clean = project()
    noxfile = clean.root / "noxfile.py"
    noxfile.write_text(noxfile.read_text("utf-8").replace("def types", "def typing"), "utf-8")
    tiny.git("commit", "--quiet", "-a", "-m", "Rename", where=clean.root)
    assert stopped(clean).exit_code is Exit.ENVIRONMENT


def test_ci_asks_the_scanners_again_and_trusts_the_tests(project: Callable[..., Project]) -> None:
    clean = replace(project(lint="raise SystemExit(1)"), ci=True, tag="v0.1.0")
    assert gates.run(clean, facts_of(clean)).scanned["bandit files"] == 2
