"""Decisions: which repositories, which folders, which actions. Pure: no I/O, no clock."""

from mgit.plan.gone import GonePolicy
from mgit.plan.layout import Layout, assign_folders
from mgit.plan.select import Selection
from mgit.plan.standing import needs_worktree, same_refs
from mgit.plan.sync import (
    SourcePolicy,
    SyncPolicy,
    Unreadable,
    Upstream,
    plan_sync,
    summarise,
)

__all__ = [
    "GonePolicy",
    "Layout",
    "Selection",
    "SourcePolicy",
    "SyncPolicy",
    "Unreadable",
    "Upstream",
    "assign_folders",
    "needs_worktree",
    "plan_sync",
    "same_refs",
    "summarise",
]
