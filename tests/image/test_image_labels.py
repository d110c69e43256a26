"""What the image says of itself, to people and registries."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mgit import __version__
from pipeline.artifacts.inspection import LABEL, LABELS
from pipeline.git import Git
from pipeline.project import child_environment
from pipeline.shell import Shell
from tests.image.box import docker

pytestmark = [pytest.mark.engine, pytest.mark.slow]

ROOT = Path(__file__).parents[2]


@pytest.fixture
def labels(image: str) -> dict[str, str]:
    said = json.loads(docker("image", "inspect", image).stdout)[0]["Config"]["Labels"]
    return {name.removeprefix(LABEL): value for name, value in said.items()}


def test_every_label_is_there_and_tells_of_this_commit(labels: dict[str, str]) -> None:
    git = Git(Shell(env=child_environment()), ROOT)
    commit = git.resolve("HEAD")
    assert labels.keys() == LABELS
    assert all(labels.values())
    assert (labels["version"], labels["revision"]) == (__version__, commit)
    assert labels["licenses"] == "Apache-2.0"
    assert labels["documentation"] == f"{labels['source']}/tree/{commit}/docs"


def test_it_was_created_when_the_commit_was_so_that_two_builds_agree(
    labels: dict[str, str], image: str
) -> None:
    git = Git(Shell(env=child_environment()), ROOT)
    when = datetime.fromtimestamp(git.time_of(git.resolve("HEAD")), UTC)
    assert labels["created"] == when.strftime("%Y-%m-%dT%H:%M:%SZ")
    about = json.loads(docker("image", "inspect", image).stdout)[0]
    assert datetime.fromisoformat(about["Created"]) == when


def test_it_names_no_base_because_it_lies_on_none(labels: dict[str, str]) -> None:
    """OCI: the base is the image whose layers ours begin with; a build stage is none."""
    assert [name for name in labels if name.startswith("base.")] == []
    assert (
        re.findall(r"^FROM (\S+)", (ROOT / "docker/Dockerfile").read_text(), re.MULTILINE)[-1]
        == "scratch"
    )
