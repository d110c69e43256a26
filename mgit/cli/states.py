"""What needs attention in a clone, in the words of `mgit status` and `--fail-on`. Pure."""

from __future__ import annotations

from mgit.errors import InvalidInput
from mgit.model import LocalRepo, WorkTree

STATES = {
    "broken": "damaged, or not readable",
    "held": "its upstream took refs or commits away, and nobody has said yes to that",
    "locked": "another git is at work in it, or left its lock behind",
    "foreign": "not made by mgit",
    "operation": "a merge, rebase, … was begun and not ended",
    "conflicted": "unmerged paths",
    "dirty": "changes that are not committed",
    "untracked": "files that git does not know",
    "diverged": "commits on both sides",
    "unpushed": "commits that the upstream lacks",
    "behind": "commits that the branch lacks",
    "detached": "no branch is checked out",
    "no-upstream": "the branch follows no branch of the forge",
    "stashed": "something was put aside with git stash",
}


def states_of(local: LocalRepo, *, held: bool = False) -> tuple[str, ...]:
    """All states of a clone, in the order of `STATES`; empty when it needs no attention.

    Args:
        local: the clone.
        held: whether it is held, see `mgit ack`.
    """
    found = {"held"} if held else set()
    if local.broken:
        found.add("broken")
    if local.locked:
        found.add("locked")
    if local.key is None:
        found.add("foreign")
    if local.worktree is not None:
        found |= _states_of_tree(local.worktree)
    return tuple(state for state in STATES if state in found)


def _states_of_tree(tree: WorkTree) -> set[str]:
    ahead, behind = tree.ahead or 0, tree.behind or 0
    checks = {
        "operation": tree.operation is not None,
        "conflicted": tree.conflicted > 0,
        "dirty": tree.changed > 0,
        "untracked": tree.untracked > 0,
        "diverged": ahead > 0 and behind > 0,
        "unpushed": ahead > 0,
        "behind": behind > 0,
        "detached": tree.branch is None,
        "no-upstream": tree.branch is not None and tree.upstream is None and tree.oid is not None,
        "stashed": tree.stashes > 0,
    }
    return {state for state, holds in checks.items() if holds}


def read_states(text: str | None) -> frozenset[str]:
    """The states named in `--fail-on dirty,unpushed`.

    Raises:
        InvalidInput: a word that is no state.
    """
    if text is None:
        return frozenset()
    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    if not words:
        raise InvalidInput("--fail-on names no state", advice=f"states: {', '.join(STATES)}")
    for word in words:
        if word not in STATES:
            from mgit.config.nearest import did_you_mean

            raise InvalidInput(
                f"--fail-on does not know {word[:40]!a}{did_you_mean(word, STATES)}",
                advice=f"states: {', '.join(STATES)}",
            )
    return frozenset(words)
