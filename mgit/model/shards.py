"""A part of an estate that one mgit keeps while others keep the rest."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several parts, written `K/N`. Which repositories it has: `mgit.plan.shard`.

    Args:
        index: K, counted from 0, as a Kubernetes Job and a StatefulSet number their pods.
        count: N, how many parts there are.
    """

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"
