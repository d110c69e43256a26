"""A bad version is taken out of circulation; what was not published yet is taken back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import withdraw
from pipeline.invocation import Options, make_project, open_clone
from pipeline.project import Project
from pipeline.publishing import index
from pipeline.publishing.followed import after_yank, image_tags, mark_of
from pipeline.publishing.places import registry_of, releases_of
from pipeline.publishing.push import missing, push_layout
from pipeline.step import Exit, Facts, PipelineError
from pipeline.steps import plan, prepare, promote, publish, stage, tag
from pipeline.versioning.versions import parse
from pipeline.yanking.changelog import mark_yanked
from sandbox.serving import LOOPBACK, Handler, Server, bound, running
from tests.pipeline.conftest import Tiny

from .conftest import World, artifact, make_layout, make_sdist, make_wheel

BOTH = "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-11-24\n\n### Added\n\n- Bad.\n\n{}"
FIRST = "## [0.1.0] - 2026-11-23\n\n### Added\n\n- Good.\n"


@pytest.fixture
def here(tiny: Tiny, world: World, tmp_path: Path) -> Options:
    """The tiny project releases into the world of stand-ins."""
    file = tmp_path / "endpoints.toml"
    file.write_bytes(msgspec.toml.encode(world.project.endpoints))
    tiny.write("CHANGELOG.md", BOTH.format(FIRST))
    tiny.commit("Two releases")
    return Options(endpoints=str(file))


def release(world: World, version: str) -> str:
    """Stage, publish and promote a version; returns the digest of its image."""
    folder = world.project.out / "artifacts"
    layout = folder / f"image-{version}"
    digest = make_layout(layout, version)
    files = [artifact(make_wheel(folder, version)), artifact(make_sdist(folder, version))]
    facts = replace(
        world.facts, version=version, image_digest=digest, artifacts=tuple(files), notes="Things."
    )
    for step in (stage, publish, promote):
        step.run(world.project, facts)
    return digest


def remote_changelog(tiny: Tiny) -> str:
    return tiny.git("show", "main:CHANGELOG.md", where=tiny.remote)


@pytest.mark.needs("docker-registry")
def test_a_yanked_version_is_passed_over_and_a_person_is_told_the_rest(
    tiny: Tiny, world: World, here: Options, capfd: pytest.CaptureFixture[str]
) -> None:
    good, bad = release(world, "0.1.0"), release(world, "0.2.0")
    before = tiny.main()

    assert withdraw.yank(tiny.here, here, "v0.2.0", "loses\ndata", plan=True) is Exit.DONE
    said = capfd.readouterr().out
    for effect in (
        "move the tag latest to 0.1.0",
        "tag the image 0.2.0-yanked",
        "make v0.2.0 a pre-release",
        "write [YANKED] beside 0.2.0",
        "yank mgit_fleet-0.2.0-py3-none-any.whl, by hand",
    ):
        assert f"  would {effect}" in said
    registry = registry_of(world.project.endpoints)
    assert registry.digest("latest") == bad, "a plan changes nothing"
    assert tiny.main() == before

    for _ in range(2):  # the second time finds all but the index done
        assert withdraw.yank(tiny.here, here, "0.2.0", "loses data") is Exit.INCOMPLETE
        pointing = {tag: registry.digest(tag) for tag in registry.tags()}
        assert pointing == {
            "0.1.0": good,
            "0.1": good,
            "latest": good,
            "0.2.0": bad,
            "0.2": bad,
            "0.2.0-yanked": bad,
        }
        assert releases_of(world.project.endpoints).latest() == "v0.1.0"
        yanked = releases_of(world.project.endpoints).find("v0.2.0")
        assert yanked is not None
        assert yanked.body == "> **Yanked:** loses data\n\nThings."
        assert "## [0.2.0] - 2026-11-24 [YANKED]\n" in remote_changelog(tiny)
        assert "## [0.1.0] - 2026-11-23\n" in remote_changelog(tiny)
        assert tiny.git("rev-parse", "main~1", where=tiny.remote) == before, "one commit, once"
        told = capfd.readouterr().err
        assert "/manage/project/mgit-fleet/release/0.2.0/, choose Yank" in told
        assert (tiny.here / "dist" / "yank" / "0.2.0" / "report.md").is_file()


class Page(Handler):
    """A simple page."""

    text: str

    def reply(self) -> None:
        self.send(200, self.text.encode(), "text/html")


@contextmanager
def index_with(text: str) -> Iterator[str]:
    with running(Server((LOOPBACK, 0), bound(Page, Page.reply, text=text))) as server:
        yield f"{server.url}/simple/"


YANKED = '<a href="mgit_fleet-0.2.0.tar.gz#sha256={0}" data-yanked="bad">x</a>'
OFFERED = '<a href="mgit_fleet-0.1.0.tar.gz#sha256={0}" title="data-yanked">x</a>'


@pytest.mark.needs("docker-registry")
def test_once_the_index_says_so_too_it_is_done(
    tiny: Tiny, world: World, here: Options, tmp_path: Path
) -> None:
    release(world, "0.1.0")
    release(world, "0.2.0")
    with index_with(YANKED.format("0" * 64) + OFFERED.format("1" * 64)) as simple:
        endpoints = msgspec.structs.replace(world.project.endpoints, index_simple=simple)
        assert {name: file.yanked for name, file in index.files(simple, "mgit-fleet").items()} == {
            "mgit_fleet-0.2.0.tar.gz": True,
            "mgit_fleet-0.1.0.tar.gz": False,
        }
        Path(here.endpoints).write_bytes(msgspec.toml.encode(endpoints))
        assert withdraw.yank(tiny.here, here, "0.2.0", "loses data") is Exit.DONE


@pytest.mark.needs("docker-registry")
def test_what_is_not_published_cannot_be_yanked(tiny: Tiny, here: Options) -> None:
    with pytest.raises(PipelineError, match=r"0\.2\.0 is published nowhere") as refused:
        withdraw.yank(tiny.here, here, "0.2.0", "x")
    assert refused.value.exit_code is Exit.USAGE


@pytest.mark.parametrize(
    ("version", "there", "moves"),
    [
        ("0.1.0", ("0.1.0", "0.1", "latest"), {"0.1": "", "latest": ""}),
        ("1.2.3", ("1.2.2", "1.2.3", "1.2", "1"), {"1.2": "1.2.2", "1": "1.2.2"}),
        ("1.3.0", ("1.2.9", "1.3.0", "1.3", "1"), {"1.3": "", "1": "1.2.9"}),
        ("2.0.0", ("1.0.0", "1.1.0", "1.1.0-yanked", "2.0.0", "latest"), {"latest": "1.0.0"}),
        ("1.0.1", ("1.0.0", "1.0.1", "2.0.0-rc.1", "latest"), {"latest": "1.0.0"}),
    ],
)
def test_where_tags_go(version: str, there: tuple[str, ...], moves: dict[str, str]) -> None:
    assert after_yank(version, there) == moves


def test_a_release_after_a_yanked_one_is_the_latest() -> None:
    there = ("1.2.3", "1.3.0", "1.3.0-yanked", "latest")
    assert image_tags("1.2.4", there) == ("1.2.4", "1.2", "1", "latest")


versions = st.builds("{}.{}.{}".format, st.integers(0, 2), st.integers(0, 2), st.integers(0, 2))


@given(st.lists(versions, min_size=1, max_size=8, unique=True), st.data())
def test_no_tag_is_ever_left_on_a_yanked_version_while_another_would_do(
    order: list[str], data: st.DataObject
) -> None:
    pointing: dict[str, str] = {}
    for version in order:
        pointing |= dict.fromkeys(image_tags(version, tuple(pointing)), version)
    bad = data.draw(st.lists(st.sampled_from(order), unique=True))
    for version in bad:
        pointing[mark_of(version)] = version
        for moved, other in after_yank(version, tuple(pointing)).items():
            if other and pointing[moved] == version:
                pointing[moved] = other
    left = [parse(version) for version in order if version not in bad]
    if left:
        assert parse(pointing["latest"]) == max(left)


@pytest.mark.parametrize("text", [BOTH.format(FIRST), FIRST, "", "# Changelog\n"])
def test_the_mark_is_put_once_and_nothing_else_changes(text: str) -> None:
    marked = mark_yanked(text, "0.2.0")
    assert mark_yanked(marked, "0.2.0") == marked
    assert marked.replace(" [YANKED]", "") == text
    assert ("[YANKED]" in marked) == ("## [0.2.0]" in text)
    assert mark_yanked(text, "0.2") == text


def half_done(tiny: Tiny, world: World, here: Options) -> tuple[Project, Facts]:
    """A release that stopped after staging: tag and commit pushed, image and draft there."""
    tiny.write("CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n")
    tiny.commit("Nothing released yet")
    git, endpoints = open_clone(tiny.here, here)
    project = make_project(git, tiny.here / "dist" / "release" / "0.1.0", endpoints, here)
    facts = plan.check(project, Facts()).facts  # type: ignore[union-attr]
    facts = prepare.run(project, facts)
    facts = replace(facts, artifacts=world.facts.artifacts, image_digest=world.facts.image_digest)
    facts = tag.run(project, facts)
    push_layout(
        registry_of(endpoints), world.project.out / "artifacts" / "image", facts.image_digest
    )
    releases_of(endpoints).create_draft("v0.1.0", facts.commit, "x", prerelease=False)
    return project, facts


@pytest.mark.needs("docker-registry")
@pytest.mark.parametrize("elsewhere", [False, True], ids=["same folder", "another machine"])
def test_an_aborted_release_leaves_nothing(
    tiny: Tiny,
    world: World,
    here: Options,
    capfd: pytest.CaptureFixture[str],
    elsewhere: bool,
) -> None:
    project, facts = half_done(tiny, world, here)
    base = tiny.git("rev-parse", "HEAD")
    if elsewhere:
        project.out.rename(tiny.here.parent / "lost")
        tiny.git("pull", "--quiet", "origin", "main")

    assert withdraw.abort(tiny.here, here, plan=True) is Exit.DONE
    said = capfd.readouterr().out
    assert "would delete the draft v0.1.0 with its 0 files; delete the image " in said
    assert f"would take v0.1.0 off {tiny.remote}, and main back to {base[:12]}" in said
    assert tiny.tags() == ["v0.1.0"], "a plan changes nothing"

    assert withdraw.abort(tiny.here, here) is Exit.DONE
    assert tiny.tags() == []
    assert tiny.main() == base
    assert releases_of(world.project.endpoints).find("v0.1.0") is None
    digest = facts.image_digest
    assert missing(registry_of(world.project.endpoints), digest) == (digest,)


@pytest.mark.needs("docker-registry")
def test_nothing_is_aborted_that_is_published_or_built_upon(
    tiny: Tiny, world: World, here: Options
) -> None:
    _project, facts = half_done(tiny, world, here)
    tiny.git("pull", "--quiet", "origin", "main")
    tiny.commit("Somebody goes on")
    with pytest.raises(PipelineError, match="has moved on") as refused:
        withdraw.abort(tiny.here, here)
    assert refused.value.exit_code is Exit.CONFLICT

    publish.run(world.project, replace(facts, version="0.1.0"))
    with pytest.raises(PipelineError, match="is published") as refused:
        withdraw.abort(tiny.here, here)
    assert refused.value.exit_code is Exit.CONFLICT
    assert "invoke yank --version 0.1.0" in refused.value.advice
    assert tiny.tags() == ["v0.1.0"]
    assert releases_of(world.project.endpoints).find("v0.1.0") is not None


@pytest.mark.needs("docker-registry")
def test_where_nothing_was_begun_there_is_nothing_to_abort(tiny: Tiny, here: Options) -> None:
    tiny.write("CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n")
    tiny.commit("Nothing released yet")
    with pytest.raises(PipelineError, match=r"nothing of 0\.1\.0 is there") as refused:
        withdraw.abort(tiny.here, here)
    assert refused.value.exit_code is Exit.USAGE


@pytest.mark.needs("docker-registry")
def test_rights_are_asked_for_without_writing(world: World, tmp_path: Path) -> None:
    endpoints = world.project.endpoints
    token = Path(endpoints.index_token_file).read_text().strip()
    assert index.may_upload(endpoints.index_upload, token=token)
    assert not index.may_upload(endpoints.index_upload, token="wrong")
    assert registry_of(endpoints).may_push()
    assert registry_of(endpoints).tags() == ()
    assert releases_of(endpoints).may_write()
    other = tmp_path / "wrong"
    other.write_text("wrong")
    assert not releases_of(
        msgspec.structs.replace(endpoints, forge_token_file=str(other))
    ).may_write()
    assert world.published() == set()
    assert world.index.uploads == []
    assert releases_of(endpoints).find("v0.1.0") is None
