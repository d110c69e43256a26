"""The listing of the benchmark's forge, in the words of GitHub Enterprise, page by page."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import cast

from bench.server import Page
from sandbox.forge import shapes_github as shapes
from sandbox.forge.store import RepoStore, SandboxRepo

_ORDER = "sort=created&direction=desc&per_page=100"
_PER_PAGE = 100
_CREATED = datetime(2024, 1, 1, tzinfo=UTC)


def repo_name(number: int) -> str:
    return f"r{number:05d}"


def repo_id(owner: str, number: int) -> int:
    """A stable id; owners never share one."""
    return int(hashlib.sha256(owner.encode()).hexdigest()[:6], 16) * 100_000 + number


def pages(url: str, owner: str, count: int) -> Iterator[tuple[str, Page]]:
    """Request targets and what they answer, newest repository first.

    Args:
        url: of the forge.
        owner: the organisation.
        count: how many repositories it has.
    """
    target = f"/api/v3/orgs/{owner}/repos?type=all&{_ORDER}"
    numbers = list(range(count))[::-1]
    chunks = [numbers[at : at + _PER_PAGE] for at in range(0, count, _PER_PAGE)]
    for index, chunk in enumerate(chunks, start=1):
        body = json.dumps([_entry(url, owner, number) for number in chunk]).encode()
        etag = f'W/"{hashlib.sha256(body).hexdigest()}"'
        here = target if index == 1 else f"{target}&page={index}"
        more = index < len(chunks)
        link = f'<{url}{target}&page={index + 1}>; rel="next"' if more else ""
        yield here, Page(body, etag, link)


def _entry(url: str, owner: str, number: int) -> shapes.Json:
    repo = SandboxRepo(
        id=repo_id(owner, number),
        owner_id=1,
        owner=owner,
        name=repo_name(number),
        default_branch="main",
        created_at=_CREATED,
        pushed_at=_CREATED,
        private=True,
    )
    store = cast("RepoStore", _Sizes())
    return shapes.repository(f"{url}/api/v3", url, store, repo, person=False)


class _Sizes:
    """As much of a store as the shape asks for."""

    def size_kib(self, repo: SandboxRepo) -> int:
        return 100 + repo.id % 900
