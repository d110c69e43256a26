"""Which TLS the web helper speaks, over two ends in memory."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from mgit.daemon.web.tls import server_context
from sandbox.certificates import Authority


@pytest.fixture
def server(tmp_path: Path) -> ssl.SSLContext:
    pair = Authority(tmp_path / "ca").server("localhost")
    return server_context(str(pair.certificate), str(pair.key), "")


def shaken(server: ssl.SSLContext, highest: ssl.TLSVersion) -> str | None:
    """The version that both agree on.

    Raises:
        ssl.SSLError: they do not.
    """
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.set_ciphers("ALL:@SECLEVEL=0")  # else the client itself would refuse to be old
    client.minimum_version = min(highest, ssl.TLSVersion.TLSv1_2)
    client.maximum_version = highest
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(back, there)
    answering = server.wrap_bio(there, back, server_side=True)
    ends = [asking, answering]
    while ends:
        for end in tuple(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                pass
    return answering.version()


def test_it_speaks_what_is_current(server: ssl.SSLContext) -> None:
    assert shaken(server, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    assert shaken(server, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_what_is_old_is_refused(server: ssl.SSLContext) -> None:
    with pytest.raises(ssl.SSLError) as refused:
        shaken(server, ssl.TLSVersion.TLSv1_1)
    assert refused.value.reason == "UNSUPPORTED_PROTOCOL"
