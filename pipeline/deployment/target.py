"""What a platform has to be able to do, so that mgit can be deployed to it.

A target knows one environment on one platform. It decides nothing: what goes live, whether it is
good and what comes back is the business of `pipeline.deployment.rollout`, the same for all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from pipeline.step import Exit, PipelineError

PREVIOUS = "mgit.previous"
"""Label on what runs: the reference that ran before it. Kubernetes has it as an annotation."""
VERSION = "org.opencontainers.image.version"
"""Label of the image."""

Effects = Callable[[str, str], AbstractContextManager[None]]
"""Entered with a name and an environment around each change; see `pipeline.faults.effect`."""

_LONG = re.compile(r"\S+@sha256:([0-9a-f]{12})[0-9a-f]{52}")
_PINNED = re.compile(r"^[a-z0-9][a-zA-Z0-9.:/_-]*@sha256:[0-9a-f]{64}$")


@dataclass(frozen=True, slots=True)
class Running:
    """What the platform holds.

    Args:
        reference: the image, as the platform was told: `REGISTRY/NAME@sha256:…`.
        previous: what ran before it; empty if nothing did.
        healthy: whether it runs and the platform calls it healthy.
        restarts: how often the platform had to start it again; in a settled service that stands
            still. -1 where the platform does not tell.
        version: the image's version as its label says; empty if it says none.
        since: RFC 3339 time of its start; empty if the platform does not tell.
        stale: whether it was set up with other files than the environment names now. Where a
            platform hands files on itself, for example a swarm its secrets, that wants a rollout.
    """

    reference: str
    previous: str
    healthy: bool
    restarts: int = 0
    version: str = ""
    since: str = ""
    stale: bool = False

    @property
    def digest(self) -> str:
        """The digest of the image."""
        return self.reference.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the running service said over HTTP.

    Args:
        status: HTTP status.
        body: its text.
        seconds: how long it took.
    """

    status: int
    body: str
    seconds: float

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


class Target(Protocol):
    """One environment on its platform."""

    def observe(self) -> Running | None:
        """What is there now, read from the platform each time; None for nothing.

        What was started and has ended, or was made and never started, is there too: it is not
        healthy, and its label says what ran before it.

        Raises:
            PipelineError: ENVIRONMENT, the platform cannot be asked.
        """
        ...

    def pull(self, reference: str) -> None:
        """See to it that the image is to be had, before anything is stopped.

        Raises:
            PipelineError: it is not.
        """
        ...

    def put(self, reference: str, previous: str) -> str:
        """Replace what runs and wait until the platform calls it healthy.

        Args:
            reference: the image by digest.
            previous: is written on it, for a later rollback.

        Returns:
            Why it is not healthy; empty when it is.

        Raises:
            PipelineError: the change could not be asked for.
        """
        ...

    def ask(self, path: str) -> Answer | None:
        """Ask the running service over HTTP.

        Args:
            path: for example `/readyz`.

        Returns:
            None when nobody answers.
        """
        ...

    def canary(self, reference: str, selector: str) -> str:
        """One sync with this image, beside what runs and into a place that is cleared afterwards.

        Args:
            reference: the image by digest.
            selector: what to sync, as `mgit sync` takes it.

        Returns:
            Why it did not work; empty when it did.
        """
        ...

    def remove(self) -> None:
        """Take it down; its data stays.

        Raises:
            PipelineError: it cannot be taken down.
        """
        ...

    def last_words(self) -> str:
        """The last line of the service's log, plain and bounded; empty when there is none."""
        ...


def check_reference(reference: str) -> None:
    """A deployment is pinned: `REGISTRY/NAME@sha256:…`.

    Raises:
        PipelineError: USAGE, it is not.
    """
    if not _PINNED.fullmatch(reference):
        raise PipelineError(
            f"{reference!a} is not an image by digest",
            exit_code=Exit.USAGE,
            advice="write REGISTRY/NAME@sha256:…, as the release's report has it",
        )


def shortened(text: str) -> str:
    """A text for people: of every image by digest in it the first digits of the digest."""
    return _LONG.sub(r"\1", text)
