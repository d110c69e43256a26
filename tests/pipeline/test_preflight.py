"""Everything that is in the way is said before anything is built, with what to do about it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from pipeline.project import Endpoints, Project
from pipeline.publishing.taken import places_with
from pipeline.shell import Shell
from pipeline.step import Artifact, Blocked, Done, Exit, Facts
from pipeline.steps import plan, preflight, prepare, tag
from pipeline.workspace import checked_repository, open_workspace
from sandbox.serving import LOOPBACK, Handler, Server, bound, running
from tests.pipeline.conftest import NOW, Tiny

Make = Callable[..., Project]
GIT = shutil.which("git") or "git"
TOOLS = {
    "docker": 'case "$1" in compose) v=2.26.1;; buildx) v=v0.13.1;; *) v=26.1.5;; esac; echo $v',
    "skopeo": "echo skopeo version 1.9.3",
    "kubectl": "echo Client Version: v1.32.4",
    "docker-registry": "exit 0",
    "mmdebstrap": "exit 0",
}


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder of programs that answer every question with yes and their version."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, answer in TOOLS.items():
        program(folder, name, answer)
    return folder


def program(folder: Path, name: str, answer: str) -> None:
    """A program that answers whatever it is asked."""
    (folder / name).write_text(f"#!/bin/sh\n{answer}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


@pytest.fixture
def project(
    tiny: Tiny, endpoints: Endpoints, project_at: Make, tools: Path, tmp_path: Path
) -> Project:
    shell = Shell(env={**tiny.env, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"})
    git = checked_repository(Shell(env=tiny.env), tiny.here)
    root = open_workspace(git, tmp_path / "out", endpoints, resume=False).root
    return project_at(root, shell=shell)


def planned(project: Project) -> Facts:
    verdict = plan.check(project, Facts())
    assert isinstance(verdict, Done)
    return verdict.facts


def blocked(project: Project) -> Blocked:
    verdict = preflight.check(project, planned(project))
    assert isinstance(verdict, Blocked)
    return verdict


def with_endpoints(project: Project, **changes: object) -> Project:
    return replace(project, endpoints=msgspec.structs.replace(project.endpoints, **changes))


def test_nothing_in_the_way(project: Project) -> None:
    facts = planned(project)
    assert preflight.check(project, facts) == Done(facts)


def test_a_missing_tool_is_named_with_how_to_get_it(project: Project, tools: Path) -> None:
    only_git = tools.parent / "only-git"
    only_git.mkdir()
    (only_git / "git").symlink_to(GIT)
    bare = replace(project, shell=Shell(env={**project.shell.env, "PATH": str(only_git)}))
    verdict = blocked(bare)
    assert verdict.exit_code is Exit.ENVIRONMENT
    assert "skopeo is missing (" in verdict.reason
    assert "docker buildx is missing (" in verdict.reason
    assert "install" in verdict.advice


def test_a_remote_that_has_moved_on(tiny: Tiny, project: Project) -> None:
    tiny.commit("Later")
    verdict = blocked(project)
    assert verdict.exit_code is Exit.ENVIRONMENT
    assert "the release starts from" in verdict.reason
    assert "git pull" in verdict.advice


def test_a_version_that_somebody_else_tagged(tiny: Tiny, project: Project) -> None:
    tiny.git("tag", "-a", "-m", "theirs", "v0.1.0")
    tiny.git("push", "--quiet", "origin", "v0.1.0")
    verdict = blocked(project)
    assert verdict.exit_code is Exit.CONFLICT
    assert "version 0.1.0 is taken" in verdict.reason


def test_our_own_tag_and_commit_are_not_in_the_way(project: Project) -> None:
    facts = prepare.run(project, planned(project))
    wheel = Artifact("mgit.whl", "sha256:" + "1" * 64, 1)
    tag.run(project, replace(facts, artifacts=(wheel,), image_digest="sha256:" + "2" * 64))
    assert isinstance(preflight.check(project, planned(project)), Done)


def test_a_remote_that_cannot_be_reached(project: Project, tmp_path: Path) -> None:
    verdict = blocked(with_endpoints(project, git_remote=str(tmp_path / "nowhere.git")))
    assert verdict.exit_code is Exit.ENVIRONMENT
    assert "git ls-remote failed" in verdict.reason


def test_no_right_to_push(tiny: Tiny, project: Project, tmp_path: Path) -> None:
    readonly = Shell(
        env={
            **project.shell.env,
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{tmp_path / 'gone.git'}.pushInsteadOf",
            "GIT_CONFIG_VALUE_0": str(tiny.remote),
        }
    )
    verdict = blocked(replace(project, shell=readonly))
    assert verdict.exit_code is Exit.ENVIRONMENT
    assert "no right to push" in verdict.reason


def test_a_signing_key_that_is_not_there(project: Project) -> None:
    verdict = blocked(with_endpoints(project, signing_key_file="/nowhere/key"))
    assert "there is no signing key /nowhere/key" in verdict.reason
    assert "ssh-keygen" in verdict.advice


def test_an_empty_token_file_stops_ci(project: Project, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.touch()
    ci = replace(with_endpoints(project, index_token_file=str(token)), ci=True)
    verdict = preflight.check(ci, Facts())
    assert isinstance(verdict, Blocked)
    assert verdict.reason == f"the token file {token} holds no token"


def test_a_clock_that_runs_behind_the_commit(project: Project) -> None:
    verdict = blocked(replace(project, now=lambda: NOW - timedelta(days=365)))
    assert "this clock is behind" in verdict.reason


def test_all_that_is_in_the_way_is_said_at_once(tiny: Tiny, project: Project) -> None:
    tiny.commit("Later")
    (project.root / "stray").touch()
    verdict = blocked(with_endpoints(project, signing_key_file="/nowhere/key"))
    for part in ("not clean", "no signing key", "starts from"):
        assert part in verdict.reason
    assert "\n" not in verdict.reason
    assert verdict.exit_code is Exit.CONFLICT


class Outside(Handler):
    """An index, a registry and a forge that have what `known` says, and nothing else."""

    known: dict[str, str]

    def reply(self) -> None:
        found = self.known.get(self.path)
        self.send(404 if found is None else 200, (found or "").encode(), "text/html")


@contextmanager
def outside(known: dict[str, str]) -> Iterator[str]:
    with running(Server((LOOPBACK, 0), bound(Outside, Outside.reply, known=known))) as server:
        yield server.url.removeprefix("http://")


def public(endpoints: Endpoints, host: str) -> Endpoints:
    return msgspec.structs.replace(
        endpoints,
        index_simple=f"http://{host}/simple/",
        registry=f"{host}/acme/mgit",
        registry_insecure=True,
        forge_api=f"http://{host}/api",
    )


WHEEL = '<a href="mgit_fleet-0.1.0-py3-none-any.whl">x</a>'


@pytest.mark.parametrize(
    ("known", "places"),
    [
        ({}, ()),
        ({"/simple/mgit-fleet/": WHEEL}, ("the package index",)),
        ({"/simple/mgit-fleet/": '{"filename":"mgit_fleet-0.1.0.tar.gz"}'}, ("the package index",)),
        ({"/simple/mgit-fleet/": WHEEL.replace("0.1.0", "0.1.0rc1")}, ()),
        ({"/simple/mgit-fleet/": WHEEL.replace("0.1.0", "0.1.01")}, ()),
        ({"/v2/acme/mgit/manifests/0.1.0": "{}"}, ("the image registry",)),
        ({"/api/repos/acme/mgit/releases/tags/v0.1.0": "{}"}, ("the forge's releases",)),
    ],
)
def test_who_has_a_version_already(
    endpoints: Endpoints, known: dict[str, str], places: tuple[str, ...]
) -> None:
    with outside(known) as host:
        assert places_with(public(endpoints, host), "0.1.0") == places


def test_a_version_that_is_on_the_index_is_a_conflict(project: Project) -> None:
    with outside({"/simple/mgit-fleet/": WHEEL}) as host:
        there = replace(project, endpoints=public(project.endpoints, host), now=_now)
        verdict = blocked(there)
    assert verdict.exit_code is Exit.CONFLICT
    assert "the package index has it" in verdict.reason


def test_a_clock_that_differs_from_the_outside(project: Project) -> None:
    with outside({}) as host:
        ahead = replace(
            project,
            endpoints=public(project.endpoints, host),
            now=lambda: _now() + timedelta(hours=2),
        )
        verdict = blocked(ahead)
    assert "this clock is off by 7" in verdict.reason


def _now() -> datetime:
    return datetime.now(UTC)


def test_a_real_release_needs_no_stand_in_for_the_registry(project: Project, tools: Path) -> None:
    (tools / "docker-registry").unlink()
    program(tools, "docker", f'[ "$1" != image ] || exit 1\n{TOOLS["docker"]}')
    (tools / "git").symlink_to(GIT)
    bare = replace(project, shell=Shell(env={**project.shell.env, "PATH": str(tools)}))
    assert "docker-registry is missing" in blocked(bare).reason
    with outside({}) as host:
        real = replace(
            bare,
            endpoints=msgspec.structs.replace(public(bare.endpoints, host), rehearsal=False),
            now=_now,
        )
        assert isinstance(preflight.check(real, planned(real)), Done)
