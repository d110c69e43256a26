from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.publishing.http import decode, read_token, request, shown
from pipeline.step import Exit, PipelineError
from sandbox.serving import LOOPBACK, Handler, Server, bound, running


class Outside(Handler):
    """Answers by path and remembers what it was asked."""

    seen: list[tuple[str, str, str | None, bytes]]
    elsewhere: str = ""

    def reply(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append((self.command, self.path, self.headers.get("Authorization"), body))
        away = {"Location": f"{self.elsewhere}/json"}
        match self.path:
            case "/json":
                self.answer(200, {"name": "mgit"})
            case "/long":
                self.send(200, b"x" * 1000, "text/plain")
            case "/away":
                self.answer(302, None, away)
            case "/near":
                self.answer(307, None, {"Location": "/json"})
            case "/loop":
                self.answer(302, None, {"Location": "/loop"})
            case "/file":
                self.answer(302, None, {"Location": "file:///etc/passwd"})
            case "/upload":
                self.answer(201, None)
            case _:
                self.send(404, b"no", "text/plain")


class Running:
    def __init__(self, server: Running, handler: type[Outside]) -> None:
        self.url = server.url
        self.handler = handler
        self.seen = handler.seen


@contextmanager
def outside() -> Iterator[Running]:
    handler = bound(Outside, Outside.reply, seen=[])
    with running(Server((LOOPBACK, 0), handler)) as server:
        yield Running(server, handler)


@pytest.fixture
def server() -> Iterator[Running]:
    with outside() as running:
        yield running


@pytest.fixture
def other() -> Iterator[Running]:
    with outside() as running:
        yield running


def test_an_answer_is_read_into_a_checked_type(server: Running) -> None:
    answer = request("GET", f"{server.url}/json")
    assert decode(answer, dict[str, str]) == {"name": "mgit"}
    with pytest.raises(PipelineError, match="unexpected"):
        decode(answer, dict[str, int])


def test_a_refusal_is_an_answer_and_its_body_is_not_repeated(server: Running) -> None:
    answer = request("GET", f"{server.url}/nowhere")
    assert (answer.status, answer.ok, answer.text) == (404, False, "no")
    with pytest.raises(PipelineError, match=r"answered 404$"):
        decode(answer, dict[str, str])


def test_a_token_does_not_follow_to_another_origin(server: Running, other: Running) -> None:
    server.handler.elsewhere = other.url
    assert request("GET", f"{server.url}/away", token="secret").ok
    assert server.seen[0][2] == "Bearer secret"
    assert other.seen[0][2] is None


def test_a_token_stays_within_its_origin(server: Running) -> None:
    assert request("GET", f"{server.url}/near", token="secret").ok
    assert [seen[2] for seen in server.seen] == ["Bearer secret"] * 2


@pytest.mark.parametrize(("path", "said"), [("/loop", "in circles"), ("/file", "neither https")])
def test_redirects_that_lead_nowhere_good(server: Running, path: str, said: str) -> None:
    with pytest.raises(PipelineError, match=said):
        request("GET", f"{server.url}{path}")


def test_a_redirected_upload_is_not_sent_again(server: Running) -> None:
    assert request("POST", f"{server.url}/near", body=b"x").status == 307
    assert len(server.seen) == 1


def test_a_file_is_sent_with_its_length(server: Running, tmp_path: Path) -> None:
    path = tmp_path / "asset"
    path.write_bytes(b"y" * 100_000)
    assert request("PUT", f"{server.url}/upload", body=path).status == 201
    assert server.seen[0][3] == path.read_bytes()


def test_an_endless_answer_is_cut_off(server: Running) -> None:
    with pytest.raises(PipelineError, match="more than 999 bytes") as caught:
        request("GET", f"{server.url}/long", limit=999)
    assert caught.value.exit_code is Exit.ENVIRONMENT


def test_no_answer_says_from_where() -> None:
    with outside() as server:
        pass
    with pytest.raises(PipelineError, match="no answer from http://127") as caught:
        request("GET", f"{server.url}/json")
    assert caught.value.exit_code is Exit.ENVIRONMENT


@pytest.mark.parametrize(
    "url", ["http://example.invalid/", "ftp://127.0.0.1/", "file:///etc/passwd", "127.0.0.1"]
)
def test_only_https_leaves_this_machine(url: str) -> None:
    with pytest.raises(PipelineError, match="neither https nor local"):
        request("GET", url)


def test_a_message_shows_no_credential() -> None:
    assert shown("https://me:secret@host/p?token=secret#x") == "https://host/p"


@pytest.mark.parametrize("text", ["", " \n", "two\nlines", "schlüssel"])
def test_a_token_file_without_a_token(tmp_path: Path, text: str) -> None:
    path = tmp_path / "token"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PipelineError, match="holds no token"):
        read_token(str(path))


def test_a_token_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("abc\n", encoding="utf-8")
    assert (read_token(str(path)), read_token("")) == ("abc", "")
    with pytest.raises(PipelineError, match="cannot read"):
        read_token(str(tmp_path / "none"))
