"""Refs are asked for over HTTP, and only git's protocol is believed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgit.address import parse_clone_url, parse_origin
from mgit.credentials import CredentialBook
from mgit.errors import (
    AuthenticationError,
    ForgeError,
    NetworkError,
    NotFound,
    RateLimited,
)
from mgit.git.refs import RefsClient, parse_ls_remote
from mgit.model import RefSnapshot
from mgit.transport import Transport
from sandbox.forge import SandboxForge
from tests.unit.git.world import World

POST = "*/git-upload-pack"
GET = "*/info/refs*"


def test_one_request_tells_everything(world: World) -> None:
    repo = world.add("app", branches=("develop", "a/b"), tags=("v1.0",))

    snapshot = world.upstream(repo)

    assert dict(snapshot.refs) == world.forge.refs("acme", "app")
    assert snapshot.head == "refs/heads/main"
    assert [request.method for request in world.forge.requests] == ["POST"]
    assert world.runner.started == 0


def test_an_empty_repository_is_empty(world: World) -> None:
    repo = world.add("app", commits=0, branches=(), tags=())
    assert world.upstream(repo) == RefSnapshot({}, None)


def test_a_server_that_wants_the_get_first_is_remembered(world: World) -> None:
    repo, other = world.add("app"), world.add("other")
    world.forge.fail_next(POST, 400)

    snapshot = world.upstream(repo)
    world.upstream(other)

    assert dict(snapshot.refs) == world.forge.refs("acme", "app")
    methods = [request.method for request in world.forge.requests]
    assert methods == ["POST", "GET", "POST", "GET", "POST"]


def test_a_server_that_speaks_only_the_old_protocol(world: World) -> None:
    repo = world.add("app")
    world.forge.store.git(world.forge.store.get("acme", "app"), "config", "protocol.version", "0")
    advertisement = old_advertisement(world)
    world.forge.fail_next(POST, 400)
    world.forge.fail_next(
        GET,
        200,
        {"Content-Type": "application/x-git-upload-pack-advertisement"},
        advertisement,
    )

    snapshot = world.upstream(repo)

    assert dict(snapshot.refs) == world.forge.refs("acme", "app")
    assert snapshot.head == "refs/heads/main"


def old_advertisement(world: World) -> bytes:
    """What upload-pack says without protocol v2."""
    import subprocess

    path = world.forge.store.path(world.forge.store.get("acme", "app"))
    output = subprocess.run(
        ["git", "upload-pack", "--http-backend-info-refs", str(path)],
        check=True,
        capture_output=True,
    ).stdout
    return b"001e# service=git-upload-pack\n0000" + output


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "application/x-git-upload-pack-advertisement"),
        (b"", "text/html"),
        (b"<html>Sign in</html>", "text/html; charset=utf-8"),
        (b"001e# service=git-upload-pack\n0000", "application/x-git-upload-pack-advertisement"),
        (b"001e# service=git-upload-pack\n00000000", "application/x-git-upload-pack-advertisement"),
    ],
)
def test_an_answer_that_is_not_git_is_never_taken_for_an_empty_repository(
    world: World, body: bytes, content_type: str
) -> None:
    repo = world.add("app")
    for pattern in (POST, GET):
        world.forge.fail_next(pattern, 200, {"Content-Type": content_type}, body, times=3)
    with pytest.raises(ForgeError, match="acme/app"):
        world.upstream(repo)


def test_an_answer_cut_short_is_asked_for_again_and_not_believed(world: World) -> None:
    repo = world.add("app")
    world.upstream(repo)
    result = {"Content-Type": "application/x-git-upload-pack-result"}
    world.forge.fail_next(POST, 200, result, b"003d", times=2)
    with pytest.raises(ForgeError):
        world.upstream(repo)


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (401, {}, AuthenticationError),
        (403, {}, AuthenticationError),
        (404, {}, NotFound),
        (429, {"Retry-After": "7"}, RateLimited),
        (302, {"Location": "https://evil.invalid/"}, ForgeError),
        (500, {}, ForgeError),
    ],
)
def test_what_a_status_means(
    world: World, status: int, headers: dict[str, str], expected: type[ForgeError]
) -> None:
    repo = world.add("app")
    for pattern in (POST, GET):
        world.forge.fail_next(pattern, status, headers, times=2)

    with pytest.raises(expected) as caught:
        world.upstream(repo)

    assert caught.value.advice or status == 429
    assert world.forge.token not in str(caught.value)
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_after == 7


def test_a_credential_goes_to_its_own_origin_only(world: World, tmp_path: Path) -> None:
    world.add("app")
    with SandboxForge(tmp_path / "other") as other:
        other.add_repo("acme", "app")
        with pytest.raises(AuthenticationError, match="wants a credential"):
            world.refs.ls_refs(parse_clone_url(other.clone_url("acme", "app")))
        assert [request.sent_credential for request in other.requests] == [False]


def test_nobody_there(tmp_path: Path) -> None:
    with Transport() as transport, pytest.raises(NetworkError):
        RefsClient(transport, CredentialBook()).ls_refs(
            parse_clone_url("http://127.0.0.1:9/acme/app.git")
        )


def test_sha256_repositories(world: World) -> None:
    repo = world.add("app", commits=0, branches=(), tags=())
    world.add("plain")
    bare = world.forge.store.path(world.forge.store.get("acme", "app"))
    import shutil
    import subprocess

    shutil.rmtree(bare)
    stream = (
        b"commit refs/heads/main\ncommitter A <a@b> 1 +0000\ndata 1\nx\nM 644 inline f\ndata 1\ny\n"
    )
    for command, data in (
        (["init", "--quiet", "--bare", "--object-format=sha256", "-b", "main", str(bare)], b""),
        (["-C", str(bare), "fast-import", "--quiet"], stream),
    ):
        subprocess.run(["git", *command], input=data, check=True, capture_output=True)

    snapshot = world.upstream(repo)

    assert [len(oid) for oid in snapshot.refs.values()] == [64]
    world.sync()
    assert world.local(repo).refs == snapshot


def test_ls_remote_over_ssh_is_read_the_same_way() -> None:
    oid = "a" * 40
    output = (
        f"ref: refs/heads/main\tHEAD\n{oid}\tHEAD\n{oid}\trefs/heads/main\n"
        f"{oid}\trefs/remotes/origin/HEAD\n{oid}\trefs/tags/v1\n{oid}\trefs/tags/v1^{{}}\n"
    )
    assert parse_ls_remote(output.encode()) == RefSnapshot(
        {"refs/heads/main": oid, "refs/tags/v1": oid}, "refs/heads/main"
    )


def test_ssh_goes_through_git_and_never_asks(world: World, tmp_path: Path) -> None:
    url = parse_clone_url("ssh://git@127.0.0.1:9/acme/app.git")
    with pytest.raises((NetworkError, ForgeError)):
        world.refs.ls_refs(url)
    assert world.runner.started == 1
    assert parse_origin("ssh://127.0.0.1:9").port == 9
