"""Configuration: file + environment + flags -> frozen Settings. The one reader of os.environ."""

from mgit.config.environ import Environment, current_environment
from mgit.config.load import load_settings, token_variable
from mgit.config.paths import Paths, find_paths
from mgit.config.settings import (
    LogSettings,
    NetworkSettings,
    ServeSettings,
    Settings,
    Shown,
    SourceSettings,
)
from mgit.config.values import HostPort

__all__ = [
    "Environment",
    "HostPort",
    "LogSettings",
    "NetworkSettings",
    "Paths",
    "ServeSettings",
    "Settings",
    "Shown",
    "SourceSettings",
    "current_environment",
    "find_paths",
    "load_settings",
    "token_variable",
]
