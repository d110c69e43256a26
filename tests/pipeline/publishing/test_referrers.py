"""From the digest of an image anybody finds what it is made of, and how it was made."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.publishing.places import path_of, registry_of
from pipeline.publishing.push import push_layout
from pipeline.publishing.referrers import (
    CYCLONEDX,
    IN_TOTO,
    Attachment,
    attach,
    attachments,
    is_list,
    lacks,
    referrers,
)
from pipeline.publishing.registry import MANIFEST_TYPES, Manifest, Registry, sha256
from pipeline.rehearsal.published import found_from_the_digest
from pipeline.step import Done, PipelineError, PlatformImage, Todo
from pipeline.steps import promote, publish, stage, verify
from pipeline.versioning.claims import claims_of

from .conftest import World, artifact

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.needs("docker-registry")


def quiet(_what: str, _name: str) -> AbstractContextManager[None]:
    return nothing()


@contextmanager
def nothing() -> Iterator[None]:
    yield


@pytest.fixture
def described(world: World) -> World:
    """The world with a release whose parts and origin are told, as `inspect` and `attest` do."""
    folder = world.project.out / "artifacts"
    registry = registry_of(world.project.endpoints)
    push_layout(registry, folder / "image", world.facts.image_digest)
    index = registry.manifest(world.facts.image_digest)
    assert index is not None
    platforms = tuple(
        PlatformImage(f"linux/{each['platform']['architecture']}", each["digest"], 1, 1)
        for each in json.loads(index.body)["manifests"]
    )
    texts = {f"mgit-0.1.0-linux-{name}.cdx.json": bom(name) for name in ("amd64", "arm64")}
    texts["mgit-0.1.0-provenance.intoto.json"] = {"predicateType": "https://slsa.dev/provenance/v1"}
    for name, text in texts.items():
        (folder / name).write_text(json.dumps(text))
    added = tuple(artifact(folder / name) for name in texts)
    artifacts = (*world.facts.artifacts, *added)
    return replace(world, facts=replace(world.facts, platforms=platforms, artifacts=artifacts))


def bom(name: str) -> dict[str, Any]:
    part = {"type": "library", "name": "git", "purl": f"pkg:deb/debian/git@1?arch={name}"}
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [part]}


def attach_all(world: World) -> Registry:
    registry = registry_of(world.project.endpoints)
    for each in attachments(world.facts):
        attach(registry, each, path_of(world.project, each.artifact), quiet)
    return registry


def test_each_platform_has_its_parts_and_the_image_its_origin(described: World) -> None:
    wanted = attachments(described.facts)
    assert [(each.subject, each.kind) for each in wanted] == [
        *((each.digest, CYCLONEDX) for each in described.facts.platforms),
        (described.facts.image_digest, IN_TOTO),
    ]
    registry = registry_of(described.project.endpoints)
    assert all(lacks(registry, each) for each in wanted)
    attach_all(described)
    assert not any(lacks(registry, each) for each in wanted)


def test_anybody_gets_the_very_file_from_the_digest_alone(described: World) -> None:
    """As skopeo, oras or trivy do: subject, list, manifest, blob."""
    registry = attach_all(described)
    platform = described.facts.platforms[0]
    (found,) = referrers(registry, platform.digest)
    assert found.artifact_type == CYCLONEDX
    manifest = registry.manifest(found.digest)
    assert manifest is not None
    told = json.loads(manifest.body)
    assert told["subject"]["digest"] == platform.digest
    assert told["subject"]["size"] == len((registry.manifest(platform.digest) or manifest).body)
    assert [layer["digest"] for layer in told["layers"]] == [
        each.digest for each in described.facts.artifacts if "amd64.cdx" in each.name
    ]


def test_twice_is_once(described: World) -> None:
    registry = attach_all(described)
    before = {tag: registry.digest(tag) for tag in registry.tags()}
    attach_all(described)
    assert {tag: registry.digest(tag) for tag in registry.tags()} == before
    assert all(is_list(tag) for tag in before)
    assert len(before) == 3


def test_what_others_attached_stays(described: World, tmp_path: Path) -> None:
    registry = registry_of(described.project.endpoints)
    note = tmp_path / "scan.json"
    note.write_text("{}")
    theirs = Attachment(described.facts.image_digest, "application/x-scan", artifact(note))
    attach(registry, theirs, note, quiet)
    attach_all(described)
    assert not lacks(registry, theirs)
    kinds = [each.artifact_type for each in referrers(registry, described.facts.image_digest)]
    assert kinds == ["application/x-scan", IN_TOTO]


def test_another_file_of_the_same_kind_is_not_ours(described: World, tmp_path: Path) -> None:
    registry = registry_of(described.project.endpoints)
    mine = attachments(described.facts)[0]
    other = tmp_path / "other.json"
    other.write_text('{"bomFormat": "CycloneDX"}')
    attach(registry, Attachment(mine.subject, mine.kind, artifact(other)), other, quiet)
    assert lacks(registry, mine)


def test_an_image_that_is_gone_is_told(described: World) -> None:
    registry = registry_of(described.project.endpoints)
    mine = attachments(described.facts)[0]
    nowhere = replace(mine, subject=f"sha256:{'0' * 64}")
    with pytest.raises(PipelineError, match="is gone"):
        attach(registry, nowhere, path_of(described.project, mine.artifact), quiet)


def test_promoting_attaches_before_any_name_is_there(described: World) -> None:
    project, facts = described.project, described.facts
    for step in (stage, publish):
        step.run(project, facts)
    verdict = promote.check(project, facts)
    assert isinstance(verdict, Todo)
    attached = [effect for effect in verdict.effects if effect.startswith("attach ")]
    assert len(attached) == 3
    assert verdict.effects[: len(attached)] == tuple(attached)
    promote.run(project, facts)
    assert promote.check(project, facts) == Done(facts)
    registry = registry_of(project.endpoints)
    assert {tag for tag in registry.tags() if not is_list(tag)} == {"0.1.0", "0.1", "latest"}


def test_a_stranger_who_finds_no_parts_is_told_which(described: World) -> None:
    with pytest.raises(PipelineError, match=r"does not refer to mgit-0\.1\.0-linux-amd64\.cdx"):
        verify.check_attached(described.project, described.facts)
    attach_all(described)
    verify.check_attached(described.project, described.facts)


def test_the_rehearsal_looks_from_outside(described: World) -> None:
    registry, claims = registry_of(described.project.endpoints), claims_of(described.facts)
    before = found_from_the_digest(registry, claims)
    assert (before.ok, before.detail) == (
        False,
        "parts of 0 of 2 platforms, no provenance of the image",
    )
    attach_all(described)
    after = found_from_the_digest(registry, claims)
    assert (after.ok, after.detail) == (
        True,
        "parts of 2 of 2 platforms, the provenance of the image",
    )


@pytest.mark.needs("docker-registry", "skopeo")
def test_the_commands_of_the_handbook_find_the_parts(described: World, tmp_path: Path) -> None:
    registry = attach_all(described)
    page = (ROOT / "docs" / "operations" / "container.md").read_text()
    block = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[-1]
    platform = described.facts.platforms[1].digest
    (found,) = referrers(registry, platform)
    env = {
        **os.environ,
        "IMAGE": registry.name,
        "DIGEST": described.facts.image_digest,
        "PLATFORM": platform,
        "FOUND": found.digest,
    }
    # The registry of this test speaks plain http and signs nothing.
    block = block.replace("skopeo copy", "skopeo --insecure-policy copy --src-tls-verify=false")
    block = block.replace("skopeo inspect", "skopeo inspect --tls-verify=false")
    argv = ("bash", "-euo", "pipefail", "-c", block)
    ran = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert platform in ran.stdout
    assert found.digest in ran.stdout
    (wanted,) = (each for each in described.facts.artifacts if "arm64.cdx" in each.name)
    got = tmp_path / "parts" / wanted.digest.removeprefix("sha256:")
    assert json.loads(got.read_bytes()) == bom("arm64")


@dataclass
class Listing(Registry):
    """A registry that keeps the list by itself, as those of version 1.1 do."""

    kept: dict[str, bytes] = field(default_factory=dict)
    name: str = "127.0.0.1/mgit"

    def manifest(self, reference: str) -> Manifest | None:
        body = self.kept.get(reference)
        return None if body is None else Manifest(sha256(body), MANIFEST_TYPES[1], body)

    def has_blob(self, digest: str) -> bool:
        return digest in self.kept

    def put_blob(self, digest: str, content: Path) -> bool:
        self.kept[digest] = content.read_bytes()
        return True

    def put_manifest(self, reference: str, media_type: str, body: bytes) -> None:
        assert media_type == MANIFEST_TYPES[1]
        self.kept[reference] = body

    def referrers(self, digest: str) -> bytes | None:
        found = []
        for name, body in self.kept.items():
            told = json.loads(body)
            if isinstance(told, dict) and told.get("subject", {}).get("digest") == digest:
                about = {"mediaType": told["mediaType"], "artifactType": told["artifactType"]}
                found.append({**about, "digest": name, "size": len(body)})
        return json.dumps({"schemaVersion": 2, "manifests": found}).encode()


def test_a_registry_that_keeps_the_list_gets_no_tag(described: World) -> None:
    mine = attachments(described.facts)[0]
    registry = Listing()
    registry.kept[mine.subject] = b'{"schemaVersion": 2}'
    assert lacks(registry, mine)
    attach(registry, mine, path_of(described.project, mine.artifact), quiet)
    assert not lacks(registry, mine)
    assert not any(is_list(name) for name in registry.kept)
