"""`mgit perf`: the figures of a run as a document, and as bars for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mgit.cli.records import Json
from mgit.cli.words import count
from mgit.model import Measures
from mgit.plan.limiting import Judgement
from mgit.state.past import MeasuredRun, PastOutcome
from mgit.text import escape_untrusted

_LEAST_BAR, _MOST_BAR = 10, 40
_MOST_NAME = 34
_FULL = "█"
_PARTS = " ▏▎▍▌▋▊▉"


@dataclass(frozen=True, slots=True)
class Report:
    """What is told of one run.

    Args:
        run: the run.
        measures: where its time went.
        worked: actions that took time, and how long together.
        slowest: the longest of them first.
        judgement: what kept it from being faster.
    """

    run: MeasuredRun
    measures: Measures
    worked: tuple[int, float]
    slowest: Sequence[PastOutcome]
    judgement: Judgement


def perf_document(report: Report) -> Json:
    """The document of `mgit perf --format json`; see docs/schemas/perf.json."""
    run, it = report.run, report.measures
    return {
        "schema": "mgit.perf/1",
        "run_id": run.run_id,
        "root": run.root,
        "ended_at": _moment(run.ended_at),
        "exit_code": run.exit_code,
        "seconds": {
            "total": _rounded(it.total),
            "listing": _rounded(it.listing),
            "comparing": _rounded(it.comparing),
            "applying": _rounded(it.applying),
        },
        "spent": {name: _rounded(seconds) for name, seconds, _ in _spent(report)},
        "cpu": {
            "mgit": _rounded(it.own_cpu),
            "git": _rounded(it.git_cpu),
            "cores": it.cores,
        },
        "asked": it.asked,
        "git_processes": it.gits,
        "workers": it.workers,
        "sources": {name: _rounded(seconds) for name, seconds in it.sources.items()},
        "worked": report.worked[0],
        "slowest": [
            {
                "repo": one.name,
                "action": one.action,
                "result": one.result,
                "reason": one.reason or None,
                "seconds": _rounded(one.seconds),
            }
            for one in report.slowest
        ],
        "limit": report.judgement.limit.value,
        "why": report.judgement.why,
        "advice": report.judgement.advice,
    }


def perf_lines(report: Report, columns: int, *, drawn: bool = True) -> list[str]:
    """The same as text, with bars where there is room for them.

    Args:
        report: of a run.
        columns: how wide the terminal is.
        drawn: whether its encoding has the letters for a fine bar.
    """
    run, it = report.run, report.measures
    ended = datetime.fromtimestamp(run.ended_at).astimezone()
    when = f"ended {ended:%Y-%m-%d %H:%M:%S} with code {run.exit_code}"
    lines = [
        f"run {run.run_id}, {when}, took {_seconds(it.total)}",
        "",
        "from beginning to end",
        *_bars(
            [
                ("listing", it.listing, _slowest_source(it)),
                ("comparing", it.comparing, f"{it.asked} asked for their refs" * bool(it.asked)),
                ("applying", it.applying, _worked(report)),
            ],
            columns,
            drawn=drawn,
            whole=it.total,
        ),
        "",
        "all threads together",
        *_bars(_spent(report), columns, drawn=drawn),
    ]
    if report.slowest:
        rows = [(one.name, one.seconds, _how(one)) for one in report.slowest]
        lines += ["", "slowest repositories", *_bars(rows, columns, drawn=drawn)]
    lines += ["", f"what limits: {report.judgement.limit}. {report.judgement.why}"]
    if report.judgement.advice:
        lines.append(f"what helps: {report.judgement.advice}")
    return lines


def _spent(report: Report) -> list[tuple[str, float, str]]:
    it = report.measures
    used = (it.own_cpu + it.git_cpu) / max(it.total * it.cores, 1e-9)
    return [
        ("listing", sum(it.sources.values()), count(len(it.sources), "source")),
        ("asking", it.asking, "for refs"),
        ("git", it.git, _gits(it.gits)),
        ("paused", it.paused, "hosts wanted a pause"),
        ("queued", it.queued, "no git was free"),
        ("cpu", it.own_cpu + it.git_cpu, f"{used:.0%} of {count(it.cores, 'processor')}"),
    ]


def _bars(
    rows: Sequence[tuple[str, float, str]],
    columns: int,
    *,
    drawn: bool,
    whole: float | None = None,
) -> list[str]:
    """Name, seconds, bar, words: in columns, and no wider than the terminal."""
    names = [_cut(escape_untrusted(name), _MOST_NAME) for name, _, _ in rows]
    wide = max(map(len, names), default=0)
    most = max([seconds for _, seconds, _ in rows] if whole is None else [whole], default=0.0)
    room = columns - wide - 14
    length = max(_LEAST_BAR, min(_MOST_BAR, room - 24))
    lines = []
    for name, (_, seconds, words) in zip(names, rows, strict=True):
        bar = _bar(seconds / most if most > 0 else 0.0, length, drawn=drawn)
        line = f"  {name:<{wide}}  {_seconds(seconds):>8}  {bar}  {escape_untrusted(words)}"
        lines.append(_cut(line.rstrip(), columns))
    return lines


def _bar(share: float, length: int, *, drawn: bool) -> str:
    """A bar of so many columns, filled to a share of it, in eighths where letters allow."""
    if not drawn:
        return f"{'#' * round(share * length):<{length}}"
    eighths = round(min(share, 1.0) * length * 8)
    if share > 0:
        eighths = max(eighths, 1)
    rest = _PARTS[eighths % 8] if eighths % 8 else ""
    return f"{_FULL * (eighths // 8) + rest:<{length}}"


def _slowest_source(it: Measures) -> str:
    if len(it.sources) < 2:
        return ""
    name, seconds = max(it.sources.items(), key=lambda one: one[1])
    return f"{name} {_seconds(seconds)}"


def _gits(number: int) -> str:
    return {0: "none was started", 1: "1 process"}.get(number, f"{number} processes")


def _worked(report: Report) -> str:
    number, _ = report.worked
    return f"{count(number, 'action')}, {report.measures.workers} at once" if number else ""


def _how(one: PastOutcome) -> str:
    return f"{one.result} ({one.reason})" if one.reason else one.result


def _cut(text: str, columns: int) -> str:
    return text if len(text) <= columns else f"{text[: columns - 1]}…"


def _seconds(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} m" if hours else f"{minutes} m {left:02} s"


def _rounded(seconds: float) -> float:
    return round(seconds, 6)


def _moment(timestamp: float) -> str:
    moment = datetime.fromtimestamp(timestamp, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
