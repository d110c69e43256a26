"""What is said when a credential cannot be used, in full, and the edges of what can be."""

from __future__ import annotations

import base64
import copy
import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, quote_plus

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError

from mgit.address import parse_origin
from mgit.credentials import Credential, CredentialBook, CredentialStore, Redactor, Secret
from mgit.credentials.desktop import Keyring, open_keyring
from mgit.credentials.files import make_private_folder, private_file, read_private, write_private
from mgit.credentials.find import CredentialRequest, find, how_to_renew, standard_finders
from mgit.credentials.runtime import RuntimeFolder
from mgit.credentials.store import Stored
from mgit.credentials.tools import TOOLS
from mgit.errors import AuthenticationError, ConfigurationError, InvalidInput
from mgit.git.runner import GitRunner

ORIGIN = parse_origin("https://git.example.org")
REQUEST = CredentialRequest("work", ORIGIN, "me", trusted_folders=())


def run() -> GitRunner:
    return GitRunner(environment={"PATH": os.environ["PATH"]})


def private(path: Path, content: bytes = b"from-file\n", mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def failing(request: CredentialRequest, **more: object) -> tuple[str, str]:
    """Message and advice."""
    with pytest.raises((ConfigurationError, AuthenticationError)) as caught:
        find(request, standard_finders(**more))
    return caught.value.message, caught.value.advice


# --- finders ------------------------------------------------------------------------------------


def test_a_credential_is_whole_wherever_it_was_found(tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    private(folder / "mgit-token-work", b"t")
    for request, place in (
        (replace(REQUEST, token_file=private(tmp_path / "f", b"t")), f"file {tmp_path / 'f'}"),
        (replace(REQUEST, systemd=folder), "systemd credential mgit-token-work"),
        (replace(REQUEST, token_command=("printf", "t")), "command printf"),
        (replace(REQUEST, environment=("T", Secret("t"))), "environment T"),
    ):
        found = find(request, standard_finders(run_command=run().run_command))
        assert found == Credential(ORIGIN, "me", Secret("t"), place)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "token"
    assert failing(replace(REQUEST, token_file=file)) == (
        f"token file of source 'work' {file} cannot be read: No such file or directory",
        "check its path and its owner",
    )
    private(file, b"a\nb\n")
    message, advice = failing(replace(REQUEST, token_file=file))
    assert message.startswith(f"token file of source 'work' {file} holds no usable token: ")
    assert advice == "copy the token again, without the line break"
    private(file, b"\xff")
    told = f"token file of source 'work' {file} is not UTF-8 text"
    assert failing(replace(REQUEST, token_file=file)) == (told, "")
    folder = tmp_path / "credentials"
    (folder / "mgit-token-work").mkdir(parents=True)
    told = f"systemd credential of source 'work' {folder}/mgit-token-work is not a regular file"
    assert failing(replace(REQUEST, systemd=folder)) == (told, "")
    os.mkfifo(tmp_path / "pipe", 0o600)
    told = f"token file of source 'work' {tmp_path}/pipe is not a regular file"
    assert failing(replace(REQUEST, token_file=tmp_path / "pipe")) == (told, "")


def test_a_command_that_fails_or_prints_no_token() -> None:
    request = replace(REQUEST, token_command=("sh", "-c", "echo signed out >&2; exit 3"))
    what = "token command 'sh' of source 'work'"
    assert failing(request, run_command=run().run_command) == (
        f"{what} failed: signed out",
        "run it by hand and sign in, then try again",
    )
    request = replace(REQUEST, token_command=("sh", "-c", "exit 3"))
    assert failing(request, run_command=run().run_command)[0] == f"{what} failed: exit code 3"
    assert failing(request) == (f"{what} cannot be started here", "")
    request = replace(REQUEST, token_command=("printf", "a\\377b"))
    found = find(request, standard_finders(run_command=run().run_command))
    assert found is not None
    assert found.secret.reveal() == "a\N{REPLACEMENT CHARACTER}b", "the forge refuses it, not mgit"
    request = replace(REQUEST, token_command=("printf", "a\\nb"))
    message, advice = failing(request, run_command=run().run_command)
    assert message.startswith("token command 'printf' of source 'work' holds no usable token: ")
    assert "line break" in advice


class _Keyring:
    def __init__(self, text: str | None) -> None:
        self.text = text

    def get(self, account: str) -> str | None:
        return self.text if account == str(ORIGIN) else None

    def put(self, account: str, secret: str) -> bool:
        return False

    def delete(self, account: str) -> bool:
        return False


def test_where_a_new_token_belongs() -> None:
    assert how_to_renew("work", "mgit login") == "make a new token and run `mgit login work`"
    put = "make a new token and put it in the place of the old one (file /token)"
    assert how_to_renew("work", "file /token") == put


def test_a_keyring_entry_or_none() -> None:
    def found(keyring: Keyring | None) -> Credential | None:
        return find(REQUEST, standard_finders(open_keyring=lambda: keyring))

    assert found(None) is None
    assert found(_Keyring(None)) is None
    assert found(_Keyring("t")) == Credential(ORIGIN, "me", Secret("t"), "keyring")
    message, _ = failing(REQUEST, open_keyring=lambda: _Keyring("a\nb"))
    assert message.startswith("keyring entry https://git.example.org holds no usable token: ")


# --- files --------------------------------------------------------------------------------------


def test_the_largest_file_and_one_byte_more(tmp_path: Path) -> None:
    largest = 64 * 1024
    file = private(tmp_path / "token", b"x" * largest)
    assert read_private(file, "token") == "x" * largest
    private(file, b"x" * (largest + 1))
    with pytest.raises(ConfigurationError, match="larger than 64 KiB: not a token"):
        read_private(file, "token")


def test_a_file_is_written_whole_or_stays(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    write_private(file, b"one")
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UnicodeEncodeError), private_file(file) as out:
        out.writelines([b"two", "\udcff".encode()])
    assert file.read_bytes() == b"one"
    write_private(file, b"three")
    assert file.read_bytes() == b"three"
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    with pytest.raises(OSError):  # noqa: PT011 - whatever the system says
        write_private(tmp_path / "absent" / "file", b"x")


def test_a_folder_is_made_private_and_a_wider_one_narrowed(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    make_private_folder(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    make_private_folder(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o500)
    make_private_folder(folder)
    assert folder.stat().st_mode & 0o777 == 0o500, "narrower is as the person wants it"


def test_a_runtime_folder_is_new_private_and_gone_after(tmp_path: Path) -> None:
    parent = tmp_path / "run"
    first, second = RuntimeFolder(parent), RuntimeFolder(parent)
    assert first.path != second.path
    assert parent.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in parent.iterdir()} == {first.path.name, second.path.name}
    for one in (first, second):
        assert one.path.name.startswith("mgit-")
        assert one.path.stat().st_mode & 0o777 == 0o700
        assert (one.path / "lock").stat().st_mode & 0o777 == 0o600
        assert one.may_execute
        one.remove()
    assert list(parent.iterdir()) == []


# --- secrets ------------------------------------------------------------------------------------


def test_a_secret_shows_three_stars_and_says_why_it_cannot_be_copied() -> None:
    secret = Secret("canary")
    assert (repr(secret), str(secret), f"{secret}", f"{secret:>5}") == (
        "***",
        "***",
        "***",
        "  ***",
    )
    with pytest.raises(TypeError, match=r"^a secret cannot be pickled or copied to another proc"):
        copy.copy(secret)
    assert hash(secret) == hash("canary")
    assert Secret("x" * 8192).reveal() == "x" * 8192
    for text in ("", "x" * 8193):
        with pytest.raises(InvalidInput) as caught:
            Secret(text)
        assert caught.value.message == "a token must not be empty or longer than 8192 characters"
    with pytest.raises(InvalidInput) as caught:
        Secret("a ")
    words = "a token must be one line without control characters or spaces around it"
    assert caught.value.message == words
    assert caught.value.advice == "copy the token again, without the line break"


def test_a_book_counts_and_keeps_the_later_one() -> None:
    one, two = (Credential(ORIGIN, "me", Secret(text), "test") for text in ("one", "two"))
    other = Credential(parse_origin("https://other.example"), "me", Secret("three"), "test")
    book = CredentialBook([one, two, other])
    assert len(book) == 2
    assert list(book) == [two, other]
    assert book.for_origin(ORIGIN) == two


def test_every_secret_is_taken_out_in_every_form() -> None:
    """Percent-encoded with and without `/`, as a form has it, base64 with and without padding."""
    secret, other = "a/b c+d?e", "another-one"
    redactor = Redactor([Credential(ORIGIN, "mona", Secret(secret), "test"), Secret(other)])
    plain = base64.b64encode(secret.encode()).decode()
    basic = base64.b64encode(f"mona:{secret}".encode()).decode()
    nobody = base64.b64encode(f":{secret}".encode()).decode()
    nobodys_other = base64.b64encode(f":{other}".encode()).decode()
    forms = [secret, quote(secret), quote(secret, safe=""), quote_plus(secret), other]
    coded = [plain, basic, nobody, nobodys_other]
    assert any(one.endswith("=") for one in coded)
    for form in [*forms, *coded, *(one.rstrip("=") for one in coded)]:
        assert redactor.holds_secret(form), form
        assert redactor.clean(f"<{form}>").rstrip("=>") in ("<***", "<***"), form
    assert repr(redactor) == f"Redactor({len(redactor._forms)} forms)"
    assert not Redactor().holds_secret(secret)


def test_a_secret_that_ends_in_an_equals_sign_goes_with_it() -> None:
    redactor = Redactor([Secret("abc=")])
    assert redactor.clean("abc=") == "***"
    assert redactor.clean("abc") == "abc"


# --- the store ----------------------------------------------------------------------------------


def test_what_the_store_knows_of_an_entry(tmp_path: Path) -> None:
    store = CredentialStore(tmp_path)
    stored = store.put(Credential(ORIGIN, "me", Secret("t"), "prompt"))
    assert stored == Stored(ORIGIN, "me", str(tmp_path / "credentials.json"))
    assert store.list() == (stored,)
    text = (tmp_path / "credentials.json").read_text()
    assert text.startswith('{\n  "version": 1,\n  "entries": [\n    {\n'), "for a person to read"
    assert text.endswith("}\n")


def test_an_entry_whose_keyring_is_gone(tmp_path: Path) -> None:
    desktop = _Keyring("t")
    text = b'{"version":1,"entries":[{"origin":"https://git.example.org","username":"me","secret":null}]}'
    private(tmp_path / "credentials.json", text)
    assert CredentialStore(tmp_path, desktop).get(ORIGIN) == Credential(
        ORIGIN, "me", Secret("t"), "mgit login"
    )
    assert CredentialStore(tmp_path).get(ORIGIN) is None
    assert CredentialStore(tmp_path).list() == (Stored(ORIGIN, "me", "keyring"),)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"version": 2, "entries": []}', "version 2 is not known to this mgit"),
        ('{"version": 1}', "Object missing required field `entries`"),
        (
            '{"version": 1, "entries": [{"origin": "x", "username": "u", "secret": "s"}]}',
            "'x' is not an https or ssh URL",
        ),
    ],
)
def test_what_is_wrong_with_a_store(tmp_path: Path, text: str, why: str) -> None:
    file = private(tmp_path / "credentials.json", text.encode())
    with pytest.raises(ConfigurationError) as caught:
        CredentialStore(tmp_path).list()
    assert caught.value.message == f"the token store {file} is malformed: {why}"
    assert caught.value.advice == "move it away and run `mgit login` again"


def test_a_store_that_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    file = private(tmp_path / "credentials.json", b'{"version": 1, "entries": []}', 0o644)
    with pytest.raises(ConfigurationError) as caught:
        CredentialStore(tmp_path).list()
    assert caught.value.message == f"the token store {file} can be read by other users"
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(ConfigurationError) as caught:
        CredentialStore(blocked / "data").put(Credential(ORIGIN, "me", Secret("t"), "test"))
    assert caught.value.message == (
        f"the token store {blocked}/data/credentials.json cannot be written:"
        f" {os.strerror(errno.ENOTDIR)}"
    )
    words = "check the folder's owner and the free space, or set a token file instead"
    assert caught.value.advice == words


# --- other programs -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "command", "sign_in"),
    [
        ("gh", "gh auth token --hostname HOST", "gh auth login --hostname HOST"),
        ("glab", "glab config get token --host HOST", "glab auth login --hostname HOST"),
        (
            "az",
            (
                "az account get-access-token --resource 499b84ac-1321-427f-aa17-267ca6975798"
                " --query accessToken --output tsv"
            ),
            "az login",
        ),
    ],
)
def test_how_other_programs_are_asked(name: str, command: str, sign_in: str) -> None:
    tool = TOOLS[name]
    assert tool.token_command("HOST") == tuple(command.split(" "))
    assert tool.sign_in_command("HOST") == sign_in
    assert tool.short_lived == (name == "az")


class _Backend(KeyringBackend):
    """A backend of the real package over a dictionary; other tests never see it."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        self._open()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._open()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._open()
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("not there")

    def _open(self) -> None:
        if self.locked:
            raise KeyringLocked("locked")


@pytest.fixture
def backend() -> Iterator[_Backend]:
    before = keyring.get_keyring()
    chosen = _Backend()
    keyring.set_keyring(chosen)
    yield chosen
    keyring.set_keyring(before)


def test_the_desktops_keyring(backend: _Backend) -> None:
    desktop = open_keyring()
    assert desktop is not None
    assert desktop.get("a") is None
    assert desktop.put("a", "secret") is True
    assert backend.kept == {("mgit", "a"): "secret"}
    assert desktop.get("a") == "secret"
    assert desktop.delete("a") is True
    assert desktop.delete("a") is False
    backend.locked = True
    assert desktop.get("a") is None
    assert desktop.put("a", "secret") is False
    assert desktop.delete("a") is False


def test_a_backend_that_keeps_nothing_is_none(backend: _Backend) -> None:
    backend.priority = 0  # type: ignore[misc]
    assert open_keyring() is None
