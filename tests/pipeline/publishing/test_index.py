"""The package index: reading what it holds, and uploading."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.publishing import index as client
from pipeline.step import Exit, PipelineError
from sandbox.index import Index, open_index
from sandbox.serving import LOOPBACK, Handler, Server, bound, running

from .conftest import artifact, make_sdist, make_wheel, secret_file

TOKEN = "canary-of-the-index"


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    token_file = secret_file(tmp_path, "token", TOKEN)
    with open_index(tmp_path / "packages", token_file=token_file) as running_index:
        yield running_index


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return make_wheel(tmp_path)


def test_an_unknown_project_has_no_files(index: Index) -> None:
    assert client.files(index.simple, "mgit-fleet") == {}


def test_what_was_uploaded_is_shown_with_its_digest(index: Index, wheel: Path) -> None:
    sdist = make_sdist(wheel.parent)
    client.upload(index.url, wheel, token=TOKEN)
    client.upload(index.url, sdist, token=TOKEN)

    found = client.files(index.simple, "MGIT_fleet")

    assert {name: client.digest(file) for name, file in found.items()} == {
        path.name: artifact(path).digest for path in (wheel, sdist)
    }
    assert all(file.url.startswith(index.url) for file in found.values())


def test_a_wrong_token_is_refused_and_never_repeated(index: Index, wheel: Path) -> None:
    with pytest.raises(PipelineError) as refused:
        client.upload(index.url, wheel, token="wrong-canary")
    assert refused.value.exit_code is Exit.ENVIRONMENT
    assert refused.value.advice == "check the upload token"
    assert "wrong-canary" not in f"{refused.value!r}{refused.value.message}"
    assert client.files(index.simple, "mgit-fleet") == {}


def test_a_file_that_is_there_never_changes(index: Index, tmp_path: Path, wheel: Path) -> None:
    client.upload(index.url, wheel, token=TOKEN)
    before = artifact(wheel).digest
    other = make_wheel(tmp_path, extra="other bytes")
    with pytest.raises(PipelineError) as conflict:
        client.upload(index.url, other, token=TOKEN)
    assert conflict.value.exit_code is Exit.CONFLICT
    assert client.digest(client.files(index.simple, "mgit-fleet")[wheel.name]) == before


def test_nobody_there_is_said_in_one_line(wheel: Path) -> None:
    with pytest.raises(PipelineError) as failed:
        client.upload("http://127.0.0.1:1/", wheel, token=TOKEN)
    assert failed.value.exit_code is Exit.ENVIRONMENT
    assert "\n" not in failed.value.message


@contextmanager
def answering(routes: dict[str, tuple[int, str, bytes]]) -> Iterator[tuple[str, list[bytes]]]:
    """A server with fixed answers that remembers what it was sent."""
    bodies: list[bytes] = []

    class Fixed(Handler):
        def serve(self) -> None:
            if self.command == "POST":
                bodies.append(self.body() or b"")
            status, kind, body = routes.get(self.path, (404, "text/plain", b""))
            self.send(status, body, kind)

    with running(Server((LOOPBACK, 0), bound(Fixed, Fixed.serve))) as server:
        yield server.url, bodies


def test_an_index_that_speaks_json_is_read_too() -> None:
    digest = "a" * 64
    page = {
        "name": "mgit-fleet",
        "meta": {"api-version": "1.1"},
        "files": [
            {"filename": "mgit_fleet-1.0.tar.gz", "url": "../../f/1", "hashes": {"sha256": digest}},
            {"filename": "mgit_fleet-1.1.tar.gz", "url": "https://f.example/2", "hashes": {}},
        ],
    }
    answer = (200, client.JSON, json.dumps(page).encode())
    with answering({"/simple/mgit-fleet/": answer}) as (url, _):
        found = client.files(f"{url}/simple/", "mgit-fleet")
    assert found["mgit_fleet-1.0.tar.gz"].digest == f"sha256:{digest}"
    assert found["mgit_fleet-1.0.tar.gz"].url == f"{url}/f/1"
    assert found["mgit_fleet-1.1.tar.gz"].digest == ""


def test_an_index_that_keeps_the_digest_to_itself_is_asked_for_the_bytes() -> None:
    page = b'<a class="x" href="/f/mgit_fleet-1.0.tar.gz">it</a>'
    body = b"the bytes"
    routes = {
        "/simple/mgit-fleet/": (200, "text/html", page),
        "/f/mgit_fleet-1.0.tar.gz": (200, "application/octet-stream", body),
    }
    with answering(routes) as (url, _):
        found = client.files(f"{url}/simple", "mgit-fleet")["mgit_fleet-1.0.tar.gz"]
        assert found.digest == ""
        assert client.digest(found).startswith("sha256:")


def test_an_index_in_trouble_is_not_taken_for_an_empty_one() -> None:
    routes = {"/simple/mgit-fleet/": (503, "text/html", b"")}
    with answering(routes) as (url, _), pytest.raises(PipelineError) as failed:
        client.files(f"{url}/simple", "mgit-fleet")
    assert failed.value.exit_code is Exit.ENVIRONMENT


def test_trusted_publishing_trades_an_identity_for_a_token() -> None:
    routes = {
        "/_/oidc/audience": (200, "application/json", b'{"audience": "the-index"}'),
        "/_/oidc/mint-token": (200, "application/json", b'{"token": "minted", "success": true}'),
    }
    with answering(routes) as (url, bodies):
        token = client.trusted_token(f"{url}/legacy/", lambda audience: f"I am {audience}")
        assert token == "minted"
        assert json.loads(bodies[0]) == {"token": "I am the-index"}
        with pytest.raises(PipelineError) as nobody:
            client.trusted_token(f"{url}/legacy/", lambda _audience: None)
    assert nobody.value.exit_code is Exit.ENVIRONMENT
    assert "index_token_file" in nobody.value.advice


@given(st.from_regex(r"[A-Za-z0-9_]{1,12}-[0-9.]{1,6}\.tar\.gz", fullmatch=True))
def test_links_are_read_however_they_are_written(name: str) -> None:
    digest = "0" * 64
    for page in (
        f'<a href="../../packages/{name}#sha256={digest}">{name}</a><br>',
        f"<A data-requires='&gt;=3' HREF='https://f.example/{name}#sha256={digest}' >x</A>",
        f'<a href="{name}?a=1&amp;b=2#sha256={digest}">\n{name}\n</a>',
    ):
        (found,) = client._links(page)
        assert (found.name, found.digest) == (name, f"sha256:{digest}")
        assert "#" not in found.url
