"""Why things are left as they are."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a repository, or its work tree, is left as it is; the words are in the JSON schema."""

    CURRENT = "current"
    DIRTY = "dirty"
    UNTRACKED = "untracked-in-the-way"
    DIVERGED = "diverged"
    DETACHED = "detached"
    UNPUSHED = "unpushed"
    NO_UPSTREAM = "no-upstream"
    OTHER_BRANCH = "other-branch"
    OPERATION = "operation-in-progress"
    LOCKED = "locked"
    FOREIGN = "foreign"
    OCCUPIED = "folder-occupied"
    BROKEN = "broken"
    EMPTY = "empty"
    NO_WIKI = "no-wiki"
    EMPTIED = "upstream-emptied"
    REF_LOSS = "upstream-lost-refs"
    REWRITTEN = "upstream-rewritten"
    UNAVAILABLE = "unavailable"
    GONE = "not-listed"
    LISTING_INCOMPLETE = "listing-incomplete"
    UNREACHABLE = "unreachable"
    REFUSED = "credential-refused"
    DRIFTED = "drifted"
    OTHER_SHARD = "other-shard"
