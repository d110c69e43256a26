"""Releases of a forge on loopback, in the shape of GitHub's REST API (version 2022-11-28).

Create a draft, upload assets, list, get, publish by PATCH, delete while it is a draft.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from sandbox.release_store import Record, Refused, Store
from sandbox.serving import LOOPBACK, Handler, Server, bound, read_secret, running, serve_until_told

BINARY = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Releases:
    """A running service.

    Args:
        url: the API's base.
        requests: `METHOD PATH STATUS` of every request, in order.
    """

    url: str
    requests: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, taken apart.

    Args:
        store: what it is about.
        base: the API's base URL, for the links in answers.
        repo: `owner/name`.
        argument: id or tag in the path, empty for none.
        query: the query string's fields.
        body: the request's body.
        headers: the request's headers.
    """

    store: Store
    base: str
    repo: str
    argument: str
    query: Mapping[str, str]
    body: bytes
    headers: Mapping[str, str]

    @property
    def id(self) -> int:
        return int(self.argument)

    def json(self) -> Record:
        """The body as an object."""
        try:
            value = json.loads(self.body)
        except ValueError:
            raise Refused(400, "Problems parsing JSON") from None
        if not isinstance(value, dict):
            raise Refused(422, "Invalid request")
        return value

    def release(self, record: Record) -> Record:
        """A release as the API shows it."""
        base = f"{self.base}/repos/{self.repo}/releases"
        return {
            **record,
            "url": f"{base}/{record['id']}",
            "assets_url": f"{base}/{record['id']}/assets",
            "upload_url": f"{base}/{record['id']}/assets{{?name,label}}",
            "html_url": f"{self.base}/{self.repo}/releases/tag/{record['tag_name']}",
            "immutable": not record["draft"],
            "assets": [self.asset(asset) for asset in record["assets"]],
        }

    def asset(self, record: Record) -> Record:
        """An asset as the API shows it."""
        return {**record, "url": f"{self.base}/repos/{self.repo}/releases/assets/{record['id']}"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a value for JSON, or bytes as they are."""

    status: int
    value: object
    headers: Mapping[str, str] = field(default_factory=dict)


def list_releases(call: Call) -> Answer:
    """A page of releases, the next one by `Link`."""
    size = min(int(call.query.get("per_page", "30")), 100)
    page = max(int(call.query.get("page", "1")), 1)
    everything = call.store.list(call.repo)
    chosen = everything[(page - 1) * size : page * size]
    headers = {}
    if page * size < len(everything):
        following = f"{call.base}/repos/{call.repo}/releases?per_page={size}&page={page + 1}"
        headers["Link"] = f'<{following}>; rel="next"'
    return Answer(200, [call.release(record) for record in chosen], headers)


def create(call: Call) -> Answer:
    """A new release."""
    return Answer(201, call.release(call.store.create(call.repo, call.json())))


def get(call: Call) -> Answer:
    """One release by id."""
    return Answer(200, call.release(call.store.get(call.repo, call.id)))


def get_by_tag(call: Call) -> Answer:
    """The published release of a tag."""
    return Answer(200, call.release(call.store.by_tag(call.repo, call.argument)))


def get_latest(call: Call) -> Answer:
    """The newest published release."""
    return Answer(200, call.release(call.store.latest(call.repo)))


def change(call: Call) -> Answer:
    """Another text, or published."""
    return Answer(200, call.release(call.store.change(call.repo, call.id, call.json())))


def delete(call: Call) -> Answer:
    """A draft goes away."""
    call.store.delete(call.repo, call.id)
    return Answer(204, b"")


def upload(call: Call) -> Answer:
    """A new asset of a draft."""
    name, kind = call.query.get("name", ""), call.headers.get("Content-Type", BINARY)
    return Answer(201, call.asset(call.store.upload(call.repo, call.id, name, call.body, kind)))


def get_asset(call: Call) -> Answer:
    """An asset: its description, or its bytes where the request accepts only them."""
    record = call.store.asset(call.repo, call.id)[1]
    if call.headers.get("Accept") == BINARY:
        return Answer(200, call.store.content(record["id"]))
    return Answer(200, call.asset(record))


def delete_asset(call: Call) -> Answer:
    """An asset of a draft goes away."""
    call.store.delete_asset(call.repo, call.id)
    return Answer(204, b"")


_RELEASES = r"/repos/([\w.-]+/[\w.-]+)/releases"
ROUTES: tuple[tuple[str, str, Callable[[Call], Answer]], ...] = (
    ("GET", "()", list_releases),
    ("POST", "()", create),
    ("GET", "/latest()", get_latest),
    ("GET", r"/tags/([^/]+)", get_by_tag),
    ("GET", r"/assets/(\d+)", get_asset),
    ("DELETE", r"/assets/(\d+)", delete_asset),
    ("POST", r"/(\d+)/assets", upload),
    ("GET", r"/(\d+)", get),
    ("PATCH", r"/(\d+)", change),
    ("DELETE", r"/(\d+)", delete),
)


class _Handler(Handler):
    store: Store
    token: str
    log: list[str]

    def serve(self) -> None:
        """Answer one request."""
        path = urlsplit(self.path).path
        body = b"" if self.command in ("GET", "DELETE") else self.body()
        if body is None:
            return
        try:
            answer = self._route(path, body)
        except Refused as error:
            answer = Answer(error.status, error.as_json())
        self.log.append(f"{self.command} {path} {answer.status}")
        if isinstance(answer.value, bytes):
            self.send(answer.status, answer.value, BINARY, answer.headers)
        else:
            self.answer(answer.status, answer.value, answer.headers)

    def _route(self, path: str, body: bytes) -> Answer:
        if not self.bearer(self.token):
            raise Refused(401, "Bad credentials")
        for method, pattern, function in ROUTES:
            match = re.fullmatch(_RELEASES + pattern, path)
            if match and method == self.command:
                base = f"http://{self.headers.get('Host', LOOPBACK)}"
                query = dict(parse_qsl(urlsplit(self.path).query))
                headers = dict(self.headers.items())
                repo, argument = match.groups()
                call = Call(self.store, base, repo, argument, query, body, headers)
                return function(call)
        raise Refused(404, "Not Found")


@contextmanager
def open_releases(root: Path, *, token: str, port: int = 0) -> Iterator[Releases]:
    """Serve releases kept in a folder; every request needs the token.

    Args:
        root: folder of the state.
        token: what `Authorization: Bearer` must carry.
        port: 0 takes a free one.
    """
    log: list[str] = []
    handler = bound(_Handler, _Handler.serve, store=Store(root), token=token, log=log)
    server = Server((LOOPBACK, port), handler)
    with running(server):
        yield Releases(server.url, log)


def main() -> int:
    """`python -m sandbox.releases --root DIR --token-file FILE [--port N]`."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.releases", description=main.__doc__)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--token-file", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args()
    token = read_secret(given.token_file)
    return serve_until_told(open_releases(given.root, token=token, port=given.port))


if __name__ == "__main__":
    sys.exit(main())
