"""The figures and what each has to reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure has to reach.

    Args:
        name: of the figure.
        unit: of its value.
        sign: `<=` or `>=`.
        limit: in that unit.
        what: what is measured, for a person.
    """

    name: str
    unit: str
    sign: str
    limit: float
    what: str

    def holds(self, value: float) -> bool:
        return value <= self.limit if self.sign == "<=" else value >= self.limit

    @property
    def reach(self) -> str:
        return f"{self.sign} {self.limit:g}"


GOALS: tuple[Goal, ...] = (
    Goal("noop_cpu_ms", "ms", "<=", 1.0, "nothing changed: CPU of mgit for each repository"),
    Goal("noop_requests", "requests", "<=", 1.05, "nothing changed: requests for each repository"),
    Goal("noop_git_processes", "processes", "<=", 0, "nothing changed: git processes"),
    Goal("noop_vs_fetch", "times less", ">=", 40, "nothing changed: `xargs -P8 git fetch`"),
    Goal("changed5_vs_fetch", "times less", ">=", 12, "5 % changed: `xargs -P8 git fetch`"),
    Goal("clone_vs_xargs", "times", "<=", 1.15, "cold clone of all: `xargs -P8 git clone`"),
    Goal("status_vs_xargs", "times", "<=", 1.2, "state of work trees: `xargs -P8 git status`"),
    Goal("version_cpu_ms", "ms", "<=", 60, "`mgit --version`"),
    Goal("help_cpu_ms", "ms", "<=", 120, "`mgit --help`"),
    Goal("rss_10k_mb", "MB", "<=", 150, "nothing changed, ten times as many: peak memory"),
    Goal("growth", "times", "<=", 1.1, "the same: CPU for each repository over that of a tenth"),
    Goal("livez_p99_ms", "ms", "<=", 5, "busy service, 500 questions a second: `/livez`"),
    Goal("readyz_p99_ms", "ms", "<=", 5, "the same: `/readyz`"),
    Goal("livez_vs_inprocess", "times less", ">=", 10, "the same: threads of the service"),
    Goal("metrics_10k_ms", "ms", "<=", 50, "the same, ten times as many: `/metrics`"),
    Goal("api_10k_ms", "ms", "<=", 200, "the same: `/api/v1/repositories?limit=100`"),
    Goal("page_10k_ms", "ms", "<=", 200, "the same: the status page"),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    Args:
        goal: what it should be.
        values: of all runs; the median is the figure.
        note: what else to say about it.
    """

    goal: Goal
    values: Sequence[float]
    note: str = ""

    @property
    def value(self) -> float:
        return median(self.values)

    @property
    def holds(self) -> bool:
        return self.goal.holds(self.value)

    @property
    def record(self) -> dict[str, object]:
        """As it stands in `bench.json`."""
        return {
            "name": self.goal.name,
            "value": round(self.value, 4),
            "unit": self.goal.unit,
            "reach": self.goal.reach,
            "holds": self.holds,
        }


def figure(name: str, values: Sequence[float], note: str = "") -> Figure:
    """A figure by its name."""
    goal = next(goal for goal in GOALS if goal.name == name)
    return Figure(goal, tuple(values), note)
