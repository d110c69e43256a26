"""`mgit login`, `list` and `doctor` from a person's seat, and where the token is afterwards."""

from __future__ import annotations

import os
import pty
import stat
import subprocess
import sys
from pathlib import Path

from sandbox.forge import SandboxForge
from tests.story.laptop import CANARY, Laptop


def _login(forge: SandboxForge) -> tuple[str, ...]:
    return ("login", "work", "--forge", "github", "--url", forge.api_url, "--owner", "acme")


def test_a_token_is_proven_before_anything_is_kept(laptop: Laptop, forge: SandboxForge) -> None:
    forge.add_owner("acme")
    refused = laptop.mgit(*_login(forge), "--stdin", stdin="wrong\n")
    assert refused.code == 3
    assert not laptop.config_file.exists()
    assert not list(laptop.home.rglob("credentials.json"))

    ran = laptop.mgit(*_login(forge), "--stdin", stdin=f"{CANARY}\n")
    assert ran.code == 0, ran.err
    assert "mona" in ran.err
    assert "[sources.work]" in laptop.config_file.read_text()
    (store,) = laptop.home.rglob("credentials.json")
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.parent.stat().st_mode) == 0o700


def test_signing_in_again_replaces_the_token_only(work: Laptop, forge: SandboxForge) -> None:
    before = work.config_file.read_text()
    forge.token = "second-token"
    assert work.mgit("list").code == 3
    ran = work.mgit("login", "work", "--stdin", stdin="second-token")
    assert ran.code == 0, ran.err
    assert work.config_file.read_text() == before
    forge.add_repo("acme", "api")
    assert work.mgit("list").code == 0
    other = work.mgit("login", "work", "--owner", "labs", "--stdin", stdin="second-token")
    assert other.code == 2
    assert "exists with another --owner" in other.err
    assert work.config_file.read_text() == before


def test_at_a_terminal_the_token_is_asked_for_and_not_shown(
    laptop: Laptop, forge: SandboxForge
) -> None:
    forge.add_owner("acme")
    terminal, end = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "mgit", *_login(forge)],
        stdin=end,
        stdout=subprocess.PIPE,
        stderr=end,
        env=laptop.environment,
        cwd=laptop.home,
        start_new_session=True,
    ) as running:
        os.close(end)
        seen = b""
        while b"Token for " not in seen:
            seen += os.read(terminal, 1024)
        os.write(terminal, f"{CANARY}\n".encode())
        while b"next: " not in seen:
            seen += os.read(terminal, 1024)
        running.communicate(timeout=30)
    os.close(terminal)
    assert running.returncode == 0, seen
    assert CANARY.encode() not in seen


def test_a_token_on_the_command_line_is_refused_and_not_repeated(laptop: Laptop) -> None:
    for flag in (("--token", CANARY), (f"--token={CANARY}",), ("--pat", CANARY)):
        ran = laptop.mgit("login", "work", "--forge", "github", *flag)
        assert ran.code == 2
        assert "no token on the command line" in ran.err
        assert CANARY not in ran.out + ran.err
    ran = laptop.mgit("login", "work", CANARY)
    assert ran.code == 2
    assert CANARY not in ran.out + ran.err


def test_listing_shows_what_the_forge_has(work: Laptop, forge: SandboxForge) -> None:
    forge.add_repo("acme", "api", private=True)
    forge.add_repo("acme", "old", archived=True)
    ran = work.mgit("list")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[0].split() == [
        "repository",
        "branch",
        "visibility",
        "notes",
        "size",
        "pushed",
    ]
    assert "archived" in next(line for line in ran.out.splitlines() if "acme/old" in line)
    chosen = work.mgit("list", "acme/a*", "--format", "json").json
    repositories = chosen["repositories"]
    assert isinstance(repositories, list)
    assert [repo["path"] for repo in repositories] == ["acme/api"]


def test_a_mistyped_pattern_is_an_error_with_a_guess(work: Laptop, forge: SandboxForge) -> None:
    forge.add_repo("acme", "api-server")
    for command in ("list", "sync"):
        ran = work.mgit(command, "acme/api-sevrer")
        assert ran.code == 2, ran.err
        assert "did you mean acme/api-server?" in ran.err
    assert not work.root.exists()


def test_doctor_finds_all_well(work: Laptop, forge: SandboxForge) -> None:
    ran = work.mgit("doctor", "--format", "json")
    assert ran.code == 0, ran.out
    checks = ran.json["checks"]
    assert isinstance(checks, list)
    states = {check["name"]: check["state"] for check in checks}
    assert states["git"] == states["source work"] == states["root"] == "ok"
    assert set(states.values()) == {"ok"}


def test_doctor_names_what_is_wrong(work: Laptop, forge: SandboxForge) -> None:
    forge.token = "another"
    refused = work.mgit("doctor")
    assert refused.code == 3
    assert "mgit login work" in refused.last_line
    forge.close()
    gone = work.mgit("doctor")
    assert gone.code == 4
    work.configure("[defaults]\nrot = 1\n")
    broken = work.mgit("doctor")
    assert broken.code == 2
    assert "did you mean root?" in broken.out


def test_the_token_is_found_nowhere_but_in_its_store(
    work: Laptop, forge: SandboxForge, tmp_path: Path
) -> None:
    forge.add_repos("acme", 3)
    said = [
        work.mgit("sync", "--verbose", "--debug"),
        work.mgit("list", "--format", "json"),
        work.mgit("config", "show", "--format", "json"),
        work.mgit("doctor", "--format", "json"),
        work.mgit("status", "--all"),
    ]
    forge.push("acme", "repo-001")
    said.append(work.mgit("sync", "--format", "jsonl"))
    forge.token = "another"
    said.append(work.mgit("sync", "--debug"))
    assert [ran.code for ran in said] == [0, 0, 0, 0, 0, 0, 3]
    assert work.gits()

    assert all(CANARY not in ran.out + ran.err for ran in said)
    holders = [
        path
        for path in tmp_path.rglob("*")
        if path.is_file() and CANARY.encode() in path.read_bytes()
    ]
    assert [path.name for path in holders] == ["credentials.json"]


def test_a_token_from_a_file_or_a_variable_does_as_well(
    laptop: Laptop, forge: SandboxForge, tmp_path: Path
) -> None:
    forge.add_repo("acme", "api")
    laptop.configure(
        f'[sources.work]\nforge = "github"\nurl = "{forge.api_url}"\nowners = ["acme"]\n'
    )
    assert laptop.mgit("list").code == 3
    assert laptop.mgit("list", env={"MGIT_TOKEN_WORK": CANARY}).code == 0
    file = tmp_path / "token"
    file.write_text(f"{CANARY}\n")
    file.chmod(0o600)
    assert laptop.mgit("sync", env={"MGIT_TOKEN_WORK_FILE": str(file)}).code == 0
    file.chmod(0o644)
    readable = laptop.mgit("list", env={"MGIT_TOKEN_WORK_FILE": str(file)})
    assert readable.code == 2
    assert readable.last_line.startswith("mgit: ")
    assert "chmod" in readable.last_line


def test_a_list_of_urls_is_checked_listed_and_cloned(work: Laptop, forge: SandboxForge) -> None:
    forge.add_repo("acme", "api")
    forge.add_repo("labs", "tool")
    manifest = work.config_file.parent / "vendored.toml"
    work.configure('[sources.vendored]\nforge = "manifest"\nfile = "vendored.toml"\n')
    missing = work.mgit("config", "check")
    assert missing.code == 2
    assert str(manifest) in missing.err

    urls = [forge.clone_url("acme", "api"), forge.clone_url("labs", "tool")]
    manifest.write_text(f"version = 1\nrepos = {urls}\n")
    assert work.mgit("config", "check").code == 0
    ran = work.mgit("sync", "--format", "json", env={"MGIT_TOKEN_VENDORED": CANARY})
    assert ran.code == 0, ran.err
    assert ran.json["summary"] == {"repositories": 2, "cloned": 2}
    assert work.mgit("doctor", env={"MGIT_TOKEN_VENDORED": CANARY}).code == 0

    manifest.write_text('version = 1\nrepos = ["https://git.example.com/../../etc"]\n')
    wrong = work.mgit("sync", env={"MGIT_TOKEN_VENDORED": CANARY})
    assert wrong.code == 2, wrong.err
    assert f"{manifest}, line 2" in wrong.err


def test_nothing_but_login_asks_at_a_terminal(laptop: Laptop, forge: SandboxForge) -> None:
    """Neither mgit nor git nor a token command may wait for somebody to type."""
    forge.add_repo("acme", "api", private=True)
    source = f'[sources.work]\nforge = "github"\nurl = "{forge.api_url}"\nowners = ["acme"]\n'
    asking = 'token_command = ["sh", "-c", "read -r line </dev/tty; echo token"]\n'
    for text in (source, source + asking):
        laptop.configure(text)
        for command in ("list", "sync", "doctor"):
            terminal, end = pty.openpty()
            try:
                ran = subprocess.run(
                    [sys.executable, "-m", "mgit", command],
                    stdin=end,
                    capture_output=True,
                    env=laptop.environment,
                    cwd=laptop.home,
                    start_new_session=True,
                    timeout=60,
                    check=False,
                )
            finally:
                os.close(terminal)
                os.close(end)
            assert ran.returncode == 3, ran.stderr


def test_what_cannot_be_a_token_or_an_address_changes_nothing(
    laptop: Laptop, forge: SandboxForge
) -> None:
    forge.add_owner("acme")
    nothing = laptop.mgit(*_login(forge), "--stdin", stdin=" \n")
    assert (nothing.code, "no token was given" in nothing.err) == (2, True)
    alone = laptop.mgit(*_login(forge))
    assert "there is no terminal to ask for the token at" in alone.err
    assert "--stdin < FILE" in alone.err
    wrong = laptop.mgit("login", "work", "--forge", "github", "--url", "ftp://x", "--stdin")
    assert (wrong.code, "--url must be" in wrong.err) == (2, True)
    nobody = laptop.mgit("login", "work", "--stdin", stdin=CANARY)
    assert "nothing says which forge it is" in nobody.err
    close = laptop.mgit("login", "work", "--forge", "gitab", "--stdin", stdin=CANARY)
    assert "did you mean gitlab?" in close.err
    binary = subprocess.run(
        [sys.executable, "-m", "mgit", *_login(forge), "--stdin"],
        input=b"\xff\xfe token",
        env={**laptop.environment, "PYTHONIOENCODING": "utf-8:strict"},
        cwd=laptop.home,
        capture_output=True,
        check=False,
    )
    assert binary.returncode == 2
    assert b"is not text" in binary.stderr
    assert not laptop.config_file.exists()
