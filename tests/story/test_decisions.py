"""What is selected, what changes places and what is gone: the real command line and real git."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.forge import SandboxForge
from tests.story.laptop import Laptop, Ran

SELECTIONS = """
[selections.shop]
include = ["*/shop-*"]
filter = ["!archived"]
sources = ["work"]
"""


def clones(laptop: Laptop) -> set[str]:
    found = (path.parent.relative_to(laptop.root) for path in laptop.root.rglob(".git"))
    return {path.as_posix() for path in found if path.parts[0] != ".mgit"}


def add_to_config(laptop: Laptop, text: str) -> None:
    with laptop.config_file.open("a", encoding="utf-8") as file:
        file.write(text)


@pytest.fixture
def shop(work: Laptop, forge: SandboxForge) -> Laptop:
    """Five repositories; one of them is archived upstream."""
    for name in ("shop-api", "shop-web", "shop-old", "site", "tool"):
        forge.add_repo("acme", name)
    forge.archive("acme", "shop-old")
    add_to_config(work, SELECTIONS)
    return work


def listed(ran: Ran) -> set[object]:
    return {line["path"] for line in ran.lines if line["schema"] == "mgit.list.repository/1"}


def test_one_language_for_patterns_filters_and_saved_selections(shop: Laptop) -> None:
    for arguments, expected in (
        (["@shop"], {"acme/shop-api", "acme/shop-web"}),
        (["!@shop", "--filter", "!archived"], {"acme/site", "acme/tool"}),
        (["work:*/shop-*", "--filter", "archived"], {"acme/shop-old"}),
        (["github:acme/tool", "gitlab:**"], {"acme/tool"}),
        (["--filter", "pushed-since=2000-01-01", "acme/s*e"], {"acme/site"}),
    ):
        ran = shop.mgit("list", "--format", "jsonl", *arguments)
        assert ran.code == 0, ran.err
        assert listed(ran) == expected


@pytest.mark.parametrize(
    ("arguments", "says", "advice"),
    [
        (["@shpo"], "did you mean @shop?", "selections of the configuration: @shop"),
        (["--filter", "archve"], "did you mean archived?", "conditions: archived"),
        (["--filter", "topic=none-has-it"], "the conditions leave no repository", "--filter"),
    ],
)
def test_a_selection_that_is_wrong_says_what_to_type(
    shop: Laptop, arguments: list[str], says: str, advice: str
) -> None:
    ran = shop.mgit("list", *arguments)
    assert ran.code == 2
    assert says in ran.err
    assert advice in ran.last_line


def test_repositories_that_exchange_their_names_exchange_their_folders(
    shop: Laptop, forge: SandboxForge
) -> None:
    shop.mgit("sync", "acme/site", "acme/tool")
    (shop.root / "acme/site/mine.txt").write_text("mine")
    forge.rename("acme", "site", "other")
    forge.rename("acme", "tool", "site")
    forge.rename("acme", "other", "tool")
    forge.push("acme", "tool")
    ran = shop.mgit("sync", "acme/site", "acme/tool")
    assert ran.code == 0, ran.err
    assert clones(shop) == {"acme/site", "acme/tool"}
    assert (shop.root / "acme/tool/mine.txt").read_text() == "mine"
    assert shop.git("acme/tool", "config", "remote.origin.url").endswith("/acme/tool.git")
    assert [path for path in shop.root.iterdir() if "moving" in path.name] == []
    again = shop.mgit("sync", "acme/site", "acme/tool", "--format", "json")
    assert {one["result"] for one in again.json["outcomes"]} == {"current"}  # type: ignore[attr-defined]


def test_what_is_gone_is_deleted_only_where_nothing_is_lost(
    shop: Laptop, forge: SandboxForge
) -> None:
    shop.mgit("sync")
    (shop.root / "acme/tool/mine.txt").write_text("mine")
    for name in ("site", "tool"):
        forge.delete("acme", name)
    kept = shop.mgit("sync")
    assert kept.code == 0
    assert {"acme/site", "acme/tool"} <= clones(shop)
    ran = shop.mgit("sync", "--gone", "delete")
    assert ran.code == 0, ran.err
    assert clones(shop) == {"acme/shop-api", "acme/shop-web", "acme/shop-old"}
    aside = shop.root / ".mgit/archive/acme"
    assert [path.name for path in aside.iterdir()] == ["tool"]
    assert (aside / "tool/mine.txt").read_text() == "mine"


def test_a_listing_that_shrank_is_not_believed_without_a_word_from_the_person(
    shop: Laptop, forge: SandboxForge
) -> None:
    shop.mgit("sync")
    for name in ("site", "tool", "shop-api", "shop-web"):
        forge.delete("acme", name)
    before = clones(shop)
    ran = shop.mgit("sync", "--gone", "delete", "--verbose")
    assert clones(shop) == before
    assert "--acknowledge-gone" in ran.out + ran.err
    shop.mgit("sync", "--gone", "delete", "--acknowledge-gone")
    assert clones(shop) == {"acme/shop-old"}


def test_a_filter_that_leaves_a_clone_out_does_not_make_it_gone(shop: Laptop) -> None:
    shop.mgit("sync")
    text = shop.config_file.read_text()
    narrowed = text.replace('owners = ["acme"]', 'owners = ["acme"]\nfilter = ["!archived"]')
    assert narrowed != text
    shop.config_file.write_text(narrowed)
    before = clones(shop)
    ran = shop.mgit("sync", "--gone", "delete", "--format", "json")
    assert ran.code == 0
    assert clones(shop) == before
    assert len(ran.json["outcomes"]) == 4  # type: ignore[arg-type]


def test_what_a_forge_does_not_say_is_told(laptop: Laptop, tmp_path: Path) -> None:
    (tmp_path / "repos.toml").write_text(
        'version = 1\nrepos = ["https://git.example.com/team/tool.git"]\n'
    )
    laptop.configure(f'[sources.vendored]\nforge = "manifest"\nfile = "{tmp_path}/repos.toml"\n')
    ran = laptop.mgit("list", "--filter", "language=go")
    assert ran.code == 0, ran.err
    assert "team/tool" in ran.out
    assert "vendored: 1 repository is kept, though the forge does not say" in ran.err
