"""What a person writes (patterns, configuration, variables, manifests), and names from forges."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import strategies as st

from mgit.address import CloneUrl, Origin, parse_clone_url, parse_origin
from mgit.cli.yaml_of_0x import parse_old
from mgit.config import keys
from mgit.config.document import parse_document
from mgit.config.environ import Environment
from mgit.config.load import settle
from mgit.config.paths import find_paths
from mgit.config.resolve import Resolver
from mgit.errors import ConfigurationError, InvalidInput, MgitError
from mgit.forges.interface import ForgeContext
from mgit.forges.manifest import Manifest
from mgit.health import split_address
from mgit.model import RemoteRepo, RepoKey, RepoPath
from mgit.plan.filters import parse_condition
from mgit.plan.layout import RESERVED, Layout, assign_folders
from mgit.plan.names import MAX_BYTES, decode_segment, encode_segment
from mgit.plan.patterns import Pattern, Subject, fold
from mgit.text import escape_untrusted
from mgit.transport import Transport
from mgit.transport.proxy import parse_proxy
from tests.fuzz.support import DIGITS, byte_pieces, fuzz, pieces

URL = CloneUrl(Origin("https", "git.test", 443), "acme/app")
NAMES = (
    st.text(min_size=1, max_size=90)
    | pieces("con", ".git", "..", ".", "-", "%2F", "ß", "é", "e\u0301", "İ", "~1", ".wiki", " ")
).filter(lambda name: name not in ("", ".", "..") and not set(name) & set("/\\\0"))
PATHS = st.builds(RepoPath, NAMES, NAMES, st.none() | NAMES)
FILE = Path("/etc/mgit/config.toml")
HOME = Environment({"HOME": "/home/mona"})


@fuzz(NAMES)
def test_a_name_is_one_folder_that_reads_back(name: str) -> None:
    folder = encode_segment(name)
    assert "/" not in folder
    assert folder.isprintable()
    assert folder not in ("", ".", "..")
    assert len(folder.encode()) <= MAX_BYTES
    assert not folder.startswith("-")
    assert fold(folder) != RESERVED
    if len(name.encode("utf-8", "surrogatepass")) < 60 and not any(map(_lone, name)):
        assert decode_segment(folder) == name


def _lone(character: str) -> bool:
    return 0xD800 <= ord(character) <= 0xDFFF


@fuzz(st.lists(PATHS, max_size=7, unique=True), st.sampled_from(Layout))
def test_every_repository_has_a_folder_of_its_own_below_the_root(
    paths: list[RepoPath], layout: Layout
) -> None:
    repos = [
        RemoteRepo(RepoKey("git.test", str(number)), "work", path, URL)
        for number, path in enumerate(paths)
    ]
    folders = list(assign_folders(repos, [], layout).values())
    assert len({fold(folder) for folder in folders}) == len(repos)
    for folder in folders:
        parts = PurePosixPath(folder).parts
        assert not folder.startswith("/")
        assert ".." not in parts
        inside = [other for other in folders if fold(other).startswith(f"{fold(folder)}/")]
        assert not inside


PATTERN = pieces("*", "**", "/", "!", ":", "@", "acme", "app", "work", "..", ".", "[", "\\")


@fuzz(PATTERN, PATHS)
def test_a_pattern_is_read_or_refused_and_ends(text: str, path: RepoPath) -> None:
    with suppress(InvalidInput):
        pattern = Pattern.parse(text)
        pattern.matches(Subject.of(path, source="work", kind="github"))


@fuzz(
    pieces(
        "archived", "fork", "!", "=", "<", ">", "<=", "!=", "size", "pushed", "pushed-since", "90d",
        "2026-01-31", "topic", "language", "visibility", "private", ",", "k", "t", " ", "0001-01-01",
    ),
    st.none() | st.just(RemoteRepo(RepoKey("g", "1"), "work", RepoPath("a", "b"), URL)),
)  # fmt: skip
def test_a_condition_is_read_or_refused_and_reads_as_it_is_written(
    text: str, repo: RemoteRepo | None
) -> None:
    with suppress(InvalidInput):
        condition = parse_condition(text)
        assert parse_condition(str(condition)) == condition
        condition.test(Subject.of(RepoPath("a", "b"), repo=repo), None)


TOML = pieces(
    "version = 1\n", "[defaults]\n", "[serve]\n", "[sources.work]\n", "[selections.a]\n", "[audit]\n",
    "[network]\n", "root", "concurrency", "forge", "url", "interval", "listen", " = ", '"', "\n",
    '"github"', '"https://git.test"', "owners", "[", "]", ",", "1979-05-27", "0x", "inf", "nan",
    "max_size", "depth", "true", "'''", "\\u0000", '"12h"', "filter", "{", "}", ".",
)  # fmt: skip


@fuzz(TOML | st.binary(max_size=40).map(lambda raw: raw.decode("latin-1")))
def test_a_configuration_is_settled_or_refused(text: str) -> None:
    with suppress(ConfigurationError):
        document = parse_document(text.encode("utf-8", "surrogatepass"), FILE)
        settle(document, HOME, find_paths(HOME), {})


KEYS = [key for key in keys.GLOBAL_KEYS if key.env]


@fuzz(
    st.sampled_from(KEYS),
    DIGITS
    | pieces(
        "d", "h", "m", "s", "k", "/", ":", "127.0.0.1", "[::1]", "%", "~", "never", "all", " "
    ),
)
def test_a_variable_is_read_or_refused(key: keys.Key[object], value: str) -> None:
    environment = Environment({"HOME": "/home/mona", key.env: value})
    document = parse_document(b"version = 1", FILE)
    with suppress(ConfigurationError):
        read = Resolver(document, environment, {}).find(key)
        if value:
            again = Environment({"HOME": "/home/mona", key.env: key.write(read)})
            assert Resolver(document, again, {}).find(key) == read


@fuzz(
    byte_pieces(
        b"repos:\n", b"  ", b"- ", b": ", b"a", b"&a ", b"*a", b"!!python/object:os.system ", b"{", b"}",
        b"[", b"]", b"\n", b'"', b"\\U", b"FFFFFFFF", b"%YAML 1.", b"9" * 5000, b"? ", b"|\n", b"---\n",
        b"!<tag:", b"%TAG ", b"\xef\xbb\xbf", b"\t", b"#", b"<<: ",
    )
)  # fmt: skip
def test_the_old_configuration_is_read_or_refused(raw: bytes) -> None:
    with suppress(InvalidInput):
        parse_old(raw, "old.yaml")


@fuzz(
    pieces(
        "version = 1\n", "repos = [", "]", '"https://git.test/acme/app.git"', ",", "[[repo]]\n", "url",
        "name", " = ", '"acme/app"', "\n", "topics", "default_branch", '"main"', '"ssh://git@h/a/b"',
    )
)  # fmt: skip
def test_a_manifest_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "manifest.toml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with Transport(user_agent="fuzz") as transport:
        context = ForgeContext("work", transport, file=file)
        with suppress(ConfigurationError):
            Manifest(context).list_repos()


ADDRESS = pieces(
    "https://", "http://", "ssh://", "git@", "ext::", "file:", "git.test", "127.0.0.1", "[::1]", ":",
    "/", "acme", "app.git", "..", "%2e%2e", "%00", "%0a", "@", "?", "#", "\\", "-", "a" * 64, ".",
)  # fmt: skip


@fuzz(ADDRESS)
def test_an_address_is_rebuilt_as_it_was_read_or_refused(text: str) -> None:
    with suppress(InvalidInput):
        parse_origin(text)
    with suppress(InvalidInput):
        url = parse_clone_url(text)
        assert parse_clone_url(str(url)) == url
        assert str(url).startswith(("https://", "http://", "ssh://"))
        assert not any(part.startswith("-") or part == ".." for part in url.path.split("/"))
        # The name service is asked for it: encodings of names must not end the program.
        url.origin.host.encode("idna")


@fuzz(ADDRESS, pieces("*", ",", " ", ".git.test", "git.test", ":", "²", "443", "10.0.0.0/8", "["))
def test_a_proxy_is_read_or_refused_and_bypassed_or_not(address: str, bypass: str) -> None:
    origins = [Origin("https", host, 443) for host in ("git.test", "10.1.2.3", "fe80::1")]
    with suppress(ConfigurationError):
        proxy = parse_proxy(address, bypass)
        for origin in origins:
            proxy.for_origin(origin)
        if proxy.https is not None:
            proxy.https.host.encode("idna")
            assert proxy.https.authorization.isascii()


@fuzz(pieces("127.0.0.1", ":", "8080", "[::1]", "http://", "/", "localhost"))
def test_an_address_to_ask_is_split_or_refused(text: str) -> None:
    with suppress(ValueError):
        _, port = split_address(text)
        assert 0 < port < 65536


@fuzz(st.text(alphabet=st.characters(), max_size=60))
def test_shown_text_holds_nothing_that_plays_with_a_terminal(text: str) -> None:
    shown = escape_untrusted(text)
    assert "\x1b" not in shown
    assert "\n" not in shown
    shown.encode()


def test_errors_of_the_edge_are_mgits_own() -> None:
    for error in (InvalidInput("x"), ConfigurationError("x")):
        assert isinstance(error, MgitError)
