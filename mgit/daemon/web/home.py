"""The status page. Pure: from what there is to show to HTML."""

from __future__ import annotations

from mgit.daemon.web.frame import Columns, address, fact, message, page, pill
from mgit.daemon.web.listing import Shown, repositories
from mgit.daemon.web.markup import Markup, many, tag
from mgit.daemon.web.records import pace
from mgit.daemon.web.status import SourceStatus
from mgit.daemon.web.view import Standing
from mgit.daemon.web.words import count, lapse, since, size, these, took, until
from mgit.state.overview import RunRow, Tally


def home_page(shown: Shown) -> bytes:
    """The whole page."""
    standing = shown.standing
    class_, headline = verdict(standing)
    return page(
        f"{headline} · mgit",
        _top(standing, class_, headline),
        _sources(standing),
        repositories(shown),
        _runs(shown.runs, standing.now),
        home=True,
    )


def verdict(standing: Standing) -> tuple[str, str]:
    """How all stands in a few words, and which colour they have."""
    total = standing.total
    down = sum(one.up is False for one in standing.status.sources)
    if not standing.live[0]:
        return "failed", "The service is stuck"
    if not standing.ready[0]:
        return "failed", "The service is not ready"
    if total.failed or down:
        parts = [these(total.failed, "repository", "repositories")] if total.failed else []
        parts += [these(down, "source")] if down else []
        return "failed", f"{' and '.join(parts)} failing"
    if total.stale:
        return "stale", f"{these(total.stale, 'repository', 'repositories')} stale"
    if not total.total:
        return "empty", "No repository yet"
    return "well", "All is well"


def _top(standing: Standing, class_: str, headline: str) -> Markup:
    total = standing.total
    return tag(
        "section",
        tag("h1", tag("span", "", class_=f"dot {class_}"), headline),
        tag("p", _sentence(standing), class_="lead"),
        _bar(total),
        tag("ul", *_tiles(total), class_="tiles"),
        tag("dl", *_facts(standing), class_="facts"),
        class_="top",
        aria_label="How all stands",
    )


def _sentence(standing: Standing) -> Markup:
    (live, silence), (ready, why) = standing.live, standing.ready
    total = standing.total
    if not live:
        return many((f"{silence.capitalize()}. What is below is how it stood then.",))
    if not ready:
        return many((f"{why.capitalize()}.",))
    if not total.total:
        return many(("Repositories appear here as soon as the first run has looked at them.",))
    well = f"{count(total.well)} of {these(total.total, 'repository', 'repositories')}"
    return many((f"{well} hold all of their upstream and are as they should be.",))


def _bar(total: Tally) -> Markup:
    """Shares of the states; said in words by the tiles, so hidden from who does not see it."""
    width, made = 0.0, []
    for state, number in _parts(total):
        share = 1000 * number / max(1, total.total)
        share = max(share, 6.0) if number else 0.0  # one in ten thousand is seen as well
        made.append(
            tag("rect", x=f"{width:.1f}", y=0, width=f"{share:.1f}", height=12, class_=state)
        )
        width += share
    view = f"0 0 {max(width, 1.0):.1f} 12"
    svg = tag("svg", *made, viewBox=view, preserveAspectRatio="none", aria_hidden="true")
    return tag("div", svg, class_="bar")


def _parts(total: Tally) -> tuple[tuple[str, int], ...]:
    return (
        ("failed", total.failed),
        ("stale", total.current - total.well),
        ("held", total.held),
        ("foreign", total.foreign),
        ("well", total.well),
    )


def _tiles(total: Tally) -> list[Markup]:
    tiles = [
        ("well", "Well", total.well, "hold all of their upstream"),
        ("failed", "Failed", total.failed, "went wrong in the last look"),
        ("stale", "Stale", total.stale, "not reached for three intervals"),
        ("held", "Held", total.held, "left alone for a reason"),
    ]
    if total.foreign:
        tiles.append(("foreign", "Foreign", total.foreign, "not mgit's, or another shard's"))
    return [
        tag(
            "li",
            tag(
                "a",
                tag("span", words, class_="what"),
                tag("span", count(number), class_="figure"),
                tag("span", note, class_="note"),
                href=address("/", "repositories", state=state),
                class_=f"tile {state}" + ("" if number else " none"),
            ),
        )
        for state, words, number, note in tiles
    ]


def _facts(standing: Standing) -> list[Markup]:
    status, run, now = standing.status, standing.last_run, standing.now
    facts = []
    if (running := status.running) is not None:
        planned = running.planned
        words = "asking the forges" if planned is None else f"{count(running.done)} of "
        more = "" if planned is None else f"{these(planned, 'action')} done"
        facts.append(fact("Running now", words + more, since(running.started_at, now)))
    if run is not None:
        rate = pace(run)
        note = f"{these(run.repos, 'repository', 'repositories')}"
        facts.append(fact("Last run", since(run.ended_at, now), f"took {took(run.seconds)}"))
        facts.append(fact("Pace", f"{rate:,.0f} a second" if rate else "no figure yet", note))
        facts.append(
            fact("Git processes", count(run.git_processes), f"{count(run.changed)} changed")
        )
    facts.append(fact("Next run", until(standing.next_run_at, now)))
    if standing.total.oldest is not None:
        facts.append(fact("Stalest", since(standing.total.oldest, now), "last success"))
    if status.storage_free_bytes is not None:
        facts.append(fact("Room left", size(status.storage_free_bytes), f"at {status.root}"))
    started = since(status.started_at, now)
    shard = f", shard {status.shard}" if status.shard else ""
    facts.append(fact("Service", f"mgit {status.version}{shard}", many(("started ", started))))
    return facts


# --- sources -----------------------------------------------------------------------------------

_SOURCES = Columns(
    ("Source", "State", "Repositories", "Stalest", "Listed", "Next", "Requests left"),
    frozenset({2, 6}),
)


def _sources(standing: Standing) -> Markup:
    rows = [_source(one, standing) for one in standing.status.sources]
    body = _SOURCES.table("The sources and how each stands", rows, "sources")
    return tag("section", tag("h2", "Sources"), body, id="sources")


def _source(source: SourceStatus, standing: Standing) -> Markup:
    tally, now = standing.tally(source), standing.now
    state = {None: ("foreign", "Waiting"), True: ("well", "Up"), False: ("failed", "Down")}
    often = f"failed {source.failures} times in a row" if source.failures else ""
    said = message(source.problem, source.advice or often)
    return _SOURCES.row(
        many(
            (
                tag("a", source.name, href=address("/", "repositories", source=source.name)),
                tag("span", source.forge, class_="note"),
            )
        ),
        many((pill(*state[source.up]), said)),
        many((count(tally.total), *_bad(source.name, tally))),
        since(tally.oldest, now, "none yet"),
        since(source.listed_at, now),
        many((until(source.due_at, now), tag("span", _every(source), class_="note"))),
        count(source.requests_left)
        if source.requests_left is not None
        else tag("span", "not told", class_="faint"),
    )


def _every(source: SourceStatus) -> str:
    return f"every {lapse(source.interval)}"


def _bad(name: str, tally: Tally) -> list[Markup]:
    counted = (("failed", tally.failed), ("stale", tally.stale), ("held", tally.held))
    links = [
        tag(
            "a",
            f"{count(number)} {state}",
            href=address("/", "repositories", source=name, state=state),
            class_=f"some {state}",
        )
        for state, number in counted
        if number
    ]
    return [tag("span", *links, class_="note links")] if links else []


# --- runs --------------------------------------------------------------------------------------

_RUNS = Columns(
    ("Began", "Ended", "Took", "Repositories", "A second", "Changed", "Failed", "Git"),
    frozenset(range(2, 8)),
)
_ENDS = {
    0: ("well", "Well"),
    1: ("stale", "Some failed"),
    2: ("failed", "Configuration"),
    3: ("failed", "Token refused"),
    4: ("failed", "Unreachable"),
    130: ("held", "Interrupted"),
}


def _runs(runs: tuple[RunRow, ...], now: float) -> Markup:
    if not runs:
        body = tag("p", "No run has begun yet.", class_="nothing")
    else:
        body = _RUNS.table("The latest runs", [_run(one, now) for one in runs], "runs")
    return tag("section", tag("h2", "Runs"), body, id="runs")


def _run(run: RunRow, now: float) -> Markup:
    code = run.exit_code
    if run.ended_at is None or code is None:
        end = pill("foreign", "Not ended")
        return _RUNS.row(since(run.started_at, now), end, *["-"] * 6)
    rate = pace(run)
    return _RUNS.row(
        since(run.started_at, now),
        pill(*_ENDS.get(code, ("failed", f"Code {code}"))),
        took(run.seconds),
        count(run.repos),
        f"{rate:,.0f}" if rate else "-",
        count(run.changed),
        count(run.failed),
        count(run.git_processes),
    )
