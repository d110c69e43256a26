"""How a pipeline command ends when it does not end well."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What the release commands return to the shell."""

    DONE = 0
    USAGE = 2
    GATE = 3
    ENVIRONMENT = 4
    INCOMPLETE = 5
    CONFLICT = 6


class PipelineError(Exception):
    """A step cannot go on.

    Args:
        message: what happened, one line, free of secrets.
        exit_code: see `Exit`.
        advice: what to do next, one line.
    """

    def __init__(
        self, message: str, *, exit_code: Exit = Exit.INCOMPLETE, advice: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
        self.advice = advice
