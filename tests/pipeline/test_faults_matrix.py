"""Some cases of the crash matrix, and the page of the whole; all: `nox -s crash-matrix`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.halves import HALVES
from tests.crash.matrix import Case, cases_of, play_case, rehearse_whole
from tests.crash.page import PAGE, effects_on, named
from tests.crash.world import open_services

# One of each command, each side and each loss; the places where most can go wrong.
CHOSEN = (
    ("laptop", "workspace:checkout", "after", "kept"),
    ("laptop", "tag:push", "after", "all lost"),
    ("abort", "undo:draft", "after", "all lost"),
    ("ci", "publish_index:upload", "after", "all lost"),
    ("ci", "promote:release", "before", "journal lost"),
    ("sign", "sign:beside", "after", "all lost"),
    ("deploy", "deploy:up", "after", "kept"),
)


@pytest.mark.needs("docker-registry", "cosign")
def test_some_of_the_matrix_and_all_of_its_page(tmp_path: Path) -> None:
    with open_services(tmp_path) as (services,):
        starts = rehearse_whole(services)
        effects = [name for half in HALVES for name in named(starts[half].effects)]
        assert effects_on(PAGE.read_text(encoding="utf-8")) == effects, "nox -s crash-matrix"
        cases = cases_of(starts)
        for number, chosen in enumerate(CHOSEN):
            case = next(case for case in cases if fits(case, chosen))
            outcome = play_case(services, starts, case, f"case-{number}")
            assert outcome.good, (case, outcome)


def fits(case: Case, chosen: tuple[str, str, str, str]) -> bool:
    half, effect, side, memory = chosen
    of_name = case.effect.partition("@")[0] == effect
    return of_name and (case.half, case.side, case.memory) == (half, side, memory)


def test_the_page_tells_digests_apart_without_depending_on_what_they_are() -> None:
    def effects(image: str, signature: str) -> list[str]:
        return [f"stage:push@sha256:{image}", "stage:draft", f"sign:beside@sha256-{signature}.sig"]

    here = named(effects("a" * 64, "a" * 64))
    assert here == ["stage:push@sha256:(1)", "stage:draft", "sign:beside@sha256-(1).sig"]
    assert named(effects("b" * 64, "b" * 64)) == here
    assert named(effects("b" * 64, "c" * 64)) != here
