"""A past tag is built again; what does not come out as it says is told file by file."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.artifacts.oci import INDEX
from pipeline.project import Project
from pipeline.proving.difference import difference, first_difference
from pipeline.proving.tag import Question, prove_tag
from pipeline.shell import Shell
from pipeline.step import Artifact, Exit, Facts, PipelineError
from pipeline.steps.build import artifact_of, build_once
from pipeline.versioning.claims import claims_of, write_claims
from tests.pipeline.conftest import Tiny

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "mgit-fleet"
dynamic = ["version"]
[tool.hatch.version]
path = "mgit/version.py"
[tool.hatch.build.targets.wheel]
packages = ["mgit"]
"""


@pytest.fixture
def place(tmp_path: Path, project_at: Callable[..., Project]) -> Project:
    """Where a tag is proven."""
    out = tmp_path / "proof"
    return project_at(out / "src", out=out)


@pytest.fixture
def released(tiny: Tiny, tmp_path: Path, project_at: Callable[..., Project]) -> Path:
    """`v0.1.0`, tagged after a build, the folder of which is returned."""
    tiny.write("pyproject.toml", PYPROJECT)
    tiny.write("mgit/version.py", '"""The version."""\n\n__version__ = "0.1.0"\n')
    tiny.write("requirements/pipeline.txt", "")
    commit = tiny.commit("Release")
    facts = Facts(version="0.1.0", commit=commit, epoch=1790000000)
    built = build_once(project_at(), facts, tmp_path / "first", "id", image=False)
    tag(tiny, facts, tuple(artifact_of(path) for path in built.iterdir()))
    return built


def tag(tiny: Tiny, facts: Facts, artifacts: tuple[Artifact, ...]) -> None:
    made = Facts(version=facts.version, commit=facts.commit, artifacts=artifacts)
    message = write_claims(claims_of(made))
    tiny.git("tag", "--force", "--annotate", "v0.1.0", "-m", message, facts.commit)


def test_a_tag_that_tells_the_truth_is_proven(released: Path, place: Project, tiny: Tiny) -> None:
    proofs = prove_tag(place, tiny.here, Question("v0.1.0", (), image=False))
    assert [proof.ok for proof in proofs] == [True, True, True]
    names = sorted(path.name for path in released.iterdir())
    assert [proof.name for proof in proofs[1:]] == names


def test_only_the_remote_has_the_tag(released: Path, place: Project, tiny: Tiny) -> None:
    tiny.git("push", "--quiet", "origin", "v0.1.0")
    tiny.git("tag", "--delete", "v0.1.0")
    proofs = prove_tag(place, tiny.here, Question("v0.1.0", (released,), image=False))
    assert all(proof.ok for proof in proofs)


def test_a_wheel_that_was_changed_is_told_file_by_file(
    released: Path, place: Project, tiny: Tiny
) -> None:
    (wheel,) = released.glob("*.whl")
    with zipfile.ZipFile(wheel, "a") as changed:
        changed.writestr("mgit/planted.py", "")
    commit = tiny.git("rev-parse", "HEAD")
    facts = Facts(version="0.1.0", commit=commit)
    tag(tiny, facts, tuple(artifact_of(path) for path in released.iterdir()))
    proofs = prove_tag(place, tiny.here, Question("v0.1.0", (released,), image=False))
    bad = [proof for proof in proofs if not proof.ok]
    assert [proof.name for proof in bad] == [wheel.name]
    assert "mgit/planted.py: only in what was published" in bad[0].detail
    assert "first different byte" in bad[0].detail
    (bad,) = (
        [p for p in prove_tag(place, tiny.here, Question("v0.1.0", (), image=False)) if not p.ok],
    )
    assert "not at hand" in bad[0].detail


def test_a_tag_on_another_commit_is_not_built(released: Path, place: Project, tiny: Tiny) -> None:
    facts = Facts(version="0.1.0", commit=tiny.git("rev-parse", "HEAD"))
    tag(tiny, facts, (artifact_of(next(released.iterdir())),))
    message = tiny.git("tag", "--list", "--format=%(contents)", "v0.1.0")
    other = tiny.commit("Other")
    tiny.git("tag", "--force", "--annotate", "v0.1.0", "-m", message, other)
    (proof,) = prove_tag(place, tiny.here, Question("v0.1.0", (), image=False))
    assert not proof.ok
    assert other[:12] in proof.detail


def test_a_tag_made_by_hand_proves_nothing(released: Path, place: Project, tiny: Tiny) -> None:
    assert released.is_dir()
    tiny.git("tag", "--force", "--annotate", "v0.1.0", "-m", "by hand")
    with pytest.raises(PipelineError) as refused:
        prove_tag(place, tiny.here, Question("v0.1.0", (), image=False))
    assert refused.value.exit_code is Exit.CONFLICT


def packed(path: Path, *files: tuple[str, str, int]) -> Path:
    with (
        path.open("wb") as out,
        gzip.GzipFile(filename="", fileobj=out, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as tar,
    ):
        for name, text, mode in files:
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(text), mode
            tar.addfile(info, io.BytesIO(text.encode()))
    return path


@pytest.mark.parametrize(
    ("built", "told"),
    [
        ((("a", "1", 0o644), ("b", "2", 0o644)), ()),
        ((("a", "1", 0o644), ("b", "3", 0o644)), ("b: 1 bytes published, 1 built, other",)),
        ((("a", "1", 0o644),), ("b: only in what was published",)),
        ((("a", "1", 0o755), ("b", "2", 0o644)), ("a: mode 644",)),
        ((("b", "2", 0o644), ("a", "1", 0o644)), ("the members are equal",)),
    ],
)
def test_archives_are_compared_member_by_member(
    tmp_path: Path, built: tuple[tuple[str, str, int], ...], told: tuple[str, ...]
) -> None:
    one = packed(tmp_path / "one.tar.gz", ("a", "1", 0o644), ("b", "2", 0o644))
    said = difference(one, packed(tmp_path / "two.tar.gz", *built))
    assert len(said) == (len(told) + 1 if told else 0)
    assert all(line.startswith(start) for line, start in zip(said[1:], told, strict=True))


def test_many_differences_are_cut_short(tmp_path: Path) -> None:
    one = packed(tmp_path / "one.tar.gz", *((f"f{n:02}", "1", 0o644) for n in range(40)))
    said = difference(one, packed(tmp_path / "two.tar.gz"))
    assert len(said) == 13
    assert said[-1] == "and 29 more"


@pytest.mark.parametrize(
    ("one", "two", "at"),
    [(b"", b"", None), (b"abc", b"abd", 2), (b"abc", b"ab", 2), (b"", b"x", 0)],
)
def test_the_first_different_byte(tmp_path: Path, one: bytes, two: bytes, at: int | None) -> None:
    shift = b"\0" * (1 << 16)
    for head in (b"", shift):
        (tmp_path / "one").write_bytes(head + one)
        (tmp_path / "two").write_bytes(head + two)
        expected = None if at is None else at + len(head)
        assert first_difference(tmp_path / "one", tmp_path / "two") == expected


def layout(place: Path, layer: Path, user: str = "65532:65532") -> Path:
    """An image of one platform and one layer."""
    blobs = place / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(body: bytes, kind: str, **more: object) -> dict[str, object]:
        digest = hashlib.sha256(body).hexdigest()
        (blobs / digest).write_bytes(body)
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(body), **more}

    oci = "application/vnd.oci.image"
    config = put(json.dumps({"config": {"User": user}}).encode(), f"{oci}.config.v1+json")
    body = put(layer.read_bytes(), f"{oci}.layer.v1.tar+gzip")
    manifest = {"schemaVersion": 2, "config": config, "layers": [body]}
    child = put(
        json.dumps(manifest).encode(),
        f"{oci}.manifest.v1+json",
        platform={"os": "linux", "architecture": "amd64"},
    )
    inner = put(json.dumps({"schemaVersion": 2, "manifests": [child]}).encode(), INDEX)
    (place / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [inner]}))
    return place


def test_images_are_compared_file_by_file(tmp_path: Path) -> None:
    one = packed(tmp_path / "one.tar.gz", ("usr/bin/git", "1", 0o755))
    two = packed(tmp_path / "two.tar.gz", ("usr/bin/git", "2", 0o755))
    first = layout(tmp_path / "first", one)
    assert difference(first, layout(tmp_path / "same", one)) == ()
    assert difference(first, layout(tmp_path / "other", two)) == (
        "linux/amd64: layer 0: usr/bin/git: 1 bytes published, 1 built, other contents",
    )
    (said,) = difference(first, layout(tmp_path / "root", one, user="0"))[:1]
    assert said == "linux/amd64: user, labels or entrypoint"


def test_a_lock_of_its_own_gets_an_environment_of_its_own(
    released: Path, place: Project, tiny: Tiny, tmp_path: Path
) -> None:
    """Where the lock is another one, other tools are asked for; here they cannot be had."""
    assert released.is_dir()
    tiny.write("requirements/pipeline.txt", "# newer\n")
    tiny.commit("Lock")
    nowhere = {**place.shell.env, "UV_OFFLINE": "1", "UV_CACHE_DIR": str(tmp_path / "none")}
    project = Project(place.root, place.out, place.endpoints, Shell(nowhere))
    with pytest.raises(PipelineError):
        prove_tag(project, tiny.here, Question("v0.1.0", (), image=False))
    assert (place.out / "tools" / "bin" / "python").exists()
