"""Whatever comes back in place of an answer: an error is told, and no ref is lost.

One table of faults, three who ask: REST, ls-refs and git itself.
"""

from __future__ import annotations

import math
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mgit.address import parse_clone_url, parse_origin
from mgit.credentials import Askpass, Credential, CredentialBook, Redactor, Secret
from mgit.errors import MgitError, NetworkError
from mgit.forges import ForgeContext, Pacing, api_base, open_forge
from mgit.git.environment import Channel, git_environment
from mgit.git.fetching import fetch_refs
from mgit.git.refs import RefsClient
from mgit.git.runner import GitRunner
from mgit.git.target import Target
from mgit.model import CopyKind, RefSnapshot, RemoteRepo, RepoKey, RepoPath
from mgit.transport import Transport
from sandbox.forge import SandboxForge
from sandbox.forge.web import Answer
from tests.story.laptop import CANARY, Laptop

Spoil = Callable[[Answer], Answer]
PATH = {"PATH": os.environ["PATH"]}


def html(_: Answer) -> Answer:
    return Answer(200, b"<html>Sign in, please</html>", (("Content-Type", "text/html"),))


def empty(answer: Answer) -> Answer:
    return replace(answer, body=b"")


def empty_html(_: Answer) -> Answer:
    return Answer(200, b"", (("Content-Type", "text/html"),))


def cut(answer: Answer) -> Answer:
    return replace(answer, cut=len(answer.body) // 2)


def cut_at_once(answer: Answer) -> Answer:
    return replace(answer, cut=0)


def half(answer: Answer) -> Answer:
    """The announced length is right: only the content tells."""
    return replace(answer, body=answer.body[: len(answer.body) // 2])


def reset(answer: Answer) -> Answer:
    return replace(answer, hang_up=True)


def stall(answer: Answer) -> Answer:
    return replace(answer, pace=math.inf)


def drip(answer: Answer) -> Answer:
    return replace(answer, pace=0.2)


def broken(_: Answer) -> Answer:
    return Answer(500, b"oops", (("Content-Type", "text/plain"),))


FAULTS: tuple[Spoil, ...] = (
    html, empty, empty_html, cut, cut_at_once, half, reset, stall, drip, broken,
)  # fmt: skip


@dataclass(frozen=True)
class Desk:
    """Three ways to ask one forge, and a mirror of `acme/app` with a snapshot of its refs."""

    forge: SandboxForge
    runner: GitRunner
    transport: Transport
    book: CredentialBook
    mirror: Path
    upstream: RefSnapshot

    def ask_rest(self) -> None:
        api = api_base("github", self.forge.url)
        (credential,) = self.book
        context = ForgeContext(
            "work", self.transport, api, ("acme",), credential, pacing=Pacing(attempts=1)
        )
        listing = open_forge("github", context).list_repos()
        if listing.failure is not None:
            raise MgitError(listing.failure.message)

    def ask_refs(self) -> None:
        url = parse_clone_url(self.forge.clone_url("acme", "app"))
        RefsClient(self.transport, self.book).ls_refs(url)

    def ask_git(self) -> None:
        url = parse_clone_url(self.forge.clone_url("acme", "app"))
        repo = RemoteRepo(RepoKey("box", "1"), "work", RepoPath("acme", "app"), url)
        fetch_refs(self.runner, Target(self.mirror, CopyKind.MIRROR, repo), self.upstream)

    def refs(self) -> str:
        command = ["git", f"--git-dir={self.mirror}", "for-each-ref"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("faults")
    with SandboxForge(folder / "forge", token=CANARY) as forge:
        forge.add_repo("acme", "app")
        origin = parse_origin(forge.url)
        book = CredentialBook([Credential(origin, "x-access-token", Secret(CANARY), "test")])
        transport = Transport(timeout=1.0, deadline=2.0)
        with transport, Askpass(book, [folder / "run"]) as askpass:
            runner = GitRunner(
                environment=PATH, book=book, askpass=askpass, network_deadline=2.0, grace=1.0
            )
            mirror = folder / "mirror.git"
            runner.run(
                ["clone", "--mirror", "--quiet", forge.clone_url("acme", "app"), str(mirror)],
                origin=origin,
                deadline=60.0,
            )
            forge.push("acme", "app", branch="news")  # so that there is something to fetch
            upstream = RefsClient(transport, book).ls_refs(
                parse_clone_url(forge.clone_url("acme", "app"))
            )
            yield Desk(forge, runner, transport, book, mirror, upstream)


WAYS: dict[str, tuple[Callable[[Desk], None], str]] = {
    "rest": (Desk.ask_rest, "/api/*"),
    "refs": (Desk.ask_refs, "*.git/*"),
    "git-advertisement": (Desk.ask_git, "*/info/refs*"),
    "git-answer": (Desk.ask_git, "*/git-upload-pack"),
}


@pytest.mark.fault("a cut pack or advertisement, HTML or nothing with 200")
@pytest.mark.parametrize("spoil", FAULTS)
@pytest.mark.parametrize("way", WAYS)
def test_an_error_is_told_and_no_ref_is_lost(desk: Desk, way: str, spoil: Spoil) -> None:
    ask, pattern = WAYS[way]
    before = desk.refs()
    desk.forge.spoil_next(pattern, spoil, times=9)
    try:
        with pytest.raises(MgitError) as caught:
            ask(desk)
    finally:
        desk.forge.heal()
    assert caught.value.message.isprintable()
    assert CANARY not in caught.value.message + caught.value.advice
    assert desk.refs() == before
    assert before.count("\n") == 3


@pytest.mark.fault("a redirect to another host")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("way", WAYS)
def test_a_redirect_never_takes_the_token_along(
    tmp_path: Path, desk: Desk, way: str, status: int
) -> None:
    """Neither the token nor the question arrives at the other port."""
    ask, pattern = WAYS[way]
    with SandboxForge(tmp_path / "elsewhere", token=CANARY) as elsewhere:
        elsewhere.add_repo("acme", "app")
        before = desk.refs()

        def away(_: Answer) -> Answer:
            path = "/acme/app.git/info/refs?service=git-upload-pack"
            target = f"{elsewhere.url}{path if way != 'rest' else '/api/v3/orgs/acme/repos'}"
            return Answer(status, b"", (("Location", target),))

        desk.forge.spoil_next(pattern, away, times=9)
        try:
            with pytest.raises(MgitError):
                ask(desk)
        finally:
            desk.forge.heal()
        assert elsewhere.requests == ()
        assert desk.refs() == before


@pytest.mark.fault("a slow drip, silence")
def test_git_ends_by_itself_where_nothing_comes_any_more(tmp_path: Path, desk: Desk) -> None:
    """The low-speed limit that every git gets, with 1 s in place of 120."""
    origin = parse_origin(desk.forge.url)
    environment = git_environment(
        PATH, Channel(origin), Redactor(), personal=False, ceiling=tmp_path
    )
    assert environment["GIT_HTTP_LOW_SPEED_LIMIT"] == "1"
    environment["GIT_HTTP_LOW_SPEED_TIME"] = "1"
    with SandboxForge(tmp_path / "forge", token="") as silent:
        silent.add_repo("acme", "app", commits=1)
        silent.spoil_next("*", stall, times=9)
        ended = subprocess.run(
            ["git", "ls-remote", silent.clone_url("acme", "app")],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ended.returncode == 128
    assert "too slow" in ended.stderr


@pytest.mark.fault("a connection that breaks, resets or goes nowhere")
def test_a_run_over_a_line_that_breaks_leaves_every_clone_as_it_was(
    work: Laptop, forge: SandboxForge
) -> None:
    """The same through the real command line: exit code, words, refs, and the run after it."""
    work.configure(
        work.config_file.read_text().replace("version = 1\n", "[network]\ntimeout = '1s'\n", 1)
    )
    forge.add_repos("acme", 2)
    assert work.mgit("sync").code == 0
    before = work.git("acme/repo-001", "for-each-ref")
    forge.push("acme", "repo-001")

    for pattern, spoil in (
        ("/acme/*/git-upload-pack", empty),
        ("/acme/*/git-upload-pack", half),
        ("/acme/*", html),
        ("/acme/*", empty),
        ("/api/*", html),
    ):
        forge.spoil_next(pattern, spoil, times=50)
        ran = work.mgit("sync")
        forge.heal()
        assert ran.code in (1, 4), (spoil, ran.out, ran.err)
        assert CANARY not in ran.out + ran.err
        assert work.git("acme/repo-001", "for-each-ref") == before

    assert work.mgit("sync").code == 0
    assert work.git("acme/repo-001", "for-each-ref") != before


@pytest.mark.fault("a connection that breaks, resets or goes nowhere")
def test_a_host_that_cannot_be_reached_is_named(tmp_path: Path) -> None:
    with Transport(timeout=2.0) as transport, pytest.raises(NetworkError) as caught:
        transport.request("GET", parse_origin("https://nowhere.invalid"), "/")
    assert "nowhere.invalid is not known to the name service" in caught.value.message
