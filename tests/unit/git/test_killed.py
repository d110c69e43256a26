"""kill -9 in the middle: the next run finds the old or the new state, and heals the rest."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mgit.errors import Busy
from mgit.git.inspect import scan
from mgit.git.lock import RootLock
from mgit.model import CopyKind, Skip
from sandbox.forge import Hold
from tests.unit.git.world import World

# What the fleet does, in as few lines as possible, for one repository.
MGIT = """
import sys
from pathlib import Path
from mgit.address import parse_clone_url
from mgit.credentials import Askpass, Credential, CredentialBook, Secret
from mgit.git import operations
from mgit.git.lock import RootLock
from mgit.git.runner import GitRunner
from mgit.model import Clone, CopyKind, RemoteRepo, RepoKey, RepoPath

root, run, url, kind, number = sys.argv[1:]
url = parse_clone_url(url)
secret = Secret.from_text(sys.stdin.read())
book = CredentialBook([Credential(url.origin, "x-access-token", secret, "test")])
repo = RemoteRepo(RepoKey("sandbox", number), "box", RepoPath("acme", "app"), url)
with Askpass(book, [Path(run)]) as askpass:
    runner = GitRunner(environment={"PATH": %r}, book=book, askpass=askpass)
    with RootLock(Path(root), runner):
        operations.clone(runner, Path(root), Clone(repo, "acme/app", CopyKind(kind)))
"""


@pytest.fixture(params=list(CopyKind))
def killed_in_a_clone(
    request: pytest.FixtureRequest, world: World, tmp_path: Path
) -> Iterator[tuple[World, Hold]]:
    """A root where mgit was killed while git was waiting for the pack; git lives on."""
    world.kind = request.param
    repo = world.add("app")
    with world.forge.hold("*/git-upload-pack") as hold:
        arguments = [world.root, tmp_path / "run2", repo.url, world.kind, repo.key.id]
        mgit = subprocess.Popen(
            [sys.executable, "-c", MGIT % os.environ["PATH"], *map(str, arguments)],
            stdin=subprocess.PIPE,
        )
        assert mgit.stdin is not None
        mgit.stdin.write(world.forge.token.encode())
        mgit.stdin.close()
        assert hold.arrived.wait(20)
        mgit.send_signal(signal.SIGKILL)
        mgit.wait()
        yield world, hold


def test_a_killed_clone_is_not_there_and_the_next_run_makes_it(
    killed_in_a_clone: tuple[World, Hold],
) -> None:
    world, hold = killed_in_a_clone
    assert list(scan(world.root)) == [], "half a clone has no name"
    with pytest.raises(Busy), RootLock(world.root):
        pytest.fail("the orphan still writes")

    hold.release()
    end = time.monotonic() + 20
    while not (done := can_lock(world.root)):
        assert time.monotonic() < end, "the orphan never ended"
        time.sleep(0.02)
    assert done
    world.sync()

    [repo] = world.repos.values()
    assert world.local(repo).refs == world.upstream(repo)
    assert [type(action) for action in world.plan()] == [Skip]
    assert list((world.root / ".mgit/incoming").iterdir()) == []


def can_lock(root: Path) -> bool:
    try:
        with RootLock(root):
            return True
    except Busy:
        return False
