"""What comes from outside is hostile until it is checked: one class of input after the other.

The functions are the product's own, from the edge (names, URLs, pages) to the disk and the log.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgit.address import CloneUrl, Origin, parse_clone_url, parse_origin
from mgit.config.environ import Environment
from mgit.config.load import load_settings
from mgit.errors import ConfigurationError, ForgeError, InvalidInput
from mgit.forges import ApiBase, ForgeContext, Pacing, api, open_forge
from mgit.forges.checks import checked_branch, checked_path, checked_url
from mgit.model import Listing, RemoteRepo, RepoKey, RepoPath
from mgit.plan.layout import Layout, assign_folders, wanted_folder
from mgit.plan.names import decode_segment, encode_segment
from mgit.plan.select import fold
from mgit.telemetry import AuditTrail
from mgit.telemetry.audited import audit_observer
from mgit.telemetry.events import Listed
from mgit.text import escape_untrusted
from mgit.transport import Transport
from sandbox.serving import Handler, Server, bound, running

HERE = Origin("https", "git.test", 443)
URL = CloneUrl(HERE, "acme/app")
CLIMBING = ["..", ".", "/abs", "a/../../b", "a\x00b", ""]
ANYTHING = st.text(min_size=1, max_size=300)


def remote(number: int, path: RepoPath) -> RemoteRepo:
    return RemoteRepo(RepoKey("git.test", str(number)), "work", path, URL)


def folders(*paths: RepoPath) -> list[str]:
    repos = [remote(number, path) for number, path in enumerate(paths)]
    assigned = assign_folders(repos, [], Layout.OWNER)
    return [assigned[repo.key] for repo in repos]


# ── names that climb ──────────────────────────────────────────────────────────────────────────


@pytest.mark.fault("`..`, `.`, `/abs`, `a/../../b`, NUL, nothing")
@pytest.mark.parametrize("name", CLIMBING)
def test_a_name_that_climbs_is_rejected_at_the_edge(name: str) -> None:
    for owner, repo in ((name, "app"), ("acme", name)):
        with pytest.raises(InvalidInput) as caught:
            checked_path(owner, repo)
        assert caught.value.message.isprintable()


@pytest.mark.parametrize("path", ["", "/", "..", "a/../../b", "a/%2e%2e/b", "a/%00/b", "a//b"])
def test_a_url_that_climbs_is_rejected(path: str) -> None:
    with pytest.raises(InvalidInput):
        parse_clone_url(f"https://git.test/{path}")


@pytest.mark.fault("`..`, `.`, `/abs`, `a/../../b`, NUL, nothing")
def test_what_was_rejected_stands_in_the_audit_trail(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    observer = audit_observer(AuditTrail(file, clean=escape_untrusted), pytest.fail)
    problem = "left out acme/..: the name '..' cannot be used"
    kept = remote(1, RepoPath("acme", "app"))
    listing = Listing("work", (kept,), complete=False, problem=problem, malformed=1)
    observer(Listed("run", listing, 0.1))
    (record,) = [json.loads(line) for line in file.read_text().splitlines()]
    assert record["event"] == {"action": "input-refused", "outcome": "failure"}
    assert problem in json.dumps(record)


@given(st.lists(ANYTHING, min_size=2, max_size=4), st.sampled_from(Layout))
def test_should_one_get_through_the_folder_is_inside_the_root_all_the_same(
    parts: list[str], layout: Layout
) -> None:
    owner, *project, name = parts
    repo = remote(1, RepoPath(owner, name, "/".join(project) or None))
    folder = PurePosixPath(wanted_folder(repo, layout))
    assert not folder.is_absolute()
    assert ".." not in folder.parts
    root = Path("/srv/root")
    assert Path(root / folder).resolve().is_relative_to(root)
    assert folder.parts[0].casefold() != ".mgit"


# ── the encoder of folder names ───────────────────────────────────────────────────────────────


@given(ANYTHING)
def test_an_encoded_name_comes_back_or_was_too_long(name: str) -> None:
    segment = encode_segment(name)
    back = decode_segment(segment)
    assert back == name or (back is None and segment[-13] == "~")


@given(ANYTHING, ANYTHING)
def test_two_names_are_two_folders_also_where_case_and_composition_do_not_count(
    one: str, other: str
) -> None:
    """macOS and Windows: what looks like one folder there is told apart by the stable id."""
    mine, yours = folders(RepoPath("acme", one), RepoPath("acme", other))
    assert mine != yours
    assert fold(mine) != fold(yours)


@pytest.mark.fault("a leading `-`")
@pytest.mark.parametrize("name", ["-rf", "--upload-pack=id", "-"])
def test_a_leading_dash_is_no_option(name: str) -> None:
    assert encode_segment(name).startswith("%2D")
    with pytest.raises(InvalidInput):
        parse_clone_url(f"https://git.test/acme/{name}")
    with pytest.raises(InvalidInput):
        checked_branch(name)


@pytest.mark.fault("control, C1, bidi, ANSI, newline")
@pytest.mark.parametrize(
    "name",
    [
        "a\x1b[31mred",  # ANSI
        "a\x9b31mred",  # C1: CSI as one character
        "a\x1b]0;title\x07",  # OSC
        "gpj.\u202eexe",  # bidi override
        "zero\u200bwidth",
        "new\nline",
        "tab\tbed",
        "del\x7f",
        "line\u2028separator",
        "\udcff",  # a byte that is no UTF-8
    ],
)
def test_control_and_hidden_characters_are_encoded_on_disk_and_shown_in_logs(name: str) -> None:
    segment = encode_segment(name)
    shown = escape_untrusted(name)
    for text in (segment, shown):
        assert text.isprintable()
        text.encode()
    assert decode_segment(segment) == name
    assert "\\" in shown


@pytest.mark.fault("twins by case or composition, `CON`, a dot or space at the end")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("App", "app"),
        ("caf\u00e9", "cafe\u0301"),
        ("stra\u00dfe", "STRASSE"),
        ("\u212bngstr", "\u00e5ngstr"),
    ],
)
def test_twins_get_their_stable_id(one: str, other: str) -> None:
    mine, yours = folders(RepoPath("acme", one), RepoPath("acme", other))
    assert (mine[-2:], yours[-2:]) == ("~0", "~1")


@pytest.mark.fault("twins by case or composition, `CON`, a dot or space at the end")
@pytest.mark.parametrize(
    "name",
    [
        "CON",
        "con.txt",
        "nul",
        "COM1",
        "LPT\u00b9.log",
        "aux.",
        "dot.",
        "space ",
        "nul .txt",
        "CONIN$",
        "conout$",
    ],
)
def test_what_windows_reserves_is_encoded(name: str) -> None:
    segment = encode_segment(name)
    assert "%" in segment
    assert not segment.endswith((".", " "))
    assert decode_segment(segment) == name


@pytest.mark.fault("more than 255 bytes")
@pytest.mark.parametrize("name", ["x" * 256, "\u00fc" * 200, "%" * 255, "\U0001f600" * 100])
def test_names_of_more_than_255_bytes_are_cut_and_told_apart(name: str) -> None:
    segment, other = encode_segment(name), encode_segment(f"{name}2")
    assert len(segment.encode()) <= 255
    assert segment != other
    assert segment[-13] == other[-13] == "~"


@pytest.mark.fault("spaces, `%`, `#`, `?`")
@given(st.text(st.sampled_from("ab %#?&+;~"), min_size=1).filter(lambda t: t.strip() == t))
def test_spaces_and_signs_are_percent_encoded_in_urls(name: str) -> None:
    url = CloneUrl(HERE, f"acme/{name}")
    text = str(url)
    assert not set(" #?") & set(text)
    assert parse_clone_url(text) == url


@pytest.mark.fault("a group that is named like a repository")
def test_a_group_that_is_named_like_a_repository_stands_beside_it() -> None:
    repo, inner = folders(RepoPath("acme", "shop"), RepoPath("acme", "api", "shop"))
    assert repo == "acme/shop~0"
    assert inner == "acme/shop/api"


# ── addresses ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.fault("another host, userinfo, `https:/`, `ext::`, `file:`")
@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/acme/app",  # another host
        "https://git.test:8443/acme/app",  # another port
        "ssh://git@git.test/acme/app",  # another scheme
        "https://git.test@evil.test/acme/app",  # looks right, is not
        "https://git.test:pass@evil.test/acme/app",
        "https:/git.test/acme/app",  # ssh to a host named "https"
        "https:git.test/acme/app",
        "https:///acme/app",
        "ext::sh -c id",
        "file:///etc/passwd",
        "file://git.test/acme/app",
        "git://git.test/acme/app",
        "fd::3",
        "/etc/passwd",
        "C:\\Users\\x",
        "git@git.test:acme/app",
        "--upload-pack=id",
        "https://g\u0456t.test/acme/app",  # a Cyrillic i
        "https://git.test\u3002evil.test/acme/app",  # a full stop that browsers take for a dot
        "https://git.test/acme/app#x",
        "https://git.test/acme/app?token=x",
    ],
)
def test_an_address_that_leads_elsewhere_is_rejected(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        checked_url(url, HERE)
    assert caught.value.message.isascii()
    assert "pass" not in caught.value.message.replace("password", "").replace("passwd", "")


@pytest.mark.fault("another host, userinfo, `https:/`, `ext::`, `file:`")
@pytest.mark.parametrize(
    "url", ["https://u:p4ss@git.test", "http://git.test", "https:/git.test", "ftp://git.test", ""]
)
def test_so_is_such_a_source(tmp_path: Path, url: str) -> None:
    with pytest.raises(InvalidInput):
        parse_origin(url)
    file = tmp_path / "config.toml"
    file.write_text(f"version = 1\n[sources.work]\nforge = 'gitea'\nurl = '{url}'\n")
    environment = Environment({"HOME": str(tmp_path), "MGIT_CONFIG": str(file)})
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environment=environment)
    assert "p4ss" not in str(caught.value) + caught.value.advice


# ── answers ───────────────────────────────────────────────────────────────────────────────────

Answer = Callable[[Handler], None]


@pytest.fixture
def list_from() -> Iterator[Callable[[Answer], Listing]]:
    """Let a forge that answers so be listed."""
    with Transport(timeout=10.0) as transport:

        def ask(answer: Answer) -> Listing:
            with running(Server(("127.0.0.1", 0), bound(Handler, answer))) as server:
                base = ApiBase(parse_origin(server.url), "/api/v1")
                pacing = Pacing(attempts=1)
                context = ForgeContext("work", transport, base, ("acme",), pacing=pacing)
                return open_forge("gitea", context).list_repos()

        yield ask


@pytest.mark.fault("a huge page, pages without end or in a circle, deep JSON")
def test_a_huge_page_is_not_read_to_its_end(list_from: Callable[[Answer], Listing]) -> None:
    bomb = gzip.compress(b"[" + b" " * (40 * 1024 * 1024), 9)

    def answer(handler: Handler) -> None:
        handler.send(200, bomb, "application/json", {"Content-Encoding": "gzip"})

    with pytest.raises(ForgeError, match="more than"):
        list_from(answer)


@pytest.mark.fault("a huge page, pages without end or in a circle, deep JSON")
def test_pages_without_end_end(
    list_from: Callable[[Answer], Listing], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "_MAX_PAGES", 25)  # 2000 would be the same, and take longer
    asked: list[str] = []

    def answer(handler: Handler) -> None:
        asked.append(handler.path)
        following = f"{handler.path.split('?')[0]}?page={len(asked)}"
        handler.answer(200, [], {"Link": f'<{following}>; rel="next"'})

    listing = list_from(answer)
    assert len(asked) == 25
    assert not listing.complete
    assert "pages without end" in (listing.problem or "")


@pytest.mark.fault("a huge page, pages without end or in a circle, deep JSON")
def test_pages_in_a_circle_end_at_once(list_from: Callable[[Answer], Listing]) -> None:
    asked: list[str] = []

    def answer(handler: Handler) -> None:
        asked.append(handler.path)
        handler.answer(200, [], {"Link": f'<{handler.path}>; rel="next"'})

    assert not list_from(answer).complete
    assert len(asked) == 1


@pytest.mark.fault("a huge page, pages without end or in a circle, deep JSON")
@pytest.mark.parametrize(
    "body", [b"[" * 200_000, b'[{"a":' * 100_000, b'[{"owner":' + b"[" * 99_999]
)
def test_json_of_a_great_depth_is_told_not_followed(
    list_from: Callable[[Answer], Listing], body: bytes
) -> None:
    with pytest.raises(ForgeError) as caught:
        list_from(lambda handler: handler.send(200, body, "application/json"))
    assert len(caught.value.message) < 500


@given(st.binary(max_size=200))
def test_any_bytes_in_a_name_are_shown_on_one_line(raw: bytes) -> None:
    shown = escape_untrusted(raw.decode("utf-8", "surrogateescape"), limit=80)
    assert shown.isprintable()
    assert len(shown) <= 80
