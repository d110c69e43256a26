"""Every page of the handbook has a place, and is laid out for Sphinx as it is read on a forge."""

from __future__ import annotations

import posixpath
import re

from handbook.checking import complaints, read, styles
from handbook.navigation import FOLDERS, SECTIONS
from handbook.staging import arranged, below, pages, staged
from tests.story.laptop import REPOSITORY


def test_every_page_is_in_the_navigation_once() -> None:
    names = [path.removesuffix(".md") for path in pages(REPOSITORY) if path != "docs/README.md"]
    taken = [name for folder in FOLDERS for name in below(folder, names)]
    placed = [name for _, entries in arranged(names, taken) for name in entries] + taken
    assert sorted(placed) == sorted(names), "give it a place in handbook/navigation.py"


def test_what_the_navigation_names_is_there() -> None:
    named = [entry for section in SECTIONS for entry in section.entries if "*" not in entry]
    missing = [entry for entry in [*named, *FOLDERS] if not (REPOSITORY / f"{entry}.md").is_file()]
    assert missing == []


def test_a_page_that_is_new_is_picked_up_by_its_folder() -> None:
    texts = {"docs/README.md": "# Home\n", "docs/operations/new.md": "# New\n"}
    made, _ = staged(texts, texts)
    section = made["index.md"].partition(":caption: Run it")[2].partition("```")[0]
    assert "/docs/operations/new" in section.replace("\ndocs", "\n/docs")


def test_links_lead_to_the_same_place_and_files_come_along() -> None:
    texts = {
        "docs/README.md": "[us](usage.md#x) [file](../deploy/a.toml) [web](https://x.example/y.md)\n",
        "docs/usage.md": "[home](README.md) [folder](adr) [`code`](../deploy/a.toml)\n",
        "docs/adr/README.md": "# Decisions\n```\n[not](usage.md)\n```\n",
    }
    made, wanted = staged(texts, {*texts, "docs/adr", "deploy/a.toml", "deploy"})
    assert made["index.md"].startswith(
        "[us](docs/usage.md#x) [file](deploy/a.toml) [web](https://x.example/y.md)"
    )
    assert made["docs/usage.md"] == (
        "[home](../index.md) [folder](adr/README.md) [`code`](../deploy/a.toml)\n"
    )
    assert "[not](usage.md)" in made["docs/adr/README.md"]
    assert wanted == {"deploy/a.toml"}


def test_what_a_site_must_not_have_is_found() -> None:
    site = {
        "index.html": '<a href="a.html#there">a</a> <a href="a.html#not">b</a>'
        '<a href="c.html">c</a>'
        '<script src="https://cdn.example/x.js"></script><img src="gone.png">',
        "a.html": '<p id="there"></p><link rel="stylesheet" href="//fonts.example/f.css">',
        "lonely.html": "",
    }
    taken_apart = {path: read(text) for path, text in site.items()}
    found = list(complaints(taken_apart, frozenset(site)))
    assert found == [
        "index.html: gone.png is not there",
        "index.html: fetches https://cdn.example/x.js",
        "index.html: a.html#not is no place in that page",
        "index.html: c.html leads nowhere",
        "a.html: fetches //fonts.example/f.css",
        "lonely.html: no page leads to it",
    ]
    assert list(
        styles({"a.css": "@import 'https://x.example/a.css'; b { background: url(c.png) }"})
    )


def test_the_readme_points_to_the_handbook_and_stays_short() -> None:
    text = (REPOSITORY / "README.md").read_text("utf-8")
    assert "(docs/README.md)" in text
    assert len(text.splitlines()) <= 150


def test_anchors_within_the_pages_are_there() -> None:
    """What Sphinx will say, said early: a heading that was renamed breaks a link."""
    texts = pages(REPOSITORY)
    places = {path: {slug(one) for one in headings(text)} for path, text in texts.items()}
    dead = []
    for path, text in texts.items():
        for target, place in re.findall(r"\]\(([^)\s#:]*)#([^)\s]+)\)", text):
            whole = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
            whole = whole if target else path
            if whole in places and place not in places[whole]:
                dead.append(f"{path}: {target}#{place}")
    assert dead == []


def headings(text: str) -> list[str]:
    without_code = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^#{1,4} (.+)$", without_code, re.MULTILINE)


def slug(heading: str) -> str:
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w -]", "", plain).replace(" ", "-")
