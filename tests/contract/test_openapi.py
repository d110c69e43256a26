"""The sandbox forge, and what mgit asks it, held against the forges' own OpenAPI documents."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from openapi_schema_validator import OAS30Validator, oas30_format_checker

from mgit.address import parse_origin
from mgit.forges import TellsChanges
from tests.contract.dialects import JSON


@dataclass(frozen=True, slots=True)
class Held:
    """What is held against a document.

    Args:
        calls: what the sandbox is asked, below the API's base -> the document's path.
        root: what the document's paths begin with, that is no part of the calls.
        size: the parameter for the size of a page; empty where lists have none.
        links: whether a page tells of the next in its `Link`.
        wrapped: the member that holds a list which the document shows bare.
        knows_null: whether the document has a word for null.
        requires: whether it says what must be there. One that does not must know all that is sent.
        fuller: calls whose answer has, on the wire, more members than the document shows.
        beside: calls of mgit that the document, cut down as it is, does not have.
        told_apart: parameters of every list that the document tells of in its text only.
        paged: the member of a page that holds its list.
    """

    calls: Mapping[str, str]
    root: str = ""
    size: str = "per_page"
    links: bool = True
    wrapped: str = ""
    knows_null: bool = False
    requires: bool = False
    beside: tuple[str, ...] = ()
    fuller: tuple[str, ...] = ()
    told_apart: tuple[str, ...] = ()
    paged: str = ""


_GITEA = Held(
    {
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
        "/repos/search?uid=2&exclusive=true&sort=updated&order=desc": "/repos/search",
    },
    size="limit",
)
HELD: Mapping[str, Held] = {
    "github": Held(
        {
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
        knows_null=True,
        requires=True,
    ),
    "gitlab": Held(
        {
            "/user": "/user",
            "/metadata": "/metadata",
            "/projects": "/projects",
            "/projects?simple=true": "/projects",
            "/projects/acme%2Fplain": "/projects/{id}",
            "/groups/acme": "/groups/{id}",
            "/groups/acme/projects": "/groups/{id}/projects",
            "/groups/acme%2Fdeep/projects": "/groups/{id}/projects",
            "/users/mona/projects?statistics=true": "/users/{user_id}/projects",
        },
        root="/api/v4",
        knows_null=True,
        fuller=("/projects", "/users/mona/projects?statistics=true"),
        beside=("/personal_access_tokens/self",),
    ),
    "azuredevops": Held(
        {
            "/_apis/git/repositories?api-version=7.1": "/_apis/git/repositories",
            "/acme/_apis/git/repositories?api-version=7.1": "/{project}/_apis/git/repositories",
            "/acme/_apis/git/repositories/plain?api-version=7.1": (
                "/{project}/_apis/git/repositories/{repositoryId}"
            ),
            "/_apis/projects?api-version=7.1": "/_apis/projects",
        },
        root="/{organization}",
        size="",
        wrapped="value",
        beside=("/_apis/connectionData",),
    ),
    "bitbucket": Held(
        {
            "/user": "/user",
            "/user/workspaces": "/user/workspaces",
            "/repositories/acme": "/repositories/{workspace}",
            "/repositories/acme?pagelen=100": "/repositories/{workspace}",
            "/repositories/mona": "/repositories/{workspace}",
            "/repositories/acme/plain": "/repositories/{workspace}/{repo_slug}",
        },
        size="pagelen",
        links=False,
        told_apart=("pagelen", "fields", "page"),
        paged="values",
    ),
    "bitbucket-datacenter": Held(
        {
            "/application-properties": "/application-properties",
            "/projects": "/projects",
            "/projects/acme": "/projects/{projectKey}",
            "/projects/acme/repos": "/projects/{projectKey}/repos",
            "/projects/acme/repos/plain": "/projects/{projectKey}/repos/{repositorySlug}",
            "/repos?archived=ALL": "/repos",
            "/repos?projectkey=acme": "/repos",
            "/profile/recent/repos": "/profile/recent/repos",
            "/users/mona": "/users/{userSlug}",
        },
        root="/api/latest",
        size="limit",
        links=False,
        paged="values",
    ),
    "gitea": _GITEA,
    "forgejo": _GITEA,
}
EVERY_CALL = [(kind, path) for kind, held in HELD.items() for path in held.calls]
held_kinds = pytest.mark.parametrize("kind", HELD)


class Contract:
    """One OpenAPI document."""

    def __init__(self, file: Path, root: str) -> None:
        self.document = json.loads(file.read_text())
        paths = self.document["paths"]
        self.paths = {path.removeprefix(root): paths[path] for path in paths}

    def schema(self, template: str) -> dict:
        answer = self._resolved(self.paths[template]["get"]["responses"]["200"])
        if "content" in answer:
            return answer["content"]["application/json"]["schema"]
        return answer["schema"]

    def parameters(self, template: str) -> dict[str, dict]:
        listed = self.paths[template]["get"]["parameters"]
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

    def is_list(self, schema: dict, paged: str) -> bool:
        schema = self._resolved(schema)
        return schema.get("type") == "array" or paged in schema.get("properties", {})

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
    return Contract(data / f"{kind}.openapi.json", HELD[kind].root)


@pytest.fixture
def filled(bench):
    bench.forge.add_repo("acme", "plain", topics=("cli",), wiki=True)
    bench.forge.add_repo("acme", "hollow", commits=0, private=True, archived=True, fork=True)
    bench.forge.add_repo(bench.dialect.person, "own")
    if bench.kind == "gitlab":
        bench.forge.add_repo("acme/deep", "down")
    return bench


def ask(bench, target: str):
    return bench.transport.request(
        "GET",
        parse_origin(bench.forge.url),
        target,
        headers={"Authorization": f"Bearer {bench.forge.token}"},
    )


@pytest.mark.parametrize(("kind", "path"), EVERY_CALL)
def test_every_answer_is_what_the_document_says(filled, contract, kind, path):
    held = HELD[kind]
    answer = ask(filled, filled.base + path)
    assert answer.status == 200
    value = json.loads(answer.body)
    schema = contract.schema(held.calls[path])
    if held.wrapped and schema.get("type") == "array":
        value = value[held.wrapped]
    assert value, "an empty answer proves nothing"
    if not held.knows_null:
        value = without_nulls(value)
    assert contract.errors(value, schema) == []
    if (
        not held.requires and path not in held.fuller
    ):  # such a document requires little: at least invent nothing
        assert contract.unknown(value, schema) == set()


@held_kinds
def test_the_comparison_would_notice_a_wrong_member(contract, kind):
    paged = HELD[kind].paged
    lists = map(contract.schema, HELD[kind].calls.values())
    schema = next(schema for schema in lists if contract.is_list(schema, paged))
    wrong = [{"id": ["seven"], "type": 7}]
    assert contract.errors({paged: wrong} if paged else wrong, schema) != []


@held_kinds
def test_mgit_asks_only_for_what_the_document_offers(filled, contract, kind):
    bench = filled
    for owners in ((), ("acme",), (bench.dialect.person,)):
        client = bench.client(*owners)
        client.list_repos()
        if isinstance(client, TellsChanges):
            client.changed_since(datetime(2020, 1, 1, tzinfo=UTC))
    if bench.dialect.users:
        bench.forge.add_repo("someone", "x")
        bench.forge.fail_next(f"{bench.listing_of('someone')}*", 404, JSON, b"{}")
        bench.client("someone").list_repos()
    bench.client().whoami()
    asked = {r.path.removeprefix(bench.base) for r in bench.forge.requests if r.method == "GET"}
    for target in sorted(asked):
        parts = urlsplit(target)
        if parts.path in HELD[kind].beside:
            continue
        template = next(t for t in contract.paths if as_pattern(t).fullmatch(parts.path))
        known = contract.parameters(template)
        for name, value in parse_qsl(parts.query):
            if name in HELD[kind].told_apart:
                continue
            allowed = known[name].get("schema", {}).get("enum")
            assert allowed is None or value in allowed, f"{target}: {name}={value}"


def as_pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{[^}]*\}", "[^/]+", template))


@pytest.mark.parametrize("kind", [kind for kind, held in HELD.items() if held.size and held.links])
def test_a_page_larger_than_the_cap_is_cut_without_a_word(filled):
    filled.forge.add_repo("acme", "third")
    answer = ask(filled, f"{filled.listing_of('acme')}?{HELD[filled.kind].size}=100")
    assert len(json.loads(answer.body)) == 2
    assert 'rel="next"' in (answer.header("link") or "")
