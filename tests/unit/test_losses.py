"""How much a fetch may take away. Pure."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mgit.model import LossGuard, LostRef, Reason, RefSnapshot, loss_of

NAMES = st.sampled_from([f"refs/heads/{letter}" for letter in "abcdefghijkl"])
REFS = st.dictionaries(NAMES, st.sampled_from(["1" * 40, "2" * 40]))


def snapshot(count: int, first: int = 0) -> RefSnapshot:
    return RefSnapshot({f"refs/heads/{n}": "a" * 40 for n in range(first, first + count)})


def reason(there: int, left: int, limit: float = 0.5) -> Reason | None:
    loss = LossGuard(limit).objection(snapshot(left), snapshot(there))
    return None if loss is None else loss.reason


def test_a_few_may_always_go() -> None:
    assert reason(4, 1) is None
    assert reason(2, 1) is None


def test_more_than_the_share_may_not() -> None:
    assert reason(10, 5) is None
    assert reason(10, 4) is Reason.REF_LOSS
    assert reason(10, 4, limit=0.7) is None
    assert reason(100, 99, limit=0.0) is None
    assert reason(100, 90, limit=0.0) is Reason.REF_LOSS


def test_an_upstream_of_which_nothing_is_known_is_another_one() -> None:
    strange = snapshot(5, first=50)
    assert LossGuard().objection(strange, snapshot(2)) is not None
    assert LossGuard().objection(strange, snapshot(1)) is None, "a branch that was renamed"
    assert LossGuard(1.0).objection(strange, snapshot(9)) is None


def test_nothing_at_all_is_never_believed() -> None:
    assert reason(1, 0, limit=1.0) is Reason.EMPTIED
    assert reason(0, 0) is None


@given(REFS, REFS, REFS)
def test_what_is_accepted_is_exactly_that(
    local: dict[str, str], upstream: dict[str, str], later: dict[str, str]
) -> None:
    guard = LossGuard(0.0)
    loss = guard.objection(RefSnapshot(upstream), RefSnapshot(local))
    if loss is None:
        return
    accepting = LossGuard(0.0, acknowledged=frozenset({loss.digest}))
    assert accepting.objection(RefSnapshot(upstream), RefSnapshot(local)) is None
    other = guard.objection(RefSnapshot(later), RefSnapshot(local))
    if other is not None and other != loss:
        assert accepting.objection(RefSnapshot(later), RefSnapshot(local)) == other


@given(st.lists(st.tuples(NAMES, st.sampled_from("ab"), st.sampled_from(["", "c"])), unique=True))
def test_a_digest_names_one_loss(refs: list[tuple[str, str, str]]) -> None:
    lost = [LostRef(*one) for one in refs]
    loss = loss_of(Reason.REWRITTEN, lost)
    assert loss == loss_of(Reason.REWRITTEN, reversed(lost))
    assert loss.digest == loss_of(Reason.REWRITTEN, reversed(lost)).digest
    assert loss.digest != loss_of(Reason.REF_LOSS, lost).digest
    assert loss.digest != loss_of(Reason.REWRITTEN, [*lost, LostRef("refs/heads/z", "a")]).digest
