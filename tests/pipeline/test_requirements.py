"""Every way into the project brings the same tools."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def wanted(name: str) -> set[str]:
    """What a requirements/NAME.in asks for, without the files that it includes."""
    lines = (ROOT / f"requirements/{name}.in").read_text(encoding="utf-8").splitlines()
    return {
        line.strip() for line in lines if line.strip() and not line.startswith(("#", "-r", "-c"))
    }


def test_the_dev_extra_brings_what_the_locked_environment_of_invoke_brings() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = set(project["optional-dependencies"]["dev"])
    assert extra == wanted("pipeline") | wanted("security")


def test_the_image_locks_what_the_wheel_needs_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needs = {requirement.split(">")[0] for requirement in project["dependencies"]}
    assert needs == wanted("image")


def test_every_environment_has_both_its_wishes_and_its_lock() -> None:
    folder = ROOT / "requirements"
    assert {path.stem for path in folder.glob("*.in")} == {
        path.stem for path in folder.glob("*.txt")
    }


def test_a_package_has_one_version_in_all_locks() -> None:
    """pip-audit is asked about all of them at once; it takes two versions for a mistake."""
    locks = sorted((ROOT / "requirements").glob("*.txt"))
    pinned = {
        (name, version.split()[0]): path.name
        for path in locks
        for line in path.read_text(encoding="utf-8").splitlines()
        for name, _, version in [line.partition("==")]
        if version and not line.startswith((" ", "#"))
    }
    names = [name for name, _ in pinned]
    assert sorted({name for name in names if names.count(name) > 1}) == []
