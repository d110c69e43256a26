"""The status page in a real browser: at a phone's and a desk's width, in the light and in the dark.

`pytest tests/story/test_status_page.py --pictures` renews docs/pictures/.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.story.browser import Browser, Tab, browsing
from tests.story.scenes import SCENES, Scene, Served, serving

PICTURES = Path(__file__).resolve().parents[2] / "docs/pictures"
MOST_BYTES = 150_000
WIDTHS = (390, 1280)

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]

# Of every text: the colour that it has and the one behind it, by WCAG 2.2 (1.4.3).
CONTRAST = """(() => {
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [.2126, .7152, .0722][at], 0);
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const found = parts(getComputedStyle(one).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const bad = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some(one => one.nodeType === 3 && one.data.trim());
    if (!own || !element.getClientRects().length || element.closest(".unseen, .skip")) continue;
    const pair = [light(parts(getComputedStyle(element).color)), light(behind(element))].sort();
    const ratio = (Math.max(...pair) + .05) / (Math.min(...pair) + .05);
    if (ratio < 4.5) bad.push(`${element.innerText}: ${ratio.toFixed(2)}`);
  }
  return bad;
})()"""
# What sticks out to the right.
OUTSIDE = """[...document.querySelectorAll("body *")]
  .filter(one => !one.closest(".unseen, .skip, thead") && one.getClientRects().length)
  .filter(one => one.getBoundingClientRect().right > innerWidth + 1)
  .map(one => one.outerHTML.slice(0, 80))"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture(scope="module", params=list(SCENES))
def shown(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Served]]:
    with made(request.param, tmp_path_factory.mktemp("scene")) as served:
        yield request.param, served


@contextlib.contextmanager
def made(name: str, folder: Path) -> Iterator[Served]:
    """A scene that is served."""
    scene = Scene(folder)
    SCENES[name](scene)
    with contextlib.closing(scene.state), serving(scene) as served:
        yield served


def sound(tab: Tab, served: Served) -> None:
    """What must hold of every page, whatever it shows."""
    assert tab.complaints == []
    assert tab.asked
    assert all(one.startswith(f"{served.url}/") for one in tab.asked), tab.asked
    assert tab.script("document.documentElement.scrollWidth <= innerWidth")
    assert tab.script(OUTSIDE) == []
    assert tab.script(CONTRAST) == []
    assert tab.script("document.querySelectorAll('script, [style], [onload]').length") == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_and_keeps_to_itself(
    browser: Browser, shown: tuple[str, Served], width: int, dark: bool, pictures: bool
) -> None:
    name, served = shown
    with browser.tab(width=width, dark=dark) as tab:
        tab.open(f"{served.url}/")
        sound(tab, served)
        wanted = {("failing", 1280, False), ("failing", 390, False), ("many", 1280, True)}
        wanted |= {("healthy", 390, True), ("healthy", 1280, False), ("stale", 1280, False)}
        if pictures and (name, width, dark) in wanted:
            tab.resize(width, 1000 if width > 1000 else 1180)
            file = PICTURES / f"status-{name}-{width}{'-dark' if dark else ''}.png"
            tab.picture(file, whole=False)


def test_what_is_looked_for_would_be_seen(browser: Browser, tmp_path: Path) -> None:
    """A style that is forbidden, a picture from elsewhere, words that are hard to read."""
    with made("empty", tmp_path) as served, browser.tab(width=390) as tab:
        tab.open(f"{served.url}/")
        sound(tab, served)
        tab.script("document.querySelector('h1').setAttribute('style', 'color: #fff')")
        assert any("Content Security Policy" in one for one in tab.complaints)
        assert tab.script(CONTRAST) == []  # it was really forbidden
        tab.script("new Image().src = 'http://127.0.0.1:9/x.png'; 0")
        assert len([one for one in tab.complaints if "Content Security Policy" in one]) >= 2
        tab.script("document.querySelector('.lead').style.color = '#aab'; 0")
        assert len(tab.script(CONTRAST)) == 1
        tab.script("document.querySelector('.lead').style.width = '999px'; 0")
        assert tab.script(OUTSIDE)


def test_pictures_are_small() -> None:
    found = sorted(PICTURES.glob("status-*.png"))
    assert len(found) == 6
    assert [one.name for one in found if one.stat().st_size >= MOST_BYTES] == []


HEADLINES = {
    "empty": "No repository yet",
    "healthy": "All is well",
    "stale": "1 source failing",
    "failing": "4 repositories and 1 source failing",
    "many": "12 repositories failing",
}


def test_it_says_in_words_how_all_stands(browser: Browser, shown: tuple[str, Served]) -> None:
    name, served = shown
    with browser.tab(width=1280, scripts=False) as tab:
        tab.open(f"{served.url}/")
        assert tab.text("h1") == HEADLINES[name]
        assert tab.script("document.title") == f"{HEADLINES[name]} · mgit"
        rows = tab.texts(".repositories tbody tr")
        assert len(rows) == (0 if name == "empty" else 25)
        if name == "stale":
            assert "80 of 120 repositories hold all of their upstream" in tab.text(".lead")
            assert "connection timed out" in tab.text(".sources")
        if name == "failing":
            assert "Running now" in tab.text(".facts")
            assert "ask its owner" in tab.text(".repositories")


def test_a_screen_reader_finds_its_way(browser: Browser, shown: tuple[str, Served]) -> None:
    name, served = shown
    for width in WIDTHS:
        with browser.tab(width=width) as tab:
            tab.open(f"{served.url}/")
            tree = tab.tree()
            roles = [role for role, _ in tree]
            for landmark in ("banner", "navigation", "main", "contentinfo", "search"):
                assert landmark in roles, (width, landmark)
            assert roles.count("heading") == 4
            for role, words in tree:
                if role in ("link", "button", "textbox", "searchbox", "combobox", "table"):
                    assert words, (width, role)
            if name != "empty":
                assert ("table", "The sources and how each stands") in tree
                heads = {words for role, words in tree if role == "columnheader"}
                assert {"Repository", "Last success", "Next"} <= heads
                assert roles.count("rowheader") >= 25


def test_a_search_by_keyboard_and_form_without_scripts(browser: Browser, tmp_path: Path) -> None:
    with made("many", tmp_path) as served, browser.tab(width=390, scripts=False) as tab:
        tab.open(f"{served.url}/?state=failed")
        assert "1 to 12 of 12" in tab.text("h2 .told")
        tab.write("input[name=q]", "ledger-")
        tab.press("button")
        assert "state=failed" in tab.script("location.search")
        assert "q=ledger-" in tab.script("location.search")
        found = tab.texts(".repositories tbody th a")
        assert found
        assert all("/ledger-" in one for one in found)
        tab.open(f"{served.url}/?sort=name")
        first = tab.texts(".repositories tbody th a")
        tab.press(".paging a[rel=next]")
        assert "26 to 50 of 10,000" in tab.text("h2 .told")
        assert set(first).isdisjoint(tab.texts(".repositories tbody th a"))
        tab.press(".paging a[rel=prev]")
        assert tab.texts(".repositories tbody th a") == first
        tab.press(".repositories tbody th a")
        assert tab.text("h1") == first[0]
        sound(tab, served)
        tab.open(f"{served.url}/?state=failed&q=nothing-like-that")
        assert "No repository is like that" in tab.text(".nothing")
        sound(tab, served)


def test_a_hostile_name_is_a_name(browser: Browser, tmp_path: Path) -> None:
    with made("failing", tmp_path) as served, browser.tab(width=390) as tab:
        tab.open(f"{served.url}/?q=%3Cimg")
        (name,) = tab.texts(".repositories tbody th a")
        assert name.startswith("web/<img src=x onerror=alert(1)>&\\u202egpj.exe-long")
        assert "<script>alert(1)</script>" in tab.text(".repositories .said")
        sound(tab, served)
        tab.press(".repositories tbody th a")
        assert tab.text("h1") == name
        assert "could not be read" in tab.text(".said")
        sound(tab, served)
        tab.open(f"{served.url}/repositories/nobody%23%3Cscript%3E")
        assert tab.text("h1") == "No such repository"
        tab.open(f"{served.url}/?page=zero")
        assert tab.text("h1") == "That cannot be shown"
        assert tab.asked
        assert all(one.startswith(f"{served.url}/") for one in tab.asked)
