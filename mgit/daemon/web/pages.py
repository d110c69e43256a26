"""Pages for people: which path is which page."""

from __future__ import annotations

from mgit.daemon.web.answer import HTML, Answer, cached
from mgit.daemon.web.detail import nothing_page, repository_page
from mgit.daemon.web.frame import MARK
from mgit.daemon.web.home import home_page
from mgit.daemon.web.listing import ROWS, Shown
from mgit.daemon.web.parameters import Unfit, only, read_page, read_repositories
from mgit.daemon.web.request import Request
from mgit.daemon.web.style import STYLE
from mgit.daemon.web.view import View, cutoffs
from mgit.state.overview import Sort

RUNS = 10
_DAY = (("Cache-Control", "private, max-age=300"),)


class Pages:
    """Makes pages.

    Args:
        view: what there is to show.
    """

    def __init__(self, view: View) -> None:
        self._view = view

    def answer(self, request: Request, request_id: str) -> Answer:
        """The answer to a GET."""
        del request_id  # in the header of every answer
        known = request.headers.get("if-none-match", "")
        match request.segments:
            case ("",):
                return self._home(request, known)
            case ("repositories", key):
                return self._repository(key, known)
            case ("style.css",):
                return Answer(200, STYLE.encode(), "text/css; charset=utf-8", _DAY)
            case ("icon.svg",):
                return Answer(200, MARK.encode(), "image/svg+xml", _DAY)
            case _:
                return _nothing(404, "Nothing is here", "No page has this address.")

    def _home(self, request: Request, known: str) -> Answer:
        standing = self._view.standing()
        query = {name: value for name, value in request.query.items() if value}
        try:
            only(query, ("q", "source", "state", "sort", "page"))
            number = read_page(query)
            query.pop("page", "")
            query.setdefault("sort", Sort.ATTENTION.value)
            wanted = read_repositories(query, [one.name for one in standing.status.sources])
        except Unfit as error:
            return _nothing(400, "That cannot be shown", error.detail)
        chosen = wanted.filter(standing.cutoffs)
        overview = self._view.overview
        rows = overview.repositories(chosen, wanted.sort, limit=ROWS, skip=(number - 1) * ROWS)
        total = overview.count(chosen)
        shown = Shown(standing, wanted, number, rows, total, overview.runs(RUNS))
        return cached(Answer(200, home_page(shown), HTML), known)

    def _repository(self, key: str, known: str) -> Answer:
        forge, _, repo_id = key.partition("#")
        overview, now = self._view.overview, self._view.clock()
        repo = overview.repository(forge, repo_id, cutoffs(self._view.status(), now))
        if repo is None:
            return _nothing(404, "No such repository", "mgit keeps none with this key.")
        body = repository_page(repo, overview.outcomes(forge, repo_id), now)
        return cached(Answer(200, body, HTML), known)


def _nothing(status: int, headline: str, detail: str) -> Answer:
    return Answer(status, nothing_page(headline, detail), HTML, (("Cache-Control", "no-store"),))
