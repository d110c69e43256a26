"""Every object is read a piece at a time, from where the last reading stood."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgit.git.reading import Read, Reading, deep_damage, read_objects
from mgit.model import CopyKind
from tests.unit.git.world import World, git


@pytest.fixture
def mirror(world: World) -> Path:
    world.kind = CopyKind.MIRROR
    repo = world.add("app", commits=30, branches=("develop",))
    world.sync()
    return world.folder(repo)


def flip(path: Path) -> None:
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def only(mirror: Path, suffix: str) -> Path:
    [path] = (mirror / "objects/pack").glob(f"*{suffix}")
    return path


def read_all(git_dir: Path, after: str = "") -> tuple[list[Read], str]:
    return drain(read_objects(git_dir, after))


def drain(reading: Reading) -> tuple[list[Read], str]:
    found = []
    while True:
        try:
            found.append(next(reading))
        except StopIteration as end:
            return found, end.value


@pytest.mark.fault("bit rot in a pack, an index or a loose object")
@pytest.mark.parametrize("suffix", [".pack", ".idx"])
def test_one_flipped_bit_is_found(mirror: Path, suffix: str) -> None:
    assert deep_damage(mirror) == ""
    flip(only(mirror, suffix))
    assert "does not match its checksum" in deep_damage(mirror)


@pytest.mark.fault("bit rot in a pack, an index or a loose object")
def test_a_loose_object_too(mirror: Path) -> None:
    blob = mirror / "blob"
    blob.write_text("loose\n" * 1000)
    oid = git(mirror, "hash-object", "-w", str(blob))
    assert deep_damage(mirror) == ""
    flip(mirror / "objects" / oid[:2] / oid[2:])
    assert oid in deep_damage(mirror)


def test_it_goes_on_behind_the_place_where_it_stood(mirror: Path) -> None:
    whole, _ = read_all(mirror)
    first = next(one.place for one in whole if one.place)
    rest, damage = read_all(mirror, first)
    assert damage == ""
    assert sum(one.bytes for one in rest) < sum(one.bytes for one in whole)
    last, damage = read_all(mirror, whole[-1].place)
    assert (last, damage) == ([], "")


def test_what_was_packed_anew_meanwhile_is_no_damage(mirror: Path) -> None:
    reading = read_objects(mirror)
    next(reading)
    git(mirror, "repack", "-a", "-d", "-f", "-q", "--depth=1")
    assert drain(reading)[1] == ""
