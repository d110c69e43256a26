"""Signs of damage that cost a look or two: no objects, an empty newest commit, a cut pack."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

from mgit.git.damage import _damage_of_head, has_objects
from mgit.git.reading import _hash_loose, _trailer_fits

OID = "ab" + "0" * 38
T = TypeVar("T")


def end_of(reading: Generator[int, None, T]) -> T:
    """What comes out when all was read; in between it tells how much that was."""
    while True:
        try:
            next(reading)
        except StopIteration as end:
            return end.value


def test_what_counts_as_having_objects(tmp_path: Path) -> None:
    objects = tmp_path / "objects"
    (objects / "pack").mkdir(parents=True)
    (objects / "info").mkdir()
    assert not has_objects(tmp_path)
    (objects / "ab").mkdir()
    assert has_objects(tmp_path)
    (objects / "ab").rmdir()
    (objects / "info" / "alternates").write_text("/elsewhere\n")
    assert has_objects(tmp_path)
    (objects / "info" / "alternates").unlink()
    (objects / "pack" / "pack-1.pack").touch()
    assert has_objects(tmp_path)


def test_the_newest_commit_may_be_missing_or_empty(tmp_path: Path) -> None:
    objects = tmp_path / "objects"
    (objects / "ab").mkdir(parents=True)
    (objects / "info").mkdir()
    assert _damage_of_head(tmp_path, None, packed=False) == ""
    assert "is missing" in _damage_of_head(tmp_path, OID, packed=False)
    assert _damage_of_head(tmp_path, OID, packed=True) == ""  # it is in a pack, one has to believe
    (objects / "info" / "alternates").touch()
    assert _damage_of_head(tmp_path, OID, packed=False) == ""
    (objects / "ab" / OID[2:]).touch()
    assert "is empty" in _damage_of_head(tmp_path, OID, packed=False)
    (objects / "ab" / OID[2:]).write_bytes(b"x")
    assert _damage_of_head(tmp_path, OID, packed=False) == ""


def test_a_pack_ends_with_the_hash_of_the_rest(tmp_path: Path) -> None:
    pack = tmp_path / "pack-1.pack"
    content = b"PACK" * 100_000
    pack.write_bytes(content + hashlib.sha1(content).digest())
    assert end_of(_trailer_fits(pack, "sha1"))
    pack.write_bytes(content + hashlib.sha1(content + b"x").digest())
    assert not end_of(_trailer_fits(pack, "sha1"))
    pack.write_bytes(b"short")
    assert not end_of(_trailer_fits(pack, "sha1"))


def test_a_loose_object_hashes_to_its_name_or_to_nothing(tmp_path: Path) -> None:
    loose = tmp_path / "loose"
    content = b"blob 600000\0" + b"x" * 600_000
    loose.write_bytes(zlib.compress(content))
    assert end_of(_hash_loose(loose, "sha1")) == hashlib.sha1(content).hexdigest()
    for rotten in (b"", b"rotten", zlib.compress(content)[:-4], zlib.compress(content) + b"more"):
        loose.write_bytes(rotten)
        assert end_of(_hash_loose(loose, "sha1")) == ""
