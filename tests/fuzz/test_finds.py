"""What fuzzing or reading found once: each ended in a traceback, or worse, before it was mended."""

from __future__ import annotations

import io
import struct
import zlib
from http.client import HTTPException
from pathlib import Path
from typing import Any, cast

import pytest

from mgit.address import Origin, parse_origin
from mgit.cli.yaml_of_0x import parse_old
from mgit.config.document import parse_document
from mgit.config.environ import Environment
from mgit.config.load import settle
from mgit.config.paths import find_paths
from mgit.credentials import CredentialStore
from mgit.errors import ConfigurationError, GitError, InvalidInput, RepositoryBroken
from mgit.forges.interface import ForgeContext
from mgit.forges.limits import wait_asked_for
from mgit.forges.manifest import Manifest
from mgit.git.commits import tree_of
from mgit.git.identity import read_identity
from mgit.git.inspect import parse_listed_refs, parse_status
from mgit.git.refs import parse_ls_remote
from mgit.git.staged import read_index
from mgit.model import Listing
from mgit.plan.names import decode_segment, encode_segment
from mgit.state.remembered import decoded, unpacked_refs
from mgit.transport import Response, Transport
from mgit.transport.answer import Answer
from mgit.transport.proxy import parse_proxy

OID = "0123456789abcdef0123456789abcdef01234567"
FILE = Path("/etc/mgit/config.toml")
LONG = "9" * 5000  # Python turns no text of more than 4300 digits into a number


@pytest.mark.parametrize("name", ["MGIT_CONCURRENCY", "MGIT_DEPTH"])
@pytest.mark.fault("numbers of thousands of digits, in a file, a variable or an answer")
def test_a_variable_with_a_very_long_number(name: str) -> None:
    environment = Environment({"HOME": "/home/mona", name: LONG})
    with pytest.raises(ConfigurationError, match="from 1 to"):
        settle(parse_document(b"version = 1", FILE), environment, find_paths(environment), {})


def test_a_port_with_a_very_long_number() -> None:
    environment = Environment({"HOME": "/home/mona", "MGIT_LISTEN": f"127.0.0.1:{LONG}"})
    with pytest.raises(ConfigurationError, match="HOST:PORT"):
        settle(parse_document(b"version = 1", FILE), environment, find_paths(environment), {})


def test_a_very_long_number_in_a_configuration_or_a_manifest(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not valid TOML"):
        parse_document(f"version = {LONG}".encode(), FILE)
    file = tmp_path / "manifest.toml"
    file.write_text(f"version = {LONG}")
    with Transport() as transport, pytest.raises(ConfigurationError, match="not valid TOML"):
        Manifest(ForgeContext("work", transport, file=file)).list_repos()


@pytest.mark.parametrize("text", [r'a: "\UFFFFFFFF"', f"%YAML 1.{LONG}\n--- a"])
@pytest.mark.fault("YAML, TOML, JSON or msgpack that is deep or breaks its own parser")
def test_yaml_that_is_a_traceback_in_its_parser(text: str) -> None:
    with pytest.raises(InvalidInput, match="no valid YAML"):
        parse_old(text.encode(), "old.yaml")


@pytest.mark.parametrize("odd", ["\u2028", "\x85"])
def test_a_branch_whose_name_looks_like_a_line_break(odd: str) -> None:
    """git allows such names, and Python's `splitlines` takes them apart."""
    name = f"refs/heads/a{odd}b"
    assert list(parse_ls_remote(f"{OID}\t{name}\n".encode()).refs) == [name]
    refs, _ = parse_listed_refs(f"{OID} {name} \n".encode())
    assert refs == {name: OID}


@pytest.mark.parametrize("line", [b"", b"# stash x\0", b"# branch.ab +x -1\0", b"# branch.ab +-\0"])
def test_a_status_with_numbers_that_are_none(line: bytes) -> None:
    output = b"# branch.head main\0" + line
    if line in (b"", b"# branch.ab +-\0"):
        parse_status(output)
        return
    with pytest.raises(GitError, match="is none"):
        parse_status(output)


@pytest.mark.parametrize("content", [b'{"version":1,"forge":"\xff"}', b"[" * 5000])
def test_an_identity_that_is_not_text_or_deep(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mgit.json").write_bytes(content)
    with pytest.raises(RepositoryBroken, match="malformed"):
        read_identity(tmp_path)


def test_an_index_whose_last_name_never_ends(tmp_path: Path) -> None:
    entry = struct.pack(">10I20sH", 1, 0, 1, 0, 1, 1, 0o100644, 0, 0, 3, b"x" * 20, 9)
    file = tmp_path / "index"
    file.write_bytes(b"DIRC" + struct.pack(">II", 2, 1) + entry + b"n" * 40)
    assert read_index(str(file)) is None


@pytest.mark.parametrize("entry", ["git.test:²", f"git.test:{LONG}", "git.test:٤٤٣"])
def test_an_exception_from_the_proxy_with_a_port_that_is_none(entry: str) -> None:
    settings = parse_proxy("http://proxy.test:3128", entry)
    assert settings.for_origin(Origin("https", "git.test", 443)) is not None


@pytest.mark.parametrize("host", ["a" * 64, "a..b", "-", "a b", f"x.{'b' * 70}.test"])
@pytest.mark.fault("a host name that no name service can be asked for")
def test_a_host_that_no_name_service_can_be_asked_for(host: str) -> None:
    with pytest.raises(ConfigurationError, match="proxy"):
        parse_proxy(f"http://{host}:3128")
    with pytest.raises(InvalidInput):
        parse_origin(f"https://{host}/acme")


@pytest.mark.fault("numbers of thousands of digits, in a file, a variable or an answer")
def test_a_length_of_very_many_digits() -> None:
    import http.client

    class Wire:
        def makefile(self, mode: str) -> io.BytesIO:
            return io.BytesIO(f"HTTP/1.1 200 OK\r\nContent-Length: {LONG}\r\n\r\n".encode())

    with pytest.raises(http.client.HTTPException, match="length"):
        Answer(cast("Any", Wire()), method="GET").begin()


@pytest.mark.parametrize("body", [b"\n", b"\nshort refs/heads/main", b"\n" + b"a" * 40 + b" "])
def test_rows_of_the_state_that_are_no_refs(body: bytes) -> None:
    assert unpacked_refs(zlib.compress(body)) is None


@pytest.mark.fault("YAML, TOML, JSON or msgpack that is deep or breaks its own parser")
def test_a_row_of_the_state_that_is_too_deep() -> None:
    assert decoded(zlib.compress(b"\x91" * 100_000), Listing) is None


def _index_of_a_pack(counts: tuple[int, int], size: int = 2000) -> bytes:
    """The index of a pack whose table of counts claims this for names up to 0x00 and to 0xff."""
    fanout = struct.pack(">I", counts[0]) + struct.pack(">I", counts[1]) * 255
    return (b"\xfftOc\x00\x00\x00\x02" + fanout).ljust(size, b"\x01")


@pytest.mark.parametrize("counts", [(0, 0xFFFFFFFF), (9, 3), (0xFFFFFFFF, 0xFFFFFFFF)])
def test_an_index_of_a_pack_that_claims_more_than_it_holds(
    tmp_path: Path, counts: tuple[int, int]
) -> None:
    packs = tmp_path / "objects" / "pack"
    packs.mkdir(parents=True)
    (packs / "pack-1.idx").write_bytes(_index_of_a_pack(counts))
    assert tree_of(str(tmp_path), "01" * 20) is None


def test_a_pack_whose_object_has_a_size_without_end(tmp_path: Path) -> None:
    packs = tmp_path / "objects" / "pack"
    packs.mkdir(parents=True)
    index = bytearray(_index_of_a_pack((0, 1)))
    index[8 + 1024 : 8 + 1024 + 20] = b"\x01" * 20
    index[8 + 1024 + 24 : 8 + 1024 + 28] = struct.pack(">I", 0)
    (packs / "pack-1.idx").write_bytes(bytes(index))
    (packs / "pack-1.pack").write_bytes(b"\x90" + b"\x80" * 5000)
    assert tree_of(str(tmp_path), "01" * 20) is None


def test_a_commit_that_is_in_none_of_the_packs_is_not_looked_for_without_end(
    tmp_path: Path,
) -> None:
    """`mgit status` went on for ever in a clone whose commit was not in the first pack."""
    packs = tmp_path / "objects" / "pack"
    packs.mkdir(parents=True)
    index = bytearray(_index_of_a_pack((0, 1)))
    index[8 + 1024 : 8 + 1024 + 20] = b"\x01" * 20
    (packs / "pack-1.idx").write_bytes(bytes(index))
    assert tree_of(str(tmp_path), "02" * 20) is None


def test_a_moment_whose_zone_is_beyond_all_numbers() -> None:
    far = (("Retry-After", "Mon, 1 Jan 99999 10:00:00 +99992147483648"),)
    assert wait_asked_for(Response(429, far, b""), clock=lambda: 0.0) is None


def test_a_field_without_a_name() -> None:
    class Wire:
        def makefile(self, _mode: str) -> io.BytesIO:
            return io.BytesIO(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n: gzip\r\n\r\n{}")

    with pytest.raises(HTTPException):
        Answer(cast("Any", Wire()), method="GET").begin()


@pytest.mark.parametrize("name", ["-.GIT", "\ud7fc.GIT", " .git", "x.git"])
def test_a_name_that_looks_like_git_and_is_encoded_already(name: str) -> None:
    folder = encode_segment(name)
    assert not folder.casefold().endswith(".git") or folder.startswith("%")
    assert decode_segment(folder) == name


def test_a_store_of_tokens_with_an_empty_one(tmp_path: Path) -> None:
    file = tmp_path / "credentials.json"
    file.touch(mode=0o600)
    entry = b'{"origin":"https://git.test","username":"mona","secret":""}'
    file.write_bytes(b'{"version":1,"entries":[' + entry + b"]}")
    with pytest.raises(ConfigurationError, match="is malformed"):
        CredentialStore(tmp_path).get(Origin("https", "git.test", 443))
