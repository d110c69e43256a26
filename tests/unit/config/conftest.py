"""A configuration file and an environment of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mgit.config import Environment, Settings, load_settings

Load = Callable[..., Settings]


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    return tmp_path / "config" / "mgit" / "config.toml"


@pytest.fixture
def load(tmp_path: Path, config_file: Path) -> Load:
    """`load(text, variables, flags)`: settings from this text of a file, None for no file."""

    def read(
        text: str | None = None,
        variables: Mapping[str, str] | None = None,
        flags: Mapping[str, str] | None = None,
    ) -> Settings:
        if text is not None:
            config_file.parent.mkdir(parents=True, exist_ok=True)
            config_file.write_text(text, encoding="utf-8")
        home = {"HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": str(tmp_path / "config")}
        return load_settings(environment=Environment({**home, **(variables or {})}), flags=flags)

    return read
