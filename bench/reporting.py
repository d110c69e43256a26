"""What is written: `bench.json` for programs, `bench.md` and a picture for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.figures import Point
from bench.reach import Figure

PICTURE = "growth.svg"


def write_report(
    folder: Path,
    figures: Sequence[Figure],
    points: Sequence[Point],
    facts: Mapping[str, str],
) -> None:
    """Write everything into a folder, which is made.

    Args:
        folder: where to.
        figures: in the order of the table.
        points: of the growth curve; none, no picture.
        facts: about the machine and the run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    records = json.dumps([one.record for one in figures], indent=2)
    (folder / "bench.json").write_text(f"{records}\n", encoding="utf-8")
    if points:
        (folder / PICTURE).write_text(picture(points), encoding="utf-8")
    text = markdown(figures, facts, with_picture=bool(points))
    (folder / "bench.md").write_text(text, encoding="utf-8")


def markdown(figures: Sequence[Figure], facts: Mapping[str, str], *, with_picture: bool) -> str:
    """The table, with the machine above it."""
    lines = ["# Benchmarks", "", *(f"* {name}: {value}" for name, value in facts.items()), ""]
    lines += [
        "| name | what | median | min to max | reach | holds | |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in figures:
        low, high = min(one.values), max(one.values)
        spread = f"{_short(low)} to {_short(high)}" if len(one.values) > 1 else ""
        cells = [
            one.goal.name,
            one.goal.what,
            f"{_short(one.value)} {one.goal.unit}",
            spread,
            one.goal.reach,
            "yes" if one.holds else "**no**",
            one.note,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    if with_picture:
        lines += ["", f"![CPU for each repository, from few to many]({PICTURE})"]
    return "\n".join(lines) + "\n"


_WIDTH, _HEIGHT, _LEFT, _BELOW, _ABOVE = 640, 320, 60, 50, 40


def picture(points: Sequence[Point]) -> str:
    """The growth curve as SVG: repositories on a logarithmic axis, ms of CPU for each."""
    from math import log10

    points = sorted(points, key=lambda point: point.repos)
    top = max(1.0, *(point.cpu_ms for point in points)) * 1.15
    first, last = log10(points[0].repos), log10(points[-1].repos)

    def x(repos: int) -> float:
        share = (log10(repos) - first) / ((last - first) or 1.0)
        return _LEFT + share * (_WIDTH - _LEFT - 40)

    def y(value: float) -> float:
        return _HEIGHT - _BELOW - value / top * (_HEIGHT - _BELOW - _ABOVE)

    corners = " ".join(f"{x(point.repos):.1f},{y(point.cpu_ms):.1f}" for point in points)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="13">'
    )
    title = "CPU of `mgit sync` for each repository, nothing changed (ms)"
    parts = [
        head,
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="22">{title}</text>',
    ]
    for step in range(5):
        value = top * step / 4
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - 30}" y1="{y(value):.1f}" y2="{y(value):.1f}" '
            'stroke="#ddd"/>'
            f'<text x="{_LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.2f}</text>'
        )
    parts.append(f'<polyline points="{corners}" fill="none" stroke="#0b57d0" stroke-width="2"/>')
    for point in points:
        at, up = x(point.repos), y(point.cpu_ms)
        parts.append(
            f'<circle cx="{at:.1f}" cy="{up:.1f}" r="4" fill="#0b57d0"/>'
            f'<text x="{at:.1f}" y="{up - 10:.1f}" text-anchor="middle">{point.cpu_ms:.2f}</text>'
            f'<text x="{at:.1f}" y="{_HEIGHT - 28}" text-anchor="middle">{point.repos}</text>'
        )
    parts.append(
        f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 8}" text-anchor="middle">repositories</text></svg>'
    )
    return "\n".join(parts) + "\n"


def _short(value: float) -> str:
    return f"{value:.0f}" if value == int(value) or value >= 100 else f"{value:.3g}"
