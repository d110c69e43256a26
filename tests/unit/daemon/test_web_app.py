"""Webhooks, and answers that go wrong: the server with an application that judges deliveries."""

import os
import socket
import threading

import pytest

from mgit.daemon.board import Board
from mgit.daemon.region import Region
from mgit.daemon.web.app import App, Parts
from mgit.daemon.web.channel import Hint, Note
from mgit.daemon.web.guard import Gate
from mgit.daemon.web.hooks import MAX_BODY, Accepted, Refused
from mgit.daemon.web.server import Server
from mgit.daemon.web.view import View
from mgit.state.overview import Overview


class Judge:
    """Takes what says `good`."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, bytes]] = []

    def __call__(self, source, headers, body):
        self.seen.append((source, headers.get("x-signature", ""), body))
        match body:
            case b"good":
                return Accepted((Hint(source, event="push", path="acme/tool"),))
            case b"ping":
                return Accepted()
            case b"burst":
                raise ValueError("a secret stands here")
            case _:
                return Refused(403, "signature-wrong", "The signature is wrong.", audited=True)


class Service:
    """What the helper tells ends here, as long as there is room."""

    def __init__(self) -> None:
        self.told: list[Hint | Note] = []
        self.room = True

    def __call__(self, line):
        if isinstance(line, Hint) and not self.room:
            return False
        self.told.append(line)
        return True

    @property
    def notes(self):
        return [one for one in self.told if isinstance(one, Note) and one.event != "web.request"]

    @property
    def hints(self):
        return [one for one in self.told if isinstance(one, Hint)]


@pytest.fixture
def judge():
    return Judge()


@pytest.fixture
def service():
    return Service()


@pytest.fixture
def ask(judge, service, tmp_path):
    ends, never = os.pipe()
    with Board() as board, socket.create_server(("127.0.0.1", 0)) as listener:
        board.lock([b"x" * 32])
        region = Region(board.descriptor)
        parts = Parts(
            view=View(region, region, Overview(tmp_path / "none.db")),
            gate=Gate(region, tokens=True, certificates=False),
            tell=service,
            accepts=judge,
        )
        address = listener.getsockname()
        server = threading.Thread(target=Server(listener, App(parts)).run, args=(ends,))
        server.start()

        def send(head: str, body: bytes = b"") -> bytes:
            with socket.create_connection(address, timeout=30) as connection:
                given = f"{head}\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                connection.sendall(given + body)
                heard = b""
                while part := connection.recv(65536):
                    heard += part
            return heard

        yield send
        os.close(never)
        server.join(30)
        os.close(ends)
        assert not server.is_alive()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_a_delivery_that_is_genuine_becomes_a_hint(ask, judge, service):
    answer = ask("POST /webhooks/work HTTP/1.1\r\nX-Signature: s", b"good")
    assert status(answer) == 202
    assert judge.seen == [("work", "s", b"good")]
    (note,) = service.notes
    told = Hint("work", event="push", path="acme/tool", request_id=note.request_id)
    assert service.hints == [told]
    assert (note.event, note.source, note.audit) == ("webhook.accepted", "work", "")
    assert f"X-Request-Id: {note.request_id}".encode() in answer


def test_a_ping_is_no_hint(ask, service):
    assert status(ask("POST /webhooks/work HTTP/1.1", b"ping")) == 204
    assert service.hints == []


def test_a_delivery_that_is_not_is_refused_and_audited(ask, service):
    answer = ask("POST /webhooks/work HTTP/1.1", b"evil")
    assert status(answer) == 403
    assert b'"code":"signature-wrong"' in answer
    (note,) = service.notes
    assert (note.event, note.audit, note.code) == (
        "webhook.refused", "webhook-refused", "signature-wrong",
    )  # fmt: skip


def test_a_service_that_is_behind_asks_for_it_again(ask, service):
    service.room = False
    answer = ask("POST /webhooks/work HTTP/1.1", b"good")
    assert status(answer) == 503
    assert b"\r\nRetry-After: 30\r\n" in answer


def test_a_body_has_an_end(ask, judge):
    assert status(ask(f"POST /webhooks/work HTTP/1.1\r\nX: {'y' * 99}", b"x" * 100_000)) == 403
    assert len(judge.seen[0][2]) == 100_000
    assert status(ask("POST /webhooks/work HTTP/1.1", b"x" * (MAX_BODY + 1))) == 413
    assert len(judge.seen) == 1


def test_who_waits_to_be_told_to_go_on_is_told(ask):
    answer = ask("POST /webhooks/work HTTP/1.1\r\nExpect: 100-continue", b"good")
    assert answer.endswith(b"\r\n\r\n")
    assert b"HTTP/1.1 202 " in answer


def test_the_route_takes_posts_and_one_name(ask, judge):
    assert status(ask("GET /webhooks/work HTTP/1.1")) == 405
    assert status(ask("POST /webhooks HTTP/1.1")) == 404
    assert status(ask("POST /webhooks/a/b HTTP/1.1")) == 404
    assert judge.seen == []


def test_one_answer_that_goes_wrong_is_told_without_what_it_was_about(ask, service):
    answer = ask("POST /webhooks/work HTTP/1.1", b"burst")
    assert status(answer) == 500
    assert b"secret" not in answer
    (note,) = service.notes
    assert (note.level, note.event) == ("error", "web.failed")
    assert "ValueError in __call__" in note.message
    assert "secret" not in note.message
    assert status(ask("POST /webhooks/work HTTP/1.1", b"ping")) == 204


def test_a_token_is_no_way_past_the_judge_nor_a_signature_past_the_gate(ask):
    assert status(ask("GET /api/v1/status HTTP/1.1\r\nX-Signature: s")) == 401


def test_a_flood_is_counted_and_not_told_line_by_line(ask, service):
    for _ in range(130):
        assert status(ask("GET /nothing HTTP/1.1")) == 401
    told = [one for one in service.told if isinstance(one, Note)]
    assert 90 < len(told) <= 130
    assert len(told) + sum(one.missed for one in told) <= 130


@pytest.mark.parametrize(
    ("head", "body", "wanted"),
    [
        ("GET / HTTP/1.1\r\nAuthorization: Bearer wrong", b"", 401),
        ("GET /api/v1/status HTTP/1.1", b"", 401),
        ("GET /nothing HTTP/1.1\r\nCookie: session=1", b"", 401),
        ("TRACE / HTTP/1.1", b"", 401),
        ("POST /webhooks/work HTTP/1.1", b"good", 202),
        ("POST /webhooks/work HTTP/1.1", b"evil", 403),
        ("POST /webhooks/work HTTP/1.1", b"burst", 500),
        ("rubbish", b"", 400),
    ],
)
def test_every_answer_tells_a_browser_to_be_careful_and_begins_no_session(ask, head, body, wanted):
    answer = ask(head, body)
    lines = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines[1:])}
    assert status(answer) == wanted
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["server"] == "mgit"  # and no version
    assert "set-cookie" not in headers
    assert "access-control-allow-origin" not in headers
    assert wanted == 202 or headers["cache-control"] == "no-store"
