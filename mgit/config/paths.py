"""Where mgit keeps its files: XDG base directories, or the platform's own custom."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from mgit.config.environ import Environment
from mgit.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Paths:
    """Every file and folder that mgit itself owns. None of them needs to exist.

    Args:
        config_file: what `load_settings` reads.
        data_dir: tokens stored by `mgit login`.
        state_dir: the state database, audit log and crash reports.
        cache_dir: what may be deleted at any time.
        runtime_dir: private to this login session and gone after it, None where there is none.
    """

    config_file: Path
    data_dir: Path
    state_dir: Path
    cache_dir: Path
    runtime_dir: Path | None


@dataclass(frozen=True, slots=True)
class _Custom:
    """What a platform uses where no XDG variable says otherwise, relative to the home folder."""

    config: str
    data: str
    state: str
    cache: str


_CUSTOMS = {
    "linux": _Custom(".config", ".local/share", ".local/state", ".cache"),
    "darwin": _Custom(
        "Library/Application Support",
        "Library/Application Support",
        "Library/Application Support",
        "Library/Caches",
    ),
    "win32": _Custom("AppData/Roaming", "AppData/Local", "AppData/Local", "AppData/Local"),
}


def find_paths(
    environment: Environment, *, config_file: Path | None = None, platform: str = sys.platform
) -> Paths:
    """Settle on the folders, most particular rule first: `MGIT_*`, XDG, the platform's custom.

    Args:
        environment: read for `MGIT_CONFIG`, `MGIT_STATE_DIR`, `MGIT_ROOT`, `XDG_*`, `HOME`.
        config_file: given on the command line; wins.
        platform: as `sys.platform`.

    Raises:
        ConfigurationError: there is neither a home folder nor a variable that replaces it.
    """
    custom = _CUSTOMS.get(platform, _CUSTOMS["linux"])
    named = environment.given("MGIT_CONFIG")
    if config_file is None and named is not None:
        config_file = Path(named)
    config = _base(environment, "XDG_CONFIG_HOME", custom.config)
    data = _base(environment, "XDG_DATA_HOME", custom.data)
    state = _base(environment, "XDG_STATE_HOME", custom.state)
    cache = _base(environment, "XDG_CACHE_HOME", custom.cache)
    state_dir = _state_dir(environment, state)
    runtime = environment.given("XDG_RUNTIME_DIR")
    return Paths(
        config_file=config_file.absolute() if config_file else _within(config, "config.toml"),
        data_dir=data / "mgit" if data else state_dir,
        state_dir=state_dir,
        cache_dir=cache / "mgit" if cache else state_dir,
        runtime_dir=Path(runtime) if runtime and Path(runtime).is_absolute() else None,
    )


def _base(environment: Environment, variable: str, custom: str) -> Path | None:
    # The XDG specification wants relative values ignored.
    given = environment.given(variable)
    if given is not None and Path(given).is_absolute():
        return Path(given)
    home = environment.home()
    return home / custom if home else None


def _within(base: Path | None, name: str) -> Path:
    if base is None:
        raise ConfigurationError(
            "there is no home folder to look for the configuration in",
            advice="set MGIT_CONFIG to the configuration file, or HOME",
        )
    return base / "mgit" / name


def _state_dir(environment: Environment, base: Path | None) -> Path:
    given = environment.given("MGIT_STATE_DIR")
    if given is not None:
        return Path(given).absolute()
    if base is not None:
        return base / "mgit"
    root = environment.given("MGIT_ROOT")
    if root is not None:
        # A container has no home; its volume is the one place that lasts.
        return Path(root).absolute() / ".mgit" / "state"
    raise ConfigurationError(
        "there is no home folder to keep the state in",
        advice="set MGIT_STATE_DIR to a folder that mgit may write, or HOME",
    )
