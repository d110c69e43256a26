"""What stands in the way of a clone, and what a killed git leaves; no link is followed."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgit.git.places import free_place, is_below_links, obstruction, remove_leftover_packs


def test_nothing_and_an_empty_folder_are_no_obstruction(tmp_path: Path) -> None:
    (tmp_path / "acme" / "empty").mkdir(parents=True)
    assert obstruction(tmp_path, "acme/new") == ""
    assert obstruction(tmp_path, "acme/empty") == ""
    assert obstruction(tmp_path, "not/yet/there") == ""


@pytest.mark.parametrize(
    ("folder", "why"),
    [
        ("file/app", "is not a folder"),
        ("link/app", "is a symbolic link"),
        ("link", "is a symbolic link"),
        ("dangling", "is a symbolic link"),
        ("file", "is in the way"),
        ("full", "is not empty"),
    ],
)
def test_what_is_in_the_way_is_named(tmp_path: Path, folder: str, why: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert obstruction(tmp_path, folder).endswith(why)
    assert is_below_links(tmp_path, folder) is ("link" in folder or folder == "dangling")


def test_the_first_number_that_is_free_is_taken_and_the_end_is_told(tmp_path: Path) -> None:
    (tmp_path / "app").touch()
    (tmp_path / "app~2").touch()
    assert free_place(tmp_path, "app") == "app~3"
    for number in range(3, 1000):
        (tmp_path / f"app~{number}").touch()
    with pytest.raises(OSError, match="all its numbers are taken"):
        free_place(tmp_path, "app")


def test_half_written_packs_go_and_whole_ones_stay(tmp_path: Path) -> None:
    packs = tmp_path / "objects" / "pack"
    packs.mkdir(parents=True)
    for name in ("tmp_pack_x", "tmp_idx_y", "pack-1.pack"):
        (packs / name).touch()
    remove_leftover_packs(tmp_path)
    assert [file.name for file in packs.iterdir()] == ["pack-1.pack"]
    remove_leftover_packs(tmp_path / "nowhere")
