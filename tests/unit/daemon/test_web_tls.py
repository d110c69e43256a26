"""Certificates that are replaced while they are in use; the whole service is in the stories."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest

from mgit.daemon.web.tls import Tls, words_of
from sandbox.certificates import Authority, Pair


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def pair(authority: Authority) -> Pair:
    return authority.server("localhost")


class Door:
    """Serves one connection at a time with `Tls`, and a clock that is moved by hand."""

    def __init__(self, pair: Pair, client_ca: str = "") -> None:
        self.now = 0.0
        self.troubles: list[str] = []
        self.tls = Tls(
            str(pair.certificate),
            str(pair.key),
            client_ca,
            trouble=self.troubles.append,
            clock=lambda: self.now,
        )

    def shows(self, authority: Authority) -> bytes:
        """The certificate that a client meets now."""
        ours, theirs = socket.socketpair()
        failed: list[OSError] = []

        def serve() -> None:
            try:
                with self.tls(ours) as connection:
                    connection.recv(1)
            except OSError as error:
                failed.append(error)

        thread = threading.Thread(target=serve)
        thread.start()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(str(authority.file))
        with context.wrap_socket(theirs, server_hostname="localhost") as client:
            shown = client.getpeercert(binary_form=True)
            client.sendall(b"x")
        thread.join()
        assert failed == []
        assert shown is not None
        return shown


def test_a_new_certificate_counts_from_the_next_look_on(authority, pair):
    door = Door(pair)
    first = door.shows(authority)
    renewed = authority.server("localhost")
    Path(pair.certificate).write_bytes(Path(renewed.certificate).read_bytes())
    Path(pair.key).write_bytes(Path(renewed.key).read_bytes())
    assert door.shows(authority) == first, "files are looked at once a second, not at each knock"
    door.now = 1.0
    second = door.shows(authority)
    assert second != first
    door.now = 2.0
    assert door.shows(authority) == second
    assert door.troubles == []


@pytest.mark.parametrize("spoil", ["rubbish", "gone", "half"])
def test_one_that_cannot_be_used_leaves_the_one_before(authority, pair, spoil):
    door = Door(pair)
    first = door.shows(authority)
    file = Path(pair.certificate)
    match spoil:
        case "rubbish":
            file.write_text("rubbish")
        case "gone":
            file.unlink()
        case _:
            file.write_text(authority.server("localhost").certificate.read_text())
    for second in (1.0, 2.0, 3.0):
        door.now = second
        assert door.shows(authority) == first
    assert len(door.troubles) == 1, "told once for each change, not at each look"


def test_files_that_are_wrong_from_the_start_are_refused(authority, pair, tmp_path):
    other = tmp_path / "ca.pem"
    other.write_text("no certificate")
    with pytest.raises(OSError, match=r".") as raised:
        Door(pair, str(other))
    assert words_of(raised.value)
    with pytest.raises(FileNotFoundError) as missing:
        Door(Pair(tmp_path / "none.pem", pair.key))
    assert words_of(missing.value) == "No such file or directory"
    assert words_of(OSError()) == "unknown"
