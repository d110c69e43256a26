"""Zone, umask, locale, user and folder change nothing that a release writes."""

from __future__ import annotations

import locale
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.pipeline.conftest import Tiny

ROOT = Path(__file__).parents[2]
NOBODY = 65534

WRITES = """
    import os, sys
    from pathlib import Path

    os.umask(int(sys.argv[3], 8))
    here, out = Path(sys.argv[1]), Path(sys.argv[2])

    from pipeline.comparison import Earlier, compare
    from pipeline.git import Git
    from pipeline.preview import preview, show
    from pipeline.project import Endpoints, Project, child_environment
    from pipeline.report import report_of, write_report
    from pipeline.result import Result, StepResult
    from pipeline.shell import Shell
    from pipeline.step import Artifact, Exit, Finding
    from pipeline.steps import plan, prepare
    from pipeline.versioning.claims import claims_of, write_claims
    from pipeline.versioning.release_commit import expected_commit, plan_release
    from dataclasses import replace

    places = dict.fromkeys(("index_upload", "index_simple", "registry", "forge_api"), "")
    endpoints = Endpoints(rehearsal=True, git_remote="/remote", forge_repo="a/b", **places)
    shell = Shell(child_environment())
    project = Project(here, out, endpoints, shell)
    out.mkdir(parents=True, exist_ok=True)
    seen = preview(project, (plan.STEP, prepare.STEP))
    made = plan_release(Git(shell, here))
    facts = replace(
        seen.facts,
        commit=expected_commit(Git(shell, here), made),
        artifacts=(Artifact("mgit-0.1.0.whl", "sha256:" + "1" * 64, 1234567),),
        findings=(Finding("trivy", "CVE-1", "HIGH", "libc 2", "Größe ≤ 1"),),
    )
    earlier = Earlier(version="0.0.9")
    steps = (StepResult("plan", "done", 0.5), StepResult("build", "done", 3661.25))
    result = Result(Exit.DONE, facts, steps)
    write_report(report_of(result, "Release", compare(facts, earlier)), out)
    for name, text in {
        "plan.txt": show(seen),
        "CHANGELOG.md": made.files["CHANGELOG.md"],
        "commit.txt": facts.commit,
        "tag.txt": write_claims(claims_of(facts)),
    }.items():
        (out / name).write_text(text, encoding="utf-8")
"""


def written(
    here: Path, out: Path, env: Mapping[str, str], *, umask: int = 0o022, user: int | None = None
) -> dict[str, bytes]:
    """What a release would write, in these surroundings."""
    (out.parent / "writes.py").write_text(textwrap.dedent(WRITES), encoding="utf-8")
    argv = [sys.executable, "-B", str(out.parent / "writes.py"), str(here), str(out), f"{umask:o}"]
    paths = os.pathsep.join((str(ROOT), *filter(None, sys.path)))
    done = subprocess.run(
        argv,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": paths,
            "PYTHONDONTWRITEBYTECODE": "1",
            **env,
        },
        cwd=out.parent,
        capture_output=True,
        text=True,
        check=False,
        user=user,
        group=user,
        extra_groups=None if user is None else [],
    )
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes() for path in sorted(out.iterdir()) if path.is_file()}


def a_locale() -> str:
    """A locale that is not English, where this machine has one."""
    before = locale.setlocale(locale.LC_ALL)  # other tests of this process go on with it
    for name in ("de_DE.UTF-8", "tr_TR.UTF-8", "fr_FR.UTF-8", "C.UTF-8"):
        try:
            locale.setlocale(locale.LC_ALL, name)
        except locale.Error:
            continue
        else:
            return name
        finally:
            locale.setlocale(locale.LC_ALL, before)
    return "C"


@pytest.fixture
def reference(tiny: Tiny, tmp_path: Path) -> dict[str, bytes]:
    tiny.write("changelog.d/umlaut.fixed.md", "Größen ≤ 1 werden gezählt.\n")
    tiny.commit("Umlaut")
    return written(tiny.here, tmp_path / "reference", {"TZ": "UTC", "HOME": str(tmp_path)})


@pytest.mark.parametrize(
    ("env", "umask"),
    [
        ({"TZ": "Pacific/Kiritimati"}, 0o022),
        ({"TZ": "America/Anchorage", "LC_ALL": "C"}, 0o022),
        ({"TZ": "UTC"}, 0o077),
        ({"TZ": "UTC"}, 0o000),
        ({"TZ": "Asia/Kathmandu", "LC_ALL": "LOCALE", "LANGUAGE": "de"}, 0o027),
        ({"TZ": "UTC", "USER": "somebody", "LOGNAME": "else", "PYTHONHASHSEED": "7"}, 0o022),
    ],
)
def test_surroundings_change_no_byte(
    tiny: Tiny, reference: dict[str, bytes], tmp_path: Path, env: dict[str, str], umask: int
) -> None:
    env = {**env, "HOME": str(tmp_path)}
    if env.get("LC_ALL") == "LOCALE":
        env["LC_ALL"] = a_locale()
    assert written(tiny.here, tmp_path / "other", env, umask=umask) == reference
    assert reference.keys() >= {"report.md", "report.json", "waterfall.svg", "plan.txt", "tag.txt"}


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that anybody may enter; those of pytest are the user's own."""
    with tempfile.TemporaryDirectory(prefix="mgit tests ") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_another_folder_and_another_user_change_no_byte(
    tiny: Tiny, reference: dict[str, bytes], open_folder: Path
) -> None:
    elsewhere = open_folder / "ünd"
    elsewhere.mkdir()
    shutil.copytree(tiny.here, elsewhere / "clone", symlinks=True)
    env = {"HOME": str(elsewhere), "TZ": "Asia/Tokyo"}
    user = NOBODY if os.geteuid() == 0 and _may_enter(open_folder) else None
    if user is not None:
        for path in (elsewhere, *elsewhere.rglob("*")):
            os.chown(path, user, user)
    assert written(elsewhere / "clone", elsewhere / "out", env, user=user) == reference


def _may_enter(folder: Path) -> bool:
    """Whether anybody can get to a folder, to the Python that runs here, and to the code."""
    wanted = (folder, Path(sys.executable).resolve().parent, Path(sys.prefix), ROOT)
    parents = {parent for path in wanted for parent in (path, *path.parents)}
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in parents)
