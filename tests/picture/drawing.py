"""Pictures as SVG: tiles with a number, and lines over time. Knows nothing of mgit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

INK, FAINT, EDGE, PAPER = "#1f2328", "#6e7781", "#d8dee4", "#ffffff"
PALETTE = ("#3274d9", "#e0752d", "#56a64b", "#8f3bb8", "#e02f44", "#447e9b")
_LEFT, _RIGHT, _ABOVE, _BELOW = 46, 12, 34, 44
_STEPS = 4


@dataclass(frozen=True)
class Box:
    """Where a picture goes, in pixels."""

    x: float
    y: float
    wide: float
    high: float


@dataclass(frozen=True)
class Line:
    """One series: seconds and values."""

    name: str
    points: Sequence[tuple[float, float]]
    color: str


def page(parts: Sequence[str], wide: float, high: float, title: str) -> str:
    """The whole picture."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:g} {high:g}" '
        f'font-family="system-ui, sans-serif" font-size="12" role="img">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect width="{wide:g}" height="{high:g}" fill="#f4f5f7"/>\n'
    )
    return head + "\n".join(parts) + "\n</svg>\n"


def heading(text: str, x: float, y: float) -> str:
    return _text(text, x, y, size=14, weight="600")


def tile(box: Box, title: str, value: str, color: str, *, filled: bool = False) -> str:
    """A big number; `filled` paints all of it."""
    middle = box.x + box.wide / 2
    ink = PAPER if filled else color
    return "\n".join(
        [
            _frame(box, color if filled else PAPER),
            _text(title, box.x + 10, box.y + 20, color=PAPER if filled else INK),
            _text(value, middle, box.y + box.high / 2 + 20, color=ink, size=30, anchor="middle"),
        ]
    )


def chart(
    box: Box,
    title: str,
    lines: Sequence[Line],
    *,
    unit: str = "",
    stacked: bool = False,
    limits: Mapping[float, str] | None = None,
    span: tuple[float, float] = (0.0, 1.0),
) -> str:
    """Lines over time, or their sums as areas.

    Args:
        box: where.
        title: what it answers.
        lines: in the order of the legend.
        unit: `s`, `%` or nothing.
        stacked: add them up.
        limits: dashed lines, with their colours.
        span: the first and the last second of the axis.
    """
    begin, end = span
    limits = limits or {}
    bands = _stacked(lines) if stacked else [(line, [0.0] * len(line.points)) for line in lines]
    highest = max(
        [
            *(v + base for one, low in bands for (_, v), base in zip(one.points, low, strict=True)),
            *limits,
            1e-9,
        ]
    )
    step = _nice(highest / _STEPS)
    top = step * (floor(highest / step) + 1)

    def x(second: float) -> float:
        share = (second - begin) / max(end - begin, 1e-9)
        return box.x + _LEFT + share * (box.wide - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return box.y + box.high - _BELOW - value / top * (box.high - _ABOVE - _BELOW)

    parts = [_frame(box, PAPER), _text(title, box.x + 10, box.y + 20, weight="600")]
    for number in range(round(top / step) + 1):
        value = number * step
        parts.append(_rule(x(begin), x(end), y(value), EDGE))
        label = _number(value, unit)
        parts.append(_text(label, x(begin) - 6, y(value) + 4, color=FAINT, anchor="end"))
    for minute in range(0, int(end - begin) + 1, 30):
        label = f"{minute // 60}:{minute % 60:02}"
        at = x(begin + minute)
        parts.append(_text(label, at, box.y + box.high - _BELOW + 16, color=FAINT, anchor="middle"))
    for value, color in limits.items():
        parts.append(_rule(x(begin), x(end), y(value), color, dashed=True))
    for line, low in bands:
        over = [(x(s), y(v + base)) for (s, v), base in zip(line.points, low, strict=True)]
        if stacked:
            under = [(x(s), y(base)) for (s, _), base in zip(line.points, low, strict=True)]
            parts.append(_area([*over, *reversed(under)], line.color))
        parts.append(_curve(over, line.color))
    return "\n".join([*parts, *_legend(box, lines)])


def _stacked(lines: Sequence[Line]) -> list[tuple[Line, list[float]]]:
    """Each line on top of those before it; where one has no value it counts as 0."""
    seconds = sorted({second for line in lines for second, _ in line.points})
    below = dict.fromkeys(seconds, 0.0)
    found = []
    for line in lines:
        own = dict(line.points)
        whole = Line(line.name, [(one, own.get(one, 0.0)) for one in seconds], line.color)
        found.append((whole, [below[one] for one in seconds]))
        for one in seconds:
            below[one] += own.get(one, 0.0)
    return found


def _legend(box: Box, lines: Sequence[Line]) -> list[str]:
    parts, at = [], box.x + _LEFT
    for line in lines:
        y = box.y + box.high - 10
        parts.append(
            f'<rect x="{at:.1f}" y="{y - 8:.1f}" width="10" height="4" fill="{line.color}"/>'
        )
        parts.append(_text(line.name, at + 14, y - 3, color=FAINT, size=11))
        at += 26 + 6.2 * len(line.name)
    return parts


def _nice(step: float) -> float:
    """1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** floor(log10(max(step, 1e-9)))
    return next(power * one for one in (1, 2, 2.5, 5, 10) if power * one >= step * 0.999)


def _number(value: float, unit: str) -> str:
    if unit == "%":
        return f"{value:.0%}"
    return f"{value:g}{f' {unit}' if unit else ''}"


def _frame(box: Box, color: str) -> str:
    return (
        f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.wide:g}" height="{box.high:g}" rx="4" '
        f'fill="{color}" stroke="{EDGE}"/>'
    )


def _text(
    text: str,
    x: float,
    y: float,
    *,
    color: str = INK,
    size: int = 12,
    weight: str = "400",
    anchor: str = "start",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{color}" font-size="{size}" '
        f'font-weight="{weight}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _rule(left: float, right: float, y: float, color: str, *, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="6 4"' if dashed else ""
    return f'<path d="M{left:.1f} {y:.1f}H{right:.1f}" stroke="{color}"{dash}/>'


def _curve(points: Sequence[tuple[float, float]], color: str) -> str:
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{corners}" fill="none" stroke="{color}" stroke-width="1.6"/>'


def _area(points: Sequence[tuple[float, float]], color: str) -> str:
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polygon points="{corners}" fill="{color}" fill-opacity="0.35"/>'
