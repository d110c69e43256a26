"""What came of an operation."""

from __future__ import annotations

from dataclasses import dataclass

from mgit.model import Reason, RefLoss


@dataclass(frozen=True, slots=True)
class Done:
    """It was done.

    Args:
        refs_changed: refs of upstream that differ after it.
        held: why the work tree stayed as it was all the same; None when it did not, or when
            nobody meant to move it.
        detail: one line more for a person; may be empty.
        folder: where the clone is now.
        rewritten: a checked-out branch left commits behind that its upstream took back.
        kept: refs whose old tips a mirror keeps from now on.
    """

    refs_changed: int = 0
    held: Reason | None = None
    detail: str = ""
    folder: str = ""
    rewritten: bool = False
    kept: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drifted:
    """Nothing was done: what the plan was made from is not so any more, or more would be lost.

    Args:
        reason: DRIFTED, OCCUPIED or FOREIGN; REF_LOSS or REWRITTEN.
        detail: what is different, one line for a person.
        loss: what would be lost, where that is why.
    """

    reason: Reason
    detail: str
    loss: RefLoss | None = None


Effect = Done | Drifted
