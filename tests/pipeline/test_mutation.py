"""How mutants are read, counted and judged; mutmut itself is tried by `nox -s mutation`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.mutation import page
from pipeline.mutation.__main__ import EQUIVALENTS, MARK, PACKAGES
from pipeline.mutation.mutants import (
    Equivalent,
    Mutant,
    Score,
    Verdict,
    is_excluded,
    read_equivalents,
    read_mutants,
    scores,
    stale,
    survivors,
)

_FILE = '''\
def x_f__mutmut_orig(a):
    """Why."""
    return a + 1
def x_f__mutmut_1(a):
    """Why."""
    return a - 1
def x_f__mutmut_2(a):
    """Why."""
    return a + 2
def xǁ_Boxǁ_open__mutmut_orig(self):
    return True
def xǁ_Boxǁ_open__mutmut_1(self):
    return False
'''


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """What mutmut leaves behind."""
    folder = tmp_path / "mutants" / "mgit" / "plan"
    folder.mkdir(parents=True)
    (folder / "rules.py").write_text(_FILE, encoding="utf-8")
    codes = {
        "mgit.plan.rules.x_f__mutmut_1": 1,
        "mgit.plan.rules.x_f__mutmut_2": 0,
        "mgit.plan.rules.xǁ_Boxǁ_open__mutmut_1": 33,
    }
    (folder / "rules.py.meta").write_text(json.dumps({"exit_code_by_key": codes}))
    spans = {
        "x_f__mutmut_orig": [1, 3],
        "x_f__mutmut_1": [4, 6],
        "x_f__mutmut_2": [7, 9],
        "xǁ_Boxǁ_open__mutmut_orig": [10, 11],
        "xǁ_Boxǁ_open__mutmut_1": [12, 13],
    }
    (folder / "rules.py.spans").write_text(json.dumps({"version": 1, "spans": spans}))
    return tmp_path


def test_what_was_changed_where_and_whether_it_was_noticed(work: Path) -> None:
    first, second, third = read_mutants(work, ["mgit.plan"])
    assert (first.function, first.verdict) == ("mgit.plan.rules.f", Verdict.KILLED)
    assert (first.before, first.after) == (("return a + 1",), ("return a - 1",))
    assert (second.verdict, second.after) == (Verdict.SURVIVED, ("return a + 2",))
    assert (third.function, third.verdict) == ("mgit.plan.rules._Box._open", Verdict.NO_TESTS)
    assert read_mutants(work, ["mgit.credentials"]) == []


@pytest.mark.parametrize(
    ("code", "verdict"),
    [(3, "killed"), (-24, "timeout"), (36, "timeout"), (5, "no tests"), (-11, "survived")],
)
def test_how_an_exit_code_is_taken(work: Path, code: int, verdict: str) -> None:
    meta = work / "mutants" / "mgit" / "plan" / "rules.py.meta"
    meta.write_text(json.dumps({"exit_code_by_key": {"mgit.plan.rules.x_f__mutmut_1": code}}))
    [one] = read_mutants(work, ["mgit.plan"])
    assert one.verdict == verdict


def test_the_score_and_what_is_left_out_of_it(work: Path) -> None:
    mutants = read_mutants(work, ["mgit.plan"])
    assert scores(mutants, (), ["mgit.plan"]) == [Score("mgit.plan", 3, 1, 0)]
    same = Equivalent("mgit.plan.rules.f", "return a + 1", "return a + 2", "nobody adds")
    [score] = scores(mutants, [same], ["mgit.plan"])
    assert (score, score.share) == (Score("mgit.plan", 2, 1, 1), 0.5)
    assert [one.verdict for one in survivors(mutants, [same])] == [Verdict.NO_TESTS]
    noticed = Equivalent("mgit.plan.rules.f", "return a + 1", "return a - 1", "wrong")
    assert not is_excluded(mutants[0], [noticed])
    assert stale(mutants, [same, noticed]) == [noticed]


def test_mutants_of_a_sample_that_were_not_run_do_not_count() -> None:
    left = Mutant("n", "mgit.plan", "f", Verdict.UNCHECKED)
    assert scores([left], (), ["mgit.plan"]) == [Score("mgit.plan", 0, 0, 0)]
    assert survivors([left], ()) == []


def test_an_entry_without_a_reason_is_no_entry(tmp_path: Path) -> None:
    path = tmp_path / "list.toml"
    path.write_text('[[equivalent]]\nfunction = "f"\nbefore = "a"\nafter = "b"\n')
    with pytest.raises(ValueError, match="reason"):
        read_equivalents(path)
    path.write_text(f'{path.read_text()}reason = "it is"\n')
    assert read_equivalents(path) == (Equivalent("f", "a", "b", "it is"),)


def test_the_list_of_this_repository_can_be_read() -> None:
    for entry in read_equivalents(EQUIVALENTS):
        assert entry.function.startswith(PACKAGES)


def test_what_a_person_and_a_machine_get(work: Path) -> None:
    mutants = read_mutants(work, ["mgit.plan"])
    found = scores(mutants, (), ["mgit.plan"])
    left = survivors(mutants, ())
    text = page.table(found, MARK) + page.list_survivors(left)
    assert "mgit.plan" in text
    assert "33.3%  below 85%" in text
    assert "- return a + 1" in text
    assert "+ return a + 2  [survived]" in text
    tree = json.loads(page.document(found, left, mark=MARK, sample=5, seed=1))
    assert tree["packages"][0] == {
        "package": "mgit.plan", "mutants": 3, "noticed": 1, "excluded": 0, "score": 0.3333,
    }  # fmt: skip
    assert [one["verdict"] for one in tree["survivors"]] == ["survived", "no tests"]
    assert page.list_survivors(()) == "\nnothing survived\n"
