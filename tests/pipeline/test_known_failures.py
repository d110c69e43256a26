"""What users of other pipelines report, made to happen to this one; one story each.

The commands are the real ones, as processes of their own, against the places that the crash matrix
releases to (`tests/crash`); `play` gives the exit code.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.project import child_environment
from pipeline.publishing.forge_release import ForgeReleases
from pipeline.publishing.push import missing
from pipeline.publishing.registry import Registry
from pipeline.security import trivy as scanner
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError
from pipeline.surface.items import FILE, write
from sandbox.serving import LOOPBACK, Handler, Server, bound, running
from tests.crash.halves import play, said
from tests.crash.matrix import look
from tests.crash.world import (
    TAG,
    VERSION,
    Services,
    World,
    check_out,
    git,
    make_project,
    open_services,
    open_world,
    running_image,
)

pytestmark = pytest.mark.needs("docker-registry")

WHEEL = f"mgit_fleet-{VERSION}-py3-none-any.whl"
REPORT = f"dist/publish/{VERSION}/report.json"


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """All places, a remote to release from, and one in which a tag waits for CI."""
    with open_services(tmp_path_factory.mktemp("services")) as (services,):
        make_project(services.folder / "first", services.ready)
        world = open_world(services, "tagged", services.folder / "first" / "remote.git")
        check_out(world)
        assert play(world, "laptop") == Exit.DONE, said(world)
        yield services


def world_of(services: Services, request: pytest.FixtureRequest, remote: str) -> World:
    name = request.node.name.replace("_", "-")[:60].strip("-")
    world = open_world(services, name, services.folder / remote / "remote.git")
    check_out(world)
    return world


@pytest.fixture
def fresh(services: Services, request: pytest.FixtureRequest) -> World:
    """Nothing is tagged; `here` is a person's clone."""
    return world_of(services, request, "first")


@pytest.fixture
def tagged(services: Services, request: pytest.FixtureRequest) -> World:
    """The laptop half is done; `here` is CI's checkout of the tag."""
    return world_of(services, request, "worlds/tagged")


class Careless(Handler):
    """An index that knows the uploader, answers `status` to each file, and keeps none."""

    status = 200

    def serve(self) -> None:
        asked = self.headers.get("Content-Type") == "application/x-www-form-urlencoded"
        if self.command == "POST":
            self.body()
        self.answer(400 if asked else self.status, {"message": "as you like"})


@pytest.fixture
def careless() -> Iterator[Callable[[int], str]]:
    with ExitStack() as stack:

        def start(status: int) -> str:
            handler = bound(Careless, Careless.serve, status=status)
            return stack.enter_context(running(Server((LOOPBACK, 0), handler))).url

        yield start


def upload_to(world: World, url: str) -> str:
    """Send uploads somewhere else; returns the endpoints as they were."""
    before = world.endpoints.read_text()
    old = f'index_upload = "{world.services.index.url}"'
    world.endpoints.write_text(before.replace(old, f'index_upload = "{url}"'))
    return before


def nothing_public(world: World) -> bool:
    seen = look(world).state
    release = seen["release"]
    draft = release is None or (isinstance(release, tuple) and release[0] is True)
    return draft and not seen["packages"] and not seen["image tags"]


def test_tag_pushed_and_publishing_failed(tagged: World, careless: Callable[[int], str]) -> None:
    """The same job again looks at the world and goes on; the tag stays where it is."""
    refs, before = tagged.refs(), upload_to(tagged, careless(507))
    assert play(tagged, "ci") == Exit.ENVIRONMENT
    assert nothing_public(tagged)
    tagged.endpoints.write_text(before)
    assert play(tagged, "ci") == Exit.DONE, said(tagged)
    assert tagged.refs() == refs
    assert look(tagged).counts["upload 200"] == 2
    assert look(tagged).counts["POST /releases 201"] == 1


def test_branch_rejected_and_the_tag_already_there(fresh: World) -> None:
    """A plain push would have left the tag; this one is all or nothing."""
    hook = fresh.remote / "hooks" / "update"
    hook.write_text('#!/bin/sh\n[ "$1" != refs/heads/main ]\n')
    hook.chmod(0o755)
    head = git(fresh.here, "rev-parse", "HEAD").strip()
    git(fresh.here, "commit", "--quiet", "--allow-empty", "-m", "elsewhere")
    plain = ("push", "--quiet", str(fresh.remote), "HEAD:main", "HEAD:refs/tags/plain")
    with pytest.raises(Exception, match="returned non-zero"):
        git(fresh.here, *plain)
    assert "refs/tags/plain" in fresh.refs(), "this is the failure that users report"
    git(fresh.here, "reset", "--quiet", "--hard", head)
    assert play(fresh, "laptop") == Exit.INCOMPLETE
    assert f"refs/tags/{TAG}" not in fresh.refs()
    assert fresh.refs()["refs/heads/main"] == head
    hook.unlink()
    assert play(fresh, "laptop", resume=True) == Exit.DONE, said(fresh)
    assert f"refs/tags/{TAG}" in fresh.refs()


def test_an_upload_that_failed_and_said_all_is_well(
    tagged: World, careless: Callable[[int], str]
) -> None:
    """What was sent is read back; what the index does not show is not published."""
    before = upload_to(tagged, careless(200))
    assert play(tagged, "ci") == Exit.INCOMPLETE, said(tagged)
    assert "does not show it with our digest" in said(tagged)
    assert nothing_public(tagged), "nothing goes on from there"
    tagged.endpoints.write_text(before)
    assert play(tagged, "ci") == Exit.DONE, said(tagged)


def test_a_release_that_is_immutable_and_empty(tagged: World) -> None:
    """Ours gets all assets as a draft; one that somebody published empty is a conflict."""
    assert play(tagged, "ci") == Exit.DONE, said(tagged)
    ours = [each for each in tagged.services.releases.requests if f"/{tagged.repo}/" in each]
    done = [each.split() for each in ours if each.split()[2] in {"200", "201"}]
    methods = [method for method, _, _ in done if method != "GET"]
    assert methods == ["POST"] * (1 + 7) + ["PATCH"], "draft and assets; only then it is out"


def test_a_release_that_somebody_published_empty(tagged: World) -> None:
    token = tagged.services.token.read_text().strip()
    forge = ForgeReleases(tagged.services.releases.url, tagged.repo, token)
    forge.publish(forge.create_draft(TAG, "main", "", prerelease=False), latest=True)
    assert play(tagged, "ci") == Exit.CONFLICT
    assert "a published release never changes" in said(tagged)
    assert look(tagged).state["packages"] == {}


def test_file_exists_with_the_same_bytes(tagged: World) -> None:
    """A run that died between two files: the second one sends only what is missing."""
    assert play(tagged, "ci", f"after:publish_index:upload@{WHEEL}") == 137
    assert [path.name for path in tagged.services.packages.iterdir()] == [WHEEL]
    assert play(tagged, "ci") == Exit.DONE, said(tagged)
    assert tagged.services.index.uploads == [200, 200]


def test_file_exists_with_other_bytes(tagged: World) -> None:
    (tagged.services.packages / WHEEL).write_bytes(b"somebody else's")
    assert play(tagged, "ci") == Exit.CONFLICT
    assert f"the index has another {WHEEL}" in said(tagged)
    assert tagged.services.index.uploads == []


def test_a_tag_that_differs_from_the_metadata(fresh: World) -> None:
    """A tag made by hand on a commit that says another version publishes nothing."""
    git(fresh.here, "tag", "--annotate", "-m", "by hand", TAG)
    git(fresh.here, "push", "--quiet", str(fresh.remote), TAG)
    ci = replace(fresh, clone="ci")
    check_out(ci)
    assert play(ci, "ci") == Exit.CONFLICT
    assert "does not fit its commit" in said(ci)
    assert nothing_public(ci)


def test_names_of_files_tag_and_metadata_are_one(tagged: World) -> None:
    assert play(tagged, "ci") == Exit.DONE, said(tagged)
    state = look(tagged).state
    assert f"refs/tags/{TAG}" in tagged.refs()
    assert git(tagged.here, "show", f"{TAG}:mgit/version.py").count(f'"{VERSION}"') == 1
    packages, tags = state["packages"], state["image tags"]
    assert isinstance(packages, dict)
    assert isinstance(tags, dict)
    assert all(f"-{VERSION}" in name for name in packages)
    assert VERSION in tags


def test_a_stalled_release_looks_nothing_like_a_green_one(
    tagged: World, careless: Callable[[int], str]
) -> None:
    """`incomplete` has an exit code, a message and a line of advice of its own."""
    upload_to(tagged, careless(200))
    assert play(tagged, "ci") == Exit.INCOMPLETE == 5
    report = json.loads((tagged.here / REPORT).read_bytes())
    assert (report["result"], report["exit"]) == ("incomplete", 5)
    assert "run the same job again" in said(tagged)
    states = {step["name"]: step["state"] for step in report["steps"]}
    assert (states["publish_index"], states["promote"]) == ("failed", "waiting")


def test_a_release_that_dirtied_the_tree(fresh: World) -> None:
    """A release works in a clone of its own; dirt in there stops it."""
    (fresh.here / "notes.txt").write_text("mine")
    before = git(fresh.here, "status", "--porcelain"), git(fresh.here, "rev-parse", "HEAD")
    assert play(fresh, "laptop", "before:tag:push") == 137
    after = git(fresh.here, "status", "--porcelain"), git(fresh.here, "rev-parse", "HEAD")
    assert after == before == ("?? notes.txt\n", before[1])
    (fresh.here / "dist/release" / VERSION / "src" / "stray.txt").write_text("dirt")
    assert play(fresh, "laptop", resume=True) == Exit.CONFLICT
    assert "the clean clone is not clean: ?? stray.txt" in said(fresh)
    assert f"refs/tags/{TAG}" not in fresh.refs()


def test_a_shallow_clone(fresh: World) -> None:
    """Earlier tags cannot be seen in it, so the next version would be a guess."""
    git(fresh.here, "commit", "--quiet", "--allow-empty", "-m", "Second")
    git(fresh.here, "push", "--quiet", str(fresh.remote), "HEAD:main")
    shutil.rmtree(fresh.here)
    git(fresh.root, "clone", "--quiet", "--depth", "1", f"file://{fresh.remote}", str(fresh.here))
    assert play(fresh, "laptop") == Exit.ENVIRONMENT
    assert "this clone is shallow" in said(fresh)
    assert "git fetch --unshallow" in said(fresh)


def test_a_breaking_change_queued_as_a_patch(fresh: World) -> None:
    """The public surface sets the floor, whatever the fragment says."""
    surface = fresh.here / FILE
    surface.parent.mkdir(parents=True, exist_ok=True)
    surface.write_text(write({"cli sync --old": "flag", "exit ok": "0"}), encoding="utf-8")
    git(fresh.here, "add", "--all")
    git(fresh.here, "commit", "--quiet", "-m", "One")
    git(fresh.here, "tag", "v1.0.0")
    surface.write_text(write({"exit ok": "0"}), encoding="utf-8")
    (fresh.here / "changelog.d/first.added.md").rename(fresh.here / "changelog.d/small.fixed.md")
    git(fresh.here, "add", "--all")
    git(fresh.here, "commit", "--quiet", "-m", "Two")
    git(fresh.here, "push", "--quiet", str(fresh.remote), "HEAD:main", "v1.0.0")
    assert play(fresh, "laptop") == Exit.GATE
    assert "gone: cli sync --old" in said(fresh)


def test_a_rollout_that_says_0_after_it_rolled_back(tagged: World) -> None:
    """Compose says all is well and runs the old image: what runs is asked, not the exit code."""
    assert play(tagged, "ci") == Exit.DONE, said(tagged)
    docker = tagged.engine / "docker"
    script = docker.read_text()
    old = f"{tagged.services.registry}/crash/{tagged.name}@sha256:{'a' * 64}"
    rolled_back = script.replace('"$MGIT_IMAGE" "$MGIT_PREVIOUS" >', f'"{old}" "" >')
    assert rolled_back != script
    docker.write_text(rolled_back)
    assert play(tagged, "deploy") == Exit.GATE, said(tagged)
    assert f"the engine runs {old} instead" in said(tagged)
    docker.write_text(script)
    assert play(tagged, "deploy") == Exit.DONE, said(tagged)
    assert running_image(tagged) != f"sha256:{'a' * 64}"


def test_an_image_of_several_platforms_never_goes_through_the_engine(tagged: World) -> None:
    """`--load` can hold one platform; the layout on disk holds all, and the registry gets all."""
    assert play(tagged, "ci") == Exit.DONE, said(tagged)
    registry = Registry(f"{tagged.services.registry}/crash/{tagged.name}", insecure=True)
    index = registry.manifest(VERSION)
    assert index is not None
    platforms = [each["platform"]["architecture"] for each in json.loads(index.body)["manifests"]]
    assert platforms == ["amd64", "arm64"]
    assert missing(registry, index.digest) == ()
    changes = tagged.engine / "changes"
    assert not changes.exists(), "nothing was loaded, pulled or pushed by the engine"


def test_a_layout_of_one_platform_is_not_published_for_two(tagged: World) -> None:
    """What `--load` would have left of it: the bytes are not those that the tag claims."""
    assert play(tagged, "ci", "before:stage:draft") == 137
    artifacts = tagged.here / f"dist/publish/{VERSION}/artifacts/image/blobs/sha256"
    biggest = max(artifacts.iterdir(), key=lambda path: path.stat().st_size)
    biggest.unlink()
    shutil.rmtree(tagged.here / f"dist/publish/{VERSION}/src")
    assert play(tagged, "ci") == Exit.DONE, "it is built again, whole"
    registry = Registry(f"{tagged.services.registry}/crash/{tagged.name}", insecure=True)
    assert missing(registry, registry.digest(VERSION)) == ()


def test_a_scanner_whose_database_is_throttled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No database is no clean word; a pinned one needs no network at all."""
    script = tmp_path / "trivy"
    script.write_text(
        "#!/bin/sh\n"
        'case "$*" in *--download-db-only*)\n'
        'echo "FATAL init error: DB error: TOOMANYREQUESTS: retry-after: 1ms" >&2; exit 1 ;;\n'
        "esac\n"
    )
    script.chmod(0o755)
    shell = Shell(env=child_environment())
    monkeypatch.setattr(scanner, "find_trivy", lambda _shell: script)
    with pytest.raises(PipelineError, match="cannot be downloaded") as refused:
        scanner.open_trivy(shell, None, tmp_path / "work")
    assert refused.value.exit_code is Exit.ENVIRONMENT
    assert "trivy_cache" in refused.value.advice
