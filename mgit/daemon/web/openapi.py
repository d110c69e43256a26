"""The API as an OpenAPI 3.1 document, made from the types of its answers."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import msgspec

from mgit.daemon.web import documents as d
from mgit.daemon.web.answer import JSON, PROBLEM, Problem
from mgit.daemon.web.parameters import LONGEST_TEXT, MOST, USUAL
from mgit.state.overview import Show, Sort

Json = dict[str, object]

_REF = "#/components/schemas/{name}"
_TYPES = (
    d.StatusDocument,
    d.SourcesDocument,
    d.SourceDocument,
    d.RepositoriesDocument,
    d.RepositoryDocument,
    d.RunsDocument,
    Problem,
)


@functools.cache
def openapi_document() -> Mapping[str, object]:
    """The document. Its version is that of the API, so that it changes only with it."""
    _, schemas = msgspec.json.schema_components(_TYPES, ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mgit",
            "version": "1",
            "summary": "How a running mgit serve stands",
            "description": (
                "Reads only. Answers carry an ETag; `If-None-Match` gets 304. Every answer has an "
                "`X-Request-Id`, the one that was sent where it is well formed; it stands in the "
                "log. Errors are problems by RFC 9457; `code` tells them apart."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"basic": []}, {"certificate": []}, {}],
        "tags": [{"name": "status"}, {"name": "repositories"}, {"name": "meta"}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "Any user; the password is a token.",
                },
                "certificate": {"type": "mutualTLS"},
            },
            "schemas": dict(sorted(schemas.items())),
            "responses": {
                "Problem": _answer("What is wrong.", _ref("Problem"), PROBLEM),
                "NotModified": {"description": "What the client has is current."},
            },
        },
    }


def _paths() -> Json:
    return {
        "/api/v1/status": _get("status", "status", "How the service is", "StatusDocument"),
        "/api/v1/sources": _get("sources", "status", "All sources", "SourcesDocument"),
        "/api/v1/sources/{name}": _get(
            "source",
            "status",
            "One source",
            "SourceDocument",
            _path("name", "Its name, as in the configuration."),
        ),
        "/api/v1/repositories": _get(
            "repositories",
            "repositories",
            "A page of repositories",
            "RepositoriesDocument",
            *_repositories(),
        ),
        "/api/v1/repositories/{key}": _get(
            "repository",
            "repositories",
            "One repository",
            "RepositoryDocument",
            _path("key", "FORGE#ID, percent-encoded: `github.com%231296269`."),
        ),
        "/api/v1/runs": _get(
            "runs", "repositories", "The latest runs", "RunsDocument", _limit(), _cursor()
        ),
        "/api/v1/openapi.json": _get("openapi", "meta", "This document", None),
    }


def _repositories() -> tuple[Json, ...]:
    return (
        _field("source", "Only this source.", {"type": "string"}),
        _field(
            "state",
            "Only these; `stale` are those of any state that were not reached for long, `well` "
            "those that are current and not stale.",
            {"type": "string", "enum": [one.value for one in Show]},
        ),
        _field("q", "A part of the name.", {"type": "string", "maxLength": LONGEST_TEXT}),
        _field(
            "sort",
            "`attention`: failed, stale, held, current. `stalest` and `changed` go by time.",
            {"type": "string", "enum": [one.value for one in Sort], "default": Sort.NAME.value},
        ),
        _limit(),
        _cursor(),
    )


def _limit() -> Json:
    schema = {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL}
    return _field("limit", "Most on a page.", schema)


def _cursor() -> Json:
    return _field("cursor", "`next` of the page before.", {"type": "string"})


def _get(name: str, tag: str, words: str, schema: str | None, *parameters: Json) -> Json:
    found: Json = _ref(schema) if schema else {"type": "object"}
    statuses = ["400", "401", "403", "405", "429"]
    if any(one["in"] == "path" for one in parameters):
        statuses.append("404")
    responses: Json = {
        "200": _answer(words, found, JSON),
        "304": {"$ref": "#/components/responses/NotModified"},
    }
    for status in sorted(statuses):
        responses[status] = {"$ref": "#/components/responses/Problem"}
    return {
        "get": {
            "operationId": name,
            "tags": [tag],
            "summary": words,
            "parameters": list(parameters),
            "responses": responses,
        }
    }


def _answer(words: str, schema: Json, kind: str) -> Json:
    return {"description": words, "content": {kind: {"schema": schema}}}


def _ref(name: str) -> Json:
    return {"$ref": _REF.format(name=name)}


def _path(name: str, words: str) -> Json:
    schema = {"type": "string"}
    return {"name": name, "in": "path", "required": True, "description": words, "schema": schema}


def _field(name: str, words: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "description": words, "schema": schema}


if __name__ == "__main__":
    import sys

    text = msgspec.json.format(msgspec.json.encode(openapi_document()), indent=2)
    sys.stdout.write(text.decode() + "\n")
