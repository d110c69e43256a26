from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version as Pep440

from pipeline.step import Exit, PipelineError
from pipeline.versioning.versions import (
    from_pep440,
    latest,
    next_version,
    parse,
    tag_of,
    to_pep440,
    version_of_tag,
)

numbers = st.integers(min_value=0, max_value=10**6)
phases = st.none() | st.tuples(st.sampled_from(["alpha", "beta", "rc"]), numbers)


@st.composite
def versions(draw: st.DrawFn) -> str:
    base = ".".join(str(draw(numbers)) for _ in range(3))
    phase = draw(phases)
    return base if phase is None else f"{base}-{phase[0]}.{phase[1]}"


@given(versions())
def test_the_two_spellings_of_a_version_are_a_bijection(version: str) -> None:
    assert from_pep440(to_pep440(version)) == version


@given(versions(), versions())
def test_the_two_spellings_sort_alike(one: str, other: str) -> None:
    assert (parse(one) < parse(other)) == (Pep440(to_pep440(one)) < Pep440(to_pep440(other)))


@given(versions())
def test_the_package_spelling_is_the_normal_form(version: str) -> None:
    assert str(Pep440(to_pep440(version))) == to_pep440(version)


@given(versions())
def test_a_tag_names_its_version(version: str) -> None:
    assert version_of_tag(tag_of(version)) == version


@given(versions(), st.lists(st.sampled_from(["breaking", "added", "fixed"]), min_size=1))
def test_the_next_version_is_higher(previous: str, kinds: list[str]) -> None:
    assert parse(next_version(previous, kinds)) > parse(previous)


@pytest.mark.parametrize(
    ("previous", "kinds", "expected"),
    [
        ("", ["fixed"], "0.1.0"),
        ("", ["breaking"], "0.1.0"),
        ("0.1.0", ["fixed"], "0.1.1"),
        ("0.1.0", ["security", "fixed"], "0.1.1"),
        ("0.1.0", ["fixed", "added"], "0.2.0"),
        ("0.1.0", ["breaking"], "0.2.0"),
        ("0.9.3", ["removed"], "0.10.0"),
        ("1.2.3", ["breaking", "fixed"], "2.0.0"),
        ("1.2.3", ["deprecated"], "1.3.0"),
        ("1.3.0-rc.1", ["added"], "1.3.0"),
        ("1.3.0-rc.1", ["breaking"], "2.0.0"),
    ],
)
def test_the_kinds_of_change_decide_the_bump(
    previous: str, kinds: list[str], expected: str
) -> None:
    assert next_version(previous, kinds) == expected


def test_the_latest_release_is_the_highest_not_the_last() -> None:
    assert latest(["v0.9.0", "v0.10.0", "v0.2.0", "nightly", "vorher", "v1"]) == "0.10.0"
    assert not latest(["nightly"])


@pytest.mark.parametrize(
    "text", ["1.2", "v1.2.3", "1.2.3+build", "1.2.3-dev.1", "01.2.3", "1.2.3-rc"]
)
def test_other_versions_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(PipelineError) as caught:
        parse(text)
    assert caught.value.exit_code is Exit.USAGE
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("text", ["1.2.3.dev1", "1.2", "1.2.3-rc.1", "1.2.3rc01"])
def test_package_versions_that_no_release_has_are_refused(text: str) -> None:
    with pytest.raises(PipelineError):
        from_pep440(text)
