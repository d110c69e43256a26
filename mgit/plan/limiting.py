"""What kept a run from being faster. A pure function of its measures."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mgit.model import Measures

_SHORT_SECONDS = 1.0
_MUCH = 0.25  # of the time of all threads
_BUSY = 0.75  # of all processors
_ALL = 0.8  # of the gits that may run
_MOST = 0.5  # of the run


class Limit(StrEnum):
    """The words are in the JSON schema `mgit.perf/1`."""

    NOTHING = "nothing"
    FORGE_RATE = "forge-rate"
    CPU = "cpu"
    CONCURRENCY = "concurrency"
    FORGE_ANSWERS = "forge-answers"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What limits, and what helps.

    Args:
        limit: the kind.
        why: one line with the figures that say so.
        advice: one line; empty where nothing is to be done.
    """

    limit: Limit
    why: str
    advice: str = ""


def judge(measures: Measures, *, worked: int, seconds: float, longest: float = 0.0) -> Judgement:
    """What kept a run from being faster; the gravest first.

    Args:
        measures: of the run.
        worked: actions that took time.
        seconds: how long they took together.
        longest: the longest of them.
    """
    if measures.total < _SHORT_SECONDS:
        return Judgement(Limit.NOTHING, f"the whole run took {measures.total:.2f} s")
    return (
        _forge_rate(measures, seconds)
        or _processors(measures)
        or _applying(measures, worked, seconds, longest)
        or _listing(measures)
        or _the_rest(measures)
    )


def _forge_rate(measures: Measures, seconds: float) -> Judgement | None:
    spent = measures.paused + measures.asking + seconds + sum(measures.sources.values())
    if measures.paused < _MUCH * spent or measures.paused < _SHORT_SECONDS:
        return None
    share = measures.paused / spent
    why = f"{share:.0%} of the time of all threads was waiting for hosts that wanted a pause"
    return Judgement(
        Limit.FORGE_RATE, why, "a longer interval, or a credential with a greater allowance"
    )


def _processors(measures: Measures) -> Judgement | None:
    used = (measures.own_cpu + measures.git_cpu) / (measures.total * measures.cores)
    if used < _BUSY:
        return None
    whose = "git" if measures.git_cpu > measures.own_cpu else "mgit"
    why = f"{used:.0%} of {measures.cores} processors were busy, most of it {whose}"
    return Judgement(Limit.CPU, why, "more processors, or shards on several machines")


def _applying(measures: Measures, worked: int, seconds: float, longest: float) -> Judgement | None:
    wall = measures.applying
    if wall < _MOST * measures.total or worked == 0:
        return None
    if worked > measures.workers and seconds >= _ALL * wall * measures.workers:
        why = f"all {measures.workers} gits worked all the time, the processors had room"
        return Judgement(Limit.CONCURRENCY, why, "a higher `concurrency`, if the forge likes it")
    if longest >= _MOST * wall:
        why = f"one repository took {longest:.1f} s of {wall:.1f} s: its bytes have to come"
        return Judgement(
            Limit.NETWORK, why, "a faster line to the forge, or keep less (`--depth`, `--blobs`)"
        )
    why = f"{seconds / worked:.1f} s a repository, waiting for the network and the disk"
    return Judgement(Limit.NETWORK, why, "a faster line to the forge, or a faster disk")


def _listing(measures: Measures) -> Judgement | None:
    if measures.listing < _MOST * measures.total or not measures.sources:
        return None
    source, seconds = max(measures.sources.items(), key=lambda one: one[1])
    why = f"the listing of {source} took {seconds:.1f} s of {measures.total:.1f} s"
    return Judgement(
        Limit.FORGE_ANSWERS, why, f"`mgit sync --recent` between whole runs; owners for {source}"
    )


def _the_rest(measures: Measures) -> Judgement:
    if measures.asked:
        each = 1000 * measures.asking / measures.asked
        why = f"{measures.asked} repositories were asked for their refs, {each:.0f} ms each"
        return Judgement(Limit.FORGE_ANSWERS, why)
    return Judgement(Limit.NOTHING, "nothing stands out")
