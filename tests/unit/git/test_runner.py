"""Processes are started in one place, with little to see and an end in sight."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mgit.address import Origin, parse_clone_url
from mgit.credentials import Askpass, Credential, CredentialBook, Redactor, Secret
from mgit.errors import (
    AuthenticationError,
    Busy,
    ConfigurationError,
    GitError,
    NetworkError,
    NotFound,
)
from mgit.git.lock import RootLock
from mgit.git.runner import GitRunner, Interrupted
from sandbox.forge import SandboxForge
from tests.unit.git.world import CANARY, World

PATH = {"PATH": os.environ["PATH"]}


def fake_git(folder: Path, script: str) -> str:
    """A program in place of git."""
    folder.mkdir(exist_ok=True)
    program = folder / "git"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return str(program)


def wait_for(condition: Callable[[], bool]) -> None:
    """Poll until something in another process is so; a test that hangs is a test that fails."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.01)


def test_what_git_prints_comes_back(tmp_path: Path) -> None:
    runner = GitRunner(environment=PATH)

    result = runner.run(["version"], cwd=tmp_path)

    assert result.stdout.startswith(b"git version ")
    assert runner.started == 1


def test_a_child_sees_neither_secrets_nor_git_variables(tmp_path: Path) -> None:
    environment = PATH | {
        "HOME": str(tmp_path),
        "GIT_TRACE_CURL": "1",
        "GIT_DIR": "/elsewhere",
        "MGIT_TOKEN_WORK": CANARY,
        "https_proxy": f"http://me:{CANARY}@proxy.invalid",
        "LANG": "de_DE.UTF-8",
    }
    origin = Origin("https", "git.example.org", 443)
    book = CredentialBook([Credential(origin, "x", Secret(CANARY), "test")])
    with Askpass(book, [tmp_path / "run"]) as askpass:
        runner = GitRunner(
            fake_git(tmp_path / "bin", "env"), environment=environment, book=book, askpass=askpass
        )
        seen = runner.run(["any"], cwd=tmp_path, origin=origin).stdout.decode()

    assert CANARY not in seen
    assert "GIT_TRACE_CURL" not in seen
    assert "GIT_DIR" not in seen
    assert "GIT_ALLOW_PROTOCOL=https\n" in seen
    assert "GIT_TERMINAL_PROMPT=0" in seen
    assert "GIT_CONFIG_GLOBAL=/dev/null" in seen
    assert "LC_ALL=C" in seen


def test_a_local_git_may_talk_to_nobody(world: World) -> None:
    repo = world.add("app")
    runner = GitRunner(environment=PATH)
    with pytest.raises(GitError, match="not allowed"):
        runner.run(["ls-remote", "--end-of-options", str(repo.url)])


@pytest.mark.parametrize(
    "url", ["file:///etc", "ext::sh -c id", "git://example.org/x", "--upload-pack=touch x"]
)
def test_other_transports_and_options_are_refused(url: str, tmp_path: Path) -> None:
    runner = GitRunner(environment=PATH)
    origin = Origin("https", "example.org", 443)
    with pytest.raises((GitError, NetworkError)):
        runner.run(["ls-remote", "--end-of-options", url], cwd=tmp_path, origin=origin)
    assert list(tmp_path.iterdir()) == []


def test_a_deadline_ends_the_whole_group(tmp_path: Path) -> None:
    script = f"sleep 600 & echo $! > {tmp_path}/grandchild; sleep 600"
    runner = GitRunner(fake_git(tmp_path / "bin", script), environment=PATH, grace=0.2)

    with pytest.raises(NetworkError, match=r"did not end within 0\.5 s"):
        runner.run(["fetch"], cwd=tmp_path, deadline=0.5)

    grandchild = int((tmp_path / "grandchild").read_text())
    wait_for(lambda: not is_running(grandchild))


def test_one_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    script = "trap '' TERM; while :; do sleep 1; done"
    runner = GitRunner(fake_git(tmp_path / "bin", script), environment=PATH, grace=0.2)
    with pytest.raises(NetworkError):
        runner.run(["fetch"], cwd=tmp_path, deadline=0.3)


def test_cancel_ends_what_runs_and_refuses_what_comes(tmp_path: Path) -> None:
    script = f"touch {tmp_path}/up; sleep 600"
    runner = GitRunner(fake_git(tmp_path / "bin", script), environment=PATH, grace=0.5)
    caught: list[BaseException] = []

    def work() -> None:
        try:
            runner.run(["fetch"], cwd=tmp_path)
        except GitError as error:
            caught.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    wait_for((tmp_path / "up").exists)
    runner.cancel()
    thread.join(timeout=20)

    assert [type(error) for error in caught] == [Interrupted]
    with pytest.raises(Interrupted):
        runner.run(["version"], cwd=tmp_path)


def test_endless_output_is_cut_off(tmp_path: Path) -> None:
    runner = GitRunner(fake_git(tmp_path / "bin", "exec yes"), environment=PATH, grace=0.2)
    with pytest.raises(GitError, match="more than mgit accepts"):
        runner.run(["log"], cwd=tmp_path, max_stdout=100_000)


def test_endless_messages_cost_no_memory_and_end_at_the_deadline(tmp_path: Path) -> None:
    runner = GitRunner(fake_git(tmp_path / "bin", "exec yes >&2"), environment=PATH, grace=0.2)
    with pytest.raises(NetworkError):
        runner.run(["fetch"], cwd=tmp_path, deadline=0.5)


def test_much_input_and_much_output_at_once(tmp_path: Path) -> None:
    runner = GitRunner(fake_git(tmp_path / "bin", "exec cat"), environment=PATH)
    data = b"0123456789abcdef" * 100_000
    assert runner.run(["any"], cwd=tmp_path, stdin=data).stdout == data


def test_hostile_words_of_a_server_are_shown_harmless(tmp_path: Path) -> None:
    words = r"remote: \033]0;owned\007 \033[31mred \302\233 \342\200\256gnp.exe"
    script = f"printf '{words}\\nfatal: token {CANARY} refused\\n' >&2; exit 128"
    redactor = Redactor([Secret(CANARY)])
    runner = GitRunner(fake_git(tmp_path / "bin", script), environment=PATH, redactor=redactor)

    with pytest.raises(GitError) as caught:
        runner.run(["fetch"], cwd=tmp_path)

    message = caught.value.message
    assert message.isprintable()
    assert CANARY not in message
    assert "token *** refused" in message
    assert r"\e]0;owned\x07" in message


def test_no_git_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    runner = GitRunner("git-that-is-not-there", environment=PATH)
    with pytest.raises(ConfigurationError, match="cannot be started") as caught:
        runner.run(["version"], cwd=tmp_path)
    assert "install git" in caught.value.advice


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="is gone"):
        GitRunner(environment=PATH).run(["status"], cwd=tmp_path / "gone")


def test_git_does_not_fall_back_to_a_repository_further_up(tmp_path: Path) -> None:
    runner = GitRunner(environment=PATH)
    runner.run(["init", "--quiet", str(tmp_path)], cwd=tmp_path)
    (tmp_path / "broken/.git").mkdir(parents=True)
    with pytest.raises(GitError, match="not a git repository"):
        runner.run(["status"], cwd=tmp_path / "broken")


def test_a_wrong_token_is_an_authentication_error(forge: SandboxForge, world: World) -> None:
    repo = world.add("app")
    forge.token = "another"
    with pytest.raises(AuthenticationError, match="Authentication failed") as caught:
        world.runner.run(["ls-remote", str(repo.url)], origin=repo.url.origin)
    assert CANARY not in caught.value.message


def test_no_credential_is_an_authentication_error_and_nothing_is_asked(world: World) -> None:
    repo = world.add("app")
    with pytest.raises(AuthenticationError):
        GitRunner(environment=PATH).run(["ls-remote", str(repo.url)], origin=repo.url.origin)


def test_a_repository_that_is_not_there(world: World) -> None:
    url = parse_clone_url(f"{world.forge.url}/acme/nothing.git")
    with pytest.raises(NotFound):
        world.runner.run(["ls-remote", str(url)], origin=url.origin)


def test_a_host_that_does_not_answer(world: World) -> None:
    url = parse_clone_url("http://127.0.0.1:9/acme/app.git")
    with pytest.raises(NetworkError):
        world.runner.run(["ls-remote", str(url)], origin=url.origin)


def test_a_redirect_gets_no_token(world: World, tmp_path: Path) -> None:
    repo = world.add("app")
    with SandboxForge(tmp_path / "other", token=CANARY) as evil:
        evil.add_repo("acme", "app")
        target = f"{evil.url}/acme/app.git/info/refs?service=git-upload-pack"
        world.forge.fail_next("*/info/refs*", 302, {"Location": target}, times=3)
        with pytest.raises(NetworkError):
            world.runner.run(["ls-remote", str(repo.url)], origin=repo.url.origin)
        assert evil.requests == ()


def test_token_commands_see_the_persons_variables_but_not_ours(tmp_path: Path) -> None:
    environment = PATH | {"VAULT_ADDR": "here", "MGIT_TOKEN_A": "x", "GIT_DIR": "y"}
    runner = GitRunner(environment=environment)
    seen = runner.run_command(["env"]).stdout.decode()
    assert "VAULT_ADDR=here" in seen
    assert "MGIT_TOKEN_A" not in seen
    assert "GIT_DIR" not in seen
    with pytest.raises(ConfigurationError) as caught:
        runner.run_command(["no-such-program"])
    assert caught.value.advice == "correct the command in the configuration"


def test_a_second_mgit_is_told_who_is_there(tmp_path: Path) -> None:
    with (
        RootLock(tmp_path / "root"),
        pytest.raises(Busy, match=rf"pid {os.getpid()}"),
        RootLock(tmp_path / "root"),
    ):
        pytest.fail("two locks on one root")
    with RootLock(tmp_path / "root"):
        pass


def test_the_lock_outlives_a_killed_mgit_while_its_git_still_writes(tmp_path: Path) -> None:
    root, go_on = tmp_path / "root", tmp_path / "go-on"
    os.mkfifo(go_on)
    git = fake_git(tmp_path / "bin", f"echo $$ > {tmp_path}/git.pid; read line < {go_on}")
    script = (
        "import sys; from pathlib import Path\n"
        "from mgit.git.lock import RootLock; from mgit.git.runner import GitRunner\n"
        f"runner = GitRunner({git!r}, environment={PATH!r})\n"
        f"with RootLock(Path({str(root)!r}), runner):\n"
        f"    runner.run(['fetch'], cwd=Path({str(tmp_path)!r}))\n"
    )
    mgit = subprocess.Popen([sys.executable, "-c", script])
    wait_for(lambda: (tmp_path / "git.pid").exists() and (tmp_path / "git.pid").read_text() != "")
    mgit.send_signal(signal.SIGKILL)
    mgit.wait()

    with pytest.raises(Busy), RootLock(root):
        pytest.fail("the orphan was overlooked")

    go_on.write_text("go on\n")
    wait_for(lambda: can_lock(root))


@pytest.mark.fault("killed anywhere")
def test_what_a_killed_run_left_in_the_making_is_removed(tmp_path: Path) -> None:
    leftover = tmp_path / "root/.mgit/incoming/0123"
    leftover.mkdir(parents=True)
    with RootLock(tmp_path / "root"):
        assert not leftover.exists()


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def can_lock(root: Path) -> bool:
    try:
        with RootLock(root):
            return True
    except Busy:
        return False


def test_without_a_shell_python_answers(forge: SandboxForge, tmp_path: Path) -> None:
    """As in mgit's container, where there is neither /bin/sh nor anything else."""
    forge.add_repo("acme", "app")
    url = parse_clone_url(forge.clone_url("acme", "app"))
    book = CredentialBook([Credential(url.origin, "x-access-token", Secret(CANARY), "test")])
    with Askpass(book, [tmp_path / "run"], shell=tmp_path / "no-shell") as askpass:
        runner = GitRunner(environment=PATH, book=book, askpass=askpass)
        result = runner.run(["ls-remote", str(url), "HEAD"], origin=url.origin)
    assert result.stdout.endswith(b"\tHEAD\n")
