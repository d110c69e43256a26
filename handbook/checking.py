"""`python -m handbook.checking FOLDER`: whether the built site holds together.

Looks at what a browser would get: every address in a page leads to a file and a place in it, every
page can be reached from the first, and opening one fetches nothing (font, script, picture, style)
from another host.
"""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_FETCHED = re.compile(r"""(?:url\(\s*['"]?|@import\s+['"])((?:https?:)?//[^'")\s]+)""")
_LOADS = frozenset({"stylesheet", "preload", "prefetch", "preconnect", "icon", "manifest"})
# Written by Sphinx for itself, and linked from no page.
_APART = frozenset({"genindex.html", "search.html"})


@dataclass
class Page(HTMLParser):
    """What one page names: its places, where it leads, and what opening it fetches."""

    places: set[str] = field(default_factory=set)
    leads: set[str] = field(default_factory=set)
    fetches: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See `HTMLParser`."""
        given = {name: value or "" for name, value in attrs}
        if place := given.get("id") or (given.get("name") if tag == "a" else ""):
            self.places.add(place)
        if tag == "a" and "href" in given:
            self.leads.add(given["href"])
        elif tag == "link" and _LOADS & set(given.get("rel", "").split()):
            self.fetches.add(given["href"])
        elif tag == "form":
            self.leads.add(given.get("action", ""))
        self.fetches |= {given[name] for name in ("src", "data", "poster") if given.get(name)}
        self.fetches |= set(_FETCHED.findall(given.get("style", "")))

    __hash__ = HTMLParser.__hash__


def read(text: str) -> Page:
    """A page, taken apart."""
    page = Page()
    page.feed(text)
    page.close()
    return page


def complaints(pages: Mapping[str, Page], files: frozenset[str]) -> Iterator[str]:
    """What does not hold. Pure.

    Args:
        pages: every page by its path in the site.
        files: every file of the site.
    """
    for path, page in pages.items():
        for address in sorted(page.fetches):
            if _foreign(address):
                yield f"{path}: fetches {address}"
            elif not address.startswith("data:") and _target(path, address)[0] not in files:
                yield f"{path}: {address} is not there"
        for address in sorted(page.leads):
            yield from _lead(path, address, pages, files)
    seen, left = {"index.html"}, ["index.html"]
    while left:
        path = left.pop()
        found = {_target(path, one)[0] for one in pages[path].leads if not urlsplit(one).scheme}
        new = (found & pages.keys()) - seen
        seen |= new
        left += new
    for path in sorted(pages.keys() - seen - _APART):
        yield f"{path}: no page leads to it"


def _lead(
    path: str, address: str, pages: Mapping[str, Page], files: frozenset[str]
) -> Iterator[str]:
    if urlsplit(address).scheme or address.startswith("//") or not address:
        return
    target, place = _target(path, address)
    if target not in files:
        yield f"{path}: {address} leads nowhere"
    elif place and target in pages and place not in pages[target].places:
        yield f"{path}: {address} is no place in that page"


def _foreign(address: str) -> bool:
    return address.startswith("//") or urlsplit(address).scheme in {"http", "https", "ws", "wss"}


def _target(path: str, address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    if not parts.path:
        return path, unquote(parts.fragment)
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(parts.path)))
    return joined, unquote(parts.fragment)


def styles(texts: Mapping[str, str]) -> Iterator[str]:
    """What style sheets fetch from elsewhere."""
    for path, text in texts.items():
        for address in _FETCHED.findall(text):
            yield f"{path}: fetches {address}"


def look(folder: Path) -> tuple[int, list[str]]:
    """How many pages a built site has, and what is wrong with it."""
    files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*")}
    pages = {
        path: read(file.read_text("utf-8"))
        for path, file in files.items()
        if path.endswith(".html") and not path.startswith("_")
    }
    sheets = {path: file.read_text("utf-8") for path, file in files.items() if path[-4:] == ".css"}
    return len(pages), [*complaints(pages, frozenset(files)), *styles(sheets)]


if __name__ == "__main__":
    count, found = look(Path(sys.argv[1]))
    sys.stdout.writelines(f"{one}\n" for one in found)
    sys.stdout.write(f"{count} pages looked at, {len(found)} complaints\n")
    sys.exit(1 if found else 0)
