"""Askpass answers git, for its own origin and nobody else."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mgit.address import Origin, parse_origin
from mgit.credentials import Askpass, Credential, CredentialBook, Secret
from mgit.errors import ConfigurationError

CANARY = "canary $HOME `id` %s \\n 'x\" 世界"
ORIGIN = parse_origin("https://git.example.org:8443")
BOOK = CredentialBook(
    [
        Credential(ORIGIN, "me@example.org", Secret(CANARY), "test"),
        Credential(parse_origin("https://github.com"), "x-access-token", Secret("other"), "test"),
    ]
)


@pytest.fixture(params=["shell", "no shell"])
def askpass(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Askpass]:
    shell = Path("/bin/sh") if request.param == "shell" else tmp_path / "no-such-shell"
    with Askpass(BOOK, [tmp_path / "run"], shell=shell) as askpass:
        yield askpass


def answer(askpass: Askpass, prompt: str, origin: Origin = ORIGIN) -> str | None:
    program = askpass.program_for(origin)
    assert program is not None
    done = subprocess.run([program, prompt], capture_output=True, env={}, check=False)
    return done.stdout.decode() if done.returncode == 0 else None


@pytest.mark.parametrize("user", ["me@example.org", "me%40example.org"])
def test_it_answers_its_own_question(askpass: Askpass, user: str) -> None:
    prompt = f"Password for 'https://{user}@git.example.org:8443': "
    assert answer(askpass, prompt) == f"{CANARY}\n"
    assert answer(askpass, "Username for 'https://git.example.org:8443': ") == "me@example.org\n"
    github = parse_origin("https://github.com")
    prompt = "Password for 'https://x-access-token@github.com': "
    assert answer(askpass, prompt, github) == "other\n"


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "Password: ",
        "Password for 'https://me@example.org@evil.example:8443': ",
        "Password for 'https://me@example.org@git.example.org': ",
        "Password for 'http://me@example.org@git.example.org:8443': ",
        "Password for 'https://you@git.example.org:8443': ",
        "Password for 'https://me@example.org@git.example.org:8443': \n",
        "x Password for 'https://me@example.org@git.example.org:8443': ",
        "Password for 'https://me@example.org@git.example.org:8443/path': ",
        "Username for 'https://evil.example': ",
        "Are you sure you want to continue connecting (yes/no)? ",
    ],
)
def test_it_answers_no_other_question(askpass: Askpass, prompt: str) -> None:
    assert answer(askpass, prompt) is None


def test_there_is_no_program_for_another_origin(askpass: Askpass) -> None:
    assert askpass.program_for(parse_origin("https://evil.example")) is None
    assert askpass.program_for(None) is None


def test_only_this_user_can_read_and_it_all_goes_away(tmp_path: Path) -> None:
    with Askpass(BOOK, [tmp_path / "run"]) as askpass:
        program = askpass.program_for(ORIGIN)
        assert program is not None
        assert CANARY not in program.read_text()
        for path in [program.parent, *program.parent.iterdir()]:
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    assert list((tmp_path / "run").iterdir()) == []
    askpass.close()


def test_it_goes_away_after_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), Askpass(BOOK, [tmp_path / "run"]):
        raise RuntimeError
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.fault("killed anywhere")
def test_what_a_killed_mgit_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    run = tmp_path / "run"
    script = (
        "import os, signal\nfrom pathlib import Path\n"
        "from mgit.address import parse_origin\n"
        "from mgit.credentials import Askpass, Credential, CredentialBook, Secret\n"
        "origin = parse_origin('https://github.com')\n"
        "book = CredentialBook([Credential(origin, 'x', Secret('canary'), 'test')])\n"
        f"Askpass(book, [Path('{run}')])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    with Askpass(BOOK, [run]) as alive:
        subprocess.run([sys.executable, "-c", script], check=False, env=environment)
        (run / "mgit-of-somebody").mkdir()
        left = [path for path in run.glob("*/secret-0") if path.read_text() == "canary\n"]
        assert len(left) == 1

        with Askpass(BOOK, [run]):
            assert not left[0].parent.exists()
        assert answer(alive, "Username for 'https://git.example.org:8443': ") is not None
        assert (run / "mgit-of-somebody").exists()


def test_the_first_folder_that_can_be_used_is_used(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with Askpass(BOOK, [file / "no", tmp_path / "yes"]) as askpass:
        program = askpass.program_for(ORIGIN)
        assert program is not None
        assert program.is_relative_to(tmp_path / "yes")
    with pytest.raises(ConfigurationError, match="no folder"):
        Askpass(BOOK, [file / "no"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_secrets_stay_in_memory_and_programs_leave_a_noexec_folder(tmp_path: Path) -> None:
    """As in a container, whose /tmp is a tmpfs mounted noexec by default."""
    memory = tmp_path / "memory"
    memory.mkdir()
    script = (
        f"mount -t tmpfs -o noexec tmpfs {memory} && exec {sys.executable} - <<'END'\n"
        "import subprocess\nfrom pathlib import Path\n"
        "from mgit.address import parse_origin\n"
        "from mgit.credentials import Askpass, Credential, CredentialBook, Secret\n"
        "origin = parse_origin('https://github.com')\n"
        "book = CredentialBook([Credential(origin, 'x', Secret('canary'), 'test')])\n"
        f"with Askpass(book, [Path('{memory}'), Path('{tmp_path}/disk')]) as askpass:\n"
        "    program = askpass.program_for(origin)\n"
        f"    assert program.is_relative_to('{tmp_path}/disk'), program\n"
        f"    assert list(Path('{memory}').glob('*/secret-0'))\n"
        "    prompt = \"Password for 'https://x@github.com': \"\n"
        "    print(subprocess.check_output([program, prompt], text=True), end='')\n"
        f"assert not list(Path('{tmp_path}/disk').iterdir())\n"
        "END\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    if done.stderr.startswith(("unshare", "mount")):
        pytest.skip("this machine forbids to mount")
    assert (done.stdout, done.stderr) == ("canary\n", "")


def test_ssh_is_started_without_questions(askpass: Askpass, tmp_path: Path) -> None:
    fake = tmp_path / "bin/ssh"
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\nprintf "%s|" "$@"\n')
    fake.chmod(0o755)
    path = {"PATH": f"{fake.parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        [askpass.ssh, "git@host", "a b"], env=path, capture_output=True, check=True
    )
    assert done.stdout.decode() == (
        "-o|BatchMode=yes|-o|ControlMaster=no|-o|ConnectTimeout=30|git@host|a b|"
    )


@pytest.mark.parametrize(
    ("proxy", "shown"),
    [
        ("http://proxy.example:3128", "proxy.example:3128"),
        ("http://proxy.example", "proxy.example:80"),
        ("http://[::1]:3128", "[::1]:3128"),
    ],
)
def test_it_also_answers_for_the_proxy_on_the_way(tmp_path: Path, proxy: str, shown: str) -> None:
    """git names the proxy with its port, its user in the form in which the variable had it."""
    origin = Origin("http", *_host_and_port(proxy))
    account = Credential(origin, "p@x", Secret("proxy-secret"), "test")
    with Askpass(BOOK, [tmp_path / "run"], proxy=account) as askpass:
        for user in ("p@x", "p%40x"):
            prompt = f"Password for 'http://{user}@{shown}': "
            assert answer(askpass, prompt) == "proxy-secret\n"
            other = parse_origin("https://elsewhere.example")
            assert answer(askpass, prompt, other) == "proxy-secret\n"
        asked = "Password for 'https://me@example.org@git.example.org:8443': "
        assert answer(askpass, asked) == f"{CANARY}\n"
        assert answer(askpass, f"Username for 'http://{shown}': ") is None
        assert answer(askpass, asked, parse_origin("https://elsewhere.example")) is None


def _host_and_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 80
