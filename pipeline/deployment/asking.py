"""A question over HTTP to a service that was deployed."""

from __future__ import annotations

import time

from pipeline.deployment.target import Answer
from pipeline.publishing import http
from pipeline.step import PipelineError

_ANSWER_SECONDS = 10.0


def ask_service(url: str) -> Answer | None:
    """What it said and how long that took; None when nobody answers.

    Args:
        url: of one of its pages.
    """
    begun = time.monotonic()
    try:
        said = http.request("GET", url, timeout=_ANSWER_SECONDS)
    except PipelineError:
        return None
    return Answer(said.status, said.text, time.monotonic() - begun)
