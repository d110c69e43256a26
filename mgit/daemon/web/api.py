"""The API, version 1: `/api/v1/...`. Reads only."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from mgit.daemon.web import documents as d
from mgit.daemon.web import records
from mgit.daemon.web.answer import JSON, Answer, cached, problem
from mgit.daemon.web.openapi import openapi_document
from mgit.daemon.web.parameters import (
    Unfit,
    only,
    read_limit,
    read_moment,
    read_repositories,
    write_cursor,
    write_moment,
)
from mgit.daemon.web.request import Request
from mgit.daemon.web.view import View, cutoffs


class Api:
    """Answers questions of programs.

    Args:
        view: what there is to show.
    """

    def __init__(self, view: View) -> None:
        self._view = view

    def answer(self, path: tuple[str, ...], request: Request, request_id: str) -> Answer:
        """The answer to a GET.

        Args:
            path: segments behind `/api/v1`.
            request: asked.
            request_id: for errors.
        """
        try:
            found = self._look(path, request.query, request_id)
        except Unfit as error:
            return problem(400, error.code, error.detail, request_id)
        if isinstance(found, Answer):
            return found
        answer = Answer(200, msgspec.json.encode(found), JSON)
        after = getattr(found, "next", None)
        if after is not None:
            answer = answer.with_headers(("Link", f'<{_next(request, after)}>; rel="next"'))
        return cached(answer, request.headers.get("if-none-match", ""))

    def _look(
        self, path: tuple[str, ...], query: Mapping[str, str], request_id: str
    ) -> object | Answer:
        match path:
            case ("status",):
                only(query, ())
                return records.status_document(self._view.standing())
            case ("sources",):
                only(query, ())
                return self._sources()
            case ("sources", name):
                only(query, ())
                return self._source(name, request_id)
            case ("repositories",):
                return self._repositories(query)
            case ("repositories", key):
                only(query, ())
                return self._repository(key, request_id)
            case ("runs",):
                return self._runs(query)
            case ("openapi.json",):
                only(query, ())
                return openapi_document()
            case _:
                return problem(404, "not-found", "The API has nothing here.", request_id)

    def _sources(self) -> d.SourcesDocument:
        standing = self._view.standing()
        return d.SourcesDocument(
            sources=tuple(
                records.source_record(one, standing.tally(one)) for one in standing.status.sources
            )
        )

    def _source(self, name: str, request_id: str) -> d.SourceDocument | Answer:
        standing = self._view.standing()
        for one in standing.status.sources:
            if one.name == name:
                return d.SourceDocument(source=records.source_record(one, standing.tally(one)))
        return problem(404, "source-unknown", "There is no source of this name.", request_id)

    def _repositories(self, query: Mapping[str, str]) -> d.RepositoriesDocument:
        status = self._view.status()
        wanted = read_repositories(query, [one.name for one in status.sources])
        chosen = wanted.filter(cutoffs(status, self._view.clock()))
        overview = self._view.overview
        rows = overview.repositories(
            chosen, wanted.sort, limit=wanted.limit + 1, after=wanted.after
        )
        page, more = rows[: wanted.limit], len(rows) > wanted.limit
        return d.RepositoriesDocument(
            total=overview.count(chosen),
            repositories=tuple(records.repository_record(row) for row in page),
            next=write_cursor(wanted.sort, page[-1].mark) if more else None,
        )

    def _repository(self, key: str, request_id: str) -> d.RepositoryDocument | Answer:
        forge, _, repo_id = key.partition("#")
        overview = self._view.overview
        status = self._view.status()
        row = overview.repository(forge, repo_id, cutoffs(status, self._view.clock()))
        if row is None:
            detail = "There is no repository with this key; a key is FORGE#ID, with # as %23."
            return problem(404, "repository-unknown", detail, request_id)
        return d.RepositoryDocument(
            repository=records.repository_record(row),
            outcomes=tuple(map(records.outcome_record, overview.outcomes(forge, repo_id))),
        )

    def _runs(self, query: Mapping[str, str]) -> d.RunsDocument:
        only(query, ("limit", "cursor"))
        limit = read_limit(query)
        rows = self._view.overview.runs(limit + 1, read_moment(query.get("cursor", "")))
        page, more = rows[:limit], len(rows) > limit
        return d.RunsDocument(
            runs=tuple(map(records.run_record, page)),
            next=write_moment(page[-1].started_at) if more else None,
        )


def _next(request: Request, cursor: str) -> str:
    """The same question with another cursor, as a relative reference."""
    from urllib.parse import quote, urlencode

    path = "/".join(quote(one, safe="") for one in request.segments)
    return f"/{path}?{urlencode({**request.query, 'cursor': cursor})}"
