"""Tests of a release run on the wheel: a small product that works in its tree and not installed."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from pipeline.artifacts.wheel_tests import ON_TREE, ON_WHEEL, judge, make_room
from pipeline.project import child_environment
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError

ROOT = Path(__file__).parents[2]
PYPROJECT = '[tool.pytest.ini_options]\nmarkers = ["engine: e", "slow: s"]\npythonpath = ["."]\n'
TEST = """\
from importlib.resources import files

import pytest


def test_data():
    assert files("mgit").joinpath("data.txt").read_text() == "data"


@pytest.mark.slow
def test_slow():
    raise AssertionError
"""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(env=child_environment(), log=tmp_path / "log.txt")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Sources whose tests pass in the tree."""
    root = tmp_path / "root"
    files = {
        "mgit/__init__.py": "",
        "mgit/data.txt": "data",
        "sandbox/__init__.py": "",
        "tests/unit/test_data.py": TEST,
        "tests/pipeline/test_other.py": "raise AssertionError\n",
        "pyproject.toml": PYPROJECT,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def environment(tmp_path: Path, root: Path, *names: str) -> Path:
    """A fresh environment with a wheel of these files; what pytest needs is borrowed from ours."""
    wheel = tmp_path / "mgit.whl"
    with zipfile.ZipFile(wheel, "w") as made:
        for name in names:
            made.write(root / name, name)
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    (site,) = venv.glob("lib/python3*/site-packages")
    # A folder named by a .pth file is searched, but .pth files in it (of an editable mgit) are not.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    with zipfile.ZipFile(wheel) as made:
        made.extractall(site)
    return venv / "bin" / "python"


def test_a_whole_wheel_passes_and_is_counted(shell: Shell, root: Path, tmp_path: Path) -> None:
    python = environment(tmp_path, root, "mgit/__init__.py", "mgit/data.txt")
    make_room(root, tmp_path / "room")
    assert not (tmp_path / "room/mgit").exists()
    assert not (tmp_path / "room/tests/pipeline").exists()
    assert judge(shell, python, tmp_path / "room", ("tests/unit",)) == 1


def test_what_the_wheel_lacks_stops_the_release(shell: Shell, root: Path, tmp_path: Path) -> None:
    python = environment(tmp_path, root, "mgit/__init__.py")
    make_room(root, tmp_path / "room")
    with pytest.raises(PipelineError, match=r"1 of 1 tests failed on the built wheel") as refused:
        judge(shell, python, tmp_path / "room", ("tests/unit",))
    assert refused.value.exit_code is Exit.GATE


def test_tests_of_the_sources_are_no_proof(shell: Shell, root: Path, tmp_path: Path) -> None:
    python = environment(tmp_path, root, "mgit/__init__.py", "mgit/data.txt")
    with pytest.raises(PipelineError, match="not of the wheel") as refused:
        judge(shell, python, root, ("tests/unit",))
    assert refused.value.exit_code is Exit.ENVIRONMENT


def test_no_test_is_no_proof(shell: Shell, root: Path, tmp_path: Path) -> None:
    python = environment(tmp_path, root, "mgit/__init__.py")
    (root / "tests/unit/test_data.py").write_text("")
    make_room(root, tmp_path / "room")
    with pytest.raises(PipelineError, match="on the built wheel") as refused:
        judge(shell, python, tmp_path / "room", ("tests/unit",))
    assert refused.value.exit_code is Exit.ENVIRONMENT


def test_every_test_is_run_by_one_of_the_two() -> None:
    """A release runs each once: on the tree or on the wheel; image and cluster have their own."""
    for name in (*ON_TREE, *ON_WHEEL):
        file, _, test = name.partition("::")
        assert (ROOT / file).exists(), file
        assert not test or f"def {test}(" in (ROOT / file).read_text("utf-8"), name
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py")}
    known = tuple(Path(name) for name in (*ON_TREE, *ON_WHEEL, "tests/image", "tests/cluster"))
    loose = [f for f in folders if not any(f.is_relative_to(each) for each in known)]
    assert loose == []
