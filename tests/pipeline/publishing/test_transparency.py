"""The stand-in for a transparency log keeps what it took, takes it once, shows nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.publishing import http
from pipeline.signing.rekor import Log
from sandbox.transparency import open_transparency

CHECKSUMS, SIGNATURE, KEY = b"aaaa  mgit.whl\n", "c2lnbmF0dXJl", b"a public key"


def test_what_was_logged_is_there_after_a_restart_and_in_no_other_log(tmp_path: Path) -> None:
    with open_transparency(tmp_path) as server:
        log = Log(server.url)
        assert not log.has(CHECKSUMS, SIGNATURE)
        log.add(CHECKSUMS, SIGNATURE, KEY)
        log.add(CHECKSUMS, SIGNATURE, KEY)  # 409: it is there already, which is fine
        assert log.has(CHECKSUMS, SIGNATURE)
        assert not log.has(CHECKSUMS, "YW5vdGhlcg==")
        assert not Log(f"{server.url}/elsewhere").has(CHECKSUMS, SIGNATURE)
    with open_transparency(tmp_path) as server:
        assert Log(server.url).has(CHECKSUMS, SIGNATURE)
        assert {name: len(entries) for name, entries in server.entries.items()} == {"": 1}


@pytest.mark.parametrize("call", ["log/entries/nothing", "log/anything"])
def test_an_entry_that_is_not_there_is_said_to_be_not_there(call: str) -> None:
    with open_transparency() as server:
        answer = http.request("GET", f"{server.url}/api/v1/{call}", headers={})
    assert answer.status == 404
