"""The sandbox's smart HTTP is the real one: real git clones from it, with the token only."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mgit.address import parse_origin
from mgit.transport import Transport
from sandbox.forge import SandboxForge

TOKEN = "canary-77aa01"
LS_REFS = b"0014command=ls-refs\n00010009peel\n000csymrefs\n0000"


@pytest.fixture
def forge(tmp_path):
    with SandboxForge(tmp_path / "forge", token=TOKEN) as forge:
        yield forge


def git(*args: str, cwd: Path, token: str = "") -> subprocess.CompletedProcess[str]:
    """Run git as a person who types the token into a prompt would."""
    askpass = cwd / "askpass"
    askpass.write_text(f"#!/bin/sh\nprintf '%s' '{token}'\n")
    askpass.chmod(0o700)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(cwd),
        "GIT_ASKPASS": str(askpass),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    return subprocess.run(
        ["git", *args], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def ls_refs(forge: SandboxForge, path: str, **headers: str):
    with Transport() as transport:
        return transport.request(
            "POST",
            parse_origin(forge.url),
            f"{path}/git-upload-pack",
            headers={
                "Git-Protocol": "version=2",
                "Content-Type": "application/x-git-upload-pack-request",
                **headers,
            },
            body=LS_REFS,
            idempotent=True,
        )


def basic(token: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"x:{token}".encode()).decode()}


def test_git_clones_a_real_history(forge, tmp_path):
    forge.add_repo("acme", "tool", commits=4, branches=("next",), tags=("v1", "v2"))
    done = git(
        "clone", "--quiet", forge.clone_url("acme", "tool"), "tool", cwd=tmp_path, token=TOKEN
    )
    assert done.returncode == 0, done.stderr
    work = tmp_path / "tool"
    assert git("rev-list", "--count", "HEAD", cwd=work).stdout == "4\n"
    assert git("fsck", "--strict", cwd=work).returncode == 0
    assert git("cat-file", "-t", "v1", cwd=work).stdout == "tag\n"
    assert git("cat-file", "-t", "v2", cwd=work).stdout == "commit\n"
    assert (work / "latest").is_symlink()
    assert os.access(work / "bin/run", os.X_OK)


def test_without_the_token_git_gets_nothing(forge, tmp_path):
    forge.add_repo("acme", "tool")
    done = git("ls-remote", forge.clone_url("acme", "tool"), cwd=tmp_path, token="wrong")
    assert done.returncode != 0
    assert "Authentication failed" in done.stderr
    assert {request.status for request in forge.requests} == {401}


def test_pushing_is_refused(forge, tmp_path):
    forge.add_repo("acme", "tool")
    git("clone", "--quiet", forge.clone_url("acme", "tool"), "tool", cwd=tmp_path, token=TOKEN)
    done = git("push", "origin", "HEAD:refs/heads/evil", cwd=tmp_path / "tool", token=TOKEN)
    assert done.returncode != 0
    assert "refs/heads/evil" not in forge.refs("acme", "tool")


def test_one_post_tells_all_refs(forge):
    repo = forge.add_repo("acme", "tool")
    answer = ls_refs(forge, "/acme/tool.git", **basic(TOKEN))
    assert answer.status == 200
    assert answer.header("content-type") == "application/x-git-upload-pack-result"
    assert b"symref-target:refs/heads/main" in answer.body
    for name, oid in forge.refs("acme", "tool").items():
        assert f"{oid} {name}".encode() in answer.body
    assert repo.full_name == "acme/tool"


def test_a_request_in_chunks_is_read_as_one(forge):
    forge.add_repo("acme", "tool")
    origin = parse_origin(forge.url)
    connection = http.client.HTTPConnection(origin.host, origin.port)
    with contextlib.closing(connection):
        connection.request(
            "POST",
            "/acme/tool.git/git-upload-pack",
            body=iter([LS_REFS[:7], LS_REFS[7:]]),
            headers={
                "Git-Protocol": "version=2",
                "Content-Type": "application/x-git-upload-pack-request",
                **basic(TOKEN),
            },
            encode_chunked=True,
        )
        answer = connection.getresponse().read()
    assert b"refs/heads/main" in answer


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        ("/acme/tool.git", "wrong", 401),
        ("/acme/tool", TOKEN, 200),
        ("/ACME/Tool.git", TOKEN, 200),
        ("/acme/none.git", TOKEN, 404),
        ("/acme/../acme/tool.git", TOKEN, 404),
    ],
)
def test_what_a_repository_answers(forge, path, token, status):
    forge.add_repo("acme", "tool")
    assert ls_refs(forge, path, **basic(token)).status == status


def test_pushes_rewrites_and_deletions_show_in_the_refs(forge):
    forge.add_repo("acme", "tool")
    before = forge.refs("acme", "tool")
    first = forge.push("acme", "tool", files={"a.txt": "1\n"}, tag="v9")
    after = forge.refs("acme", "tool")
    assert after["refs/heads/main"] == after["refs/tags/v9"] == first != before["refs/heads/main"]
    rewritten = forge.push("acme", "tool", rewrite=True)
    repo = forge.store.get("acme", "tool")
    assert forge.store.git(repo, "rev-list", "--count", rewritten) == "1\n"
    forge.delete_ref("acme", "tool", "refs/heads/develop")
    assert "refs/heads/develop" not in forge.refs("acme", "tool")


def test_an_empty_repository_is_filled_by_a_push(forge):
    forge.add_repo("acme", "hollow", commits=0)
    assert forge.refs("acme", "hollow") == {}
    oid = forge.push("acme", "hollow")
    assert forge.refs("acme", "hollow") == {"refs/heads/main": oid}


def test_a_held_request_waits_until_it_is_released(forge):
    forge.add_repo("acme", "tool")
    statuses: list[int] = []
    with forge.hold("/acme/tool.git/*") as held:
        ask = lambda: statuses.append(ls_refs(forge, "/acme/tool.git", **basic(TOKEN)).status)  # noqa: E731
        thread = threading.Thread(target=ask)
        thread.start()
        assert held.arrived.wait(10)
        assert statuses == []
    thread.join(10)
    assert statuses == [200]


def test_histories_are_the_same_in_every_run(tmp_path):
    refs = []
    for name in ("one", "two"):
        with SandboxForge(tmp_path / name) as forge:
            forge.add_repo("acme", "tool")
            refs.append(forge.refs("acme", "tool"))
    assert refs[0] == refs[1]


def test_a_forge_goes_on_where_an_earlier_one_ended(tmp_path):
    with SandboxForge(tmp_path) as forge:
        made = forge.add_repo("acme", "tool")
        forge.rename("acme", "tool", "gear")
    with SandboxForge(tmp_path) as forge:
        assert forge.store.get("acme", "gear").id == made.id
        assert forge.add_repo("acme", "other").id > made.id


def test_the_command_serves_until_it_is_told_to_stop(tmp_path):
    token_file = tmp_path / "token"
    token_file.write_text(TOKEN)
    command = [sys.executable, "-m", "sandbox.forge", "--root", str(tmp_path), "--repos", "3"]
    process = subprocess.Popen(
        [*command, "--token-file", str(token_file)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        with Transport() as transport:
            answer = transport.request(
                "GET",
                parse_origin(ready["url"]),
                "/api/v3/orgs/acme/repos",
                headers={"Authorization": f"Bearer {TOKEN}"},
            )
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert len(json.loads(answer.body)) == ready["repos"] == 3
    assert TOKEN not in json.dumps(ready)
