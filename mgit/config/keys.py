"""The table of all keys: name, reader, default and environment twin, in the order of the docs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar, get_args

from mgit.config.settings import ForgeKind
from mgit.config.values import (
    HostPort,
    Reader,
    read_choice,
    read_count,
    read_duration,
    read_listen,
    read_path,
    read_url,
    read_variable,
    read_words,
)

T = TypeVar("T")

FORGES: tuple[str, ...] = get_args(ForgeKind)
VERSION = 1


@dataclass(frozen=True, slots=True)
class Key(Generic[T]):
    """One key of the configuration.

    Args:
        table: `defaults`, `serve`, … or `sources` for a key of every source.
        name: the key inside it.
        read: from text or TOML value to a checked value.
        default: as a person would write it; None where the absence means something.
        env: the variable that replaces it, empty if there is none.
        about: one line for the documentation.
    """

    table: str
    name: str
    read: Reader[T]
    default: str | None
    env: str = ""
    about: str = ""

    @property
    def path(self) -> str:
        """The dotted name."""
        return f"{self.table}.{self.name}"


ROOT: Key[Path] = Key(
    "defaults", "root", read_path, "~/src", "MGIT_ROOT", "folder that holds the clones"
)
LAYOUT: Key[str] = Key(
    "defaults",
    "layout",
    read_choice("flat", "owner", "forge"),
    "owner",
    "MGIT_LAYOUT",
    "how a repository's name becomes a folder",
)
KIND: Key[str] = Key(
    "defaults",
    "kind",
    read_choice("worktree", "mirror"),
    "worktree",
    "MGIT_KIND",
    "what sort of clone is kept",
)
CONCURRENCY: Key[int] = Key(
    "defaults",
    "concurrency",
    read_count(1, 64),
    "8",
    "MGIT_CONCURRENCY",
    "git processes at the same time",
)
GONE: Key[str] = Key(
    "defaults",
    "gone",
    read_choice("keep", "archive"),
    "keep",
    "MGIT_GONE",
    "what to do with a clone that its forge no longer lists",
)
LISTEN: Key[HostPort] = Key(
    "serve",
    "listen",
    read_listen,
    "127.0.0.1:8080",
    "MGIT_LISTEN",
    "where `mgit serve` answers health and metrics",
)
INTERVAL: Key[float] = Key(
    "serve",
    "interval",
    read_duration(1, 30 * 86400),
    "15m",
    "MGIT_INTERVAL",
    "from the start of one cycle to the start of the next",
)
LOG_FORMAT: Key[str] = Key(
    "log",
    "format",
    read_choice("console", "json"),
    "console",
    "MGIT_LOG_FORMAT",
    "how events are written to standard error",
)
LOG_LEVEL: Key[str] = Key(
    "log",
    "level",
    read_choice("debug", "info", "warning", "error"),
    "info",
    "MGIT_LOG_LEVEL",
    "the least important events that are written",
)
CA_FILE: Key[Path] = Key(
    "network",
    "ca_file",
    read_path,
    None,
    "MGIT_CA_FILE",
    "certificates to trust in place of the system's",
)
TIMEOUT: Key[float] = Key(
    "network",
    "timeout",
    read_duration(1, 600),
    "30s",
    "MGIT_TIMEOUT",
    "how long a connection may be silent",
)

GLOBAL_KEYS = (
    ROOT,
    LAYOUT,
    KIND,
    CONCURRENCY,
    GONE,
    LISTEN,
    INTERVAL,
    LOG_FORMAT,
    LOG_LEVEL,
    CA_FILE,
    TIMEOUT,
)

FORGE: Key[str] = Key("sources", "forge", read_choice(*FORGES), None, about="which forge it is")
URL: Key[str] = Key("sources", "url", read_url, None, about="address of the forge's API")
OWNERS: Key[tuple[str, ...]] = Key(
    "sources",
    "owners",
    read_words,
    None,
    about="organisations or users to list; without it all that the token sees",
)
INCLUDE: Key[tuple[str, ...]] = Key(
    "sources", "include", read_words, None, about="patterns that limit it; `!` excludes"
)
FILE: Key[Path] = Key("sources", "file", read_path, None, about="the manifest")
TOKEN_ENV: Key[str] = Key(
    "sources", "token_env", read_variable, None, about="variable that holds the token"
)
TOKEN_FILE: Key[Path] = Key(
    "sources",
    "token_file",
    read_path,
    None,
    "MGIT_TOKEN_<SOURCE>_FILE",
    "file that holds the token",
)
TOKEN_COMMAND: Key[tuple[str, ...]] = Key(
    "sources", "token_command", read_words, None, about="program that prints the token"
)
SOURCE_KIND: Key[str] = Key(
    "sources",
    "kind",
    read_choice("worktree", "mirror"),
    None,
    about="what sort of clone is kept of this source",
)

SOURCE_KEYS = (FORGE, URL, OWNERS, INCLUDE, FILE, TOKEN_ENV, TOKEN_FILE, TOKEN_COMMAND, SOURCE_KIND)

# Read outside the table (by `find_paths`, for tokens, or by other tools around mgit).
OTHER_VARIABLES = frozenset({"MGIT_CONFIG", "MGIT_STATE_DIR", "MGIT_IMAGE", "MGIT_DEBUG"})
VARIABLE_PREFIX = "MGIT_TOKEN_"
