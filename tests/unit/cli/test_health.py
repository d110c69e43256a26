"""The health check against real sockets."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mgit import health

MODULE = Path(health.__file__)


@contextmanager
def _server(answer: bytes, family: socket.AddressFamily = socket.AF_INET) -> Iterator[int]:
    """Answers one request with these bytes."""
    with socket.socket(family) as listener:
        listener.bind(("::1" if family is socket.AF_INET6 else "127.0.0.1", 0))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


READY = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nready\n"


def test_a_ready_service_is_well() -> None:
    with _server(READY) as port:
        assert health.check("127.0.0.1", port) == (True, f"127.0.0.1:{port}/readyz says 200 ready")
    with _server(READY) as port:
        assert health.check("0.0.0.0", port, "/livez")[0]


def test_what_a_service_says_is_made_harmless() -> None:
    answer = b"HTTP/1.1 503 Busy\r\n\r\nno\x1b[31m lock\xff\r\n"
    with _server(answer) as port:
        well, line = health.check("127.0.0.1", port)
    assert not well
    assert line.startswith(f"127.0.0.1:{port}/readyz says 503 no[31m lock")
    assert line.isprintable()


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\xff" * 9000])
def test_what_does_not_speak_http_is_not_well(answer: bytes) -> None:
    with _server(answer) as port:
        assert health.check("127.0.0.1", port) == (False, f"127.0.0.1:{port} does not speak HTTP")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("[::1]:80", ("::1", 80)),
        ("http://localhost:9/", ("localhost", 9)),
    ],
)
def test_addresses(text: str, parts: tuple[str, int]) -> None:
    assert health.split_address(text) == parts


@pytest.mark.parametrize("text", ["", "8080", ":8080", "a:0", "a:99999", "a/b:80", "ä:80", "a:x"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        health.split_address(text)


def test_it_runs_alone_in_a_bare_interpreter() -> None:
    def alone(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-I", "-S", str(MODULE), *words],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    with _server(READY) as port:
        assert alone(f"127.0.0.1:{port}").returncode == 0
    assert alone("127.0.0.1:1").returncode == 1
    refused: Callable[..., subprocess.CompletedProcess[str]] = alone
    for words in ((), ("nonsense",), ("127.0.0.1:1", "/metrics")):
        assert refused(*words).returncode == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "usage:"),
        (["a", "b", "c"], "usage:"),
        (["nothing"], "must be HOST:PORT"),
        (["127.0.0.1:99999"], "must be HOST:PORT"),
        (["127.0.0.1:1", "/metrics"], "must be /readyz or /livez"),
    ],
)
def test_what_cannot_be_asked_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert health.main(arguments) == 2
    assert says in capsys.readouterr().err


def test_its_exit_code_is_what_the_service_says(capsys: pytest.CaptureFixture[str]) -> None:
    with _server(READY) as port:
        assert health.main([f"http://127.0.0.1:{port}/", "/livez"]) == 0
    assert "says 200 ready" in capsys.readouterr().out
    assert health.main([f"127.0.0.1:{port}"]) == 1
    assert "does not answer" in capsys.readouterr().err
