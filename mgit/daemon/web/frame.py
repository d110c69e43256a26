"""What all pages have in common: head, banner, footer, and small pieces. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from mgit.daemon.web.markup import Markup, Part, many, tag, text
from mgit.state.overview import RepoRow

MARK = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="7" fill="#1f5f8b"/>'
    '<g fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round">'
    '<path d="M10 9.5v13M22 22.5v-4c0-3-2-5-5-5h-3"/></g>'
    '<g fill="#fff"><circle cx="10" cy="8.5" r="3"/><circle cx="10" cy="23.5" r="3"/>'
    '<circle cx="22" cy="23.5" r="3"/></g></svg>'
)
"""The icon, at `/icon.svg`."""

_WORDS = {
    "well": "Well",
    "held": "Held",
    "failed": "Failed",
    "foreign": "Foreign",
    "stale": "Stale",
}


def page(title: str, *body: Part, home: bool = False) -> bytes:
    """A whole page.

    Args:
        title: of the window.
        body: what is between banner and footer.
        home: it is the page that the banner leads to.
    """
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("link", rel="icon", href="/icon.svg", type="image/svg+xml"),
        tag("link", rel="stylesheet", href="/style.css"),
    )
    parts = (
        tag("a", "Skip to the content", href="#content", class_="skip"),
        _banner(home=home),
        tag("main", *body, id="content", tabindex="-1"),
        _footer(),
    )
    whole = tag("html", head, tag("body", *parts), lang="en")
    return f"<!doctype html>\n{whole}\n".encode()


def _banner(*, home: bool) -> Markup:
    mark = tag("span", Markup(MARK.replace("<svg ", '<svg aria-hidden="true" ')), class_="mark")
    name = tag("a", mark, "mgit", href="/", class_="brand", aria_current="page" if home else None)
    links = [
        tag("li", tag("a", words, href=href))
        for words, href in (
            ("Sources", "/#sources"),
            ("Repositories", "/#repositories"),
            ("Runs", "/#runs"),
        )
    ]
    nav = tag("nav", tag("ul", *links), aria_label="Sections")
    return tag("header", tag("div", name, nav, class_="wide"), class_="banner")


def _footer() -> Markup:
    links = [
        tag("li", tag("a", words, href=href))
        for words, href in (
            ("API", "/api/v1/status"),
            ("OpenAPI", "/api/v1/openapi.json"),
            ("Metrics", "/metrics"),
        )
    ]
    return tag("footer", tag("div", tag("ul", *links), class_="wide"))


def states(repo: RepoRow) -> Markup:
    """How a repository stands, as labels."""
    if repo.state == "current":
        return pill("stale" if repo.stale else "well")
    return many((pill(repo.state), pill("stale"))) if repo.stale else pill(repo.state)


def pill(state: str, words: str = "") -> Markup:
    """A state as a small label; its shape tells it as well as its colour."""
    return tag("span", words or _WORDS.get(state, state), class_=f"pill {state}")


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table.

    Args:
        heads: what they are called; the first names the row.
        numbers: which of them hold numbers, counted from 0.
    """

    heads: tuple[str, ...]
    numbers: frozenset[int] = frozenset()

    def table(self, caption: str, rows: list[Markup], class_: str) -> Markup:
        """A table; on a small screen each row is a card, so the roles are said again.

        Args:
            caption: what it shows, for those who do not see it.
            rows: made by `row`.
            class_: for the style sheet.
        """
        cells = [
            tag("th", head, scope="col", role="columnheader", class_=self._class(at))
            for at, head in enumerate(self.heads)
        ]
        return tag(
            "table",
            tag("caption", caption, class_="unseen"),
            tag("thead", tag("tr", *cells, role="row"), role="rowgroup"),
            tag("tbody", *rows, role="rowgroup"),
            role="table",
            class_=class_,
        )

    def row(self, first: Part, *cells: Part) -> Markup:
        """A row: its first cell names it."""
        made = [tag("th", first, scope="row", role="rowheader")]
        for at, cell in enumerate(cells, 1):
            inner = tag("div", cell)
            made.append(
                tag("td", inner, role="cell", data_label=self.heads[at], class_=self._class(at))
            )
        return tag("tr", *made, role="row")

    def _class(self, at: int) -> str | None:
        return "number" if at in self.numbers else None


def fact(words: str, value: Part, note: Part = "") -> Markup:
    """A term and what it is, for a `dl`."""
    more = (tag("span", note, class_="note"),) if note else ()
    return tag("div", tag("dt", words), tag("dd", value, *more))


def address(path: str, anchor: str = "", **query: str) -> str:
    """A link to ourselves; empty fields of the query are left out."""
    given = {name: value for name, value in query.items() if value}
    text_ = f"{path}?{urlencode(given)}" if given else path
    return f"{text_}#{anchor}" if anchor else text_


def repository_address(forge: str, repo_id: str) -> str:
    """Where a repository has its page."""
    return f"/repositories/{quote(f'{forge}#{repo_id}', safe='')}"


def message(words: str, advice: str, class_: str = "said") -> Markup:
    """What was said about something, and what to do."""
    if not words and not advice:
        return Markup("")
    said = (text(words), tag("span", advice, class_="advice") if advice else "")
    return tag("span", *said, class_=class_)
