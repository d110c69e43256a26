"""Where the time of a release went, as a picture: one bar per step, one after the other. Pure.

SVG 1.1 without scripts, fonts or links of others; it reads on light and on dark pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from pipeline.result import StepResult

_ROW, _NAME, _BARS, _TAIL, _TOP = 22, 190, 560, 110, 34
_COLOURS = {
    "done": "#2f81f7",
    "there": "#8b949e",
    "undone": "#8b949e",
    "waiting": "#8b949e",
    "blocked": "#d29922",
    "failed": "#da3633",
}
_STYLE = (
    "text{font:12px ui-sans-serif,system-ui,sans-serif;fill:#24292f}"
    ".dim{fill:#656d76}line{stroke:#d0d7de}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.dim{fill:#9198a1}line{stroke:#3d444d}}"
)
_STEPS_OF_A_SCALE = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)


@dataclass(frozen=True, slots=True)
class _Bar:
    name: str
    state: str
    start: float
    seconds: float


def waterfall(steps: Sequence[StepResult], title: str) -> str:
    """The picture of a run.

    Args:
        steps: in their order; those that only wait get no bar.
        title: read out by a screen reader, and shown above.
    """
    bars = _bars(steps)
    total = sum(bar.seconds for bar in bars) or 1.0
    height = _TOP + _ROW * len(bars) + 28
    width = _NAME + _BARS + _TAIL
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
        ),
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        f'<text x="0" y="16" font-weight="600">{escape(title)}</text>',
        *_grid(total, height),
        *(line for row, bar in enumerate(bars) for line in _drawn(bar, row, total)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _bars(steps: Sequence[StepResult]) -> tuple[_Bar, ...]:
    bars: list[_Bar] = []
    start = 0.0
    for step in steps:
        bars.append(_Bar(step.name, step.state, start, step.seconds))
        start += step.seconds
    return tuple(bars)


def _grid(total: float, height: int) -> list[str]:
    wide = total / 6
    every = next((size for size in _STEPS_OF_A_SCALE if size >= wide), _STEPS_OF_A_SCALE[-1])
    lines: list[str] = []
    mark = 0
    while mark <= total:
        x = _NAME + _BARS * mark / total
        lines.append(f'<line x1="{x:.1f}" y1="{_TOP - 6}" x2="{x:.1f}" y2="{height - 22}"/>')
        lines.append(
            f'<text class="dim" x="{x:.1f}" y="{height - 6}" text-anchor="middle">'
            f"{clock(mark)}</text>"
        )
        mark += every
    return lines


def _drawn(bar: _Bar, row: int, total: float) -> list[str]:
    y = _TOP + _ROW * row
    x = _NAME + _BARS * bar.start / total
    width = max(1.0, _BARS * bar.seconds / total)
    colour = _COLOURS.get(bar.state, "#8b949e")
    told = clock(bar.seconds) if bar.state in {"done", "failed", "blocked"} else bar.state
    after = min(x + width + 6, _NAME + _BARS + 6)
    return [
        f'<text x="0" y="{y + 13}">{escape(bar.name)}</text>',
        (
            f'<rect x="{x:.1f}" y="{y + 2}" width="{width:.1f}" height="{_ROW - 8}" rx="2" '
            f'fill="{colour}"><title>{escape(bar.name)}: {escape(bar.state)}, {bar.seconds:.1f} s'
            "</title></rect>"
        ),
        f'<text class="dim" x="{after:.1f}" y="{y + 13}">{escape(told)}</text>',
    ]


def clock(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3:05`, `1:02:03`."""
    if 0 < seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
