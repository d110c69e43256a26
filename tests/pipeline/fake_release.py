"""A release of three files into a folder that plays the world; also a program, to be killed.

`python -m tests.pipeline.fake_release OUT FAULT [--resume] [--wait]`
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

from pipeline.project import Endpoints, Project, child_environment
from pipeline.run import checkpoint, run_steps
from pipeline.shell import Shell
from pipeline.step import Artifact, Blocked, Done, Effect, Exit, Facts, Step, Todo, Verdict

ENDPOINTS = Endpoints(
    rehearsal=True,
    git_remote="remote",
    index_upload="",
    index_simple="",
    registry="",
    forge_api="",
    forge_repo="",
)
WAITING = "waiting"


def project_in(out: Path, fault: str = "", endpoints: Endpoints = ENDPOINTS) -> Project:
    shell = Shell(env=child_environment())
    return Project(root=out, out=out, endpoints=endpoints, shell=shell, fault=fault)


def world(project: Project) -> Path:
    folder = project.out / "world"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def count(project: Project, what: str) -> None:
    """Note that an effect was made, for tests that look for doubled ones."""
    with (project.out / "effects.txt").open("a", encoding="utf-8") as out:
        out.write(f"{what}\n")


def plan(_project: Project, facts: Facts) -> Verdict:
    return Done(replace(facts, version="0.1.0"))


def check_build(project: Project, facts: Facts) -> Verdict:
    path = project.out / "build.txt"
    if not path.exists():
        return Todo(("build build.txt",))
    return Done(replace(facts, artifacts=(Artifact("build.txt", "sha256:" + "0" * 64, 1),)))


def build(project: Project, facts: Facts) -> Facts:
    count(project, "build")
    (project.out / "build.txt").write_text(facts.version, encoding="utf-8")
    return facts


def check_publish(project: Project, facts: Facts) -> Verdict:
    if not facts.artifacts:
        return Todo(("publish",))
    texts = [
        path.read_text(encoding="utf-8")
        for name in ("one", "two")
        if (path := world(project) / name).exists()
    ]
    if any(text != facts.version for text in texts):
        return Blocked("the world has other bytes", Exit.CONFLICT, "release a new version")
    return Done(replace(facts, deployed="world")) if len(texts) == 2 else Todo(("publish",))


def publish(project: Project, facts: Facts) -> Facts:
    for name in ("one", "two"):
        if not (world(project) / name).exists():
            count(project, f"publish {name}")
            (world(project) / name).write_text(facts.version, encoding="utf-8")
        checkpoint(project, f"publish:{name}")
    return facts


def wait(project: Project, facts: Facts) -> Facts:
    """Wait for a signal, or for somebody to say that none comes."""
    (project.out / WAITING).touch()
    while not (project.out / "go").exists():
        time.sleep(0.01)
    return facts


def act(_project: Project, facts: Facts) -> Facts:
    return facts


PLAN = Step("plan", (), plan, act, effect=Effect.NONE)
BUILD = Step("build", ("plan",), check_build, build)
WAIT = Step("wait", ("build",), lambda _p, _f: Todo(("wait",)), wait)
PUBLISH = Step("publish", ("build",), check_publish, publish, effect=Effect.PUBLIC)
STEPS = (PLAN, BUILD, PUBLISH)


def main() -> int:
    out, fault = Path(sys.argv[1]), sys.argv[2]
    steps = (PLAN, BUILD, WAIT, PUBLISH) if "--wait" in sys.argv else STEPS
    result = run_steps(project_in(out, fault), steps, resume="--resume" in sys.argv)
    if result.message:
        print(f"{result.message}; {result.advice}")
    return int(result.exit_code)


if __name__ == "__main__":
    sys.exit(main())
