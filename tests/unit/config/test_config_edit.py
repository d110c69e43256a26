"""Adding a source loses nothing that a person wrote."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.config import Environment, find_paths
from mgit.config.edit import NewSource, add_source
from mgit.errors import ConfigurationError

OWNERS = st.lists(
    st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable() and text.strip()),
    max_size=4,
)


def _add(file: Path, source: NewSource) -> None:
    environment = Environment({"HOME": str(file.parent)})
    add_source(source, find_paths(environment, config_file=file), environment).write()


def test_a_new_file_is_private_and_sound(tmp_path: Path) -> None:
    file = tmp_path / "mgit" / "config.toml"
    _add(file, NewSource("work", "github", owners=("acme",)))
    assert tomllib.loads(file.read_text()) == {
        "version": 1,
        "sources": {"work": {"forge": "github", "owners": ["acme"]}},
    }
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_comments_mode_and_link_survive(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text("version = 1  # mine\n[log]\nlevel = 'debug'\n# the end")
    real.chmod(0o644)
    file = tmp_path / "config.toml"
    file.symlink_to(real)
    _add(file, NewSource("git", "gitea", url="https://git.example.com"))
    text = real.read_text()
    assert text.startswith(
        "version = 1  # mine\n[log]\nlevel = 'debug'\n# the end\n\n[sources.git]"
    )
    assert file.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o644


def test_a_file_that_is_not_sound_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("version = 1\n[")
    with pytest.raises(ConfigurationError, match="not valid TOML"):
        _add(file, NewSource("work", "github"))
    assert file.read_text() == "version = 1\n["


def test_a_name_that_may_be_a_token_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="the NAME given") as caught:
        _add(tmp_path / "config.toml", NewSource("ghp_CANARY", "github"))
    assert "CANARY" not in caught.value.message + caught.value.advice


@given(OWNERS)
def test_whatever_is_printable_is_read_back_as_it_was_given(owners: list[str]) -> None:
    environment = Environment({"HOME": "/nowhere/at/all"})
    paths = find_paths(environment)
    edit = add_source(NewSource("work", "github", owners=tuple(owners)), paths, environment)
    written = tomllib.loads(edit.text)["sources"]["work"].get("owners", [])
    assert written == owners
