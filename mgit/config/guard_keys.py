"""The keys that say what is not believed, and how rot is found; part of the table in `keys`."""

from __future__ import annotations

from mgit.config.key import Key
from mgit.config.sizes import format_limit, read_limit
from mgit.config.values import format_duration, format_share, read_choice, read_duration, read_share

REF_LOSS_LIMIT: Key[float] = Key(
    "defaults",
    "ref_loss_limit",
    read_share,
    "50%",
    "MGIT_REF_LOSS_LIMIT",
    "share of a clone's branches and tags that upstream may take away at once",
    format_share,
)
REWRITTEN: Key[str] = Key(
    "defaults",
    "rewritten",
    read_choice("hold", "follow"),
    "hold",
    "MGIT_REWRITTEN",
    "what a mirror does when its default branch loses commits upstream",
)
MAX_PACK_BYTES: Key[int] = Key(
    "defaults",
    "max_pack_bytes",
    read_limit(1024 * 1024),
    "64g",
    "MGIT_MAX_PACK_BYTES",
    "largest file that git may write; 0 for no limit",
    format_limit,
)
SCRUB_EVERY: Key[float] = Key(
    "serve",
    "scrub_every",
    read_duration(60, 365 * 86400),
    "30d",
    "MGIT_SCRUB_EVERY",
    "within what time every clone is read whole, to find bit rot",
    format_duration,
)
SCRUB_RATE: Key[int] = Key(
    "serve",
    "scrub_rate",
    read_limit(64 * 1024),
    "8m",
    "MGIT_SCRUB_RATE",
    "bytes a second that are read for it; 0 for not at all",
    format_limit,
)
