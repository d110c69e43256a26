"""How a clone stands to its upstream: are the refs equal, may the work tree move?"""

from __future__ import annotations

from dataclasses import dataclass

from mgit.model import CopyKind, LocalRepo, Reason, RefSnapshot, WorkTree


def same_refs(upstream: RefSnapshot, local: RefSnapshot) -> bool:
    """Whether a clone has exactly upstream's branches, tags and default branch.

    An upstream that does not say where its HEAD points does not make a difference.
    """
    return upstream.refs == local.refs and upstream.head in (None, local.head)


def needs_worktree(upstream: RefSnapshot, local: LocalRepo) -> bool:
    """Whether the decision depends on the state of the work tree, which costs a git process.

    It does when upstream has a branch of the checked-out name that is at another commit than
    the person. Whatever else lies in the work tree, nothing would touch it.
    """
    if local.kind is CopyKind.MIRROR or local.key is None or local.broken:
        return False
    branch = _branch(upstream, local)
    tip = upstream.refs.get(f"refs/heads/{branch}")
    return tip is not None and tip != local.head_oid


@dataclass(frozen=True, slots=True)
class Standing:
    """What may happen to a work tree.

    Args:
        forward: the branch that may move ahead to its upstream, None for none.
        held: why it stays; None where it is where it should be (or may move).
        detail: more words for a person.
    """

    forward: str | None = None
    held: Reason | None = None
    detail: str = ""


_RESTS = Standing()


def stand(upstream: RefSnapshot, local: LocalRepo) -> Standing:
    """Judge the work tree of a clone against the refs that upstream has now.

    Before a fetch `ahead` and `behind` are those of the last fetch, so only `ahead` is used: a
    person's own commits and a new commit upstream mean divergence. (Upstream may have taken in
    those very commits; then the fetch shows it, and the next run moves ahead.)
    """
    if local.kind is CopyKind.MIRROR:
        return _RESTS
    branch = _branch(upstream, local)
    if branch is None:
        return Standing(held=Reason.DETACHED, detail="no branch is checked out")
    tip = upstream.refs.get(f"refs/heads/{branch}")
    if tip is None:
        detail = f"on branch {branch}, which upstream does not have"
        return Standing(held=Reason.OTHER_BRANCH, detail=detail)
    if tip == local.head_oid:
        return _RESTS
    if local.worktree is None:
        return Standing(held=Reason.DRIFTED, detail="the work tree was not looked at")
    return _judge(tip, upstream, local, local.worktree)


def _judge(tip: str, upstream: RefSnapshot, local: LocalRepo, tree: WorkTree) -> Standing:
    blocked = tree.obstacle
    if blocked is not None:
        return Standing(held=blocked, detail=_obstacle_detail(tree))
    if tree.branch != local.head_branch:
        return Standing(held=Reason.DRIFTED, detail="another branch was just checked out")
    # An unborn branch (the clone of an empty repository) tracks its namesake by its very name.
    if local.head_oid is not None and tree.upstream != f"origin/{tree.branch}":
        return _not_tracking(tree)
    if tree.ahead and not tree.rewritten:
        return _with_own_commits(tip, local, tree)
    return Standing(forward=_branch(upstream, local))


def _obstacle_detail(tree: WorkTree) -> str:
    if tree.operation is not None:
        return f"a {tree.operation} is not finished"
    if tree.branch is None:
        return "no branch is checked out"
    count = tree.changed + tree.conflicted
    return "1 changed file" if count == 1 else f"{count} changed files"


def _not_tracking(tree: WorkTree) -> Standing:
    if tree.upstream is None:
        detail = f"branch {tree.branch} follows no upstream branch"
        return Standing(held=Reason.NO_UPSTREAM, detail=detail)
    detail = f"branch {tree.branch} follows {tree.upstream}"
    return Standing(held=Reason.OTHER_BRANCH, detail=detail)


def _with_own_commits(tip: str, local: LocalRepo, tree: WorkTree) -> Standing:
    ahead = "1 commit" if tree.ahead == 1 else f"{tree.ahead} commits"
    moved = tip != local.refs.refs.get(f"refs/heads/{tree.branch}")
    if tree.behind or moved:
        return Standing(held=Reason.DIVERGED, detail=f"{ahead} of its own, and upstream moved")
    return Standing(held=Reason.UNPUSHED, detail=f"{ahead} to push")


def _branch(upstream: RefSnapshot, local: LocalRepo) -> str | None:
    """The branch that the work tree is on, or will be on.

    The clone of an empty repository waits on some branch without a commit. When upstream's first
    commits arrive on another one, there is nothing here that could stand against going there.
    """
    branch = local.head_branch
    if local.head_oid is not None or branch is None or f"refs/heads/{branch}" in upstream.refs:
        return branch
    return upstream.head.removeprefix("refs/heads/") if upstream.head is not None else branch
