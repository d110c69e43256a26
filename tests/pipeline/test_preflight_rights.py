"""Branches, rights and versions of tools: what else is looked at before anything is built."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from pipeline import commands
from pipeline.branches import is_of_line, may_come_from, on_branch
from pipeline.git import Git
from pipeline.invocation import Options
from pipeline.machine import pinned
from pipeline.project import Endpoints, Project
from pipeline.step import Blocked, Done, Exit, Facts, PipelineError
from pipeline.steps import plan, preflight
from sandbox.serving import LOOPBACK, Handler, Server, bound, running
from tests.pipeline.conftest import Tiny
from tests.pipeline.test_preflight import program, project, tools

__all__ = ["project", "tools"]  # fixtures


def blocked(project: Project) -> Blocked:
    planned = plan.check(project, Facts())
    assert isinstance(planned, Done)
    verdict = preflight.check(project, planned.facts)
    assert isinstance(verdict, Blocked)
    return verdict


@pytest.mark.parametrize(
    ("name", "answer", "said", "helps"),
    [
        ("skopeo", "echo skopeo version 1.4.1", "skopeo is 1.4.1, wanted: from 1.9", "skopeo 1.9"),
        ("docker", "echo 20.10.24", "container engine is 20.10.24, wanted: from 24.0", "Engine 24"),
        ("docker", "echo 31.0.0", "container engine is 31.0.0, wanted: from 24.0", "Engine 24"),
        ("skopeo", "echo soon", "skopeo is of an unknown version, wanted: from 1.9", "install"),
        ("cosign", "echo GitVersion: v3.0.1", "cosign is 3.0.1, wanted: from 2.4", "cosign 2.4"),
    ],
)  # fmt: skip
def test_a_tool_of_another_version_stops_it(
    project: Project, tools: Path, name: str, answer: str, said: str, helps: str
) -> None:
    program(tools, name, answer)
    verdict = blocked(project)
    assert verdict.exit_code is Exit.ENVIRONMENT
    assert said in verdict.reason
    assert helps in verdict.advice


def test_a_build_that_does_not_tell_its_version_is_not_judged(
    project: Project, tools: Path
) -> None:
    program(tools, "cosign", "echo GitVersion: devel; echo GoVersion: go1.24.4")
    (cosign,) = [tool for tool in pinned.tools(project) if tool.name == "cosign"]
    assert (cosign.version, cosign.command) == ("", "")


def test_packages_are_those_of_the_lock(project: Project) -> None:
    folder = project.root / "requirements"
    folder.mkdir()
    (folder / "security.in").write_text("packaging\n")
    (folder / "pipeline.in").write_text("-r security.in\nnox[uv]\nmsgspec\nghost==1 ; x\n")
    lock = folder / "pipeline.txt"
    lock.write_text(
        "msgspec==0.0.1 \\\n    --hash=sha256:00\n"
        "ghost==1.0 \\\n    --hash=sha256:00\n"
        "nox==1.0 ; sys_platform == 'os2' \\\n    --hash=sha256:00\n"
        "rich==0.1 \\\n    --hash=sha256:00\n"
    )
    found = {tool.name: tool for tool in pinned.tools(project) if tool.digest}
    assert set(found) == {"msgspec", "ghost"}, "rich only comes along, nox is for another system"
    assert found["msgspec"].wanted == "0.0.1"
    assert found["ghost"].version == ""
    for tool in found.values():
        assert "--require-hashes -r requirements/pipeline.txt" in tool.command


def test_this_environment_is_the_locked_one(project: Project) -> None:
    here = replace(project, root=Path(__file__).parents[2])
    table = pinned.tools(here)
    assert {tool.name for tool in table} >= {"git", "twine", "hatchling", "semver"}
    wrong = [tool for tool in table if tool.digest and tool.version and tool.command]
    assert wrong == []


def test_releases_are_made_from_main_or_a_hotfix_branch(
    tiny: Tiny, endpoints: Endpoints, project: Project
) -> None:
    git = Git(project.shell, tiny.here)
    assert on_branch(git, endpoints).branch == "main"
    tiny.git("switch", "--quiet", "-c", "release/0.1")
    assert on_branch(git, endpoints).branch == "release/0.1"
    for name in ("feature", "release/0.1.0", "release/01.2"):
        tiny.git("switch", "--quiet", "-C", name)
        with pytest.raises(PipelineError, match=f"this clone is on {name}, and releases") as stop:
            on_branch(git, endpoints)
        assert stop.value.exit_code is Exit.ENVIRONMENT
        assert stop.value.advice == "git switch main"
        assert on_branch(git, endpoints, strict=False).branch == "main"
    tiny.git("checkout", "--quiet", "--detach")
    with pytest.raises(PipelineError, match="this clone is on no branch"):
        on_branch(git, endpoints)


@pytest.mark.parametrize(
    ("version", "branch", "ok"),
    [
        ("1.2.4", "release/1.2", True),
        ("1.3.0", "release/1.2", False),
        ("1.2.4", "main", True),
        ("12.0.1", "release/1.2", False),
        ("1.2.4-rc.1", "release/1.2", True),
    ],
)
def test_a_hotfix_branch_has_one_line(version: str, branch: str, ok: bool) -> None:
    assert is_of_line(version, branch) is ok
    assert may_come_from("1.2.4", "main") == ("main", "release/1.2")


def released(tiny: Tiny) -> None:
    """0.1.0 is out; main has gone on."""
    tiny.git("tag", "-a", "-m", "x", "v0.1.0")
    tiny.git("push", "--quiet", "origin", "v0.1.0", "HEAD:refs/heads/release/0.1")
    tiny.git("rm", "--quiet", "changelog.d/first.added.md")
    tiny.commit("Release")
    tiny.git("switch", "--quiet", "-c", "release/0.1", "v0.1.0")
    tiny.git("rm", "--quiet", "changelog.d/first.added.md")


@pytest.mark.parametrize(("kind", "version"), [("fixed", "0.1.1"), ("added", "0.2.0")])
def test_a_hotfix_is_planned_from_its_branch(
    tiny: Tiny,
    endpoints: Endpoints,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    kind: str,
    version: str,
) -> None:
    released(tiny)
    tiny.write(f"changelog.d/hole.{kind}.md", "A hole is closed.\n")
    tiny.git("add", "--all")
    tiny.git("commit", "--quiet", "-m", "Close a hole")
    tiny.git("push", "--quiet", "origin", "HEAD:release/0.1")
    file = tmp_path / "endpoints.toml"
    file.write_bytes(msgspec.toml.encode(endpoints))
    commands.show_plan(tiny.here, Options(str(file), rehearse=True))
    said = capfd.readouterr().out
    assert said.startswith(f"version  {version} (after 0.1.0)")
    assert f"push release/0.1 and v{version} to {tiny.remote} in one go" in said
    assert (f"{version} cannot be released from release/0.1" in said) is (kind == "added")
    assert "the remote's" not in said, "the remote's branch is where this one is"


def test_ci_publishes_what_is_on_a_branch_of_releases_only(tiny: Tiny, project: Project) -> None:
    ci = replace(project, ci=True, tag="v0.1.0")
    ours = Facts(version="0.1.0", commit=tiny.git("rev-parse", "HEAD"))
    assert isinstance(preflight.check(ci, ours), Done)
    tiny.commit("Later")
    assert isinstance(preflight.check(ci, ours), Done), "main may go on meanwhile"

    tiny.git("switch", "--quiet", "-c", "feature")
    other = tiny.commit("Never reviewed", push=False)
    tiny.git("push", "--quiet", "origin", "HEAD:refs/heads/feature")
    Git(ci.shell, ci.root).run("fetch", "--quiet", str(tiny.remote), "feature")
    verdict = preflight.check(ci, replace(ours, commit=other))
    assert isinstance(verdict, Blocked)
    assert verdict.exit_code is Exit.CONFLICT
    assert "is on none of the remote's branches main, release/0.1" in verdict.reason

    tiny.git("push", "--quiet", "origin", "HEAD:refs/heads/release/0.1")
    assert isinstance(preflight.check(ci, replace(ours, commit=other)), Done)


class Refusing(Handler):
    """An index, a registry and a forge that give this credential no right."""

    log: list[str]
    status: int

    def reply(self) -> None:
        self.body()
        self.log.append(f"{self.command} {self.path}")
        self.send(self.status, b"", "text/plain")


@pytest.mark.parametrize("status", [401, 403])
def test_a_credential_without_rights_is_found_before_the_build(
    project: Project, tmp_path: Path, status: int
) -> None:
    token = tmp_path / "token"
    token.write_text("canary")
    log: list[str] = []
    handler = bound(Refusing, Refusing.reply, log=log, status=status)
    with running(Server((LOOPBACK, 0), handler)) as server:
        host = server.url.removeprefix("http://")
        places = msgspec.structs.replace(
            project.endpoints,
            index_upload=f"{server.url}/upload",
            index_token_file=str(token),
            registry=f"{host}/acme/mgit",
            registry_insecure=True,
            forge_api=f"{server.url}/api",
            forge_token_file=str(token),
        )
        ci = replace(project, endpoints=places, ci=True, now=lambda: datetime.now(UTC))
        verdict = preflight.check(ci, Facts())
    assert isinstance(verdict, Blocked)
    assert verdict.exit_code is Exit.ENVIRONMENT
    for part in ("refuses this upload token", "no right to push to", "no right to make releases"):
        assert part in verdict.reason
    assert "canary" not in verdict.reason + verdict.advice
    assert [line for line in log if not line.startswith("HEAD")] == [
        "POST /upload",
        "POST /v2/acme/mgit/blobs/uploads/",
        "POST /api/repos/acme/mgit/releases",
    ]


def test_without_any_place_to_ask_nothing_is_asked(project: Project) -> None:
    assert isinstance(preflight.check(replace(project, ci=True), Facts()), Done)
