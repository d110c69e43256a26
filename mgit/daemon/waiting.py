"""Which hints of webhooks no run has answered yet, kept for another life of the service."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mgit.daemon.agenda import Agenda, Errand
from mgit.daemon.web.channel import Hint
from mgit.state import FLOOD, WaitingHint
from mgit.state.deliveries import Deliveries


class Waiting:
    """Forgets what was answered. Of one thread.

    Args:
        deliveries: where hints are kept as they come in.
    """

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self._heard: dict[tuple[str, str], WaitingHint] = {}

    def note(self, hints: Iterable[Hint]) -> None:
        """These are on the agenda now."""
        for hint in hints:
            if hint.number:
                one = WaitingHint(hint.source, hint.key, number=hint.number)
                before = self._heard.get((one.source, one.key), one)
                number = max(before.number, one.number)
                self._heard[one.source, one.key] = replace(one, number=number)

    def after(self, errand: Errand, agenda: Agenda) -> None:
        """Forget what the agenda does not wait for any more.

        Args:
            errand: that has ended.
            agenda: after it.
        """
        due = {key.id for key in agenda.news}
        asked = errand.sources if errand.turn else ()

        def answered(one: WaitingHint) -> bool:
            if one.key == FLOOD:
                return one.source in asked
            return one.source not in agenda.listings and one.key not in due

        done = [one for one in self._heard.values() if answered(one)]
        for one in done:
            del self._heard[one.source, one.key]
        self._deliveries.answered(done)
