"""Applying a plan: order within a repository, independence between them."""

import pytest

from mgit.address import parse_clone_url
from mgit.errors import AuthenticationError, GitError, NetworkError, RepositoryBroken
from mgit.fleet.apply import Applier, in_order
from mgit.fleet.pool import Driver, Stop
from mgit.fleet.values import Step
from mgit.git.runner import Interrupted
from mgit.model import (
    Clone,
    CopyKind,
    Fetch,
    Move,
    Outcome,
    Plan,
    Reason,
    RefSnapshot,
    RemoteRepo,
    RepoKey,
    RepoPath,
    Result,
    Skip,
)


def repo(name: str) -> RemoteRepo:
    return RemoteRepo(
        key=RepoKey("git.example.com", name),
        source="work",
        path=RepoPath("acme", name),
        url=parse_clone_url(f"https://git.example.com/acme/{name}.git"),
    )


def clone(name: str) -> Clone:
    return Clone(repo(name), f"acme/{name}", CopyKind.MIRROR)


def fetch(name: str) -> Fetch:
    return Fetch(repo(name), f"acme/{name}", CopyKind.MIRROR, RefSnapshot())


def move(name: str, folder: str, to: str) -> Move:
    return Move(repo(name), folder, to)


class Script:
    """Performs actions by the book: what is named fails, the rest is done."""

    def __init__(self, **failures: Exception) -> None:
        self.failures = failures
        self.done: list[object] = []

    def __call__(self, action):
        self.done.append(action)
        if action.repo.path.name in self.failures:
            raise self.failures[action.repo.path.name]
        result = Result.MOVED if isinstance(action, Move) else Result.FETCHED
        return Outcome(action, result, refs_changed=2)


def run(script, *actions, workers=4, stop=None, steps=None) -> list[Outcome]:
    driver = Driver(stop=stop or Stop(), tick=lambda: None, abort=lambda: None)
    applier = Applier(script, clean=lambda text: text.replace("s3cret", "***"))
    progress = steps.append if steps is not None else None
    return list(
        applier.run(Plan(tuple(actions)), workers=workers, driver=driver, progress=progress)
    )


def test_one_failure_does_not_stop_the_others():
    outcomes = run(Script(b=GitError("b broke")), clone("a"), clone("b"), clone("c"))
    results = {outcome.action.repo.path.name: outcome.result for outcome in outcomes}
    assert results == {"a": Result.FETCHED, "b": Result.FAILED, "c": Result.FETCHED}


def test_actions_of_one_repository_keep_their_order():
    script = Script()
    run(script, move("a", "old", "new"), fetch("a"), clone("b"))
    ours = [action for action in script.done if action.repo.path.name == "a"]
    assert [type(action) for action in ours] == [Move, Fetch]


def test_what_follows_a_failed_move_is_not_tried():
    script = Script(a=GitError("in the way"))
    outcomes = run(script, move("a", "old", "new"), fetch("a"))
    assert [one.result for one in outcomes] == [Result.FAILED, Result.SKIPPED]
    assert outcomes[1].reason is Reason.DRIFTED
    assert len(script.done) == 1


def test_moves_come_before_everything_else():
    script = Script()
    run(script, clone("c"), move("a", "x", "y"), clone("d"), move("b", "v", "w"))
    kinds = [type(action) for action in script.done]
    assert kinds[:2] == [Move, Move]
    assert set(kinds[2:]) == {Clone}


def test_a_chain_of_moves_frees_each_target_first():
    chain = [(move("a", "1", "2"),), (move("b", "2", "3"),), (move("c", "3", "4"),)]
    assert [one[0].to for one in in_order(chain)] == ["4", "3", "2"]


def test_a_move_in_place_waits_for_nothing():
    same = [(move("a", "1", "1"),)]
    assert in_order(same) == same


def test_a_ring_of_moves_comes_last_and_is_not_lost():
    ring = [(move("a", "1", "2"),), (move("b", "2", "1"),), (move("c", "5", "6"),)]
    assert [one[0].repo.path.name for one in in_order(ring)] == ["c", "a", "b"]


def test_skips_are_told_and_nothing_is_done_for_them():
    script = Script()
    outcomes = run(script, Skip("acme/a", "acme/a", Reason.CURRENT), clone("b"))
    assert [outcome.result for outcome in outcomes] == [Result.CURRENT, Result.FETCHED]
    assert len(script.done) == 1


@pytest.mark.parametrize(
    ("error", "reason", "code"),
    [
        (AuthenticationError("no"), Reason.REFUSED, 3),
        (NetworkError("no"), Reason.UNREACHABLE, 4),
        (RepositoryBroken("no"), Reason.BROKEN, 1),
        (GitError("no"), None, 1),
        (OSError(28, "No space left on device"), None, 1),
    ],
)
def test_every_failure_has_its_reason_and_code(error, reason, code):
    (outcome,) = run(Script(a=error), clone("a"))
    assert (outcome.result, outcome.reason, outcome.exit_code) == (Result.FAILED, reason, code)
    assert outcome.message


def test_messages_are_cleaned():
    (outcome,) = run(Script(a=GitError("bad s3cret", advice="s3cret")), clone("a"))
    assert (outcome.message, outcome.advice) == ("bad ***", "***")


def test_what_was_interrupted_has_no_outcome():
    assert run(Script(a=Interrupted("stop")), clone("a")) == []


def test_after_a_stop_nothing_is_begun():
    stop = Stop()
    stop.request()
    script = Script()
    assert run(script, clone("a"), clone("b"), stop=stop) == []
    assert script.done == []


def test_a_defect_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        run(Script(a=ZeroDivisionError()), clone("a"))


def test_progress_counts_from_nothing_to_all():
    steps: list[Step] = []
    run(Script(), move("m", "1", "2"), fetch("m"), clone("a"), clone("b"), workers=1, steps=steps)
    assert {step.total for step in steps} == {4}
    ended = [step.done for step in steps if not step.started]
    assert ended == [1, 2, 3, 4]
    assert next(step.name for step in steps if step.started) == "acme/m"
