"""The protected side of `mgit serve` as operators meet it: tokens, TLS, certificates, its end."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mgit.telemetry import verify_audit
from sandbox.certificates import Authority, Pair
from sandbox.forge import SandboxForge
from tests.story.laptop import CANARY, Laptop
from tests.story.test_serve_daemon import (
    PATIENCE,
    Service,
    Start,
    children_of,
    start,
    state_folder,
)

__all__ = ["start"]

TOKEN = "token-of-the-status-page-1"
OTHER = "token-of-the-status-page-2"
WEB = {"MGIT_WEB": "127.0.0.1:0"}

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


def web_of(service: Service) -> tuple[str, int]:
    url = str(next(one["web"] for one in service.said if one["event"] == "web.started"))
    host, _, port = url.partition("://")[2].rstrip("/").rpartition(":")
    return host, int(port)


class Answer:
    """What came back."""

    def __init__(self, found: http.client.HTTPResponse) -> None:
        self.status = found.status
        self.headers = found.headers
        self.text = found.read().decode()

    @property
    def json(self) -> dict[str, object]:
        return dict(json.loads(self.text))


def ask(
    service: Service,
    path: str = "/api/v1/status",
    *,
    token: str = "",
    context: ssl.SSLContext | None = None,
    port: int = 0,
    **headers: str,
) -> Answer:
    host, web_port = web_of(service)
    address = (host, port or web_port)
    connection = (
        http.client.HTTPConnection(*address, timeout=PATIENCE)
        if context is None
        else http.client.HTTPSConnection(*address, timeout=PATIENCE, context=context)
    )
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        given["Authorization"] = f"Bearer {token}"
    try:
        connection.request("GET", path, headers=given)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def wait_until(what: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < ends
        time.sleep(0.05)


@pytest.fixture
def tokens(work: Laptop) -> Path:
    path = work.home / "tokens"
    put(path, TOKEN)
    return path


def put(path: Path, *tokens: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text("".join(f"{one}\n" for one in tokens))
    fresh.replace(path)


def web_helper_of(service: Service) -> int:
    (found,) = [
        pid
        for pid in children_of(service.process.pid)
        if b"mgit.daemon.web.main" in (Path("/proc") / str(pid) / "cmdline").read_bytes()
    ]
    return found


def test_it_tells_on_loopback_what_the_service_did(
    start: Start, work: Laptop, forge: SandboxForge
) -> None:
    forge.add_repos("acme", 3)
    service = start(**WEB)
    service.wait_for("run.ended")
    told = ask(service).json
    assert told["repositories"]["well"] == 3  # type: ignore[index]
    assert told["last_run"]["changed"] == 3  # type: ignore[index]
    assert told["ready"] is True
    source = ask(service, "/api/v1/sources/work").json["source"]
    assert source["up"] is True  # type: ignore[index]
    assert source["listed_repositories"] == 3  # type: ignore[index]
    assert source["due_at"]  # type: ignore[index]
    page = ask(service, "/api/v1/repositories?q=repo-002").json
    (one,) = page["repositories"]  # type: ignore[misc]
    assert (one["name"], one["state"], one["folder"]) == (
        "acme/repo-002",
        "current",
        "acme/repo-002",
    )
    (done,) = ask(service, one["href"]).json["outcomes"]  # type: ignore[misc]
    assert done["result"] == "cloned"
    assert "acme/repo-002" in ask(service, "/").text
    assert ask(service, "/metrics").text == service.ask("/metrics")[1]
    assert ask(service, Host="rebound.example").status == 421
    assert service.end() == 0


def test_a_token_lets_in_and_may_be_changed_while_it_runs(
    start: Start, work: Laptop, tokens: Path
) -> None:
    service = start(**WEB, MGIT_WEB_TOKEN_FILE=str(tokens))
    service.wait_for("run.ended")
    for path in ("/", "/style.css", "/metrics", "/api/v1/status", "/api/v1/openapi.json"):
        refused = ask(service, path)
        assert refused.status == 401
        assert 'Basic realm="mgit"' in refused.headers["WWW-Authenticate"]
        assert ask(service, path, token=TOKEN).status == 200
    password = base64.b64encode(f"anybody:{TOKEN}".encode()).decode()
    assert ask(service, "/", Authorization=f"Basic {password}").status == 200
    # The health helper asks for the same; whether it lives is nobody's secret.
    health = int(service.listen.rpartition(":")[2])
    assert ask(service, "/metrics", port=health).status == 401
    assert ask(service, "/metrics", port=health, token=OTHER).status == 401
    assert ask(service, "/metrics", port=health, token=TOKEN).status == 200
    assert ask(service, "/readyz", port=health).status == 200

    put(tokens, TOKEN, OTHER)
    assert service.wait_for("web.tokens")["tokens"] == 2
    assert ask(service, token=OTHER).status == ask(service, token=TOKEN).status == 200
    put(tokens, OTHER)
    service.wait_for("web.tokens")
    assert ask(service, token=TOKEN).status == 401
    assert ask(service, token=OTHER).status == 200
    put(tokens)
    assert "holds 0 tokens" in str(service.wait_for("web.locked", level="error")["message"])
    assert ask(service, token=OTHER).status == 401
    assert ask(service, "/metrics", port=health, token=OTHER).status == 401
    assert service.end() == 0
    written = (state_folder(work) / "audit.jsonl").read_text()
    for secret in (TOKEN, OTHER, password, CANARY):
        assert secret not in "".join(service.raw) + written
    assert [
        json.loads(line)["labels"]["tokens"]
        for line in written.splitlines()
        if json.loads(line)["event"]["action"] == "tokens-changed"
    ] == ["2", "1", "0"]


def test_who_guesses_is_logged_audited_and_kept_waiting(
    start: Start, work: Laptop, tokens: Path
) -> None:
    service = start(**WEB, MGIT_WEB_TOKEN_FILE=str(tokens))
    service.wait_for("run.ended")
    guesses = [f"guess-number-{number:020}" for number in range(12)]
    answers = [ask(service, token=guess, X_Request_Id="guessing-1") for guess in guesses]
    assert [one.status for one in answers[:10]] == [401] * 10
    assert answers[-1].status == 429
    assert int(answers[-1].headers["Retry-After"]) >= 1
    said = service.wait_for("web.refused", level="warning")
    assert said["request_id"] == "guessing-1"
    assert said["client"] == "127.0.0.1"
    assert service.end() == 0
    log = state_folder(work) / "audit.jsonl"
    records = [json.loads(line) for line in log.read_text().splitlines()]
    refused = [one for one in records if one["event"]["action"] == "web-refused"]
    assert len(refused) >= 10
    assert refused[0]["labels"]["code"] == "token-wrong"
    assert refused[0]["labels"]["request_id"] == "guessing-1"
    assert "guess-number" not in log.read_text() + "".join(service.raw)
    assert verify_audit(log).problem == ""


def test_who_guesses_at_the_metrics_is_logged_audited_and_kept_waiting(
    start: Start, work: Laptop, tokens: Path
) -> None:
    service = start(MGIT_WEB_TOKEN_FILE=str(tokens))
    service.wait_for("run.ended")

    def metrics(token: str) -> Answer:
        connection = http.client.HTTPConnection(*service.listen.split(":"), timeout=PATIENCE)
        try:
            connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {token}"})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    assert metrics(TOKEN).status == 200
    answers = [metrics(f"guess-number-{number:020}") for number in range(12)]
    assert [one.status for one in answers[:10]] == [401] * 10
    assert answers[-1].status == 429
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert metrics(TOKEN).status == 429, "nobody is listened to there, right or wrong"
    said = service.wait_for("web.refused", level="warning", path="/metrics")
    assert (said["client"], said["status"], said["code"]) == ("127.0.0.1", 401, "token-wrong")
    assert service.end() == 0
    log = state_folder(work) / "audit.jsonl"
    records = [json.loads(line) for line in log.read_text().splitlines()]
    refused = [one for one in records if one["event"]["action"] == "web-refused"]
    assert len(refused) == 10
    assert refused[0]["event"]["outcome"] == "failure"
    assert refused[0]["labels"]["client"] == "127.0.0.1"
    assert "guess-number" not in log.read_text() + "".join(service.raw)
    assert verify_audit(log).problem == ""


def trusting(authority: Authority, pair: Pair | None = None) -> ssl.SSLContext:
    # Not `create_default_context`: its strictness is about the sandbox's own authority.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority.file)
    if pair is not None:
        context.load_cert_chain(pair.certificate, pair.key)
    return context


def test_tls_and_certificates_in_place_of_tokens(start: Start, work: Laptop, tokens: Path) -> None:
    authority = Authority(work.home / "ca")
    stranger = Authority(work.home / "strange", "Stranger")
    server = authority.server("127.0.0.1")
    service = start(
        **WEB,
        MGIT_WEB_TOKEN_FILE=str(tokens),
        MGIT_WEB_TLS_CERT=str(server.certificate),
        MGIT_WEB_TLS_KEY=str(server.key),
        MGIT_WEB_CLIENT_CA=str(authority.file),
    )
    service.wait_for("run.ended")
    assert str(next(one["web"] for one in service.said if "web" in one)).startswith("https://")
    nobody, ops = trusting(authority), trusting(authority, authority.client("ops"))
    assert ask(service, context=nobody).status == 401
    assert ask(service, context=nobody, token=TOKEN).status == 200
    assert ask(service, context=ops).status == 200
    for wrong in (
        trusting(authority, stranger.client("ops")),
        trusting(authority, authority.client("late", days=-1)),
        trusting(stranger),
    ):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask(service, context=wrong)
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        ask(service)
    old = trusting(authority)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert ask(service, context=old, token=TOKEN).status == 200

    # A certificate that is replaced counts from the next second on.
    fresh = authority.server("127.0.0.1", "localhost")
    Path(fresh.key).replace(server.key)
    Path(fresh.certificate).replace(server.certificate)
    pem = Path(server.certificate).read_text()

    def shown() -> bool:
        return ssl.get_server_certificate(web_of(service), ca_certs=None).strip() in pem

    wait_until(shown)
    server.certificate.write_text("rubbish")
    time.sleep(1.1)  # it looks once a second
    assert ask(service, context=ops).status == 200
    service.wait_for("web.certificate", level="error")
    assert service.end() == 0


def test_only_certificates(start: Start, work: Laptop) -> None:
    authority = Authority(work.home / "ca")
    server = authority.server("127.0.0.1")
    service = start(
        **WEB,
        MGIT_WEB_TLS_CERT=str(server.certificate),
        MGIT_WEB_TLS_KEY=str(server.key),
        MGIT_WEB_CLIENT_CA=str(authority.file),
    )
    service.wait_for("run.ended")
    assert ask(service, context=trusting(authority), token=TOKEN).status == 403
    assert ask(service, context=trusting(authority, authority.client("ops"))).status == 200
    assert service.end() == 0


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"MGIT_WEB": "0.0.0.0:0"}, "asks nobody for a token"),
        ({**WEB, "MGIT_WEB_TOKEN_FILE": "none"}, "cannot be read"),
        ({**WEB, "MGIT_WEB_TOKEN_FILE": "short"}, "line 1 is no token"),
        ({**WEB, "MGIT_WEB_TOKEN_FILE": "open"}, "can be read by other users"),
        ({**WEB, "MGIT_WEB_TLS_KEY": "key"}, "needs a certificate"),
        ({**WEB, "MGIT_WEB_TLS_CERT": "short"}, "TLS cannot be served"),
    ],
)
def test_what_would_be_open_or_broken_does_not_start(
    start: Start, work: Laptop, variables: dict[str, str], words: str
) -> None:
    put(work.home / "short", "short")
    put(work.home / "open", TOKEN)
    (work.home / "open").chmod(0o644)
    service = start(**variables)
    assert service.ended() == 2
    said = "".join(service.raw)
    assert words in said
    assert "Traceback" not in said


def test_an_open_address_says_so(start: Start, tokens: Path) -> None:
    service = start(MGIT_LISTEN="0.0.0.0:0", MGIT_WEB="0.0.0.0:0", MGIT_WEB_TOKEN_FILE=str(tokens))
    assert "in clear" in str(service.wait_for("web.in-clear", level="warning")["message"])
    assert service.end() == 0
    service = start(MGIT_LISTEN="0.0.0.0:0")
    service.wait_for("metrics.open", level="warning")
    assert service.end() == 0


@pytest.mark.fault("the process of the status page is killed, or the service is")
def test_the_helper_has_nothing_of_the_service_and_ends_with_it(
    start: Start, work: Laptop, tokens: Path, forge: SandboxForge
) -> None:
    forge.add_repo("acme", "tool")
    service = start(**WEB, MGIT_WEB_TOKEN_FILE=str(tokens))
    service.wait_for("run.ended")
    helper = web_helper_of(service)
    place = Path("/proc") / str(helper)
    assert (place / "environ").read_bytes().replace(b"LC_CTYPE=C.UTF-8\0", b"") == b""
    assert b"token-of" not in (place / "cmdline").read_bytes()
    assert (place / "cwd").readlink() == Path("/")
    opened = {str(one.readlink()) for one in (place / "fd").iterdir()}
    assert not [one for one in opened if str(work.root) in one or "tokens" in one], opened
    anonymous = int((place / "status").read_text().partition("RssAnon:")[2].split()[0])
    assert anonymous < 40_000  # KiB; 17,000 are usual

    os.kill(helper, signal.SIGKILL)
    service.wait_for("web.restarted", level="warning")
    assert ask(service, token=TOKEN).status == 200
    assert web_helper_of(service) != helper
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(web_helper_of(service), number)
    assert ask(service, token=TOKEN).status == 200

    last = web_helper_of(service)
    service.end(signal.SIGKILL)
    wait_until(lambda: not (Path("/proc") / str(last)).exists())


@pytest.mark.fault("told to stop with clients of the status page at it")
def test_sigterm_ends_all_in_time_while_clients_dawdle(start: Start, forge: SandboxForge) -> None:
    service = start(**WEB)
    service.wait_for("run.ended")
    dawdling = [socket.create_connection(web_of(service)) for _ in range(5)]
    dawdling[0].sendall(b"GET / HTTP/1.1\r\n")
    helper = web_helper_of(service)
    began = time.monotonic()
    assert service.end() == 0
    assert time.monotonic() - began < 10
    assert not (Path("/proc") / str(helper)).exists()
    for one in dawdling:
        one.close()


def test_a_request_is_found_in_the_log_by_its_id(start: Start) -> None:
    service = start(**WEB, MGIT_LOG_LEVEL="debug")
    service.wait_for("run.ended")
    assert ask(service, X_Request_Id="deploy-7781").headers["X-Request-Id"] == "deploy-7781"
    said = service.wait_for("web.request", request_id="deploy-7781")
    assert (said["method"], said["path"], said["status"]) == ("GET", "/api/v1/status", 200)
    assert service.end() == 0
