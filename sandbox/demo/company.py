"""The company: who keeps what where. Its forges run in this process, on loopback."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.forge import Flavour, SandboxForge


@dataclass(frozen=True, slots=True)
class Estate:
    """What one forge holds.

    Args:
        flavour: which forge it is.
        owners: what mgit is told to list.
        repos: `owner/name`, perhaps with ` language` and ` archived` behind it.
        user: account that goes with the token, where the forge wants one.
    """

    flavour: Flavour
    owners: tuple[str, ...]
    repos: tuple[str, ...]
    user: str = ""


ESTATES = (
    Estate(
        "github",
        ("acme",),
        (
            "acme/web-shop typescript",
            "acme/billing go",
            "acme/catalogue go",
            "acme/checkout go",
            "acme/search rust",
            "acme/recommendations python",
            "acme/design-system typescript",
            "acme/mobile-app kotlin",
            "acme/push-gateway go",
            "acme/feature-flags go",
            "acme/handbook",
            "acme/status-page typescript",
            "acme/load-tests python",
            "acme/old-shop php archived",
            "acme/old-search java archived",
            "acme/hackathon-2023 python archived",
        ),
    ),
    Estate(
        "gitlab",
        ("platform",),
        (
            "platform/terraform hcl",
            "platform/kubernetes/clusters yaml",
            "platform/kubernetes/charts yaml",
            "platform/kubernetes/operators go",
            "platform/observability/dashboards json",
            "platform/observability/alerts yaml",
            "platform/observability/agent rust",
            "platform/ci-templates yaml",
            "platform/base-images shell",
            "platform/secrets-broker go",
            "platform/runbooks",
            "platform/cost-report python",
        ),
    ),
    Estate(
        "azuredevops",
        ("Finance", "Warehouse"),
        (
            "Finance/ledger csharp",
            "Finance/invoices csharp",
            "Finance/tax rules csharp",
            "Finance/reporting sql",
            "Warehouse/stock csharp",
            "Warehouse/picking csharp",
            "Warehouse/labels csharp",
            "Warehouse/forecast python",
            "Warehouse/scanner firmware c",
        ),
    ),
    Estate(
        "bitbucket",
        ("studio",),
        (
            "studio/brand-site typescript",
            "studio/photo-pipeline python",
            "studio/video-tools rust",
            "studio/fonts",
            "studio/newsletter typescript",
            "studio/campaigns typescript",
            "studio/press-kit",
            "studio/translations",
        ),
        user="mona@example.com",
    ),
    Estate(
        "gitea",
        ("lab",),
        (
            "lab/sensor-hub c",
            "lab/bench-rig python",
            "lab/calibration python",
            "lab/notebooks python",
            "lab/datasheets",
            "lab/pcb",
            "lab/simulator rust",
            "lab/field-notes",
        ),
    ),
    Estate(
        "forgejo",
        ("community",),
        (
            "community/sdk-python python",
            "community/sdk-go go",
            "community/sdk-rust rust",
            "community/examples",
            "community/website typescript",
            "community/awesome-acme",
            "community/plugins python",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Place:
    """One running forge."""

    estate: Estate
    forge: SandboxForge
    token_file: Path

    @property
    def url(self) -> str:
        """What a person writes down: Azure DevOps is one organization of many at its address."""
        return self.forge.api_url if self.estate.flavour == "azuredevops" else self.forge.url


@dataclass(frozen=True, slots=True)
class Company:
    """All forges, by their flavour's name."""

    places: dict[str, Place]

    def __getitem__(self, flavour: str) -> SandboxForge:
        return self.places[flavour].forge

    @property
    def size(self) -> int:
        """How many repositories there are."""
        return sum(len(place.forge.store.all()) for place in self.places.values())


@contextmanager
def open_company(folder: Path, share: float = 1.0) -> Iterator[Company]:
    """Found the company and keep its forges running for as long as the block lasts.

    Args:
        folder: for the forges' repositories; the tokens go into the `home` in it.
        share: of the repositories to make; a tenth will do for a test.
    """
    with ExitStack() as stack, ThreadPoolExecutor(len(ESTATES)) as threads:
        places = threads.map(lambda estate: _open(folder, estate, share), ESTATES)
        made: dict[str, Place] = {place.estate.flavour: place for place in places}
        for place in made.values():
            stack.enter_context(place.forge)
        yield Company(made)


def _open(folder: Path, estate: Estate, share: float) -> Place:
    token = secrets.token_urlsafe(24)
    token_file = folder / "home" / "tokens" / estate.flavour
    token_file.parent.mkdir(parents=True, exist_ok=True)
    token_file.touch(mode=0o600)
    token_file.write_text(f"{token}\n", encoding="utf-8")
    forge = SandboxForge(folder / "forges" / estate.flavour, estate.flavour, token=token)
    for owner in estate.owners:
        forge.add_owner(owner)
    for line in estate.repos[: max(3, round(len(estate.repos) * share))]:
        path, language, archived = _parts(line)
        owner, _, name = path.rpartition("/")
        forge.add_repo(owner, name, commits=3, private=True, language=language, archived=archived)
    return Place(estate, forge, token_file)


def _parts(line: str) -> tuple[str, str | None, bool]:
    """Path, language and whether it is archived. A name may hold a space."""
    archived = line.endswith(" archived")
    path, _, language = line.removesuffix(" archived").rpartition(" ")
    return (path, language, archived) if path else (language, None, archived)
