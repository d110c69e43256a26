"""Releases of a forge: the client and the sandbox that stands in for GitHub."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.publishing.forge_release import ForgeReleases
from pipeline.step import Exit, PipelineError
from sandbox.release_store import Store
from sandbox.releases import Releases, open_releases

from .conftest import COMMIT, artifact

TOKEN = "canary-of-the-forge"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Releases]:
    with open_releases(tmp_path / "state", token=TOKEN) as running:
        yield running


@pytest.fixture
def releases(service: Releases) -> ForgeReleases:
    return ForgeReleases(service.url, "acme/mgit", TOKEN)


@pytest.fixture
def asset(tmp_path: Path) -> Path:
    path = tmp_path / "SHA256SUMS"
    path.write_bytes(b"0123  a file\n" * 100)
    return path


def test_a_draft_gets_its_assets_and_is_published(releases: ForgeReleases, asset: Path) -> None:
    assert releases.find("v1.0.0") is None
    draft = releases.create_draft("v1.0.0", COMMIT, "Notes", prerelease=False)
    sent = releases.upload(draft, asset)
    assert sent.digest == releases.digest(sent) == artifact(asset).digest
    assert releases.latest() == ""

    releases.publish(draft, latest=True)

    found = releases.find("v1.0.0")
    assert found is not None
    assert not found.draft
    assert found.asset(asset.name) == sent
    assert releases.latest() == "v1.0.0"


def test_a_published_release_is_immutable(releases: ForgeReleases, asset: Path) -> None:
    draft = releases.create_draft("v1.0.0", COMMIT, "Notes", prerelease=False)
    sent = releases.upload(draft, asset)
    published = releases.publish(draft, latest=True)
    other = asset.with_name("other")
    other.write_bytes(b"x")
    for forbidden in (
        lambda: releases.upload(published, other),
        lambda: releases.delete_asset(sent),
        lambda: releases.delete(published),
        lambda: releases.create_draft("v1.0.0", COMMIT, "Again", prerelease=False),
    ):
        with pytest.raises(PipelineError):
            forbidden()
    assert releases.find("v1.0.0") == published


def test_a_draft_can_be_taken_away_twice(releases: ForgeReleases, asset: Path) -> None:
    draft = releases.create_draft("v1.0.0", COMMIT, "Notes", prerelease=False)
    sent = releases.upload(draft, asset)
    releases.delete_asset(sent)
    releases.delete_asset(sent)
    releases.delete(draft)
    releases.delete(draft)
    assert releases.find("v1.0.0") is None


def test_two_drafts_of_one_tag_are_a_conflict(releases: ForgeReleases) -> None:
    for _ in range(2):
        releases.create_draft("v1.0.0", COMMIT, "Notes", prerelease=False)
    with pytest.raises(PipelineError) as conflict:
        releases.find("v1.0.0")
    assert conflict.value.exit_code is Exit.CONFLICT


def test_a_release_is_found_behind_many_others(tmp_path: Path) -> None:
    store = Store(tmp_path / "many")
    for number in range(230):
        store.create("acme/mgit", {"tag_name": f"v0.{number}.0", "draft": True})
    with open_releases(tmp_path / "many", token=TOKEN) as service:
        found = ForgeReleases(service.url, "acme/mgit", TOKEN).find("v0.0.0")
        assert len(service.requests) == 3
    assert found is not None
    assert found.tag_name == "v0.0.0"


def test_a_wrong_token_is_refused(service: Releases) -> None:
    stranger = ForgeReleases(service.url, "acme/mgit", "wrong-canary")
    with pytest.raises(PipelineError) as refused:
        stranger.find("v1.0.0")
    assert refused.value.exit_code is Exit.ENVIRONMENT
    assert "token" in refused.value.advice
    assert "wrong-canary" not in refused.value.message
    assert service.requests == ["GET /repos/acme/mgit/releases 401"]


def test_the_token_goes_to_the_api_and_its_upload_host_only() -> None:
    github = ForgeReleases("https://api.github.example", "acme/mgit", TOKEN)
    assert github._trusted("https://api.github.example/repos/x")
    assert github._trusted("https://uploads.github.example/repos/x")
    for elsewhere in (
        "http://uploads.github.example/",
        "https://uploads.github.example.evil.example/",
        "https://evil.example/",
        "https://api.github.example:8443/",
    ):
        assert not github._trusted(elsewhere)
        with pytest.raises(PipelineError):
            github._own(elsewhere)


def test_the_service_comes_back_with_what_it_had(tmp_path: Path, asset: Path) -> None:
    with open_releases(tmp_path / "kept", token=TOKEN) as service:
        before = ForgeReleases(service.url, "acme/mgit", TOKEN)
        draft = before.create_draft("v1.0.0", COMMIT, "Notes", prerelease=False)
        before.upload(draft, asset)
        port = int(service.url.rpartition(":")[2])
    with open_releases(tmp_path / "kept", token=TOKEN, port=port):
        found = before.find("v1.0.0")
        assert found is not None
        assert before.digest(found.assets[0]) == artifact(asset).digest
