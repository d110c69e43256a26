"""What is decided about a credential that was refused."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from mgit.address import parse_origin
from mgit.config.settings import SourceSettings
from mgit.credentials import Credential, Secret
from mgit.errors import AuthenticationError, ConfigurationError, NetworkError
from mgit.fleet.listing import told_of
from mgit.fleet.rotation import PATIENCE, News, Rotation
from mgit.forges.interface import Account
from mgit.forges.refusals import CredentialRefused
from mgit.model import Listing
from mgit.telemetry.events import CredentialFound, CredentialRejected

ORIGIN = parse_origin("https://git.example.com")
NO = AuthenticationError("no", advice="make another")
NEVER = CredentialRefused("the token is bad", advice="make another")


def credential(text: str) -> Credential:
    return Credential(ORIGIN, "me", Secret(text), "file /token")


@dataclass
class FakeForge:
    """Says of whoever asks what it was told to say."""

    answer: Exception | None = None
    asked: int = 0
    git_origin = ORIGIN
    git_username = "me"

    def list_repos(self) -> Listing:
        raise AssertionError("nobody lists here")

    def whoami(self) -> Account:
        self.asked += 1
        if self.answer is not None:
            raise self.answer
        return Account("mona")


@dataclass(frozen=True)
class FakeSource:
    credential: Credential | None
    forge: FakeForge = field(default_factory=FakeForge)
    settings: SourceSettings = field(default_factory=lambda: SourceSettings("work", "github"))

    @property
    def name(self) -> str:
        return self.settings.name


class Vault:
    """Where the tokens are."""

    def __init__(self, *sources: FakeSource) -> None:
        self.sources = {source.name: source for source in sources}
        self.read = 0
        self.error: ConfigurationError | None = None

    def __call__(self, name: str) -> FakeSource:
        self.read += 1
        if self.error is not None:
            raise self.error
        return self.sources[name]


OLD = FakeSource(credential("old"))
NEW = replace(OLD, credential=credential("new"))


def test_another_credential_takes_the_place_of_the_refused_one() -> None:
    vault = Vault(NEW)
    rotation = Rotation(vault)
    assert rotation.renewed(OLD, NO) is NEW
    assert rotation.renewed(OLD, NO) is NEW, "who was refused at the same time follows"
    assert vault.read == 1
    assert OLD.forge.asked == 0
    assert rotation.news() == (News("work", credential("new")),)
    assert rotation.news() == ()
    rotation.check(NEW)


def test_many_threads_that_are_refused_look_once() -> None:
    vault = Vault(NEW)
    rotation = Rotation(vault)
    found: list[FakeSource | None] = []
    threads = [
        threading.Thread(target=lambda: found.append(rotation.renewed(OLD, NO))) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [NEW] * 16
    assert vault.read == 1
    assert len(rotation.news()) == 1


def test_a_credential_that_the_forge_refuses_is_left_alone() -> None:
    forge = FakeForge(NEVER)
    source = FakeSource(credential("old"), forge)
    rotation = Rotation(Vault(source))
    assert rotation.renewed(source, NO) is None
    assert forge.asked == 1
    for _ in range(3):
        assert rotation.renewed(source, NO) is None
    assert forge.asked == 1, "it was asked once"
    with pytest.raises(AuthenticationError, match="the token is bad; left alone since") as caught:
        rotation.check(source)
    assert caught.value.advice == "make another"
    assert rotation.news() == (News("work", credential("old"), NEVER),)


def test_what_the_api_itself_refuses_needs_no_other_question() -> None:
    rotation = Rotation(Vault(OLD))
    assert rotation.renewed(OLD, NEVER, told=True) is None
    assert OLD.forge.asked == 0
    assert rotation.news() == (), "the caller tells"
    with pytest.raises(AuthenticationError, match="left alone"):
        rotation.check(OLD)


def test_one_repository_that_it_may_not_read_is_no_reason() -> None:
    forge = FakeForge()
    source = FakeSource(credential("old"), forge)
    vault = Vault(source)
    rotation = Rotation(vault)
    for _ in range(PATIENCE + 1):
        assert rotation.renewed(source, NO) is None
        rotation.check(source)
    assert (forge.asked, vault.read) == (1, 1)
    # After so many more it is doubted again, and by then it has ended.
    forge.answer = NEVER
    assert rotation.renewed(source, NO) is None
    assert (forge.asked, vault.read) == (2, 2)
    with pytest.raises(AuthenticationError, match="left alone"):
        rotation.check(source)


def test_a_forge_in_trouble_answers_no_question() -> None:
    forge = FakeForge(NetworkError("no way there"))
    source = FakeSource(credential("old"), forge)
    rotation = Rotation(Vault(source))
    assert rotation.renewed(source, NO) is None
    rotation.check(source)
    assert rotation.news() == ()


def test_a_file_that_is_not_there_for_a_moment_says_nothing() -> None:
    vault = Vault(OLD)
    vault.error = ConfigurationError("the file is gone")
    rotation = Rotation(vault)
    assert rotation.renewed(OLD, NO) is None
    rotation.check(OLD)
    vault.error, vault.sources["work"] = None, NEW
    assert rotation.renewed(OLD, NO) is NEW


def test_two_sources_that_ask_one_host_with_one_token_share_its_fate() -> None:
    twin = replace(OLD, settings=SourceSettings("twin", "github"))
    third = replace(NEW, settings=SourceSettings("third", "github"))
    vault = Vault(OLD, twin, third)
    rotation = Rotation(vault)
    assert rotation.renewed(OLD, NEVER) is None
    with pytest.raises(AuthenticationError, match="left alone"):
        rotation.check(twin)
    rotation.check(third)
    # The twin has a file of its own, which may hold another one by now.
    vault.sources["twin"] = replace(twin, credential=credential("fresh"))
    fresh = rotation.renewed(twin, NO)
    assert fresh is vault.sources["twin"]
    assert [one.source for one in rotation.news()] == ["work", "twin"]


def test_a_manifest_has_no_forge_to_ask_so_refusals_in_a_row_decide() -> None:
    settings = SourceSettings("list", "manifest", file=Path("list.toml"))
    source = replace(OLD, settings=settings)
    rotation = Rotation(Vault(source))
    for _ in range(PATIENCE - 1):
        assert rotation.renewed(source, NO) is None
    rotation.accepted(source)
    for _ in range(PATIENCE - 1):
        assert rotation.renewed(source, NO) is None
    rotation.check(source)
    assert rotation.renewed(source, NO) is None
    with pytest.raises(AuthenticationError, match="no; left alone since"):
        rotation.check(source)
    assert source.forge.asked == 0


def test_who_asks_without_a_credential_is_not_left_alone() -> None:
    """What is public is still there for everybody."""
    nobody = replace(OLD, credential=None)
    rotation = Rotation(Vault(nobody))
    for _ in range(2 * PATIENCE):
        assert rotation.renewed(nobody, NO) is None
    rotation.check(nobody)
    assert rotation.renewed(nobody, NEVER) is None
    assert rotation.news() == ()
    signed_in = Rotation(Vault(NEW))
    assert signed_in.renewed(nobody, NO) is NEW


def test_what_the_telemetry_hears() -> None:
    assert told_of("r1", News("work", credential("new"))) == CredentialFound(
        "r1", "work", "https://git.example.com", "file /token", rotated=True
    )
    assert told_of("r1", News("work", credential("old"), NO)) == CredentialRejected(
        "r1", "work", "https://git.example.com", "file /token", "no", "make another"
    )
