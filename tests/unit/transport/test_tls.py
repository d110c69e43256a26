"""TLS: a certificate is believed where its authority was named, and nowhere else."""

from __future__ import annotations

import datetime as dt
import ipaddress
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mgit.address import Origin
from mgit.errors import ConfigurationError, NetworkError
from mgit.transport import TlsSettings, Transport, parse_proxy


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A throw-away certificate for 127.0.0.1, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mgit test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [
                    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
                    x509.DNSName("forge.test"),
                ]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "cert.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return chain, secret


class _Hello(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        if self.path == "/cut":
            # A body that ends with the connection, and a connection that ends without goodbye.
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(b"half of")
            self.wfile.flush()
            socket.socket.shutdown(self.connection, socket.SHUT_RDWR)
            return
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def secure(certificate: tuple[Path, Path]) -> Iterator[Origin]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with HTTPServer(("127.0.0.1", 0), _Hello) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Origin("https", "127.0.0.1", server.server_address[1])
        server.shutdown()
        thread.join()


def test_a_named_authority_is_believed(secure, certificate):
    with Transport(tls=TlsSettings(ca_file=certificate[0])) as transport:
        assert transport.request("GET", secure, "/").body == b"hello"
        assert transport.request("GET", secure, "/").body == b"hello"


class _Proxy(BaseHTTPRequestHandler):
    """Opens a tunnel to the one server there is, whatever name was asked for."""

    inside = 0
    asked: ClassVar[list[str]] = []

    def do_CONNECT(self) -> None:
        self.asked.append(self.path)
        with socket.create_connection(("127.0.0.1", self.inside)) as inner:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            sides = {self.connection: inner, inner: self.connection}
            while True:
                for side in select.select(list(sides), [], [])[0]:
                    data = side.recv(65536)
                    if not data:
                        return
                    sides[side].sendall(data)

    def log_message(self, *args: object) -> None: ...


def test_a_tunnel_ends_at_the_host_itself_and_not_at_the_proxy(secure, certificate):
    _Proxy.inside = secure.port
    there = Origin("https", "forge.test", 443)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Proxy) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        proxy = parse_proxy(f"http://127.0.0.1:{server.server_address[1]}")
        with Transport(tls=TlsSettings(ca_file=certificate[0]), proxy=proxy) as transport:
            assert transport.request("GET", there, "/").body == b"hello"
            assert transport.request("GET", there, "/").body == b"hello"
        server.shutdown()
        thread.join()
    assert _Proxy.asked == ["forge.test:443"]


def test_an_unknown_authority_is_not(secure):
    with (
        Transport() as transport,
        pytest.raises(NetworkError, match="certificate that is not trusted") as caught,
    ):
        transport.request("GET", secure, "/")
    assert "ca_file" in caught.value.advice


def test_a_name_that_does_not_fit_is_refused(secure, certificate):
    elsewhere = Origin("https", "localhost", secure.port)
    with (
        Transport(tls=TlsSettings(ca_file=certificate[0])) as transport,
        pytest.raises(NetworkError, match="certificate that is not trusted"),
    ):
        transport.request("GET", elsewhere, "/")


def test_a_body_that_ends_without_goodbye_is_a_cut(secure, certificate):
    with (
        Transport(tls=TlsSettings(ca_file=certificate[0])) as transport,
        pytest.raises(NetworkError),
    ):
        transport.request("GET", secure, "/cut")


def test_plain_http_where_tls_is_expected_is_said(serve, answer):
    server = serve((answer(),))
    with Transport(timeout=0.2) as transport, pytest.raises(NetworkError):
        transport.request("GET", Origin("https", "127.0.0.1", server.port), "/")


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_a_ca_file_that_cannot_be_used_is_a_mistake_in_the_configuration(tmp_path, content):
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)
    with (
        Transport(tls=TlsSettings(ca_file=file)) as transport,
        pytest.raises(ConfigurationError, match=r"ca\.pem"),
    ):
        transport.request("GET", Origin("https", "127.0.0.1", 1), "/")
