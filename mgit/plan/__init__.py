"""Decisions: which repositories, which folders, which actions. Pure: no I/O, no clock."""

from mgit.plan.gone import may_be_removed
from mgit.plan.layout import Layout, assign_folders
from mgit.plan.policy import GonePolicy, HealPolicy, SourcePolicy, SyncPolicy
from mgit.plan.select import Selection
from mgit.plan.standing import needs_worktree, same_refs
from mgit.plan.sync import (
    Unreadable,
    Upstream,
    plan_sync,
    summarise,
)

__all__ = [
    "GonePolicy",
    "HealPolicy",
    "Layout",
    "Selection",
    "SourcePolicy",
    "SyncPolicy",
    "Unreadable",
    "Upstream",
    "assign_folders",
    "may_be_removed",
    "needs_worktree",
    "plan_sync",
    "same_refs",
    "summarise",
]
