"""What a machine lacks is named, with the reason and the command that gets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import provision
from pipeline.project import child_environment
from pipeline.shell import Shell


def bare(tmp_path: Path) -> Shell:
    """A machine on which no tool is to be found."""
    return Shell(env={"PATH": str(tmp_path)})


def fake(tmp_path: Path, name: str, body: str) -> None:
    path = tmp_path / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def test_a_bare_machine_lacks_everything_and_each_says_how_to_get_it(tmp_path: Path) -> None:
    missing = provision.look(bare(tmp_path))
    names = [tool.name for tool in missing]
    assert names[:7] == [
        *("git", "container engine", "docker buildx"),
        *("docker compose", "skopeo", "ssh-keygen", "docker-registry"),
    ]
    assert names[-1] == "base image debian:trixie-slim"
    assert all(tool.why and tool.command for tool in missing)


def test_a_client_without_an_engine_is_no_engine(tmp_path: Path) -> None:
    fake(tmp_path, "docker", 'case "$1" in version) exit 1 ;; *) exit 0 ;; esac')
    names = [tool.name for tool in provision.look(bare(tmp_path))]
    assert "container engine" in names
    assert "docker compose" not in names


def test_looking_names_what_is_missing_and_returns_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert provision.main(["--check"], bare(tmp_path)) == 4
    said = capsys.readouterr().err
    assert "provision: missing: container engine (builds, runs and deploys the image)" in said


def test_what_only_tests_need_is_only_asked_for_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    provision.main(["--check"], bare(tmp_path))
    assert "fish" not in capsys.readouterr().err
    provision.main(["--check", "--tests"], bare(tmp_path))
    assert "missing: fish (the tests try completion in it)" in capsys.readouterr().err


@pytest.mark.engine
def test_a_provisioned_machine_is_left_alone() -> None:
    said: list[str] = []
    provision.provision(Shell(env=child_environment()), said.append)
    assert [line for line in said if "dockerd" in line or "install" in line] == []
