"""The pages about forges are true: the example works, and each snippet is a configuration."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType
from urllib.parse import parse_qs, urlsplit

import pytest

from mgit.address import parse_origin
from mgit.config import Environment, load_settings
from mgit.credentials import Credential, Secret
from mgit.errors import AuthenticationError, NotFound
from mgit.forges import FORGES, ApiBase, Forge, ForgeContext, ForgeKind, open_forge
from mgit.transport import Transport

PAGES = Path(__file__).parents[2] / "docs" / "providers"
TOKEN = "canary-0d41aa"
Books = list[dict[str, object]]


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page."""
    text = (PAGES / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


class TestSnippets:
    def snippets(self) -> list[str]:
        return [block for block in blocks("README.md", "toml") if "[sources." in block]

    def test_each_is_a_configuration_that_mgit_accepts(self, tmp_path):
        for snippet in self.snippets():
            file = tmp_path / "config.toml"
            file.write_text(snippet, encoding="utf-8")
            settings = load_settings(
                environment=Environment({"HOME": str(tmp_path), "MGIT_CONFIG": str(file)})
            )
            (source,) = settings.sources
            assert not settings.warnings
            assert source.forge in FORGES

    def test_every_forge_has_one(self):
        shown = {
            source["forge"]
            for snippet in self.snippets()
            for source in tomllib.loads(snippet)["sources"].values()
        }
        assert shown | {"gitea"} == set(FORGES)  # as Forgejo's

    def test_the_manifest_is_one(self, tmp_path):
        (text,) = [block for block in blocks("README.md", "toml") if "[sources." not in block]
        file = tmp_path / "vendored.toml"
        file.write_text(text, encoding="utf-8")
        listing = open_forge("manifest", ForgeContext("list", Transport(), file=file)).list_repos()
        assert sorted(str(repo.path) for repo in listing.repos) == ["deep/tool", "team/tool"]


class Shop(ThreadingHTTPServer):
    """The forge of the page: what stands on its shelves, two books a page."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.shelves: dict[str, Books] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def add(self, shelf: str, name: str, **more: object) -> None:
        number = sum(map(len, self.shelves.values())) + 1
        book = {"id": number, "shelf": shelf, "name": name}
        book["clone"] = f"{self.url}/{shelf}/{name}.git"
        self.shelves.setdefault(shelf, []).append(book | more)


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert isinstance(self.server, Shop)
        parts = urlsplit(self.path)
        page = int(parse_qs(parts.query).get("page", ["1"])[0])
        match parts.path.split("/")[2:]:
            case _ if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self.tell(401, {})
            case ["me"]:
                self.tell(200, {"login": "mona"})
            case ["shelves"]:
                books = [book for shelf in self.server.shelves.values() for book in shelf]
                self.tell(200, self.page(books, parts.path, page))
            case ["shelves", name] if name in self.server.shelves:
                self.tell(200, self.page(self.server.shelves[name], parts.path, page))
            case _:
                self.tell(404, {})

    def page(self, books: Books, path: str, number: int) -> Mapping[str, object]:
        more = f"{path}?page={number + 1}" if len(books) > number * 2 else None
        return {"books": books[(number - 1) * 2 : number * 2], "more": more}

    def tell(self, status: int, value: Mapping[str, object]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Silent."""


@pytest.fixture
def shop():
    server = Shop()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def open_shelf(shop, monkeypatch):
    """Opens the forge of the page, through a table with the line of the page."""
    code, line = blocks("adding-one.md", "python")
    module = ModuleType("mgit.forges.shelf")
    monkeypatch.setitem(sys.modules, "mgit.forges.shelf", module)
    exec(compile(code, "adding-one.md", "exec"), module.__dict__)
    table = {**FORGES, **eval(f"{{{line}}}", {"ForgeKind": ForgeKind})}
    kind = table["shelf"]
    assert set(table) - set(FORGES) == {"shelf"}
    with Transport(timeout=20.0) as transport:

        def client(*owners: str, token: str = TOKEN) -> Forge:
            origin = parse_origin(shop.url)
            credential = Credential(origin, kind.module, Secret(token), "a test")
            api = ApiBase(origin, kind.api_path)
            return kind.open(ForgeContext("work", transport, api, owners, credential))

        yield client


Client = Callable[..., Forge]


class TestTheExample:
    def test_it_lists_all_pages_of_an_owner(self, shop, open_shelf: Client):
        for name in ("a", "b", "c", "d", "e"):
            shop.add("acme", name)
        listing = open_shelf("acme").list_repos()
        assert listing.complete
        assert [str(repo.path) for repo in listing.repos] == [f"acme/{name}" for name in "abcde"]

    def test_it_lists_all_that_the_token_sees(self, shop, open_shelf: Client):
        shop.add("acme", "a", branch="trunk")
        shop.add("mona", "b", away=True)
        first, second = open_shelf().list_repos().repos
        assert (first.default_branch, first.unavailable) == ("trunk", None)
        assert second.unavailable == "it is lent out"

    def test_what_is_hostile_is_left_out_and_told(self, shop, open_shelf: Client):
        shop.add("acme", "good")
        shop.add("acme", "..")
        shop.add("acme", "elsewhere", clone="https://evil.example/acme/x.git")
        shop.add("acme", "option", branch="--upload-pack=x")
        listing = open_shelf("acme").list_repos()
        assert [str(repo.path) for repo in listing.repos] == ["acme/good"]
        assert not listing.complete
        assert "left out elsewhere" in listing.problem

    def test_it_says_whose_token_it_is(self, shop, open_shelf: Client):
        assert open_shelf().whoami().login == "mona"
        with pytest.raises(AuthenticationError):
            open_shelf(token="wrong").whoami()

    def test_an_owner_that_is_not_there_is_told(self, shop, open_shelf: Client):
        with pytest.raises(NotFound, match="'nobody'"):
            open_shelf("nobody").list_repos()


def test_the_pages_lead_to_files_that_are_there():
    for page in PAGES.glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
    text = (PAGES / "adding-one.md").read_text(encoding="utf-8")
    for name in re.findall(r"`((?:mgit|sandbox|tests)/[\w/.]+)`", text):
        exists = (PAGES.parents[1] / name).exists()
        assert exists or name == "mgit/forges/shelf.py", name
