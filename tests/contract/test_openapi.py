"""The sandbox forge, and what mgit asks it, held against the forges' own OpenAPI documents."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from openapi_schema_validator import OAS30Validator, oas30_format_checker

from mgit.address import parse_origin

CALLS = {
    "github": {
        "/meta": "/meta",
        "/rate_limit": "/rate_limit",
        "/user": "/user",
        "/user/repos": "/user/repos",
        "/user/orgs": "/user/orgs",
        "/users/mona/repos": "/users/{username}/repos",
        "/orgs/acme": "/orgs/{org}",
        "/orgs/acme/repos": "/orgs/{org}/repos",
        "/repos/acme/plain": "/repos/{owner}/{repo}",
    },
    "gitea": {
        "/version": "/version",
        "/settings/api": "/settings/api",
        "/user": "/user",
        "/user/repos": "/user/repos",
        "/user/orgs": "/user/orgs",
        "/users/mona": "/users/{username}",
        "/users/mona/repos": "/users/{username}/repos",
        "/orgs/acme": "/orgs/{org}",
        "/orgs/acme/repos": "/orgs/{org}/repos",
        "/repos/acme/plain": "/repos/{owner}/{repo}",
    },
}
CALLS["forgejo"] = CALLS["gitea"]
EVERY_CALL = [(kind, path) for kind, calls in CALLS.items() for path in calls]


class Contract:
    """One OpenAPI document."""

    def __init__(self, file: Path) -> None:
        self.document = json.loads(file.read_text())

    def schema(self, template: str) -> dict:
        answer = self._resolved(self.document["paths"][template]["get"]["responses"]["200"])
        if "content" in answer:
            return answer["content"]["application/json"]["schema"]
        return answer["schema"]

    def parameters(self, template: str) -> dict[str, dict]:
        listed = self.document["paths"][template]["get"]["parameters"]
        return {p["name"]: p for p in map(self._resolved, listed) if p["in"] == "query"}

    def errors(self, value: object, schema: dict) -> list[str]:
        document = {key: self.document[key] for key in DEFINED if key in self.document}
        validator = OAS30Validator(
            {"allOf": [schema], **document}, format_checker=oas30_format_checker
        )
        return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]

    def unknown(self, value: object, schema: dict) -> set[str]:
        """Members of an object (or of a list's) that the document does not know."""
        schema = self._resolved(schema)
        if isinstance(value, list):
            return set().union(*(self.unknown(item, schema["items"]) for item in value))
        return set(value) - set(schema.get("properties", value))

    def _resolved(self, node: dict) -> dict:
        while "$ref" in node:
            found = self.document
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node


DEFINED = ("components", "definitions", "responses")


def without_nulls(value: object) -> object:
    """Swagger 2 has no word for a null that the forges do send."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


@pytest.fixture
def contract(kind: str, data: Path) -> Contract:
    return Contract(data / f"{kind}.openapi.json")


@pytest.fixture
def filled(bench):
    bench.forge.add_repo("acme", "plain")
    bench.forge.add_repo("acme", "hollow", commits=0, private=True, archived=True, fork=True)
    bench.forge.add_repo("mona", "own")
    return bench


@pytest.mark.parametrize(("kind", "path"), EVERY_CALL)
def test_every_answer_is_what_the_document_says(filled, contract, kind, path):
    answer = filled.transport.request(
        "GET",
        parse_origin(filled.forge.url),
        filled.base + path,
        headers={"Authorization": f"token {filled.forge.token}"},
    )
    assert answer.status == 200
    value = json.loads(answer.body)
    assert value, "an empty answer proves nothing"
    if kind != "github":
        value = without_nulls(value)
    schema = contract.schema(CALLS[kind][path])
    assert contract.errors(value, schema) == []
    if kind != "github":  # these documents require nothing: at least invent nothing
        assert contract.unknown(value, schema) == set()


def test_the_comparison_would_notice_a_missing_member(contract, filled, kind):
    schema = contract.schema("/orgs/{org}/repos")
    wrong = [{"id": "seven"}] if kind != "github" else [{"id": 7}]
    assert contract.errors(wrong, schema) != []


def test_mgit_asks_only_for_what_the_document_offers(filled, contract, kind):
    for owners in ((), ("acme",), ("mona",)):
        filled.client(*owners).list_repos()
    filled.forge.add_repo("someone", "x")
    filled.forge.fail_next("*/orgs/someone/*", 404, {"Content-Type": "application/json"}, b"{}")
    filled.client("someone").list_repos()
    filled.client().whoami()
    asked = {request.path.removeprefix(filled.base) for request in filled.forge.requests}
    for target in sorted(asked):
        parts = urlsplit(target)
        template = next(
            t for t in contract.document["paths"] if as_pattern(t).fullmatch(parts.path)
        )
        known = contract.parameters(template)
        for name, value in parse_qsl(parts.query):
            allowed = known[name].get("schema", {}).get("enum")
            assert allowed is None or value in allowed, f"{target}: {name}={value}"


def as_pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{[^}]*\}", "[^/]+", template))


def test_a_page_larger_than_the_cap_is_cut_without_a_word(filled):
    size = "per_page" if filled.kind == "github" else "limit"
    answer = filled.transport.request(
        "GET",
        parse_origin(filled.forge.url),
        f"{filled.base}/user/repos?{size}=100",
        headers={"Authorization": f"token {filled.forge.token}"},
    )
    assert len(json.loads(answer.body)) == 2
    assert 'rel="next"' in (answer.header("link") or "")
