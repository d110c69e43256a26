"""From an asciicast (version 2) to an SVG that moves: light and dark, and still for who wants that.

No script, no font, nothing from elsewhere. Lines that are the same are drawn once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from tests.recording.terminal import Run, Style, Terminal

_WIDE, _HIGH = 8.43, 19.0
_EDGE, _BAR = 16.0, 34.0
_LEAST = 0.06  # seconds that a frame stays at least
_MOST = 1.4  # and at most, where nothing happens
_REST = 5.0  # the last one, before it begins again
_FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"
_LIGHT = {
    "paper": "#fbfcfd", "bar": "#e8ecf0", "ink": "#1f2328", "c0": "#1f2328", "c1": "#b3202c",
    "c2": "#11713a", "c3": "#8a5a00", "c4": "#1f5fbf", "c5": "#7b3bb0", "c6": "#0b6e7a",
    "c7": "#57606a", "dim": "#57606a",
}  # fmt: skip
_DARK = {
    "paper": "#14181d", "bar": "#252b33", "ink": "#e3e8ee", "c0": "#e3e8ee", "c1": "#ff7b84",
    "c2": "#5fd38a", "c3": "#e6b455", "c4": "#7fb0ff", "c5": "#cf9bff", "c6": "#5fd0de",
    "c7": "#a3adb8", "dim": "#a3adb8",
}  # fmt: skip
Screen = tuple[tuple[Run, ...], ...]
_ID = re.compile(r"\D")


@dataclass(frozen=True)
class Cast:
    """A recording.

    Args:
        title: what it shows.
        columns: of the terminal.
        rows: of the terminal.
        events: seconds since the beginning, and what was printed then.
    """

    title: str
    columns: int
    rows: int
    events: tuple[tuple[float, str], ...]

    def dump(self) -> str:
        """As asciicast v2: a head and one line for each event."""
        head = {"version": 2, "width": self.columns, "height": self.rows, "title": self.title}
        lines = [head, *([round(at, 3), "o", text] for at, text in self.events)]
        return "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in lines)

    @classmethod
    def load(cls, text: str) -> Cast:
        head, *events = map(json.loads, text.splitlines())
        shown = tuple((at, said) for at, _, said in events)
        return cls(head["title"], head["width"], head["height"], shown)


def frames(cast: Cast) -> list[tuple[float, Screen]]:
    """What is seen, and for how many seconds."""
    terminal = Terminal(cast.columns, cast.rows)
    found: list[tuple[float, Screen]] = []
    for number, (at, text) in enumerate(cast.events):
        terminal.feed(text)
        last = number + 1 == len(cast.events)
        wait = _REST if last else cast.events[number + 1][0] - at
        if wait < _LEAST and not last:
            continue
        screen = terminal.screen()
        wait = wait if last else min(wait, _MOST)
        if found and found[-1][1] == screen:
            found[-1] = (min(found[-1][0] + wait, _MOST), screen)
        else:
            found.append((wait, screen))
    return found


def drawn(cast: Cast) -> str:
    """The picture."""
    shown = frames(cast)
    high = _BAR + cast.rows * _HIGH + _EDGE
    wide = 2 * _EDGE + cast.columns * _WIDE
    bar, end = _BAR - 8, wide - 8
    known: dict[tuple[Run, ...], str] = {}
    strip = []
    for number, (_, screen) in enumerate(shown):
        uses = []
        for row, line in enumerate(screen):
            if line:
                name = known.setdefault(line, f"l{len(known)}")
                uses.append(f'<use href="#{name}" y="{row * _HIGH:g}"/>')
        strip.append(f'<g transform="translate(0 {number * high:g})">{"".join(uses)}</g>')
    lines = [f'<g id="{name}">{"".join(map(_run, line))}</g>' for line, name in known.items()]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:g} {high:g}" role="img">',
            f"<title>{escape(cast.title)}</title>",
            f"<style>{_style([wait for wait, _ in shown], high)}</style>",
            f"<defs>{''.join(lines)}</defs>",
            f'<rect class="paper" width="{wide:g}" height="{high:g}" rx="8"/>',
            f'<path class="bar" d="M0 {bar:g}V8a8 8 0 0 1 8-8H{end:g}a8 8 0 0 1 8 8V{bar:g}z"/>',
            *(f'<circle class="dot" cx="{18 + 18 * n}" cy="13" r="5"/>' for n in range(3)),
            f'<svg y="{_BAR:g}" width="{wide:g}" height="{high - _BAR:g}">',
            f'<g class="film">{"".join(strip)}</g>',
            "</svg>",
            "</svg>\n",
        ]
    )


def _run(run: Run) -> str:
    column, text, style = run
    x, width = _EDGE + column * _WIDE, len(text) * _WIDE
    return (
        f'<text x="{x:.2f}" y="14" textLength="{width:.2f}" lengthAdjust="spacingAndGlyphs"'
        f'{_classes(style)} xml:space="preserve">{escape(text)}</text>'
    )


def _classes(style: Style) -> str:
    color, bold, dim = style
    color = f"c{int(_ID.sub('', color)) % 8}" if color else ""
    names = " ".join(filter(None, (color, "b" if bold else "", "dim" if dim else "")))
    return f' class="{names}"' if names else ""


def _style(waits: Sequence[float], high: float) -> str:
    whole, at, steps = sum(waits), 0.0, []
    for number, wait in enumerate(waits):
        steps.append(f"{at / whole:.4%}{{transform:translateY({-number * high:g}px)}}")
        at += wait
    end = -(len(waits) - 1) * high
    steps.append(f"100%{{transform:translateY({end:g}px)}}")
    return (
        f"text{{font:14px {_FONT};fill:var(--ink)}}.b{{font-weight:700}}"
        f"{_colors(_LIGHT)}@media(prefers-color-scheme:dark){{{_colors(_DARK)}}}"
        ".paper{fill:var(--paper)}.bar{fill:var(--bar)}.dot{fill:var(--c7);opacity:.5}"
        + "".join(f".c{n}{{fill:var(--c{n})}}" for n in range(8))
        + ".dim{fill:var(--dim)}"
        f".film{{animation:film {whole:.2f}s step-end infinite}}"
        f"@keyframes film{{{''.join(steps)}}}"
        "@media(prefers-reduced-motion:reduce){"
        f".film{{animation:none;transform:translateY({end:g}px)}}}}"
    )


def _colors(colors: dict[str, str]) -> str:
    return f"svg{{{''.join(f'--{name}:{value};' for name, value in colors.items())}}}"
