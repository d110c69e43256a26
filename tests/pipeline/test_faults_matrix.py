"""Some cases of the crash matrix, and the page of the whole; all: `nox -s crash-matrix`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.halves import HALVES
from tests.crash.matrix import Case, cases_of, play_case, rehearse_whole
from tests.crash.page import PAGE, effects_on, shortened
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
        effects = [shortened(effect) for half in HALVES for effect in starts[half].effects]
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
