"""Jobs side by side: results as they come, and an end in good order whoever asks for it."""

import threading
from functools import partial

import pytest

from mgit.fleet.pool import Driver, Later, Stop, side_by_side


class Beats:
    """A driver that counts, and an abort that lets blocked jobs go."""

    def __init__(self) -> None:
        self.stop = Stop()
        self.ticks = 0
        self.aborts = 0
        self.gate = threading.Event()

    def driver(self, grace: float = 0.0) -> Driver:
        return Driver(stop=self.stop, tick=self._tick, abort=self._abort, grace=grace)

    def _tick(self) -> None:
        self.ticks += 1

    def _abort(self) -> None:
        self.aborts += 1
        self.gate.set()


@pytest.fixture
def beats():
    return Beats()


def numbers(first: int, count: int):
    yield from range(first, first + count)


def test_all_results_of_all_jobs_arrive(beats):
    jobs = [partial(numbers, first, 3) for first in (0, 10, 20, 30)]
    found = list(side_by_side(jobs, workers=2, driver=beats.driver()))
    assert sorted(found) == [0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32]
    assert beats.aborts == 0


def test_results_of_one_job_keep_their_order(beats):
    jobs = [partial(numbers, 0, 100) for _ in range(3)]
    (only,) = {tuple(side_by_side([job], workers=4, driver=beats.driver())) for job in jobs}
    assert only == tuple(range(100))


def test_no_jobs_no_results_no_threads(beats):
    assert list(side_by_side([], workers=8, driver=beats.driver())) == []


def test_never_more_threads_than_asked_for(beats):
    names: set[str] = set()

    def job():
        names.add(threading.current_thread().name)
        yield 1

    assert sum(side_by_side([job] * 50, workers=3, driver=beats.driver())) == 50
    assert len(names) <= 3


def test_what_a_job_raises_is_raised_where_results_are_read(beats):
    def broken():
        yield 1
        raise ZeroDivisionError("a defect")

    results = side_by_side([broken], workers=1, driver=beats.driver())
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_the_heart_beats_while_jobs_take_their_time(beats):
    def slow():
        while beats.ticks < 3:
            beats.gate.wait(0.05)
        yield "done"

    assert list(side_by_side([slow], workers=1, driver=beats.driver())) == ["done"]
    assert beats.ticks >= 3


def test_leaving_early_aborts_what_runs_and_begins_nothing_more(beats):
    begun: list[int] = []

    def job(number: int):
        begun.append(number)
        if number:
            beats.gate.wait(10)
        yield number

    results = side_by_side([partial(job, n) for n in range(10)], workers=2, driver=beats.driver())
    assert next(results) == 0
    results.close()
    assert beats.aborts == 1
    assert len(begun) <= 3
    assert not [t for t in threading.enumerate() if t.name.startswith("mgit-")]


def test_an_exception_in_the_middle_of_waiting_aborts_too(beats):
    def job():
        beats.gate.wait(10)
        yield 1

    def interrupt() -> None:
        raise KeyboardInterrupt

    driver = Driver(stop=beats.stop, tick=interrupt, abort=beats._abort)
    with pytest.raises(KeyboardInterrupt):
        list(side_by_side([job], workers=1, driver=driver))
    assert beats.aborts == 1


def test_after_a_stop_what_runs_may_end_well(beats):
    def job(number: int):
        beats.stop.request()
        yield number

    jobs = [partial(job, number) for number in range(5)]
    assert list(side_by_side(jobs, workers=1, driver=beats.driver(grace=60))) == [0]
    assert beats.aborts == 0


def test_after_a_stop_and_its_grace_what_still_runs_is_aborted(beats):
    def job():
        beats.stop.request()
        beats.gate.wait(10)
        yield "aborted"

    assert list(side_by_side([job], workers=1, driver=beats.driver(grace=0.0))) == ["aborted"]
    assert beats.aborts == 1


def test_a_job_that_has_to_wait_does_not_hold_up_the_others(beats):
    waited: list[int] = []

    def patient():
        waited.append(1)
        if len(waited) < 3:
            raise Later(0.01)
        yield "late"

    jobs = [patient, *(partial(numbers, first, 1) for first in range(5))]
    found = list(side_by_side(jobs, workers=1, driver=beats.driver()))
    assert found == [0, 1, 2, 3, 4, "late"]
    assert len(waited) == 3


def test_a_stop_ends_the_waiting_for_later(beats):
    def never():
        beats.stop.request()
        raise Later(3600.0)
        yield

    assert list(side_by_side([never], workers=2, driver=beats.driver(grace=5.0))) == []


def test_leaving_ends_the_waiting_for_later(beats):
    def never():
        raise Later(3600.0)
        yield

    results = side_by_side([never, partial(numbers, 0, 1)], workers=2, driver=beats.driver())
    assert next(results) == 0
    results.close()
