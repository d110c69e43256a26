"""container-structure-test, a program of others, agrees on what the image is; so does Trivy.

What it finds without running anything holds for every platform; what it runs, for this machine's
platform always and for the other where the kernel emulates it (`nox -s long`).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.artifacts.image import build_image, native_platform
from pipeline.machine.emulation import PLATFORM, Emulation
from pipeline.project import child_environment
from pipeline.security.trivy import FIXTURE, open_trivy
from pipeline.shell import Shell
from tests.image.box import docker

pytestmark = [pytest.mark.engine, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
PROGRAM = shutil.which("container-structure-test", path=str(Path(sys.executable).parent))
LOCKED = pytest.mark.skipif(PROGRAM is None, reason="container-structure-test is not installed")
FOUND, RAN = ROOT / "docker/structure-test.yaml", ROOT / "docker/structure-test-run.yaml"
FOREIGN = native_platform() != PLATFORM


def structure(*words: str | Path) -> subprocess.CompletedProcess[str]:
    assert PROGRAM is not None
    argv = [PROGRAM, "test", "--no-color", *map(str, words)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=600)


def archive_of(image: str, path: Path) -> Path:
    docker("save", "--output", path, image)
    return path


@pytest.fixture(scope="module")
def archive(image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archive_of(image, tmp_path_factory.mktemp("structure") / "image.tar")


@pytest.fixture(scope="module")
def foreign() -> Iterator[str]:
    """Name of the image for arm64, built without emulation."""
    tag = f"mgit:structure-{uuid.uuid4().hex[:12]}"
    build_image(ROOT, tag, PLATFORM)
    yield tag
    docker("image", "rm", "--force", tag, check=False)


@LOCKED
def test_it_is_what_it_should_be_without_running_it(archive: Path) -> None:
    said = structure("--driver", "tar", "--image", archive, "--config", FOUND)
    assert said.returncode == 0, said.stdout + said.stderr


@LOCKED
@pytest.mark.long
def test_its_programs_run_one_by_one(image: str) -> None:
    said = structure("--driver", "docker", "--image", image, "--config", RAN)
    assert said.returncode == 0, said.stdout + said.stderr


@LOCKED
@pytest.mark.long
def test_an_image_with_a_shell_and_root_does_not_pass(image: str, tmp_path: Path) -> None:
    """What never fails tells nothing: the same checks, on the same image with two things wrong."""
    tag = f"mgit:wrong-{uuid.uuid4().hex[:12]}"
    (tmp_path / "sh").touch(mode=0o755)
    (tmp_path / "Dockerfile").write_text(f"FROM {image}\nCOPY sh /usr/bin/sh\nUSER 0:0\n")
    docker("build", "--quiet", "--provenance=false", "--tag", tag, tmp_path)
    try:
        wrong = archive_of(tag, tmp_path / "wrong.tar")
        said = structure("--driver", "tar", "--image", wrong, "--config", FOUND)
    finally:
        docker("image", "rm", "--force", tag, check=False)
    assert said.returncode != 0
    assert "65532" in said.stdout
    assert "/usr/bin/sh" in said.stdout


def test_trivy_knows_its_system_its_packages_and_its_python(archive: Path, tmp_path: Path) -> None:
    """Chosen files of packages, and still every one of them is found by name and version."""
    shell = Shell(env=child_environment(), log=tmp_path / "log.txt")
    report = open_trivy(shell, ROOT / FIXTURE, tmp_path).image(archive)
    assert not report.end_of_life
    assert report.packages["os-pkgs"] > 40
    assert report.packages["lang-pkgs"] >= 5


@LOCKED
@pytest.mark.long
@pytest.mark.skipif(not FOREIGN, reason="this machine's own platform is arm64")
def test_the_other_platform_is_what_it_should_be(foreign: str, tmp_path: Path) -> None:
    other = archive_of(foreign, tmp_path / "other.tar")
    said = structure("--driver", "tar", "--image", other, "--config", FOUND)
    assert said.returncode == 0, said.stdout + said.stderr


@LOCKED
@pytest.mark.long
@pytest.mark.skipif(bool(Emulation().lacking()), reason=Emulation().lacking() or "it runs")
@pytest.mark.skipif(not FOREIGN, reason="this machine's own platform is arm64")
def test_the_programs_of_the_other_platform_run(foreign: str) -> None:
    platform = ("--platform", PLATFORM)
    said = structure("--driver", "docker", *platform, "--image", foreign, "--config", RAN)
    assert said.returncode == 0, said.stdout + said.stderr
