"""A credential belongs to scheme, host and port; another spelling may be another place."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mgit.address import parse_clone_url, parse_origin
from mgit.credentials import Credential, CredentialBook, CredentialStore, Secret
from mgit.errors import AuthenticationError, ForgeError, InvalidInput, MgitError
from mgit.forges import ForgeContext, api_base, open_forge
from mgit.forges.interface import Pacing
from mgit.git.refs import RefsClient
from mgit.transport import Transport

TOKEN = "canary-of-one-place"
HOME = parse_origin("https://git.example.com")


def book(origin: str) -> CredentialBook:
    return CredentialBook([Credential(parse_origin(origin), "me", Secret(TOKEN), "test")])


@pytest.mark.parametrize(
    "same",
    [
        "https://git.example.com",
        "https://GIT.Example.COM",
        "HTTPS://git.example.com",
        "https://git.example.com:443",
        "https://git.example.com/",
        "https://somebody@git.example.com/acme/api.git",
    ],
)
def test_the_same_place_written_in_other_ways(same: str) -> None:
    assert book(same).for_origin(HOME) is not None
    assert book("https://git.example.com").for_origin(parse_origin(same)) is not None


@pytest.mark.parametrize(
    "other",
    [
        "https://git.example.com:8443",
        "https://git.example.com:80",
        "ssh://git@git.example.com",
        "ssh://git@git.example.com:443",
        "https://example.com",
        "https://git.example.com.evil.example",
        "https://evil.git.example.com",
        "https://git-example.com",
        "https://git.example.org",
        "https://xn--git-vla.example.com",
    ],
)
def test_another_place(other: str, tmp_path: Path) -> None:
    origin = parse_origin(other)
    assert book("https://git.example.com").for_origin(origin) is None
    assert book(other).for_origin(HOME) is None
    store = CredentialStore(tmp_path)
    store.put(Credential(HOME, "me", Secret(TOKEN), "test"))
    assert store.get(origin) is None
    assert not store.delete(origin)
    assert store.get(HOME) is not None


def test_plain_http_is_a_place_of_its_own() -> None:
    assert book("http://127.0.0.1:443").for_origin(parse_origin("https://127.0.0.1")) is None
    assert book("http://localhost").for_origin(parse_origin("http://127.0.0.1")) is None


@pytest.mark.parametrize(
    "text",
    [
        "https://git.example.com.",
        "https://git.example.com.:443",
        "https://g\N{LATIN SMALL LETTER I WITH ACUTE}t.example.com",
        "https://git\N{IDEOGRAPHIC FULL STOP}example\N{FULLWIDTH FULL STOP}com",
        "https://\N{FULLWIDTH LATIN SMALL LETTER G}it.example.com",
        "https://git.example.com\N{SOFT HYPHEN}",
        "https://git.example.com%2eevil.example",
        "https://git.example.com\\@evil.example",
        "https://git.example.com:0x1bb",
        "https://git.example.com: 443",
        "https://git..example.com",
        "http://git.example.com",
    ],
)
def test_what_could_be_read_as_another_place_is_no_place(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_origin(text)


class _Recorder(http.server.BaseHTTPRequestHandler):
    """Keeps what it is sent, and answers with a redirect where it has one."""

    protocol_version = "HTTP/1.1"
    seen: list[dict[str, str]]
    location: str

    def do_GET(self) -> None:
        self.seen.append(dict(self.headers))
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(307 if self.location else 200)
        if self.location:
            self.send_header("Location", self.location + self.path)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"[]")

    do_POST = do_GET  # noqa: N815 - the name that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Nothing is to be read on the terminal."""


@contextmanager
def recorder(location: str = "") -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A server on a port of its own; its address and what it was sent."""
    seen: list[dict[str, str]] = []
    handler = type("Handler", (_Recorder,), {"seen": seen, "location": location})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


def test_a_redirect_to_another_port_gets_no_token_from_the_api_or_from_refs() -> None:
    with recorder() as (elsewhere, stolen), recorder(elsewhere) as (here, asked):
        origin = parse_origin(here)
        with Transport() as transport:
            context = ForgeContext(
                "work",
                transport,
                api_base("github", here),
                owners=("acme",),
                credential=Credential(origin, "me", Secret(TOKEN), "test"),
                pacing=Pacing(attempts=1),
            )
            with pytest.raises(ForgeError):
                open_forge("github", context).list_repos()
            client = RefsClient(transport, book(here))
            with pytest.raises(MgitError):
                client.ls_refs(parse_clone_url(f"{here}/acme/api.git"))
    assert any("Authorization" in headers for headers in asked), "it was shown where it belongs"
    assert stolen == []


def test_a_token_of_another_port_is_not_even_sent() -> None:
    with recorder() as (here, asked), recorder() as (other, _), Transport() as transport:
        credential = Credential(parse_origin(other), "me", Secret(TOKEN), "test")
        context = ForgeContext("work", transport, api_base("github", here), credential=credential)
        with pytest.raises(AuthenticationError, match="belongs to"):
            open_forge("github", context)
        client = RefsClient(transport, book(other))
        with pytest.raises(MgitError):
            client.ls_refs(parse_clone_url(f"{here}/acme/api.git"))
    assert asked
    assert all("Authorization" not in headers for headers in asked)
