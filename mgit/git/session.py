"""For whom a git is started, in a word that git itself writes down.

git names each of its processes by a session id, which begins with that of whoever started it:
`GIT_TRACE2_PARENT_SID` (Documentation/technical/api-trace2 of git). So its trace2 events say which
run of mgit, and which request, they belong to.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_WORD = re.compile(r"[A-Za-z0-9._:-]{1,64}")


class Session:
    """Names what a thread works for. Safe to use from many threads.

    Args:
        run_id: of the run; empty where there is none, then nothing is named.
    """

    def __init__(self, run_id: str = "") -> None:
        self._run_id = run_id
        self._of_thread = threading.local()

    @property
    def sid(self) -> str:
        """`mgit-RUN`, or `mgit-RUN/CAUSE` while the thread answers a request."""
        if not self._run_id:
            return ""
        cause = getattr(self._of_thread, "cause", "")
        return f"mgit-{self._run_id}{cause and '/'}{cause}"

    @contextmanager
    def answering(self, cause: str) -> Iterator[None]:
        """What this thread starts inside is for a request.

        Args:
            cause: id of the request; one that is no plain word is left out.
        """
        before = getattr(self._of_thread, "cause", "")
        self._of_thread.cause = cause if _WORD.fullmatch(cause) else ""
        try:
            yield
        finally:
            self._of_thread.cause = before
