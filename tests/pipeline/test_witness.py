"""Every process of a step is in the journal, in words that mean the same on any machine."""

from __future__ import annotations

import hashlib
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.journal import FORMAT, Entry, Event, read_journal
from pipeline.project import Project
from pipeline.result import journal_path
from pipeline.run import run_steps
from pipeline.shell import Shell
from pipeline.step import Done, Facts, PipelineError, Step, Todo, Verdict
from pipeline.witness import PYTHON, plain_word, program_digest
from tests.pipeline.fake_release import project_in

CANARY = "value-of-a-" + "variable"


def step_that(*calls: tuple[str, ...], check: bool = True) -> Step:
    """A step whose effect is a file, and which starts processes on its way there."""

    def look(project: Project, facts: Facts) -> Verdict:
        project.shell.run((sys.executable, "-c", "pass"))
        return Done(facts) if (project.out / "made").exists() else Todo(("make it",))

    def make(project: Project, facts: Facts) -> Facts:
        for call in calls:
            words = [word.replace("OUT", str(project.out)) for word in call]
            project.shell.run(words, env={"ADDED": CANARY}, check=check)
        (project.out / "made").touch()
        return facts

    return Step("make", (), look, make)


def processes(project: Project) -> list[Entry]:
    return [e for e in read_journal(journal_path(project)) if e.event is Event.PROCESS]


def test_a_process_is_told_without_folders_and_values(tmp_path: Path) -> None:
    project = project_in(tmp_path / "here")
    shell = Shell({**project.shell.env, "PASSED": CANARY})
    project = replace(project, root=tmp_path / "src", shell=shell)
    call = (sys.executable, "-c", "raise SystemExit(7)", "OUT/a", "https://ada:pw@host/x")
    run_steps(project, [step_that(call, check=False)])
    begin = read_journal(journal_path(project))[0]
    assert begin.facts["format"] == FORMAT
    looked, did, read_back = (entry.facts for entry in processes(project))
    assert not looked["doing"]
    assert not read_back["doing"]
    assert did["doing"]
    assert did["exit"] == 7
    assert did["argv"] == [PYTHON, "-c", "raise SystemExit(7)", "OUT/a", "https://…@host/x"]
    assert did["added"] == ["ADDED"]
    assert {"ADDED", "PASSED", "PATH"} <= set(did["passed"])
    python = Path(sys.executable).resolve()
    assert did["program"] == f"sha256:{hashlib.sha256(python.read_bytes()).hexdigest()}"
    raw = journal_path(project).read_text(encoding="utf-8")
    assert CANARY not in raw
    assert str(tmp_path) not in raw


def test_two_machines_tell_the_same_story(tmp_path: Path) -> None:
    told = []
    for name in ("one", "quite/another"):
        project = project_in(tmp_path / name)
        run_steps(project, [step_that((sys.executable, "-c", "pass", "--out=OUT/x"))])
        told.append([entry.facts for entry in processes(project)])
    assert told[0] == told[1]


def test_how_long_processes_took_is_not_how_long_a_step_took(tmp_path: Path) -> None:
    project = project_in(tmp_path)
    slow = (sys.executable, "-c", "import time; time.sleep(1.1)")
    first = run_steps(project, [step_that(slow)])
    assert first.steps[0].note == ""
    second = run_steps(project, [step_that()])
    assert second.steps[0].state == "there"
    assert "in an earlier run" in second.steps[0].note


def test_processes_of_several_threads_stay_one_chain(tmp_path: Path) -> None:
    def make(project: Project, facts: Facts) -> Facts:
        argv = (sys.executable, "-c", "pass")
        threads = [threading.Thread(target=project.shell.run, args=(argv,)) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return facts

    step = Step("make", (), lambda _project, _facts: Todo(("make it",)), make)
    project = project_in(tmp_path)
    run_steps(project, [step])
    assert len(processes(project)) == 6


def test_what_could_not_be_started_leaves_no_line(tmp_path: Path) -> None:
    project = project_in(tmp_path)
    result = run_steps(project, [step_that(("there-is-no-such-program",))])
    assert "is not installed" in result.message
    assert [entry.facts["doing"] for entry in processes(project)] == [False]


def test_a_failed_process_is_told_too(tmp_path: Path) -> None:
    project = project_in(tmp_path)
    run_steps(project, [step_that((sys.executable, "-c", "raise SystemExit(3)"))])
    assert [entry.facts["exit"] for entry in processes(project)] == [0, 3]


@pytest.mark.parametrize(
    ("word", "plain"),
    [
        ("/a/b/out/x", "OUT/x"),
        ("--to=/a/b/out:/a/b/src", "--to=OUT:SRC"),
        ("/a/b/outside", "/a/b/outside"),
        ("/t/tmpx8/a/b", "TMP/*/a/b"),
        ("oci:/t/mgit-1,x", "oci:TMP/*,x"),
        ("broken \udcff", "broken ?"),
    ],
)
def test_a_word_is_the_same_everywhere(word: str, plain: str) -> None:
    places = (("/a/b/out", "OUT"), ("/a/b/src", "SRC"), ("/t", "TMP"))
    assert plain_word(word, places) == plain


def test_a_script_is_the_same_in_any_environment(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text(f"#!/venv/{name}/bin/python\nprint()\n")
    assert program_digest(tmp_path / "one") == program_digest(tmp_path / "two")
    (tmp_path / "two").write_text("#!/venv/two/bin/python\nprint(1)\n")
    assert program_digest(tmp_path / "one") != program_digest(tmp_path / "two")


def test_a_library_tells_of_its_own_processes() -> None:
    heard = []
    shell = Shell({"PATH": "/bin", "A": "1"}, witness=heard.append)
    shell.tell(("docker", "build"), {"B": "2"}, 0, 1.5)
    assert heard[0].passed == ("A", "B", "PATH")
    assert heard[0].added == ("B",)
    with pytest.raises(PipelineError):
        Shell({}).run(("there-is-no-such-program",))


def test_what_the_pipeline_itself_varies_does_not_come_from_around_it(tmp_path: Path) -> None:
    """The second of two builds gets another hash seed: on no list, and nobody's secret."""
    told = []
    shell = Shell({"PATH": "/usr/bin", "TZ": "UTC"}, witness=told.append)
    other = shell.varied({"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "4711"})
    program = "import os; print(os.environ['TZ'], os.environ['PYTHONHASHSEED'], os.environ['A'])"
    ran = other.run((sys.executable, "-c", program), env={"A": "b"})
    assert ran.stdout.split() == ["Pacific/Kiritimati", "4711", "b"]
    (call,) = told
    assert call.passed == ("A", "PATH", "PYTHONHASHSEED", "TZ")
    assert call.added == ("A", "PYTHONHASHSEED", "TZ")
