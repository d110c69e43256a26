"""GitHub's GraphQL, as much as a change feed asks of it.

No engine: it knows one question, reads its selection, variables and cursor, and answers in the real
form, errors too.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence

import msgspec

from sandbox.forge import shapes_github as shapes
from sandbox.forge.rest import Headers, json_answer
from sandbox.forge.store import RepoStore, SandboxRepo
from sandbox.forge.web import Answer, Request

_SCOPE = re.compile(r"(\w+):\s*(repositoryOwner|viewer)\b")
_FIRST = re.compile(r"first:\s*(\d+)")
_NEWEST_PUSH = re.compile(r"orderBy:\s*\{\s*field:\s*PUSHED_AT,\s*direction:\s*DESC\s*\}")
_ARGUMENTS = re.compile(r"\([^()]*\)")
_TOKEN = re.compile(r"\w+:\s*\w+|\w+|[{}]")
_MOST = 100


class _Question(msgspec.Struct):
    query: str
    variables: dict[str, str | int | None] = {}


def answer_graphql(
    store: RepoStore, request: Request, *, web: str, login: str, page_cap: int, headers: Headers
) -> Answer:
    """Answer one question. A wrong one gets status 200 and `errors`, as on the real one."""
    try:
        asked = msgspec.json.decode(request.body, type=_Question)
    except msgspec.DecodeError:
        return json_answer({"message": "Problems parsing JSON"}, status=400, headers=headers)
    scope, first = _SCOPE.search(asked.query), _FIRST.search(asked.query)
    if scope is None or first is None or not _NEWEST_PUSH.search(asked.query):
        told = {"message": "The sandbox does not know this question"}
        return json_answer({"errors": [told]}, headers=headers)
    if int(first[1]) > _MOST:
        told = {"type": "EXCESSIVE_PAGINATION", "message": "Requesting too many records"}
        return json_answer({"errors": [told]}, headers=headers)
    of_viewer = scope[2] == "viewer"
    owner = login if of_viewer else store.known_owner(str(asked.variables.get("login")))
    found = None
    if owner is not None:
        repos = _newest_first(store.all("*" if of_viewer else owner))
        page = _page(repos, min(int(first[1]), page_cap), asked.variables.get("after"))
        nodes = [shapes.graphql_repository(web, store, repo) for repo in page[0]]
        found = {"login": owner, "repositories": {"pageInfo": page[1], "nodes": nodes}}
    data = _cut({scope[1]: found}, selection(asked.query))
    answer = json_answer({"data": data}, headers=headers)
    kept = tuple(field for field in answer.headers if field[0] != "ETag")
    return Answer(answer.status, answer.body, kept)


def _newest_first(repos: list[SandboxRepo]) -> list[SandboxRepo]:
    """Those that nobody ever pushed to come last."""
    pushed = [repo for repo in repos if repo.pushed_at is not None]
    never = [repo for repo in repos if repo.pushed_at is None]
    return sorted(pushed, key=lambda r: r.pushed_at or r.created_at, reverse=True) + never


def _page(
    repos: Sequence[SandboxRepo], size: int, after: object
) -> tuple[Sequence[SandboxRepo], shapes.Json]:
    try:
        start = int(base64.b64decode(str(after)).removeprefix(b"cursor:")) if after else 0
    except (binascii.Error, ValueError):
        start = 0
    shown = repos[start : start + size]
    end = base64.b64encode(f"cursor:{start + len(shown)}".encode()).decode()
    more = start + size < len(repos)
    return shown, {"hasNextPage": more, "endCursor": end if shown else None}


def selection(query: str) -> dict[str, object]:
    """The members that a question asks for, by the names that they get; without arguments."""
    tokens = _TOKEN.findall(_ARGUMENTS.sub("", query).partition("{")[2])
    open_ones: list[dict[str, object]] = [{}]
    last = ""
    for word in tokens:
        if word == "{":
            inner: dict[str, object] = {}
            open_ones[-1][last] = inner
            open_ones.append(inner)
        elif word == "}":
            if len(open_ones) > 1:
                open_ones.pop()
        else:
            last = word.partition(":")[0]
            open_ones[-1][last] = None
    return open_ones[0]


def _cut(shown: shapes.Json, wanted: dict[str, object]) -> shapes.Json:
    cut: shapes.Json = {}
    for name, below in wanted.items():
        match shown[name], below:
            case dict() as inner, dict():
                cut[name] = _cut(inner, below)
            case list() as items, dict():
                cut[name] = [_cut(item, below) for item in items]
            case value, _:
                cut[name] = value
    return cut
