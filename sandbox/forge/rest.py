"""What both REST APIs share: routes, pages, tags of a content."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from sandbox.forge.web import Answer, Request

_GIT_PATH = re.compile(r"/([^/]+)/([^/]+?)(?:\.git)?/(info/refs|git-upload-pack|git-receive-pack)")
Headers = tuple[tuple[str, str], ...]


class Api(Protocol):
    """What is special about one kind of forge: its REST API and its clone URLs.

    `PlainApi` has what most of them have in common.
    """

    prefix: str
    """What stands before every REST call, for example `/api/v4`; for `SandboxForge.api_url`."""
    git_protocol: int
    """The newest version of git's protocol that it speaks."""

    def serves(self, path: str) -> bool:
        """Whether a path belongs to the REST API (else it is git's)."""

    def answer(self, request: Request, path: str) -> Answer:
        """Answer an authorised request; `path` is what follows the prefix."""

    def git_place(self, path: str) -> tuple[str, str, str] | None:
        """Owner, name and service of a smart HTTP path, None for any other path."""

    def clone_path(self, owner: str, name: str) -> str:
        """Path of a repository's clone URL, with its leading slash, percent-encoded."""

    def git_unauthorised(self) -> Answer:
        """What git gets without the right token."""

    def unauthorised(self, *, wrong: bool) -> Answer:
        """The 401 for no token, or for a wrong one."""


class PlainApi:
    """REST below one prefix, clone URLs `/owner/name.git`, 401 with a Basic challenge."""

    prefix = ""
    git_protocol = 2

    def serves(self, path: str) -> bool:
        """See `Api`."""
        return path.startswith(f"{self.prefix}/")

    def git_place(self, path: str) -> tuple[str, str, str] | None:
        """See `Api`."""
        found = _GIT_PATH.fullmatch(path)
        return (found[1], found[2], found[3]) if found else None

    def clone_path(self, owner: str, name: str) -> str:
        """See `Api`."""
        return f"/{quote(owner)}/{quote(name)}.git"

    def git_unauthorised(self) -> Answer:
        """See `Api`."""
        challenge = ("WWW-Authenticate", 'Basic realm="sandbox"')
        return Answer(401, b"token required\n", (("Content-Type", "text/plain"), challenge))


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list, and the links to others."""

    items: Sequence[object]
    number: int
    size: int
    total: int

    @property
    def last(self) -> int:
        return max(1, -(-self.total // self.size))


def paginate(
    items: Sequence[object], request: Request, *, size_name: str, default: int, cap: int
) -> Page:
    """Cut a list the way the forges do: a size above the cap is lowered without a word."""
    size = max(1, min(_number(request, size_name, default), cap))
    number = max(1, _number(request, "page", 1))
    start = (number - 1) * size
    return Page(items[start : start + size], number, size, len(items))


def link_header(url: str, request: Request, page: Page) -> Headers:
    """RFC 8288 `Link` with next, last, first, prev; none where there is a single page."""
    if page.last == 1:
        return ()
    targets = [("prev", page.number - 1), ("next", page.number + 1)]
    links = [(rel, number) for rel, number in targets if 1 <= number <= page.last]
    links += [("last", page.last)] if page.number < page.last else []
    links += [("first", 1)] if page.number > 1 else []
    kept = [(key, value) for key, value in parse_qsl(request.query_string) if key != "page"]
    shown = [f'<{url}?{urlencode([*kept, ("page", n)])}>; rel="{rel}"' for rel, n in links]
    return (("Link", ", ".join(shown)),)


def json_answer(value: object, *, status: int = 200, headers: Headers = ()) -> Answer:
    """A JSON answer with an `ETag` of its content."""
    body = msgspec.json.encode(value)
    tag = hashlib.sha256(body + repr(headers).encode()).hexdigest()
    fields = [("Content-Type", "application/json; charset=utf-8"), *headers]
    if status == 200:
        fields.append(("ETag", f'W/"{tag}"'))
    return Answer(status, body, tuple(fields))


def conditional(request: Request, answer: Answer) -> Answer:
    """304 where the client has this very content already (RFC 9110, section 13.1.2)."""
    tag = dict(answer.headers).get("ETag", "")
    known = request.headers.get("If-None-Match", "")
    if not tag or tag not in [item.strip() for item in known.split(",")]:
        return answer
    return Answer(304, b"", (("ETag", tag),))


def split_path(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _number(request: Request, name: str, default: int) -> int:
    text = request.query(name)
    return int(text) if text.isascii() and text.isdigit() else default
