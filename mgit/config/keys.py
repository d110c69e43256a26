"""The table of all keys: name, reader, default and environment twin, in the order of the docs."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TypeVar, get_args

from mgit.config.guard_keys import (
    MAX_PACK_BYTES,
    REF_LOSS_LIMIT,
    REWRITTEN,
    SCRUB_EVERY,
    SCRUB_RATE,
)
from mgit.config.key import Key
from mgit.config.network_keys import (
    CA_FILE,
    CLIENT_CERT,
    CLIENT_KEY,
    TIMEOUT,
)
from mgit.config.pace_keys import ASKS_PER_MINUTE, MAX_INTERVAL, MIN_INTERVAL
from mgit.config.settings import ForgeKind
from mgit.config.telemetry_keys import (
    AUDIT_AGE,
    AUDIT_HEAD_FILE,
    AUDIT_SIZE,
    LOG_FORMAT,
    LOG_LEVEL,
    PER_REPOSITORY_METRICS,
    TRACES,
)
from mgit.config.values import (
    HostPort,
    format_depth,
    format_duration,
    format_share,
    format_switch,
    format_words,
    read_blobs,
    read_choice,
    read_count,
    read_day,
    read_depth,
    read_duration,
    read_listen,
    read_path,
    read_shard,
    read_share,
    read_switch,
    read_text,
    read_url,
    read_variable,
    read_words,
)
from mgit.config.web_keys import (
    CLIENT_CA,
    TLS_CERT,
    TLS_KEY,
    WEB,
    WEB_TOKEN_FILE,
)
from mgit.model import Shard

__all__ = ["FORGES", "GLOBAL_KEYS", "SELECTION_KEYS", "SOURCE_KEYS", "Key"]

T = TypeVar("T")

FORGES: tuple[str, ...] = get_args(ForgeKind)
VERSION = 1

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
    read_choice("keep", "archive", "delete"),
    "keep",
    "MGIT_GONE",
    "what to do with a clone that its forge no longer lists",
)
GONE_LIMIT: Key[float] = Key(
    "defaults",
    "gone_limit",
    read_share,
    "20%",
    "MGIT_GONE_LIMIT",
    "share of a source's clones that may be gone at once without an acknowledgement",
    format_share,
)
DEPTH: Key[int] = Key(
    "defaults",
    "depth",
    read_depth,
    "all",
    "MGIT_DEPTH",
    "how many commits from each tip are kept",
    format_depth,
)
BLOBS: Key[str] = Key(
    "defaults",
    "blobs",
    read_blobs,
    "all",
    "MGIT_BLOBS",
    "which file contents are fetched before they are needed",
)
LFS: Key[bool] = Key(
    "defaults",
    "lfs",
    read_switch,
    "false",
    "MGIT_LFS",
    "fetch what Git LFS keeps apart",
    format_switch,
)
SUBMODULES: Key[bool] = Key(
    "defaults",
    "submodules",
    read_switch,
    "false",
    "MGIT_SUBMODULES",
    "check out submodules of work trees",
    format_switch,
)
WIKIS: Key[bool] = Key(
    "defaults",
    "wikis",
    read_switch,
    "false",
    "MGIT_WIKIS",
    "keep wikis too, as repositories of their own",
    format_switch,
)
HEAL: Key[str] = Key(
    "defaults",
    "heal",
    read_choice("off", "mirrors", "all"),
    "mirrors",
    "MGIT_HEAL",
    "which damaged clones are made anew",
)
EXPIRY_WARNING: Key[float] = Key(
    "defaults",
    "expiry_warning",
    read_duration(0, 366 * 86400),
    "14d",
    "MGIT_EXPIRY_WARNING",
    "how long before a token ends mgit begins to warn",
    format_duration,
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
    format_duration,
)
SHARD: Key[Shard] = Key(
    "serve",
    "shard",
    read_shard,
    None,
    "MGIT_SHARD",
    "which part of the repositories is kept here",
)

GLOBAL_KEYS = (
    ROOT,
    LAYOUT,
    KIND,
    CONCURRENCY,
    DEPTH,
    BLOBS,
    LFS,
    SUBMODULES,
    WIKIS,
    HEAL,
    GONE,
    GONE_LIMIT,
    REF_LOSS_LIMIT,
    REWRITTEN,
    MAX_PACK_BYTES,
    EXPIRY_WARNING,
    LISTEN,
    INTERVAL,
    MIN_INTERVAL,
    MAX_INTERVAL,
    ASKS_PER_MINUTE,
    SHARD,
    SCRUB_EVERY,
    SCRUB_RATE,
    WEB,
    WEB_TOKEN_FILE,
    TLS_CERT,
    TLS_KEY,
    CLIENT_CA,
    PER_REPOSITORY_METRICS,
    LOG_FORMAT,
    LOG_LEVEL,
    AUDIT_SIZE,
    AUDIT_AGE,
    AUDIT_HEAD_FILE,
    TRACES,
    CA_FILE,
    CLIENT_CERT,
    CLIENT_KEY,
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
    write=format_words,
)
INCLUDE: Key[tuple[str, ...]] = Key(
    "sources",
    "include",
    read_words,
    None,
    about="patterns that limit it; `!` excludes",
    write=format_words,
)
FILTER: Key[tuple[str, ...]] = Key(
    "sources", "filter", read_words, None, about="conditions that limit it", write=format_words
)
FILE: Key[Path] = Key("sources", "file", read_path, None, about="the manifest")
USER: Key[str] = Key(
    "sources", "user", read_text, None, about="account or e-mail that goes with the token"
)
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
    "sources",
    "token_command",
    read_words,
    None,
    about="program that prints the token",
    write=format_words,
)
WEBHOOK_SECRET_FILE: Key[Path] = Key(
    "sources",
    "webhook_secret_file",
    read_path,
    None,
    about="file of the secrets that vouch for the forge's webhooks, one a line",
)
TOKEN_EXPIRES: Key[date] = Key(
    "sources",
    "token_expires",
    read_day,
    None,
    about="first day on which the token does not work, where the forge does not tell",
)


def _of_source(key: Key[T]) -> Key[T]:
    """The same key for one source, without a default and a variable."""
    return Key("sources", key.name, key.read, None, about=key.about, write=key.write)


SOURCE_KIND = _of_source(KIND)
SOURCE_DEPTH = _of_source(DEPTH)
SOURCE_BLOBS = _of_source(BLOBS)
SOURCE_LFS = _of_source(LFS)
SOURCE_SUBMODULES = _of_source(SUBMODULES)
SOURCE_WIKIS = _of_source(WIKIS)
SOURCE_INTERVAL = _of_source(INTERVAL)
SOURCE_MIN_INTERVAL = _of_source(MIN_INTERVAL)
SOURCE_MAX_INTERVAL = _of_source(MAX_INTERVAL)

SOURCE_KEYS = (
    FORGE,
    URL,
    OWNERS,
    INCLUDE,
    FILTER,
    FILE,
    USER,
    TOKEN_ENV,
    TOKEN_FILE,
    TOKEN_COMMAND,
    WEBHOOK_SECRET_FILE,
    TOKEN_EXPIRES,
    SOURCE_KIND,
    SOURCE_DEPTH,
    SOURCE_BLOBS,
    SOURCE_LFS,
    SOURCE_SUBMODULES,
    SOURCE_WIKIS,
    SOURCE_INTERVAL,
    SOURCE_MIN_INTERVAL,
    SOURCE_MAX_INTERVAL,
)

SELECTION_INCLUDE: Key[tuple[str, ...]] = Key(
    "selections", "include", read_words, None, about="patterns", write=format_words
)
SELECTION_FILTER: Key[tuple[str, ...]] = Key(
    "selections", "filter", read_words, None, about="conditions", write=format_words
)
SELECTION_SOURCES: Key[tuple[str, ...]] = Key(
    "selections",
    "sources",
    read_words,
    None,
    about="the sources it is about; without it all",
    write=format_words,
)
SELECTION_KEYS = (SELECTION_INCLUDE, SELECTION_FILTER, SELECTION_SOURCES)

# Read outside the table (by `find_paths`, for tokens, or by other tools around mgit).
OTHER_VARIABLES = frozenset({"MGIT_CONFIG", "MGIT_STATE_DIR", "MGIT_IMAGE", "MGIT_DEBUG"})
VARIABLE_PREFIX = "MGIT_TOKEN_"
