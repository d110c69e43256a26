"""Packages from a newer suite, from whatever mirror the machine uses."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.machine import apt
from pipeline.machine.apt import (
    Debian,
    Source,
    derive,
    parse_deb822,
    parse_one_line,
    read_sources,
    render,
)
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError

DEB822 = """\
# written by an installer
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/archive.gpg

Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://other.example/apt
Suites: stable
Components: main
"""
ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib # note
deb-src http://mirror.example/debian bookworm main
deb http://security.example/debian-security bookworm-security main
"""


def machine(tmp_path: Path, deb822: str = DEB822) -> Debian:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d/debian.sources").write_text(deb822)
    return Debian(Shell(env={}), "bookworm", tmp_path)


def test_the_suite_changes_and_the_mirror_does_not(tmp_path: Path) -> None:
    debian = machine(tmp_path)
    debian.add_suite()
    (main, security) = parse_deb822((tmp_path / apt.SOURCES).read_text())
    assert main == Source(
        ("http://mirror.example/debian",),
        ("trixie", "trixie-updates"),
        ("main",),
        "/usr/share/keyrings/archive.gpg",
    )
    assert security.uris == ("http://security.example/debian-security",)
    assert security.suites == ("trixie-security",)
    assert "Pin-Priority: 100" in (tmp_path / apt.PREFERENCES).read_text()


def test_adding_the_suite_twice_changes_nothing(tmp_path: Path) -> None:
    debian = machine(tmp_path)
    debian.add_suite()
    before = (tmp_path / apt.SOURCES).stat().st_mtime_ns
    debian.add_suite()
    assert (tmp_path / apt.SOURCES).stat().st_mtime_ns == before


def test_the_old_format_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text(ONE_LINE)
    found = derive(read_sources(tmp_path), "bookworm")
    assert [(source.uris[0], source.suites[0], source.signed_by) for source in found] == [
        ("http://mirror.example/debian", "trixie", "/k.gpg"),
        ("http://security.example/debian-security", "trixie-security", ""),
    ]
    assert len(parse_one_line(ONE_LINE)) == 2


def test_a_machine_of_the_newer_suite_needs_no_other_source(tmp_path: Path) -> None:
    debian = Debian(Shell(env={}), "trixie", tmp_path)
    debian.add_suite()
    assert list(tmp_path.iterdir()) == []


def test_a_machine_without_sources_is_told_so(tmp_path: Path) -> None:
    debian = machine(tmp_path, "Types: deb\nURIs: http://x.example\nSuites: sid\n")
    with pytest.raises(PipelineError, match="do not serve bookworm") as refused:
        debian.add_suite()
    assert refused.value.exit_code is Exit.ENVIRONMENT


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('ID=debian\nVERSION_CODENAME=bookworm\nNAME="Debian GNU/Linux"\n', "bookworm"),
        ("ID=ubuntu\nVERSION_CODENAME=noble\n", ""),
        ("", ""),
    ],
)
def test_only_debian_has_a_suite(tmp_path: Path, text: str, wanted: str) -> None:
    (tmp_path / "os-release").write_text(text)
    assert apt.codename(tmp_path / "os-release") == wanted


def test_no_os_release_is_no_debian(tmp_path: Path) -> None:
    assert apt.codename(tmp_path / "absent") == ""


words = st.text(st.characters(categories=["Ll", "Nd"], max_codepoint=127), min_size=1, max_size=8)
many = st.lists(words, min_size=1, max_size=3).map(tuple)
sources = st.builds(Source, many, many, many, st.one_of(st.just(""), words))


@given(st.lists(sources, max_size=4))
def test_what_is_written_is_read_again(entries: list[Source]) -> None:
    assert parse_deb822(render(entries)) == tuple(entries)


@given(st.text(max_size=200))
def test_no_text_breaks_the_readers(text: str) -> None:
    parse_deb822(text)
    parse_one_line(text)
