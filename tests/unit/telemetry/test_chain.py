"""Whatever is done to a chain shows, at the record that it was done to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgit.errors import StateError
from mgit.telemetry import AuditTrail, Verdict, verify_audit
from mgit.telemetry.chain import (
    GENESIS,
    BrokenChain,
    encode_record,
    parse_record,
    read_backwards,
    read_chain,
)

RECORDS = 6
Verify = Callable[..., Verdict]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The lines of a sound log, with names that are not ASCII and quotes among them."""
    path = tmp_path_factory.mktemp("audit") / "audit.jsonl"
    trail = AuditTrail(path, clean=str, clock=iter(range(1_700_000_000, 1_800_000_000)).__next__)
    for number in range(RECORDS):
        trail.record("repository-moved", "success", run_id="r1", repo=f'ä"/\\{number}', count=3)
    return path.read_bytes().splitlines(keepends=True)


@pytest.fixture(scope="module")
def verify(tmp_path_factory: pytest.TempPathFactory) -> Verify:
    path = tmp_path_factory.mktemp("verify") / "audit.jsonl"

    def verified(content: bytes, kept: str | None = None) -> Verdict:
        path.write_bytes(content)
        return verify_audit(path, kept=() if kept is None else (kept,))

    return verified


def _found(verdict: Verdict, line: int) -> None:
    assert verdict.line == line, verdict
    assert verdict.records == line - 1
    assert verdict.problem.startswith(f"record {line} ")
    assert verdict.advice


@given(data=st.data())
def test_a_flipped_bit_is_found_at_its_record(
    chain: list[bytes], verify: Verify, data: st.DataObject
) -> None:
    line = data.draw(st.integers(1, RECORDS))
    place = data.draw(st.integers(0, len(chain[line - 1]) - 1))
    flip = data.draw(st.integers(1, 255))
    changed = bytearray(chain[line - 1])
    changed[place] ^= flip
    _found(verify(b"".join([*chain[: line - 1], bytes(changed), *chain[line:]])), line)


@given(data=st.data())
def test_a_byte_taken_out_or_put_in_is_found_at_its_record(
    chain: list[bytes], verify: Verify, data: st.DataObject
) -> None:
    line = data.draw(st.integers(1, RECORDS))
    old = chain[line - 1]
    place = data.draw(st.integers(0, len(old) - 1))
    put_in = data.draw(st.binary(max_size=1))
    new = old[:place] + put_in + old[place + (not put_in) :]
    empty = new == old + b"\n"  # then the record holds, and an empty line stands behind it
    _found(verify(b"".join([*chain[: line - 1], new, *chain[line:]])), line + empty)


@given(gone=st.integers(1, RECORDS - 1))
def test_a_missing_record_is_found(chain: list[bytes], verify: Verify, gone: int) -> None:
    _found(verify(b"".join(chain[: gone - 1] + chain[gone:])), gone)


@given(data=st.data())
def test_a_record_put_in_is_found(chain: list[bytes], verify: Verify, data: st.DataObject) -> None:
    which = data.draw(st.integers(1, RECORDS))
    place = data.draw(st.integers(1, RECORDS + 1))
    verdict = verify(b"".join([*chain[: place - 1], chain[which - 1], *chain[place - 1 :]]))
    # One put in before itself looks like the right one; its twin is then what does not follow.
    _found(verdict, place + 1 if place == which else place)


@given(order=st.permutations(range(RECORDS)))
def test_another_order_is_found(chain: list[bytes], verify: Verify, order: list[int]) -> None:
    moved = [number for number, was in enumerate(order) if number != was]
    verdict = verify(b"".join(chain[was] for was in order))
    if moved:
        _found(verdict, moved[0] + 1)
    else:
        assert not verdict.problem


@given(data=st.data())
def test_a_cut_within_a_record_is_found_and_one_between_records_by_the_kept_head(
    chain: list[bytes], verify: Verify, data: st.DataObject
) -> None:
    whole = b"".join(chain)
    length = data.draw(st.integers(0, len(whole) - 1))
    cut = whole[:length]
    verdict = verify(cut)
    if cut and not cut.endswith(b"\n"):
        _found(verdict, cut.count(b"\n") + 1)
        return
    assert not verdict.problem
    judged = verify(cut, json.loads(chain[-1])["hash"])
    assert "is not in this chain" in judged.problem
    assert judged.line is None


@pytest.mark.parametrize(
    "spelling",
    [
        lambda line: line.replace(b'":', b'": '),
        lambda line: line.replace("ä".encode(), b"\\u00e4"),
        lambda line: line.replace(b"\n", b"\r\n"),
        lambda line: line.replace(b'"seq"', b'"seq":99,"seq"'),
        lambda line: json.dumps(dict(reversed(json.loads(line).items()))).encode() + b"\n",
    ],
    ids=["spaces", "escapes", "line break", "a name twice", "order"],
)
def test_another_spelling_of_the_same_record_is_a_change(
    chain: list[bytes], verify: Verify, spelling: Callable[[bytes], bytes]
) -> None:
    assert spelling(chain[2]) != chain[2]
    _found(verify(b"".join([*chain[:2], spelling(chain[2]), *chain[3:]])), 3)


@given(line=st.binary(max_size=60), kind=st.sampled_from([b"", b"\n"]))
def test_whatever_stands_in_a_line_is_refused_in_words(
    verify: Verify, line: bytes, kind: bytes
) -> None:
    verdict = verify(line + kind)
    assert (verdict.records, verdict.head) == (0, GENESIS)
    assert verdict.problem.startswith("record 1 ") or not line + kind


def test_an_earlier_head_is_fine_and_a_rebuilt_chain_lacks_it(
    chain: list[bytes], tmp_path: Path
) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join(chain))
    hashes = [json.loads(line)["hash"] for line in chain]
    since = [verify_audit(path, kept=(kept,)).since_kept for kept in (GENESIS, *hashes)]
    assert since == [6, 5, 4, 3, 2, 1, 0]
    verdict = verify_audit(path)
    assert (verdict.since_kept, verdict.first[:10], verdict.last[:10]) == (
        None,
        "2023-11-14",
        "2023-11-14",
    )
    rebuilt = tmp_path / "rebuilt.jsonl"
    for line in chain:
        labels = json.loads(line)["labels"] | {"repo": "another"}
        AuditTrail(rebuilt, clean=str).record("repository-moved", "success", **labels)
    assert not verify_audit(rebuilt).problem
    assert "is not in this chain" in verify_audit(rebuilt, kept=hashes[2:3]).problem


def test_a_line_without_end_costs_no_memory_and_is_no_record(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    with path.open("wb") as file:
        file.truncate(64 << 20)
    assert verify_audit(path).line == 1
    assert next(read_backwards(path)) is None


@settings(max_examples=20)
@given(sizes=st.lists(st.sampled_from([1, 900, 60_000, 70_000]), max_size=5))
def test_backwards_is_forwards_turned_round(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    path = tmp_path_factory.mktemp("audit") / "audit.jsonl"
    path.touch()
    trail = AuditTrail(path, clean=str)
    for size in sizes:  # longer than a block of the reader
        many = {f"label{number}": "x" * 1990 for number in range(size // 2000)}
        trail.record("repository-moved", "success", size=size, **many)
    forwards = [record for record, _ in read_chain(path)]
    assert list(read_backwards(path)) == forwards[::-1]
    assert [record["labels"]["size"] for record in forwards] == sizes


def test_reading_ends_at_the_first_line_that_does_not_hold(
    chain: list[bytes], tmp_path: Path
) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_bytes(b"".join([*chain[:2], *chain[3:]]))
    records = read_chain(path)
    assert [next(records)[1], next(records)[1]] == chain[:2]
    with pytest.raises(BrokenChain, match="record 3 does not follow") as broken:
        next(records)
    assert broken.value.line == 3


def test_a_record_is_written_in_one_way_only(chain: list[bytes]) -> None:
    for line in chain:
        record = parse_record(line)
        assert record is not None
        assert encode_record(record) + b"\n" == line


def test_a_log_that_is_not_there_is_an_error_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="there is no audit log"):
        verify_audit(tmp_path / "audit.jsonl")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StateError, match="cannot be read"):
        verify_audit(tmp_path / "folder")
