"""Deployments in any order, killed anywhere: what a call ends with follows from what was good."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.deployment import commands
from pipeline.deployment.commands import Asked
from pipeline.step import Exit, PipelineError
from tests.pipeline.deploying import BROKEN, CRASHES, SLOW, A, B, C, Stage, make_stage

GOOD = (A, B, C)
ORDERS = st.lists(
    st.tuples(
        st.sampled_from([*GOOD, BROKEN, CRASHES, SLOW]),
        st.none() | st.integers(0, 7),  # after how many changes of the platform it dies
    ),
    min_size=1,
    max_size=7,
)


class Dead(BaseException):
    """In place of a kill: nobody may catch it."""


def deploy(stage: Stage, reference: str, dies_after: int | None) -> Exit | None:
    """How it ended; None when it died."""
    world, left = stage.world, [dies_after]

    @contextmanager
    def mortal(_name: str, _what: str) -> Iterator[None]:
        if left[0] == 0:
            raise Dead
        yield
        left[0] = None if left[0] is None else left[0] - 1

    world.effect = mortal
    hands = replace(stage.hands, open=lambda _project, _place: world)
    asked = Asked(reference=reference)
    try:
        commands.deploy_to(stage.project, stage.environment, asked, hands)
    except Dead:
        return None
    except PipelineError as error:
        return error.exit_code
    return Exit.DONE


@settings(max_examples=25, deadline=None)
@given(ORDERS)
def test_a_call_that_ends_ends_in_what_was_asked_for_or_in_what_was_good(
    orders: list[tuple[str, int | None]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stage, good = make_stage(Path(folder)), ""
        for reference, dies_after in [*orders, (BROKEN, None), (A, None)]:
            ended = deploy(stage, reference, dies_after)
            if ended is None:
                continue
            assert ended is (Exit.DONE if reference in GOOD else Exit.GATE)
            good = reference if reference in GOOD else good
            assert stage.runs == good, "what was asked for, or what was good before"
        assert stage.runs == A


@settings(max_examples=15, deadline=None)
@given(ORDERS)
def test_without_a_ledger_what_was_asked_for_gets_live_all_the_same(
    orders: list[tuple[str, int | None]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stage = make_stage(Path(folder))
        for reference, dies_after in orders:
            deploy(stage, reference, dies_after)
            (stage.root / "out/ledger/test.jsonl").unlink(missing_ok=True)
        assert deploy(stage, B, None) is Exit.DONE
        assert stage.runs == B
        assert deploy(stage, SLOW, None) is Exit.GATE
        assert stage.runs == B
