"""The repositories on the status page. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from mgit.daemon.web.frame import Columns, address, message, repository_address, states
from mgit.daemon.web.markup import Markup, many, tag
from mgit.daemon.web.parameters import RepositoriesQuery
from mgit.daemon.web.view import Standing
from mgit.daemon.web.words import count, since, took
from mgit.state.overview import RepoRow, RunRow, Show, Sort

ROWS = 25
_SORTS = {
    Sort.ATTENTION: "Needs attention first",
    Sort.STALEST: "Stalest first",
    Sort.CHANGED: "Latest change first",
    Sort.SLOWEST: "Slowest first",
    Sort.NAME: "By name",
}
_SHOWS = {
    Show.FAILED: "Failed",
    Show.STALE: "Stale",
    Show.HELD: "Held",
    Show.WELL: "Well",
    Show.FOREIGN: "Foreign",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page is made from.

    Args:
        standing: how all stands.
        wanted: what somebody wants to see of the repositories.
        page: which page of them, from 1.
        rows: the repositories of that page.
        total: how many there are altogether.
        runs: the latest, newest first.
    """

    standing: Standing
    wanted: RepositoriesQuery
    page: int
    rows: tuple[RepoRow, ...]
    total: int
    runs: tuple[RunRow, ...]


_COLUMNS = Columns(("Repository", "State", "Last success", "Last change", "Took"), frozenset({4}))


def repositories(shown: Shown) -> Markup:
    """The section of the page: a form to filter them, a page of them, the way to the others."""
    first = (shown.page - 1) * ROWS + 1
    last = first + len(shown.rows) - 1
    if shown.rows:
        told = f"{count(first)} to {count(last)} of {count(shown.total)}"
        rows = [_repository(one, shown.standing.now) for one in shown.rows]
        body = _COLUMNS.table(f"Repositories {told}", rows, "repositories")
    else:
        told = "nothing to show"
        body = tag("p", _nothing(shown), class_="nothing")
    return tag(
        "section",
        tag("h2", "Repositories", tag("span", told, class_="told")),
        _form(shown),
        body,
        _paging(shown, last),
        id="repositories",
    )


def _nothing(shown: Shown) -> str:
    wanted = shown.wanted
    if wanted.source or wanted.show or wanted.text or shown.page > 1:
        return "No repository is like that. Change the filter, or show all."
    return "No run has looked at a repository yet."


def _repository(repo: RepoRow, now: float) -> Markup:
    state = states(repo)
    reason = repo.reason.replace("-", " ") if repo.state != "current" else ""
    words = ": ".join(part for part in (reason, repo.message) if part)
    said = message(words, repo.advice) if repo.state != "current" else Markup("")
    return _COLUMNS.row(
        many(
            (
                tag("a", tag("bdi", repo.name), href=repository_address(repo.forge, repo.repo_id)),
                tag("span", repo.source, class_="note"),
            )
        ),
        many((state, said)),
        since(repo.last_success, now),
        since(repo.last_changed, now, "not seen yet"),
        took(repo.seconds),
    )


def _form(shown: Shown) -> Markup:
    wanted = shown.wanted
    names = [(one.name, one.name) for one in shown.standing.status.sources]
    shows = [(show.value, words) for show, words in _SHOWS.items()]
    sorts = [(sort.value, words) for sort, words in _SORTS.items()]
    search = tag(
        "label",
        tag("span", "Search"),
        tag("input", type="search", name="q", value=wanted.text, placeholder="Part of a name"),
        class_="grow",
    )
    chosen = wanted.show.value if wanted.show else ""
    return tag(
        "form",
        search,
        _choice("Source", "source", wanted.source, [("", "All sources"), *names]),
        _choice("State", "state", chosen, [("", "Any state"), *shows]),
        _choice("Order", "sort", wanted.sort.value, sorts),
        tag("button", "Show", type="submit"),
        tag("a", "Show all", href="/#repositories", class_="reset"),
        action="/#repositories",
        method="get",
        role="search",
        aria_label="Filter the repositories",
    )


def _choice(words: str, name: str, chosen: str, options: list[tuple[str, str]]) -> Markup:
    made = [tag("option", shown, value=one, selected=one == chosen) for one, shown in options]
    return tag("label", tag("span", words), tag("select", *made, name=name))


def _paging(shown: Shown, last: int) -> Markup:
    if shown.page == 1 and last >= shown.total:
        return Markup("")
    pages = max(1, -(-shown.total // ROWS))
    back = _turn("← Previous", shown, shown.page - 1, "prev") if shown.page > 1 else None
    on = _turn("Next →", shown, shown.page + 1, "next") if last < shown.total else None
    where = tag("span", f"Page {count(shown.page)} of {count(pages)}")
    return tag(
        "nav",
        back or tag("span", "← Previous", class_="faint", aria_hidden="true"),
        where,
        on or tag("span", "Next →", class_="faint", aria_hidden="true"),
        class_="paging",
        aria_label="Pages of repositories",
    )


def _turn(words: str, shown: Shown, number: int, rel: str) -> Markup:
    wanted = shown.wanted
    href = address(
        "/",
        "repositories",
        q=wanted.text,
        source=wanted.source,
        state=wanted.show.value if wanted.show else "",
        sort=wanted.sort.value,
        page=str(number),
    )
    return tag("a", words, href=href, rel=rel)
