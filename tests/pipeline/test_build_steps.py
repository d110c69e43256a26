"""Two builds are compared byte by byte; parts and origin are told without chance or time."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.artifacts import provenance, sbom
from pipeline.artifacts.image import build_distributions
from pipeline.artifacts.inspection import Entry, try_sdist, unwanted
from pipeline.project import Endpoints, Project, child_environment
from pipeline.shell import Shell
from pipeline.step import Artifact, Done, Exit, Facts, PipelineError, PlatformImage, Todo
from pipeline.steps import attest, build, inspect

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    endpoints = Endpoints(
        rehearsal=True,
        git_remote="",
        index_upload="",
        index_simple="",
        registry="127.0.0.1:1/mgit",
        forge_api="",
        forge_repo="acme/mgit",
    )
    shell = Shell(env=child_environment(), log=tmp_path / "log.txt")
    return Project(tmp_path / "src", tmp_path / "out", endpoints, shell)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the distributions are made from."""
    copy = tmp_path / "tree"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "mgit", copy / "mgit", ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"):
        shutil.copyfile(ROOT / name, copy / name)
    return copy


def folder(place: Path, **files: str) -> Path:
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    return place


def test_equal_builds_pass(tmp_path: Path) -> None:
    build.compare(folder(tmp_path / "a", x="1", y="2"), folder(tmp_path / "b", x="1", y="2"))


@pytest.mark.parametrize("other", [{"x": "1", "y": "3"}, {"x": "1"}, {"x": "1", "y": "2", "z": ""}])
def test_a_difference_names_the_file_and_stops(tmp_path: Path, other: dict[str, str]) -> None:
    with pytest.raises(PipelineError, match=r"differ in [yz]") as refused:
        build.compare(folder(tmp_path / "a", x="1", y="2"), folder(tmp_path / "b", **other))
    assert refused.value.exit_code is Exit.GATE


def test_two_folders_give_the_same_wheel_and_sdist(
    project: Project, tree: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "quite" / "another" / "place"
    shutil.copytree(tree, elsewhere)
    odd = Shell(env={**project.shell.env, "TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "7"})
    one = build_distributions(project.shell, tree, tmp_path / "one", 1_700_000_000)
    two = build_distributions(odd, elsewhere, tmp_path / "two", 1_700_000_000)
    assert one.wheel.read_bytes() == two.wheel.read_bytes()
    assert one.sdist.read_bytes() == two.sdist.read_bytes()
    with zipfile.ZipFile(one.wheel) as wheel:
        tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"mgit"}
    try_sdist(project.shell, one.sdist, one.wheel, 1_700_000_000, tmp_path)


def test_a_sdist_that_builds_something_else_stops(
    project: Project, tree: Path, tmp_path: Path
) -> None:
    made = build_distributions(project.shell, tree, tmp_path / "one", 1_700_000_000)
    with zipfile.ZipFile(made.wheel, "a") as wheel:
        wheel.writestr("mgit/planted.py", "")
    with pytest.raises(PipelineError, match="builds another wheel") as refused:
        try_sdist(project.shell, made.sdist, made.wheel, 1_700_000_000, tmp_path)
    assert refused.value.exit_code is Exit.GATE
    assert tarfile.is_tarfile(made.sdist)


def test_without_facts_every_step_is_still_to_do(project: Project) -> None:
    for step in (build, inspect, attest):
        verdict = step.check(project, Facts())
        assert isinstance(verdict, Todo)
        assert verdict.effects


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        (Entry("usr/bin/dash", 0o755), "shell"),
        (Entry("usr/bin/apt-get", 0o755), "package manager"),
        (Entry("usr/bin/ssh-keysign", 0o4755), "another's rights"),
        (Entry("usr/bin/git", 0o755), ""),
        (Entry("usr/lib/python3.13/sh", 0o644), ""),
    ],
)
def test_what_has_no_place_in_the_image(entry: Entry, word: str) -> None:
    said = unwanted([Entry("usr/bin/python3.13", 0o755), entry])
    assert word in said
    assert bool(said) == bool(word)


def bom(first: str, second: str, when: str) -> bytes:
    """A document as scanners write it: random numbers, sorted by them."""
    parts = [
        {"bom-ref": first, "type": "operating-system", "name": "debian", "version": "13"},
        {"bom-ref": "pkg:deb/debian/git@1", "type": "library", "name": "git", "purl": "pkg:deb/x"},
    ]
    links = [{"ref": second, "dependsOn": [first]}, {"ref": first, "dependsOn": []}]
    document = {
        "bomFormat": "CycloneDX",
        "serialNumber": f"urn:uuid:{second}",
        "metadata": {
            "timestamp": when,
            "component": {"bom-ref": second, "type": "container", "name": "a.tar"},
        },
        "components": sorted(parts, key=lambda part: part["bom-ref"]),
        "dependencies": sorted(links, key=lambda link: str(link["ref"])),
    }
    return json.dumps(document).encode()


def test_a_bill_of_materials_is_the_same_every_time() -> None:
    one = bom("1e3f5a00-0000-4000-8000-000000000001", "fe3f5a00-0000-4000-8000-000000000002", "t1")
    two = bom("fe3f5a00-0000-4000-8000-00000000000a", "0e3f5a00-0000-4000-8000-00000000000b", "t2")
    same = {"name": "mgit", "version": "0.1.0", "subject": "sha256:aa", "epoch": 0}
    settled = sbom.settle(one, **same)  # type: ignore[arg-type]  # one mapping for both calls
    assert settled == sbom.settle(two, **same)  # type: ignore[arg-type]  # see above
    assert sbom.packages_of(settled) == ("pkg:deb/x",)
    read = json.loads(settled)
    assert read["metadata"]["component"]["name"] == "mgit"
    refs = {part["bom-ref"] for part in (*read["components"], read["metadata"]["component"])}
    assert {link["ref"] for link in read["dependencies"]} <= refs


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"bomFormat": "SPDX"}'])
def test_what_is_no_bill_of_materials_is_refused(text: bytes) -> None:
    with pytest.raises(PipelineError, match="no CycloneDX document"):
        sbom.packages_of(text)


def made(project: Project, *names: str) -> Facts:
    """Facts of a build whose files are on disk."""
    place = project.out / "artifacts"
    place.mkdir(parents=True)
    artifacts = []
    for name in names:
        part = [{"type": "library", "purl": "pkg:deb/debian/git@1"}]
        (place / name).write_text(json.dumps({"bomFormat": "CycloneDX", "components": part}))
        artifacts.append(build.artifact_of(place / name))
    digest = f"sha256:{'b' * 64}"
    return Facts(
        version="0.1.0",
        commit="c" * 40,
        artifacts=tuple(artifacts),
        image_digest=digest,
        platforms=(PlatformImage("linux/amd64", digest, 1, 1),),
    )


def test_checksums_and_origin_are_written_once_and_checked(project: Project) -> None:
    facts = made(project, "mgit_fleet-0.1.0-py3-none-any.whl", "mgit-0.1.0-linux-amd64.cdx.json")
    assert isinstance(attest.check(project, facts), Todo)
    after = attest.run(project, facts)
    assert attest.check(project, facts) == Done(after)
    assert attest.check(project, after) == Done(after)
    names = [artifact.name for artifact in after.artifacts]
    assert names[2:] == ["mgit-0.1.0-provenance.intoto.json", "SHA256SUMS"]
    place = project.out / "artifacts"
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=place, check=True)
    said = json.loads((place / names[2]).read_text())
    assert said["predicateType"] == "https://slsa.dev/provenance/v1"
    assert {"uri": "pkg:deb/debian/git@1"} in said["predicate"]["buildDefinition"][
        "resolvedDependencies"
    ]
    attest.undo(project, after)
    assert isinstance(attest.check(project, facts), Todo)


def test_a_file_that_was_changed_is_not_attested(project: Project) -> None:
    facts = made(project, "a.whl", "b.cdx.json")
    (project.out / "artifacts/a.whl").write_text("other")
    with pytest.raises(PipelineError, match=r"a\.whl changed") as refused:
        attest.run(project, facts)
    assert refused.value.exit_code is Exit.CONFLICT


def test_the_statement_does_not_depend_on_order() -> None:
    some = (Artifact("b", f"sha256:{'1' * 64}", 1), Artifact("a", f"sha256:{'2' * 64}", 1))
    facts = Facts(version="0.1.0", commit="c" * 40, image_digest=f"sha256:{'3' * 64}")
    one = provenance.statement(facts, some, "base", {"pkg:b": "", "pkg:a": "1"})
    assert one == provenance.statement(
        replace(facts), some[::-1], "base", {"pkg:a": "1", "pkg:b": ""}
    )
    assert provenance.checksums(some) == provenance.checksums(some[::-1])


def test_a_debian_package_is_told_with_its_file() -> None:
    same = {"name": "mgit", "version": "0.1.0", "subject": "sha256:aa", "epoch": 0}
    part = {"type": "library", "name": "git", "version": "1:2", "purl": "pkg:deb/debian/git@2"}
    document = json.dumps({"bomFormat": "CycloneDX", "components": [part]}).encode()
    settled = sbom.settle(document, **same)  # type: ignore[arg-type]  # one mapping for all
    told = sbom.with_files(settled, {"git@1:2": "d" * 64})
    assert sbom.files_of(told) == {"pkg:deb/debian/git@2": "d" * 64}
    facts = Facts(version="0.1.0", commit="c" * 40, image_digest=f"sha256:{'3' * 64}")
    stated = json.loads(provenance.statement(facts, (), "base", sbom.files_of(told)))
    assert stated["predicate"]["buildDefinition"]["resolvedDependencies"][1] == {
        "uri": "pkg:deb/debian/git@2",
        "digest": {"sha256": "d" * 64},
    }
    with pytest.raises(PipelineError, match="does not know git@9"):
        sbom.with_files(settled, {"git@9": "d" * 64})


def test_a_package_that_the_scanner_overlooked_is_missed() -> None:
    def document(*purls: str) -> bytes:
        parts = [{"type": "library", "name": purl, "purl": purl} for purl in purls]
        return json.dumps({"bomFormat": "CycloneDX", "components": parts}).encode()

    wheel = document("pkg:pypi/rich@15.0.0", "pkg:pypi/msgspec@0.22.0")
    whole = document("pkg:deb/debian/git@2", "pkg:pypi/msgspec@0.22.0", "pkg:pypi/rich@15.0.0")
    older = document("pkg:pypi/msgspec@0.22.0", "pkg:pypi/rich@14.0.0")
    assert sbom.lacking(whole, wheel) == ()
    assert sbom.lacking(older, wheel) == ("pkg:pypi/rich@15.0.0",)
    assert sbom.lacking(older, wheel, {"rich"}) == ()  # left out on purpose
    assert sbom.lacking(older, wheel, {"ric"}) == ("pkg:pypi/rich@15.0.0",)
