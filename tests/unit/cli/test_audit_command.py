"""What `mgit audit` refuses, each with advice, before it looks at any file."""

from __future__ import annotations

import io
import os

import pytest

from mgit.cli.commands.audit import run
from mgit.cli.console import Console
from mgit.cli.parser import parse
from mgit.errors import InvalidInput


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("verify", "--follow"), "takes no --follow"),
        (("tail", "--out", "x"), "takes no --out"),
        (("export", "--head", "0" * 64), "takes no --head"),
        (("export", "--format", "json"), "takes no --format"),
        (("tail", "-f", "--format", "json"), "--follow has no end"),
        (("tail", "--action", "credential-refusd"), "did you mean"),
        (("tail", "-n", "0"), "--records must be"),
        (("tail", "--since", "soon"), "--since must be"),
        (("verify", "--head", "abc"), "64 hexadecimal digits"),
        (("verify", "--head-file", "/nowhere"), "cannot be read"),
        (("verify", "--head-file", os.devnull), "holds no hash"),
        (("verify", "--head", "0" * 64, "--head-file", "x"), "not allowed with"),
        (("tail", "-n", "1", "one", "two"), "2 of its arguments"),
        (("show",), "not one of the choices"),
    ],
)
def test_what_makes_no_sense_is_refused(words: tuple[str, ...], says: str) -> None:
    console = Console(io.StringIO(), io.StringIO())
    with pytest.raises(InvalidInput, match=says) as refused:
        run(parse(["audit", *words]), console)
    assert refused.value.advice
    assert console.out.getvalue() == ""
