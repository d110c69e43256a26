"""Where output goes: data to standard output, everything said about it to standard error."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from mgit.text import escape_untrusted

if TYPE_CHECKING:
    from mgit.cli.tables import Table


@dataclass(frozen=True, slots=True)
class Console:
    """The two streams and how much may be said on them.

    Args:
        out: for data.
        err: for progress, notes and errors.
        quiet: say nothing but errors on `err`.
        verbose: also say what is as it should be.
        color: whether colour is allowed at all; it is used on a terminal only.
    """

    out: TextIO
    err: TextIO
    quiet: bool = False
    verbose: bool = False
    color: bool = True

    @property
    def rich_out(self) -> bool:
        """Whether data goes to a terminal."""
        return self.out.isatty()

    @property
    def rich_err(self) -> bool:
        """Whether progress can be drawn."""
        return self.err.isatty() and not self.quiet

    def write(self, text: str) -> None:
        """Data, as it is; a newline is added."""
        self.out.write(f"{text}\n")

    def note(self, text: str) -> None:
        """Something worth knowing, unless the person asked for quiet."""
        if not self.quiet:
            self.err.write(f"{escape_untrusted(text)}\n")

    def warn(self, message: str, advice: str = "") -> None:
        """Something that went wrong, also when the person asked for quiet."""
        self.err.write(f"mgit: {escape_untrusted(message)}\n")
        if advice:
            self.err.write(f"mgit: {escape_untrusted(advice)}\n")

    def tables(self, tables: Iterable[Table]) -> None:
        """Several tables, an empty line between them."""
        for number, table in enumerate(tables):
            if number:
                self.write("")
            self.table(table)

    def table(self, table: Table) -> None:
        """A table, drawn on a terminal, aligned text elsewhere."""
        if self.rich_out:
            from mgit.cli.render import print_table

            print_table(table, self.out, color=self.color)
        else:
            from mgit.cli.tables import plain_table

            self.out.write(plain_table(table))


def standard_console(*, quiet: bool, verbose: bool, color: bool) -> Console:
    """The streams of this process; a letter that their encoding lacks is written as its code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return Console(sys.stdout, sys.stderr, quiet=quiet, verbose=verbose, color=color)
