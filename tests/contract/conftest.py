"""One forge of each kind, run by the sandbox, and mgit's client for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mgit.credentials import Credential, Secret
from mgit.forges import CachedResponse, Forge, ForgeContext, Pacing, api_base, open_forge
from mgit.transport import Transport
from sandbox.forge import SandboxForge

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
        api = api_base(self.kind, self.forge.url)
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
    def base(self) -> str:
        """Path of the API."""
        return self.forge.api_url.removeprefix(self.forge.url)

    def statuses(self) -> list[int]:
        return [request.status for request in self.forge.requests]


@pytest.fixture(params=["github", "gitea", "forgejo"])
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
