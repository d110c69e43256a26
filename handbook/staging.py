"""`python -m handbook.staging FOLDER`: the pages as Sphinx wants them, in a folder of their own.

They keep their places, so that a link between two of them needs no change. What they link to and is
no page (a compose file, a schema, a picture) lies beside them, in the same place too, and
becomes a download.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from handbook.navigation import FOLDERS, SECTIONS

ROOT = Path(__file__).parent.parent
PAGES = ("docs/**/*.md", "*.md", "changelog.d/README.md", "requirements/README.md")
HOME = "docs/README.md"
_LINK = re.compile(r"(!?\[[^\]]*\]\()([^)\s#:]+)((?:#[^)\s]*)?\))")
_RAW = re.compile(r'<(?:img|source)[^>]* src(?:set)?="([^":]+)"')
EXTRA = "_extra"  # what HTML in a page names lands in the site as it is; see conf.py
_BLOCK = re.compile(r"(^```.*?^```)", re.MULTILINE | re.DOTALL)


def pages(root: Path) -> dict[str, str]:
    """The text of every page, by its path in the repository."""
    found = sorted({file for pattern in PAGES for file in root.glob(pattern)})
    return {file.relative_to(root).as_posix(): file.read_text("utf-8") for file in found}


def staged(texts: Mapping[str, str], known: Iterable[str]) -> tuple[dict[str, str], set[str]]:
    """The pages with their navigation, and the files that they lead to beside each other. Pure.

    Args:
        texts: the text of every page, by its path.
        known: every file and folder of the repository.

    Returns:
        Both by their paths in the folder for Sphinx.
    """
    known = set(known)
    made: dict[str, str] = {}
    wanted: set[str] = set()
    for path, text in texts.items():
        place = "index.md" if path == HOME else path
        raw = (posixpath.join(posixpath.dirname(path), one) for one in _RAW.findall(text))
        wanted |= {f"{EXTRA}/{posixpath.normpath(one)}" for one in raw}
        made[place] = _relinked(text, path, place, texts, known, wanted)
    names = [path.removesuffix(".md") for path in made if path != "index.md"]
    taken = {name for page in FOLDERS for name in below(page, names)}
    for page in FOLDERS:
        if f"{page}.md" in made:
            made[f"{page}.md"] += toctree("", below(page, names), page)
    made["index.md"] += "".join(
        toctree(title, [one for one in entries if one not in taken], "index")
        for title, entries in arranged(names, taken)
    )
    return made, wanted


def below(page: str, names: Iterable[str]) -> list[str]:
    """The pages of a folder that its own page leads to."""
    folder = posixpath.dirname(page)
    pattern = f"{folder}/{FOLDERS[page]}"
    return sorted(
        name
        for name in names
        if name != page and fnmatch.fnmatchcase(name, pattern) and posixpath.dirname(name) == folder
    )


def arranged(names: Iterable[str], taken: Iterable[str] = ()) -> Iterator[tuple[str, list[str]]]:
    """Every section with its pages, each page once."""
    left = sorted(set(names) - set(taken))
    for section in SECTIONS:
        entries: list[str] = []
        for pattern in section.entries:
            met = [one for one in left if _meets(one, pattern)]
            entries += met
            left = [one for one in left if one not in met]
        yield section.title, entries


def _meets(name: str, pattern: str) -> bool:
    same = posixpath.dirname(name) == posixpath.dirname(pattern)
    return same and fnmatch.fnmatchcase(name, pattern)


def toctree(title: str, entries: Iterable[str], page: str) -> str:
    """A part of the navigation, which the page itself does not show."""
    here = posixpath.dirname(page)
    lines = [f"/{entry}" if here or "/" in entry else entry for entry in entries]
    caption = f":caption: {title}\n" if title else ""
    return "\n\n" + "\n".join(
        ["```{toctree}", ":hidden:", *caption.splitlines(), "", *lines, "```", ""]
    )


def _relinked(
    text: str,
    path: str,
    place: str,
    texts: Mapping[str, str],
    known: set[str],
    wanted: set[str],
) -> str:
    """The same page with its links as they are from its new place; code is left as it is."""

    def anew(match: re.Match[str]) -> str:
        before, target, after = match.groups()
        whole = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if whole not in known:
            return match[0]
        whole = _page_of(whole, texts)
        if whole not in texts:
            wanted.add(whole)
        whole = "index.md" if whole == HOME else whole
        return f"{before}{posixpath.relpath(whole, posixpath.dirname(place) or '.')}{after}"

    parts = _BLOCK.split(text)
    return "".join(part if n % 2 else _LINK.sub(anew, part) for n, part in enumerate(parts))


def _page_of(whole: str, texts: Mapping[str, str]) -> str:
    """What stands for a folder: its own page, else the home page."""
    if f"{whole}/README.md" in texts:
        return f"{whole}/README.md"
    return whole if PurePosixPath(whole).suffix or whole in texts else HOME


def stage(root: Path, folder: Path) -> int:
    """Write them; how many pages there are."""
    shutil.rmtree(folder, ignore_errors=True)
    texts = pages(root)
    known = [
        file.relative_to(root).as_posix()
        for top in sorted(root.iterdir())
        if not top.name.startswith(".") and top.name != "dist"
        for file in ([top, *top.rglob("*")] if top.is_dir() else [top])
    ]
    made, wanted = staged(texts, known)
    for path, text in made.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (folder / EXTRA).mkdir()
    for path in wanted:
        file = root / path.removeprefix(f"{EXTRA}/")
        if file.is_file():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, folder / path)
    return len(made)


if __name__ == "__main__":
    count = stage(ROOT, Path(sys.argv[1]))
    sys.stdout.write(f"{count} pages laid out\n")
