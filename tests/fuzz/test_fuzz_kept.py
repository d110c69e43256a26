"""What mgit kept itself and finds again: audit records, rows of the state, tokens."""

from __future__ import annotations

import zlib
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import strategies as st

from mgit.address import Origin, parse_clone_url
from mgit.cli.auditing import cells
from mgit.cli.tables import make_table
from mgit.credentials.store import CredentialStore
from mgit.errors import ConfigurationError, StateError
from mgit.forges.interface import CachedResponse
from mgit.model import Listing, RefSnapshot, RemoteRepo, RepoKey, RepoPath
from mgit.state.remembered import decoded, packed_refs, unpacked_refs
from mgit.telemetry import AuditTrail, verify_audit
from mgit.telemetry.chain import GENESIS, encode_record, parse_record, read_backwards
from mgit.telemetry.rotation import closed_files, moment_of
from tests.fuzz.support import JSON, byte_pieces, changed, fuzz

REPO = RemoteRepo(
    RepoKey("git.test", "1"),
    "work",
    RepoPath("a", "b"),
    parse_clone_url("https://git.test/a/b.git"),
)
LISTING = msgspec.msgpack.encode(Listing("work", (REPO,)))


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("sound") / "audit.jsonl"
    trail = AuditTrail(path, clean=str, clock=lambda: 1.8e9)
    for _ in range(3):
        trail.record("run-started", "success", source="work")
    return path.read_bytes()


@fuzz(data=st.data())
def test_a_changed_audit_log_is_sound_or_named(
    lines: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "audit.jsonl"
    content = data.draw(changed(st.just(lines)))
    path.write_bytes(content)
    verdict = verify_audit(path)
    assert bool(verdict.problem) or content == b"".join(
        lines.splitlines(keepends=True)[: verdict.records]
    )
    for record in read_backwards(path):
        if record is not None:
            moment_of(record)
            make_table(("a",) * 6, [cells(record)])
    AuditTrail(path, clean=str).record("run-ended", "success")  # whatever stands there


RECORDS = st.fixed_dictionaries(
    {
        "@timestamp": st.text(max_size=30) | st.just("9999-12-31T23:59:59Z"),
        "prev": st.just(GENESIS) | st.text(max_size=8),
        "hash": st.text(max_size=64),
        "event": st.dictionaries(st.sampled_from(["action", "outcome"]), JSON) | JSON,
        "labels": st.dictionaries(st.sampled_from(["source", "repo", "x"]), JSON) | JSON,
        "seq": st.integers() | JSON,
    },
    optional={"extra": JSON},
)


@fuzz(RECORDS)
def test_a_record_of_somebody_else_is_shown_or_passed_over(record: dict[str, object]) -> None:
    with suppress(UnicodeEncodeError, OverflowError, msgspec.MsgspecError):
        line = msgspec.json.encode(record) + b"\n"
        if (found := parse_record(line)) is not None:
            encode_record(found)
            moment_of(found)
            make_table(("a",) * 6, [cells(found)])


@fuzz(
    names=st.lists(
        st.text(alphabet="audit-0123456789abcdef.jsonl", min_size=1, max_size=40), max_size=4
    )
)
def test_names_in_the_folder_of_the_log_are_taken_or_left(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("names", numbered=True)
    for name in names:
        if name not in (".", "..") and not (folder / name).exists():
            (folder / name).touch()
    closed_files(folder / "audit.jsonl")


@fuzz(changed(st.just(LISTING)))
def test_a_kept_listing_is_a_listing_or_nothing(body: bytes) -> None:
    found = decoded(zlib.compress(body), Listing)
    assert found is None or isinstance(found, Listing)
    decoded(zlib.compress(body), CachedResponse)


@fuzz(byte_pieces(b"\x91" * 3000, b"\x81\xa1a", b"\xc0", b"\xdd\xff\xff\xff\xff", b"\xd9\xff"))
def test_a_row_that_is_none_is_nothing(body: bytes) -> None:
    decoded(zlib.compress(body), Listing)
    decoded(body, Listing)


@fuzz(
    st.dictionaries(
        st.text(alphabet=st.characters(exclude_characters="\n"), min_size=1, max_size=9).map(
            lambda name: f"refs/heads/{name.encode('utf-8', 'ignore').decode()}"
        ),
        st.sampled_from(["a" * 40, "b" * 64]),
        max_size=4,
    )
)
def test_kept_refs_come_back(refs: dict[str, str]) -> None:
    snapshot = RefSnapshot(refs, next(iter(refs), None))
    assert unpacked_refs(packed_refs(snapshot)) == snapshot


@fuzz(byte_pieces(b"refs/heads/main", b"a" * 40, b" ", b"\n", b"\xff"))
def test_kept_refs_that_are_none_are_nothing(body: bytes) -> None:
    found = unpacked_refs(zlib.compress(body))
    if found is not None:
        assert all(name and len(oid) in (40, 64) for name, oid in found.refs.items())
    unpacked_refs(body)


@fuzz(
    changed(
        st.just(
            b'{"version":1,"entries":[{"origin":"https://git.test","username":"mona","secret":"s"}]}'
        )
    )
)
def test_a_store_of_tokens_is_read_or_refused_without_showing_any(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp() / "tokens"
    folder.mkdir(exist_ok=True, mode=0o700)
    file = folder / "credentials.json"
    file.touch(mode=0o600)
    file.write_bytes(content)
    with suppress(ConfigurationError, StateError):
        CredentialStore(folder).get(Origin("https", "git.test", 443))


def test_the_sound_inputs_are_sound(tmp_path: Path) -> None:
    assert decoded(zlib.compress(LISTING), Listing) == Listing("work", (REPO,))
