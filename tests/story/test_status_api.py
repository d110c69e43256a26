"""The API over real sockets: its documents, its errors, its description."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema
import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from mgit.daemon.web.openapi import openapi_document
from tests.story.scenes import SCENES, Scene, Served, serving

COMMITTED = Path(__file__).resolve().parents[2] / "docs/schemas/openapi-v1.json"


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    yield from served("failing", tmp_path_factory)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    yield from served("many", tmp_path_factory)


def served(name: str, factory: pytest.TempPathFactory) -> Iterator[Served]:
    scene = Scene(factory.mktemp(name))
    SCENES[name](scene)
    with serving(scene) as running:
        yield running
    scene.state.close()


class Said:
    """An answer."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.body = answer.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(where: Served, path: str, method: str = "GET", **headers: str) -> Said:
    address = where.server.address
    connection = http.client.HTTPConnection(address.host, address.port, timeout=30)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=named)
        return Said(connection.getresponse())
    finally:
        connection.close()


def test_the_description_is_valid_and_committed() -> None:
    """Renew it with `python -m mgit.daemon.web.openapi > docs/schemas/openapi-v1.json`."""
    document = json.loads(msgspec.json.encode(openapi_document()))
    OpenAPIV31SpecValidator(document).validate()
    assert json.loads(COMMITTED.read_text("utf-8")) == document


PATHS = {
    "/api/v1/status": "/api/v1/status",
    "/api/v1/sources": "/api/v1/sources",
    "/api/v1/sources/{name}": "/api/v1/sources/bitbucket",
    "/api/v1/repositories": "/api/v1/repositories?limit=500",
    "/api/v1/repositories/{key}": "/api/v1/repositories/github.example.com%231123",
    "/api/v1/runs": "/api/v1/runs",
    "/api/v1/openapi.json": "/api/v1/openapi.json",
}


@pytest.mark.parametrize(
    ("described", "path"),
    [*PATHS.items(), *((path, f"{path}?surely=not") for path in PATHS if "{" not in path)],
)
def test_every_answer_is_as_described(failing: Served, described: str, path: str) -> None:
    document = json.loads(msgspec.json.encode(openapi_document()))
    said = ask(failing, path)
    responses = document["paths"][described]["get"]["responses"]
    answer = responses[str(said.status)]
    if "$ref" in answer:
        answer = document["components"]["responses"]["Problem"]
    schema = answer["content"][said.headers["Content-Type"]]["schema"]
    whole = {**document, **schema}
    jsonschema.Draft202012Validator(whole, format_checker=jsonschema.FormatChecker()).validate(
        said.json
    )
    assert said.status == (400 if "surely" in path else 200)


def test_every_path_is_described(failing: Served) -> None:
    assert set(openapi_document()["paths"]) == set(PATHS)  # type: ignore[call-overload]


def test_how_the_service_is(failing: Served) -> None:
    told = ask(failing, "/api/v1/status").json
    assert told["schema"] == "mgit.api.status/1"
    assert (told["live"], told["ready"], told["not_ready_because"]) == (True, True, None)
    counts = told["repositories"]
    assert (counts["repositories"], counts["failed"], counts["held"]) == (137, 4, 3)
    assert told["sources_failing"] == 1
    assert (told["running"]["planned"], told["running"]["done"]) == (126, 40)
    assert told["last_run"]["git_processes"] == 19
    assert told["last_run"]["repositories_per_second"] == 16.8


def test_a_source_says_what_is_wrong_with_it(failing: Served) -> None:
    told = ask(failing, "/api/v1/sources/bitbucket").json["source"]
    assert told["problem"] == "bitbucket.example.com refused the token"
    assert told["failures"] == 3
    assert told["repositories"]["failed"] == 1
    assert ask(failing, told["href"]).json["source"] == told
    assert ask(failing, "/api/v1/sources/other").json["code"] == "source-unknown"


def test_ten_thousand_in_pages(many: Served) -> None:
    seen: list[str] = []
    path: str | None = "/api/v1/repositories?limit=500&sort=stalest"
    while path:
        said = ask(many, path)
        page = said.json
        assert page["total"] == 10_000
        seen += [one["href"] for one in page["repositories"]]
        link = said.headers.get("Link")
        assert (link is None) == (page["next"] is None)
        path = link.partition("<")[2].partition(">")[0] if link else None
    assert len(seen) == len(set(seen)) == 10_000
    assert ask(many, seen[5000]).json["repository"]["href"] == seen[5000]


def test_filters_of_the_api(many: Served) -> None:
    told = ask(many, "/api/v1/repositories?state=failed&source=gitea&limit=500").json
    assert told["total"] == len(told["repositories"]) == 12
    assert {one["advice"] for one in told["repositories"]} == {"nothing: it is tried again"}
    name = told["repositories"][0]["name"]
    found = ask(many, f"/api/v1/repositories?q={quote(name.upper(), safe='')}").json
    assert name in {one["name"] for one in found["repositories"]}


def test_what_is_known_is_not_sent_again(failing: Served) -> None:
    for path in ("/api/v1/repositories", "/api/v1/runs", "/api/v1/openapi.json"):
        first = ask(failing, path)
        again = ask(failing, path, If_None_Match=first.headers["ETag"])
        assert (again.status, again.body) == (304, b"")


def test_errors_are_problems_with_an_id(failing: Served) -> None:
    said = ask(failing, "/api/v1/nothing", X_Request_Id="build-42.abc")
    assert said.status == 404
    assert said.headers["Content-Type"] == "application/problem+json"
    assert said.headers["X-Request-Id"] == said.json["request_id"] == "build-42.abc"
    odd = ask(failing, "/api/v1/nothing", X_Request_Id='" onload=')
    assert odd.headers["X-Request-Id"] == odd.json["request_id"]
    assert len(odd.json["request_id"]) == 16
    posted = ask(failing, "/api/v1/status", "POST")
    assert (posted.status, posted.headers["Allow"]) == (405, "GET, HEAD")
    assert ask(failing, "/webhooks/github", "POST").status == 404


def test_head_is_get_without_the_body(failing: Served) -> None:
    got, head = ask(failing, "/api/v1/runs"), ask(failing, "/api/v1/runs", "HEAD")
    assert head.body == b""
    assert head.headers["Content-Length"] == str(len(got.body))
    assert head.headers["ETag"] == got.headers["ETag"]


def test_a_name_of_another_leads_nowhere(failing: Served) -> None:
    said = ask(failing, "/api/v1/status", Host="rebound.example:8081")
    assert (said.status, said.json["code"]) == (421, "host-unknown")
    assert ask(failing, "/", Host="rebound.example").status == 421
    assert ask(failing, "/", Host="localhost").status == 200


def talk(where: Served, sent: bytes) -> bytes:
    address = where.server.address
    with socket.create_connection((address.host, address.port), timeout=30) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        heard = b""
        while part := connection.recv(65536):
            heard += part
        return heard


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", 400),
        (b"GET /" + b"x" * 20_000, 431),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"GET /metrics HTTP/1.0\r\n\r\n", 200),
        (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nunwanted!", 200),
        (b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n", 404),
    ],
)
def test_odd_clients_get_one_whole_answer(failing: Served, sent: bytes, status: int) -> None:
    heard = talk(failing, sent)
    assert heard.startswith(f"HTTP/1.1 {status} ".encode())
    assert heard.count(b"HTTP/1.1 ") == 1


def test_clients_that_say_nothing_do_not_keep_others_out(failing: Served) -> None:
    address = failing.server.address
    silent = [socket.create_connection((address.host, address.port)) for _ in range(20)]
    try:
        assert ask(failing, "/api/v1/status").status == 200
    finally:
        for one in silent:
            one.close()
