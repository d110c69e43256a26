"""Where tokens are looked for, and what is said when they cannot be used."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mgit.address import parse_origin
from mgit.credentials import (
    Credential,
    CredentialRequest,
    CredentialStore,
    Secret,
    find,
    standard_finders,
)
from mgit.errors import AuthenticationError, ConfigurationError, MgitError
from mgit.git.runner import GitRunner

ORIGIN = parse_origin("https://git.example.org")
REQUEST = CredentialRequest("work", ORIGIN, "me", trusted_folders=())


@dataclass
class FakeKeyring:
    """A keyring without a desktop."""

    kept: dict[str, str]
    refuses: bool = False

    def get(self, account: str) -> str | None:
        return self.kept.get(account)

    def put(self, account: str, secret: str) -> bool:
        if not self.refuses:
            self.kept[account] = secret
        return not self.refuses

    def delete(self, account: str) -> bool:
        return self.kept.pop(account, None) is not None


def private(path: Path, text: str = "from-file\n", mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def found(
    request: CredentialRequest, store: CredentialStore | None = None, **more: object
) -> str | None:
    credential = find(request, standard_finders(store, **more))
    return None if credential is None else f"{credential.secret.reveal()} ({credential.found_in})"


def test_the_order(tmp_path: Path) -> None:
    run = GitRunner(environment={"PATH": os.environ["PATH"]}).run_command
    keyring = FakeKeyring({str(ORIGIN): "from-keyring"})
    store = CredentialStore(tmp_path / "data")
    store.put(Credential(ORIGIN, "me", Secret("from-store"), "test"))
    file = private(tmp_path / "token")
    request = replace(
        REQUEST,
        token_file=file,
        token_command=("printf", "from-command\\n"),
        environment=("MGIT_TOKEN_WORK", Secret("from-environment")),
    )
    more = {"run_command": run, "open_keyring": lambda: keyring}

    assert found(request, store, **more) == f"from-file (file {file})"
    request = replace(request, token_file=None)
    assert found(request, store, **more) == "from-command (command printf)"
    request = replace(request, token_command=())
    assert found(request, store, **more) == "from-store (mgit login)"
    store.delete(ORIGIN)
    assert found(request, store, **more) == "from-keyring (keyring)"
    keyring.kept.clear()
    assert found(request, store, **more) == "from-environment (environment MGIT_TOKEN_WORK)"
    request = replace(request, environment=None)
    assert found(request, store, **more) is None


def test_a_credential_of_systemd_comes_before_a_command(tmp_path: Path) -> None:
    """`LoadCredential=mgit-token-work:…`; systemd makes it readable for the unit's user only."""
    private(tmp_path / "mgit-token-work", "from-systemd\n", mode=0o644)
    request = replace(REQUEST, systemd=tmp_path, token_command=("never-started",))
    expected = "from-systemd (systemd credential mgit-token-work)"
    assert found(request) == expected
    other = replace(REQUEST, source="other", systemd=tmp_path)
    assert found(other) is None
    file = private(tmp_path / "named", "from-file\n", mode=0o644)
    assert found(replace(request, token_file=file)) == f"from-file (file {file})"
    (tmp_path / "mgit-token-work").write_text("")
    with pytest.raises(ConfigurationError, match="systemd credential of source 'work'"):
        found(request)


def test_a_token_file_is_read_again_each_time(tmp_path: Path) -> None:
    file = private(tmp_path / "token", "one")
    request = replace(REQUEST, token_file=file)
    assert found(request) == f"one (file {file})"
    private(file, "two\n")
    assert found(request) == f"two (file {file})"


def test_a_token_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = private(tmp_path / "token", mode=0o644)
    with pytest.raises(ConfigurationError, match="read by other users") as caught:
        found(replace(REQUEST, token_file=file))
    assert "chmod 600" in caught.value.advice
    trusted = replace(REQUEST, token_file=file, trusted_folders=(tmp_path,))
    assert found(trusted) == f"from-file (file {file})"
    sneaky = tmp_path / "sub" / ".." / ".." / tmp_path.name / "token"
    outside = replace(trusted, token_file=sneaky, trusted_folders=(tmp_path / "sub",))
    (tmp_path / "sub").mkdir()
    with pytest.raises(ConfigurationError):
        found(outside)


@pytest.mark.parametrize(
    "what", ["absent", "folder", "fifo", "empty", "binary", "two lines", "huge"]
)
def test_token_files_that_hold_no_token(tmp_path: Path, what: str) -> None:
    file = tmp_path / "token"
    match what:
        case "folder":
            file.mkdir(mode=0o700)
        case "fifo":
            os.mkfifo(file, 0o600)
        case "empty":
            private(file, "\n")
        case "binary":
            private(file).write_bytes(b"\xff\xfe\x00")
        case "two lines":
            private(file, "canary-one\ncanary-two\n")
        case "huge":
            private(file, "x" * 100_000)
    with pytest.raises(ConfigurationError) as caught:
        found(replace(REQUEST, token_file=file))
    assert str(file) in caught.value.message
    assert "canary" not in caught.value.message


def test_a_token_command_that_fails_says_why(tmp_path: Path) -> None:
    run = GitRunner(environment={"PATH": os.environ["PATH"]}).run_command
    request = replace(REQUEST, token_command=("sh", "-c", "echo not signed in >&2; exit 1"))
    with pytest.raises(AuthenticationError, match="not signed in"):
        found(request, run_command=run)
    with pytest.raises(ConfigurationError, match="no usable token"):
        found(replace(REQUEST, token_command=("true",)), run_command=run)
    with pytest.raises(ConfigurationError, match="cannot be started"):
        found(replace(REQUEST, token_command=("true",)))


def test_the_keyring_is_only_opened_when_nothing_else_is_there() -> None:
    def open_keyring() -> FakeKeyring:
        pytest.fail("opened")

    request = replace(REQUEST, token_command=("printf", "x"))
    run = GitRunner(environment={"PATH": os.environ["PATH"]}).run_command
    assert found(request, run_command=run, open_keyring=open_keyring) == "x (command printf)"


def test_the_store_keeps_one_token_per_origin_privately(tmp_path: Path) -> None:
    store = CredentialStore(tmp_path / "data")
    other = parse_origin("https://git.example.org:8443")
    assert store.get(ORIGIN) is None
    assert store.list() == ()

    store.put(Credential(ORIGIN, "me", Secret("one"), "test"))
    store.put(Credential(other, "you", Secret("two"), "test"))
    stored = store.put(Credential(ORIGIN, "me", Secret("three"), "test"))

    file = tmp_path / "data/credentials.json"
    assert stored.where == str(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["credentials.json"]
    again = CredentialStore(tmp_path / "data").get(ORIGIN)
    assert again == Credential(ORIGIN, "me", Secret("three"), "mgit login")
    assert [entry.origin for entry in store.list()] == [ORIGIN, other]
    assert store.delete(ORIGIN)
    assert not store.delete(ORIGIN)
    assert [entry.origin for entry in store.list()] == [other]


def test_the_store_prefers_the_keyring_and_falls_back_to_the_file(tmp_path: Path) -> None:
    keyring = FakeKeyring({})
    store = CredentialStore(tmp_path, keyring)
    assert store.put(Credential(ORIGIN, "me", Secret("canary"), "test")).where == "keyring"
    assert "canary" not in (tmp_path / "credentials.json").read_text()
    assert store.get(ORIGIN) == Credential(ORIGIN, "me", Secret("canary"), "mgit login")
    assert store.delete(ORIGIN)
    assert keyring.kept == {}

    keyring.refuses = True
    assert store.put(Credential(ORIGIN, "me", Secret("canary"), "test")).where != "keyring"
    assert CredentialStore(tmp_path).get(ORIGIN) is not None


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"version": 2, "entries": []}',
        '{"version": 1, "entries": [{"origin": "canary"}]}',
        '{"version": 1, "entries": [{"origin": "x", "username": "u", "secret": 5}]}',
    ],
)
def test_a_damaged_store_is_an_error_that_says_what_to_do(tmp_path: Path, text: str) -> None:
    private(tmp_path / "credentials.json", text)
    with pytest.raises(ConfigurationError, match="malformed") as caught:
        CredentialStore(tmp_path).get(ORIGIN)
    assert "mgit login" in caught.value.advice


def test_a_store_that_others_can_read_is_refused(tmp_path: Path) -> None:
    private(tmp_path / "credentials.json", '{"version": 1, "entries": []}', 0o640)
    with pytest.raises(ConfigurationError, match="other users"):
        CredentialStore(tmp_path).get(ORIGIN)


def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file, not a folder")
    with pytest.raises(MgitError):
        CredentialStore(tmp_path / "data").put(Credential(ORIGIN, "me", Secret("x"), "test"))
