"""Where output goes: data to standard output, everything said about it to standard error."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from mgit.text import escape_untrusted

if TYPE_CHECKING:
    from mgit.cli.tables import Findings, Table

_COLUMNS = 80
_NARROW = 72
_GOOD, _BAD, _PLAIN = "\x1b[1;32m", "\x1b[1;31m", "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Console:
    """The two streams and how much may be said on them.

    Args:
        out: for data.
        err: for progress, notes and errors.
        quiet: say nothing but errors on `err`.
        verbose: also say what is as it should be.
        color: whether colour is allowed at all; it is used on a terminal only.
        dumb: the terminal knows no codes (`TERM=dumb`).
    """

    out: TextIO
    err: TextIO
    quiet: bool = False
    verbose: bool = False
    color: bool = True
    dumb: bool = False

    @property
    def rich_out(self) -> bool:
        """Whether data goes to a terminal."""
        return self.out.isatty()

    @property
    def rich_err(self) -> bool:
        """Whether progress can be drawn; an old Windows console would show the codes for it."""
        return self.err.isatty() and not self.quiet and not self.dumb and sys.platform != "win32"

    def columns(self, stream: TextIO) -> int:
        """How wide the terminal is that a stream goes to."""
        try:
            return os.get_terminal_size(stream.fileno()).columns or _COLUMNS
        except (OSError, ValueError):
            return _COLUMNS

    def heading(self, text: str, *, good: bool) -> None:
        """A line over what follows; the text is escaped already."""
        if self.rich_out and self.color and not self.dumb:
            self.write(f"{_GOOD if good else _BAD}{text}{_PLAIN}")
        else:
            self.write(text)

    def write(self, text: str) -> None:
        """Data, as it is; a newline is added."""
        self.out.write(f"{text}\n")

    def note(self, text: str) -> None:
        """Something worth knowing, unless the person asked for quiet."""
        if not self.quiet:
            self._say(escape_untrusted(text))

    def warn(self, message: str, advice: str = "") -> None:
        """Something that went wrong, also when the person asked for quiet."""
        self._say(f"mgit: {escape_untrusted(message)}")
        if advice:
            self._say(f"mgit: {escape_untrusted(advice)}")

    def _say(self, line: str) -> None:
        """A line on `err`, broken between words on a terminal."""
        self.out.flush()  # what it is about comes first, also where both go to one file
        lines = [line]
        if self.err.isatty():
            from mgit.cli.tables import fold

            lines = fold(line, self.columns(self.err), "")
        self.err.write("".join(f"{one}\n" for one in lines))

    def parts(self, parts: Iterable[Table | Findings]) -> None:
        """Several tables and findings, an empty line between them."""
        from mgit.cli.tables import Table

        for number, part in enumerate(parts):
            if number:
                self.write("")
            if isinstance(part, Table):
                self.table(part)
            else:
                self.findings(part)

    def findings(self, findings: Findings) -> None:
        """Blocks of lines, folded on a terminal."""
        from mgit.cli.tables import findings_lines

        columns = self.columns(self.out) if self.rich_out else None
        for line in findings_lines(findings, columns):
            if line:
                self.write(line)

    def table(self, table: Table) -> None:
        """A table: drawn on a terminal, as blocks on a narrow one, aligned text elsewhere."""
        from mgit.cli.tables import natural_width, plain_table, stacked

        if not self.rich_out:
            self.out.write(plain_table(table))
            return
        columns = self.columns(self.out)
        if columns < _NARROW and natural_width(table) > columns:
            self.findings(stacked(table))
        elif self.dumb:
            self.out.write(plain_table(table))
        else:
            from mgit.cli.render import print_table

            print_table(table, self.out, color=self.color)


def standard_console(*, quiet: bool, verbose: bool, color: bool, dumb: bool = False) -> Console:
    """The streams of this process; a letter that their encoding lacks is written as its code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return Console(sys.stdout, sys.stderr, quiet=quiet, verbose=verbose, color=color, dumb=dumb)
