"""The built site in a real browser, from the disk: `nox -s docs-in-browser`.

Nothing is asked of anybody, the search answers, and nothing sticks out, on a phone and on a desk.
`MGIT_LOOK=FOLDER` keeps what was seen.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.story.browser import Browser, browsing
from tests.story.laptop import REPOSITORY

SITE = REPOSITORY / "dist" / "site"
PAGES = (
    "index",
    "docs/install",
    "docs/quickstart/github",
    "docs/usage",
    "docs/reference/configuration",
    "docs/reference/commands",
    "docs/reference/messages",
    "docs/troubleshooting",
    "docs/operations/alerts",
    "docs/operations/checklist",
    "docs/operations/capacity",
    "docs/operations/status-page",
    "docs/security/controls",
    "docs/adr/README",
)
# Wider than the window, and in nothing that can be scrolled by itself.
OUTSIDE = """[...document.querySelectorAll("article *")]
  .filter(one => one.getClientRects().length && !one.closest(
    ".table-wrapper, pre, .highlight, .headerlink, .sd-tab-set, svg"))
  .filter(one => one.getBoundingClientRect().right > innerWidth + 1)
  .map(one => one.outerHTML.slice(0, 90))"""

pytestmark = [
    pytest.mark.long,
    pytest.mark.needs("chromium"),
    pytest.mark.skipif(not SITE.is_dir(), reason="the site is not built: `nox -s docs` does that"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_every_kind_of_page_fits_and_asks_nobody(
    browser: Browser, width: int, *, dark: bool
) -> None:
    wrong = []
    with browser.tab(width=width, dark=dark) as tab:
        for page in PAGES:
            tab.open((SITE / f"{page}.html").as_uri())
            wrong += [f"{page}: {one}" for one in tab.script(OUTSIDE)]
            if folder := os.environ.get("MGIT_LOOK"):
                name = f"{page.replace('/', '-')}-{width}{'-dark' if dark else ''}.png"
                tab.picture(Path(folder) / name, whole=False)
        assert [one for one in tab.asked if not one.startswith(("file://", "data:"))] == []
        assert tab.complaints == []
    assert wrong == []


def test_the_search_answers_without_a_server(browser: Browser) -> None:
    with browser.tab(width=1280) as tab:
        tab.open(f"{(SITE / 'search.html').as_uri()}?q=ref_loss_limit")
        end = time.monotonic() + 60
        while not (found := tab.texts("#search-results li a")):
            assert time.monotonic() < end
            time.sleep(0.1)
        assert {"Configuration", "Configuration keys"} <= set(found)
        assert [one for one in tab.asked if not one.startswith(("file://", "data:"))] == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_recordings_move_and_are_dark_in_the_dark(browser: Browser, *, dark: bool) -> None:
    with browser.tab(width=1000, height=560, dark=dark) as tab:
        for file in sorted((REPOSITORY / "docs" / "pictures").glob("*.cast")):
            tab.open(file.with_suffix(".svg").as_uri())
            paper = tab.script("getComputedStyle(document.querySelector('.paper')).fill")
            assert paper == ("rgb(20, 24, 29)" if dark else "rgb(251, 252, 253)")
            still = tab.script("getComputedStyle(document.querySelector('.film')).animationName")
            assert still == "none", "who wants no motion sees the end"
            if folder := os.environ.get("MGIT_LOOK"):
                tab.picture(Path(folder) / f"{file.stem}{'-dark' if dark else ''}.png", whole=False)
