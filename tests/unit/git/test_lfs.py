"""Contents that Git LFS keeps apart come along where that is wished and git-lfs is there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from mgit.address import parse_origin
from mgit.credentials import Askpass, Credential, CredentialBook, Secret
from mgit.git.operations import Done
from mgit.git.refs import RefsClient
from mgit.git.runner import GitRunner
from mgit.model import CopyKind, CopyOptions, Skip
from mgit.transport import Transport
from sandbox.forge import SandboxForge
from sandbox.forge.web import Answer, Request
from tests.unit.git.world import CANARY, World, git

JSON = (("Content-Type", "application/vnd.git-lfs+json"),)


class LfsForge(SandboxForge):
    """A forge that also keeps LFS contents: the batch API and basic downloads. Read-only."""

    def __init__(self, root: Path) -> None:
        self.contents: dict[str, bytes] = {}
        self.asked: list[str] = []
        super().__init__(root, token=CANARY)

    def pointer(self, content: bytes) -> str:
        """Keep a content; the file that stands for it in the repository."""
        oid = hashlib.sha256(content).hexdigest()
        self.contents[oid] = content
        spec = "https://git-lfs.github.com/spec/v1"
        return f"version {spec}\noid sha256:{oid}\nsize {len(content)}\n"

    def _right_answer(self, request: Request, *, authorised: bool, tried: bool) -> Answer:
        if "/info/lfs/" not in request.path:
            return super()._right_answer(request, authorised=authorised, tried=tried)
        self.asked.append(request.path)
        if not authorised:
            return Answer(401, b"", (("LFS-Authenticate", 'Basic realm="sandbox"'),))
        if request.path.endswith("/objects/batch"):
            wanted = [item["oid"] for item in msgspec.json.decode(request.body)["objects"]]
            place = self.url + request.path.removesuffix("batch")
            objects = [
                {
                    "oid": oid,
                    "size": len(self.contents[oid]),
                    "actions": {"download": {"href": place + oid}},
                }
                for oid in wanted
            ]
            body = msgspec.json.encode({"transfer": "basic", "objects": objects})
            return Answer(200, body, JSON)
        return Answer(200, self.contents[request.path.rpartition("/")[2]], ())


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[LfsForge]:
    with LfsForge(tmp_path / "forge") as forge:
        yield forge


@pytest.fixture
def lfs_world(forge: LfsForge, world: World) -> World:
    world.options = CopyOptions(lfs=True)
    world.add("app")
    files = {
        ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
        "large.bin": forge.pointer(b"one" * 1000),
    }
    forge.push("acme", "app", files=files)
    return world


def stored(path: Path) -> list[str]:
    return sorted(item.name for item in (path / "lfs/objects").rglob("*") if item.is_file())


@pytest.mark.needs("git-lfs")
def test_a_work_tree_gets_the_contents_and_stays_clean(lfs_world: World, forge: LfsForge) -> None:
    world = lfs_world
    [effect] = world.sync()
    assert effect == Done(refs_changed=3, folder="acme/app")
    path = world.root / "acme/app"
    assert (path / "large.bin").read_bytes() == b"one" * 1000
    assert git(path, "status", "--short") == ""
    assert [type(action) for action in world.plan()] == [Skip]

    forge.push("acme", "app", files={"large.bin": forge.pointer(b"two" * 2000)})
    [effect] = world.sync()
    assert isinstance(effect, Done)
    assert (effect.held, effect.detail) == (None, "")
    assert (path / "large.bin").read_bytes() == b"two" * 2000
    assert git(path, "status", "--short") == ""
    config = (path / ".git/config").read_text()
    assert CANARY not in config
    hooks = [item.read_text() for item in (path / ".git/hooks").glob("*")]
    assert all("git lfs" in hook for hook in hooks), "what git-lfs needs when the person pushes"


@pytest.mark.needs("git-lfs")
def test_a_mirror_keeps_the_contents_of_all_its_commits(lfs_world: World, forge: LfsForge) -> None:
    world = lfs_world
    world.kind = CopyKind.MIRROR
    world.sync()
    forge.push("acme", "app", branch="side", files={"other.bin": forge.pointer(b"three")})

    [effect] = world.sync()

    assert isinstance(effect, Done)
    assert effect.detail == ""
    assert not (world.root / "acme/app/hooks").exists()
    assert stored(world.root / "acme/app") == sorted(forge.contents)
    [rest] = world.plan()
    assert isinstance(rest, Skip), "what git-lfs writes into the configuration is no damage"


@pytest.mark.needs("git-lfs")
def test_contents_come_from_the_forge_alone(
    lfs_world: World, forge: LfsForge, tmp_path: Path
) -> None:
    """A repository says that its contents are elsewhere: nobody asks there, with or without."""
    world = lfs_world
    with LfsForge(tmp_path / "elsewhere") as elsewhere:
        lfs = f"[lfs]\n\turl = {elsewhere.url}/acme/app.git/info/lfs\n"
        forge.push("acme", "app", files={".lfsconfig": lfs})
        world.sync()
        assert elsewhere.asked == []
    assert (world.root / "acme/app/large.bin").read_bytes() == b"one" * 1000


@pytest.mark.needs("git-lfs")
def test_contents_that_cannot_be_had_are_said_and_the_pointers_stay(
    lfs_world: World, forge: LfsForge
) -> None:
    forge.fail_next("*/info/lfs/*", 404, times=50)
    [effect] = lfs_world.sync()
    assert isinstance(effect, Done)
    assert effect.detail.startswith("LFS contents: ")
    assert (lfs_world.root / "acme/app/large.bin").read_text().startswith("version ")
    assert git(lfs_world.root / "acme/app", "status", "--short") == ""


def test_without_git_lfs_the_pointers_stay_and_the_outcome_says_so(
    lfs_world: World, forge: LfsForge, tmp_path: Path
) -> None:
    """A PATH on which there is git, and no git-lfs."""
    lfs_world.kind = CopyKind.MIRROR  # a system's configuration may insist on git-lfs for files
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("git", "sh"):
        for folder in os.environ["PATH"].split(":"):
            if (Path(folder) / name).exists() and not (tools / name).exists():
                (tools / name).symlink_to(Path(folder) / name)
    origin = parse_origin(forge.url)
    book = CredentialBook([Credential(origin, "x-access-token", Secret(CANARY), "test")])
    environment = {"PATH": str(tools), "HOME": str(tmp_path / "home")}
    with Askpass(book, [tmp_path / "run"]) as askpass, Transport() as transport:
        lfs_world.runner = GitRunner(environment=environment, book=book, askpass=askpass)
        lfs_world.refs = RefsClient(transport, book, lfs_world.runner)
        if lfs_world.runner.has_lfs:
            pytest.skip("git-lfs lies where git keeps its own commands")
        [effect] = lfs_world.sync()
    assert isinstance(effect, Done)
    assert effect.detail == "LFS contents: git-lfs is not installed, the files are pointers"
    assert not (lfs_world.root / "acme/app/lfs").exists()
