"""Who agrees to a deployment, where an environment wants somebody to."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.deployment.decide import Move
from pipeline.deployment.environments import Approval, Environment
from pipeline.deployment.rollout import Agree
from pipeline.step import Exit, PipelineError

_LONGEST = 80


def approver(
    environment: Environment, approve: str, who: str, ask: Callable[[str], str] | None
) -> Agree:
    """How somebody agrees to a change.

    Args:
        environment: says whether anybody has to.
        approve: name given on the command line; empty: none.
        who: who deploys, and agrees when asked.
        ask: puts a question to a person and returns the answer; None where nobody sits there.
    """

    def agree(move: Move) -> str:
        if environment.approval is Approval.NONE:
            return checked_name(approve) if approve else ""
        if approve:
            return checked_name(approve)
        question = f"{move.reference} to {environment.name}, because {move.why}. Agreed? [y/N] "
        if ask is not None and ask(question).strip().lower() in {"y", "yes"}:
            return who
        raise PipelineError(
            f"{environment.name} wants somebody to agree, and nobody did",
            exit_code=Exit.GATE,
            advice="look at it with --plan, then give --approve NAME",
        )

    return agree


def checked_name(name: str) -> str:
    """A name for the ledger.

    Raises:
        PipelineError: USAGE, it is none.
    """
    plain = name.strip()
    if not plain or not plain.isprintable() or len(plain) > _LONGEST or plain.startswith("-"):
        raise PipelineError(
            f"{name!a} is nobody's name", exit_code=Exit.USAGE, advice="write --approve NAME"
        )
    return plain
