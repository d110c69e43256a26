"""The page of one repository, and pages that say that there is none. Pure."""

from __future__ import annotations

from mgit.daemon.web.frame import Columns, address, fact, message, page, pill, states
from mgit.daemon.web.markup import Markup, many, tag
from mgit.daemon.web.records import key_of
from mgit.daemon.web.words import count, since, took
from mgit.state.overview import PastOutcome, RepoRow

_COLUMNS = Columns(("When", "Action", "Result", "Refs", "Took", "Run"), frozenset({3, 4}))
_RESULTS = {"failed": "failed", "skipped": "held"}


def repository_page(repo: RepoRow, outcomes: tuple[PastOutcome, ...], now: float) -> bytes:
    """The page of one repository."""
    state = states(repo)
    reason = repo.reason.replace("-", " ") if repo.state != "current" else ""
    words = ": ".join(part for part in (reason, repo.message) if part)
    source = tag("a", repo.source, href=address("/", "repositories", source=repo.source))
    facts = tag(
        "dl",
        fact("Last success", since(repo.last_success, now)),
        fact("Last change", since(repo.last_changed, now, "not seen yet")),
        fact("Last look", since(repo.last_seen, now), f"took {took(repo.seconds)}"),
        fact("First seen", since(repo.first_seen, now)),
        fact("Source", source),
        fact("Folder", tag("code", tag("bdi", repo.folder or "none"))),
        fact("Key", tag("code", key_of(repo))),
        class_="facts",
    )
    top = tag(
        "section",
        tag("p", tag("a", "All repositories", href="/#repositories"), class_="back"),
        tag("h1", tag("bdi", repo.name)),
        tag("p", state, class_="states"),
        message(words, repo.advice, "said big"),
        facts,
        class_="top",
        aria_label="How it stands",
    )
    return page(f"{repo.name} · mgit", top, _history(outcomes, now))


def _history(outcomes: tuple[PastOutcome, ...], now: float) -> Markup:
    if outcomes:
        rows = [_outcome(one, now) for one in outcomes]
        body = _COLUMNS.table("What was done, latest first", rows, "history")
    else:
        body = tag("p", "Nothing was done to it in the runs that are remembered.", class_="nothing")
    return tag("section", tag("h2", "What was done"), body)


def _outcome(one: PastOutcome, now: float) -> Markup:
    reason = one.reason.replace("-", " ")
    words = ": ".join(part for part in (reason, one.message) if part)
    return _COLUMNS.row(
        since(one.ended_at, now),
        one.action,
        many((pill(_RESULTS.get(one.result, "well"), one.result), message(words, ""))),
        count(one.refs_changed),
        took(one.seconds),
        tag("code", one.run_id),
    )


def nothing_page(headline: str, detail: str) -> bytes:
    """A page that says why there is no other one."""
    return page(
        f"{headline} · mgit",
        tag(
            "section",
            tag("h1", headline),
            tag("p", detail, class_="lead"),
            tag("p", tag("a", "To the status page", href="/")),
            class_="top",
        ),
    )
