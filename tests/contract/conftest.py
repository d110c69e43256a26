"""One forge of each kind, run by the sandbox, and mgit's client for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pytest

from mgit.credentials import Credential, Secret
from mgit.forges import CachedResponse, Forge, ForgeContext, Pacing, api_base, open_forge
from mgit.model import Listing
from mgit.transport import Transport
from sandbox.forge import SandboxForge, SandboxRepo
from tests.contract.dialects import DIALECTS, Dialect

DATA = Path(__file__).parents[1] / "data" / "forge-apis"
TOKEN = "canary-5f2d9c"


class Memory(dict[str, CachedResponse]):
    """A response cache."""

    def put(self, url: str, response: CachedResponse) -> None:
        self[url] = response


@dataclass
class Naps:
    """Takes the place of sleeping."""

    taken: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.taken.append(seconds)


@dataclass
class Bench:
    """A sandbox forge, and what mgit needs to speak to it."""

    kind: str
    forge: SandboxForge
    transport: Transport
    cache: Memory = field(default_factory=Memory)
    naps: Naps = field(default_factory=Naps)

    def client(self, *owners: str, token: str | None = TOKEN, **pacing: float) -> Forge:
        api = api_base(self.kind, self.dialect.site(self.forge))
        credential = Credential(api.origin, "mona", Secret(token), "a test") if token else None
        return open_forge(
            self.kind,
            ForgeContext(
                source="work",
                transport=self.transport,
                api=api,
                owners=owners,
                credential=credential,
                cache=self.cache,
                pacing=Pacing(sleep=self.naps.sleep, jitter=lambda: 0.5, **pacing),
            ),
        )

    @property
    def dialect(self) -> Dialect:
        """What is special about the kind."""
        return DIALECTS[self.kind]

    def entry(self, **changes: object) -> dict[str, object]:
        """The first repository as the forge's lists show it, with changes."""
        return self.dialect.entry(self.forge, self.forge.store.all()[0]) | changes

    def answer_next(
        self, *entries: object, after: str | None = None, times: int = 1, **head: str
    ) -> None:
        """Answer the next requests with a page of these entries.

        Args:
            entries: as the forge shows them.
            after: the address where the list is said to go on.
            times: how many requests.
            head: more headers, `_` for `-`.
        """
        headers, body = self.dialect.answer(list(entries), after)
        headers = headers | {name.replace("_", "-"): value for name, value in head.items()}
        self.forge.fail_next("*", 200, headers, json.dumps(body).encode(), times=times)

    @property
    def second_page(self) -> str:
        """Pattern of the request for the second page."""
        if self.dialect.second_page is None:
            pytest.skip("this forge's lists have no pages")
        return self.dialect.second_page

    @property
    def last_page(self) -> str:
        """Pattern of the request for the last page of two, or of one."""
        return self.dialect.second_page or "*"

    def identity(self, repo: SandboxRepo) -> str:
        """The id that mgit is to keep of a repository."""
        return self.dialect.identity(repo)

    def listing_of(self, owner: str) -> str:
        """Path where an owner's repositories are listed, percent-encoded."""
        return self.base + self.dialect.listing.format(owner=quote(owner, safe=""))

    def names(self, listing: Listing) -> list[str]:
        """`owner/name` of all that is listed, whatever the forge's url adds before it."""
        return [str(repo.path).removeprefix(self.dialect.prefix) for repo in listing.repos]

    @property
    def base(self) -> str:
        """Path of the API."""
        return self.forge.api_url.removeprefix(self.forge.url)

    def statuses(self) -> list[int]:
        return [request.status for request in self.forge.requests]


@pytest.fixture(params=DIALECTS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def start(kind: str, tmp_path: Path) -> Iterator[Callable[..., SandboxForge]]:
    """Starts more forges of the same kind."""
    forges: list[SandboxForge] = []

    def start_one(**options: int) -> SandboxForge:
        folder = tmp_path / f"forge-{len(forges)}"
        forges.append(SandboxForge(folder, kind, token=TOKEN, **options))
        return forges[-1]

    yield start_one
    for forge in forges:
        forge.close()


@pytest.fixture
def bench(kind: str, start: Callable[..., SandboxForge]) -> Iterator[Bench]:
    """A forge whose pages hold two entries."""
    with Transport(timeout=20.0) as transport:
        yield Bench(kind, start(page_cap=2), transport)


@pytest.fixture
def data() -> Path:
    return DATA
