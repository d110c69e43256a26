"""A terminal as far as mgit uses one: lines, colours, a line that is drawn over. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_PARTS = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b[()][0-9A-Z]|([\r\n\b])|([^\x1b\r\n\b]+)|\x1b")
Style = tuple[str, bool, bool]  # colour (empty, or `c0` to `c15`), bold, dim
PLAIN: Style = ("", False, False)
Cell = tuple[str, Style]
Run = tuple[int, str, Style]  # column, text, style


@dataclass
class Terminal:
    """What stands on the screen; longer output scrolls away.

    Args:
        columns: how many characters a line has.
        rows: how many lines.
    """

    columns: int
    rows: int
    lines: list[list[Cell]] = field(default_factory=lambda: [[]])
    at: int = 0
    style: Style = PLAIN

    def feed(self, text: str) -> None:
        """Output, as it comes; an escape sequence must be whole."""
        for part in _PARTS.finditer(text):
            numbers, letter, control, plain = part.groups()
            if plain:
                self._write(plain)
            elif control:
                self._move(control)
            elif letter:
                self._obey(numbers, letter)

    def _write(self, text: str) -> None:
        line = self.lines[-1]
        for letter in text:
            while len(line) <= self.at:
                line.append((" ", PLAIN))
            line[self.at] = (letter, self.style)
            self.at = min(self.at + 1, self.columns - 1)

    def _move(self, control: str) -> None:
        match control:
            case "\r":
                self.at = 0
            case "\b":
                self.at = max(0, self.at - 1)
            case _:
                self.lines = [*self.lines, []][-self.rows :]
                self.at = 0

    def _obey(self, numbers: str, letter: str) -> None:
        match letter:
            case "m":
                self._dress([int(one or 0) for one in numbers.split(";")])
            case "K":
                del self.lines[-1][0 if numbers == "2" else self.at :]
            case "G":
                self.at = int(numbers or 1) - 1
            case "h" | "l":
                pass  # the cursor, shown and hidden
            case _:
                raise AssertionError(f"mgit uses more of a terminal than this knows: {letter}")

    def _dress(self, codes: list[int]) -> None:
        color, bold, dim = self.style
        for code in codes:
            match code:
                case 0:
                    color, bold, dim = PLAIN
                case 1:
                    bold = True
                case 2:
                    dim = True
                case 22:
                    bold = dim = False
                case 39:
                    color = ""
                case _ if 30 <= code <= 37:
                    color = f"c{code - 30}"
                case _ if 90 <= code <= 97:
                    color = f"c{code - 82}"
        self.style = (color, bold, dim)

    def screen(self) -> tuple[tuple[Run, ...], ...]:
        """Every line as runs of one style."""
        return tuple(tuple(_runs(line)) for line in self.lines)


def _runs(line: list[Cell]) -> list[Run]:
    found: list[Run] = []
    for column, (letter, style) in enumerate(line):
        if found and found[-1][2] == style:
            start, text, _ = found[-1]
            found[-1] = (start, text + letter, style)
        else:
            found.append((column, letter, style))
    kept = [(start, text.rstrip(" "), style) for start, text, style in found]
    return [run for run in kept if run[1]]
