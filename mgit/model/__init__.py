"""The values that mgit thinks in. Frozen, without I/O, understood by every layer."""

from mgit.model.actions import (
    Action,
    Archive,
    Clone,
    FastForward,
    Fetch,
    Heal,
    Move,
    Plan,
    Remove,
    Skip,
    action_key,
    action_name,
)
from mgit.model.clones import CopyKind, CopyOptions, LocalRepo, Operation, WorkTree
from mgit.model.losses import LossGuard, LostRef, RefLoss, loss_of
from mgit.model.measures import Measures
from mgit.model.outcomes import Outcome, RepoState, Result, holds_upstream, repo_state
from mgit.model.reasons import Reason
from mgit.model.shards import Shard
from mgit.model.upstream import (
    Listing,
    RefSnapshot,
    RemoteRepo,
    RepoKey,
    RepoPath,
    SourceProblem,
    Visibility,
)

__all__ = [
    "Action",
    "Archive",
    "Clone",
    "CopyKind",
    "CopyOptions",
    "FastForward",
    "Fetch",
    "Heal",
    "Listing",
    "LocalRepo",
    "LossGuard",
    "LostRef",
    "Measures",
    "Move",
    "Operation",
    "Outcome",
    "Plan",
    "Reason",
    "RefLoss",
    "RefSnapshot",
    "RemoteRepo",
    "Remove",
    "RepoKey",
    "RepoPath",
    "RepoState",
    "Result",
    "Shard",
    "Skip",
    "SourceProblem",
    "Visibility",
    "WorkTree",
    "action_key",
    "action_name",
    "holds_upstream",
    "loss_of",
    "repo_state",
]
