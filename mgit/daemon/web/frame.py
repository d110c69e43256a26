"""What all pages have in common: head, banner, footer, and small pieces. Pure."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from mgit.daemon.web.markup import Markup, Part, tag, text

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
    "current": "Current",
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


def pill(state: str, words: str = "") -> Markup:
    """A state as a small label; its shape tells it as well as its colour."""
    return tag("span", words or _WORDS.get(state, state), class_=f"pill {state}")


def table(caption: str, heads: tuple[str, ...], rows: list[Markup], class_: str = "") -> Markup:
    """A table; on a small screen each row is a card, so the roles are said again.

    Args:
        caption: what it shows, for those who do not see it.
        heads: of the columns.
        rows: made by `row`.
        class_: more of it.
    """
    cells = [tag("th", one, scope="col", role="columnheader") for one in heads]
    return tag(
        "table",
        tag("caption", caption, class_="unseen"),
        tag("thead", tag("tr", *cells, role="row"), role="rowgroup"),
        tag("tbody", *rows, role="rowgroup"),
        role="table",
        class_=class_ or None,
    )


def row(heads: tuple[str, ...], first: Part, *cells: Part, numbers: tuple[int, ...] = ()) -> Markup:
    """A row of a table: its first cell names it.

    Args:
        heads: of the columns.
        first: what it is about.
        cells: the others.
        numbers: which columns hold numbers, counted from 0.
    """
    made = [tag("th", first, scope="row", role="rowheader")]
    for at, cell in enumerate(cells, 1):
        class_ = "number" if at in numbers else None
        made.append(tag("td", cell, role="cell", data_label=heads[at], class_=class_))
    return tag("tr", *made, role="row")


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
