"""What a fetch would take away from a clone, and how much of that is believed. Pure.

A proxy that answers with nothing, a repository that was replaced and one that was emptied look
like an upstream that dropped its refs. Beyond a limit nothing is taken away before a person has
seen that very loss and said yes to it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from mgit.model.reasons import Reason
from mgit.model.upstream import RefSnapshot

FEW_REFS = 3
"""So many at once are a clean-up, whatever share of the clone they are."""


@dataclass(frozen=True, slots=True, order=True)
class LostRef:
    """A ref that would lose something.

    Args:
        name: full name, as upstream had it.
        before: object id that the clone has.
        after: object id that upstream has now, empty when it has no such ref.
    """

    name: str
    before: str
    after: str = ""


@dataclass(frozen=True, slots=True)
class RefLoss:
    """What a clone would lose.

    Args:
        reason: EMPTIED, REF_LOSS or REWRITTEN.
        refs: what would be lost, sorted.
    """

    reason: Reason
    refs: tuple[LostRef, ...]

    @property
    def digest(self) -> str:
        """A name for exactly this loss: any other ref or object id has another one."""
        lines = (f"{one.name} {one.before} {one.after}\n" for one in self.refs)
        text = f"{self.reason}\n{''.join(lines)}"
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()

    @property
    def sentence(self) -> str:
        """What it is, in words for a person."""
        names = [one.name.removeprefix("refs/heads/") for one in self.refs]
        match self.reason:
            case Reason.EMPTIED:
                return f"upstream shows no refs, the clone keeps its {len(names)}"
            case Reason.REWRITTEN:
                return f"upstream took back commits of {_some(names)}; the mirror keeps what it has"
            case _:
                return f"upstream dropped {len(names)} refs at once; the clone keeps them"


@dataclass(frozen=True, slots=True)
class LossGuard:
    """How much a fetch may take away.

    Args:
        limit: share (0 to 1) of a clone's refs that may go at once; 1 for all but the last.
        follow_rewritten: whether a mirror's default branch may lose commits without a word.
        acknowledged: digests of losses that a person has seen and accepted.
    """

    limit: float = 0.5
    follow_rewritten: bool = False
    acknowledged: frozenset[str] = frozenset()

    def accepts(self, loss: RefLoss) -> bool:
        """Whether a person said yes to exactly this."""
        return loss.digest in self.acknowledged

    def objection(self, upstream: RefSnapshot, local: RefSnapshot) -> RefLoss | None:
        """What would be lost and must not be; None where nothing stands against a fetch.

        Args:
            upstream: what it has.
            local: what the clone has of it.
        """
        gone = local.refs.keys() - upstream.refs.keys()
        if not gone:
            return None
        if not upstream.refs:
            reason = Reason.EMPTIED
        elif self._is_too_much(len(gone), len(local.refs)):
            reason = Reason.REF_LOSS
        else:
            return None
        loss = loss_of(reason, (LostRef(name, local.refs[name]) for name in gone))
        return None if self.accepts(loss) else loss

    def _is_too_much(self, gone: int, there: int) -> bool:
        if self.limit >= 1.0:
            return False
        return (gone > FEW_REFS and gone / there > self.limit) or (gone == there and there > 1)


def loss_of(reason: Reason, refs: Iterable[LostRef]) -> RefLoss:
    """A loss with its refs in order."""
    return RefLoss(reason, tuple(sorted(refs)))


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
