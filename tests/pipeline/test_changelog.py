from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.step import Exit, PipelineError
from pipeline.versioning.changelog import (
    HEADINGS,
    insert_section,
    notes_of,
    read_fragments,
    render_notes,
    render_section,
)

HEAD = "# Changelog\n\nAll of it.\n\n## [Unreleased]\n"
EPOCH = 1790000000  # 2026-09-21

words = st.text(alphabet="abc XYZ.,`*-", min_size=1).filter(str.strip)
names = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
files = st.dictionaries(
    st.tuples(names, st.sampled_from(sorted(HEADINGS))).map(".".join).map("{}.md".format),
    words,
    min_size=1,
)


def test_fragments_become_a_section_in_the_order_of_keep_a_changelog() -> None:
    fragments = read_fragments(
        {
            "README.md": "how to",
            "b.fixed.md": "Mend\nit.\n",
            "a.added.md": "New thing.",
            "c.breaking.md": "Gone is the old.",
            "d.security.md": "Safer.",
        }
    )
    section = render_section("1.0.0", EPOCH, render_notes(fragments))
    assert section == (
        "## [1.0.0] - 2026-09-21\n\n"
        "### Added\n\n- New thing.\n\n"
        "### Changed\n\n- **Breaking:** Gone is the old.\n\n"
        "### Fixed\n\n- Mend it.\n\n"
        "### Security\n\n- Safer.\n"
    )


def test_the_new_section_stands_above_the_older_ones() -> None:
    first = insert_section(HEAD, "0.1.0", render_section("0.1.0", EPOCH, "### Added\n\n- One."))
    both = insert_section(first, "0.2.0", render_section("0.2.0", EPOCH, "### Added\n\n- Two."))
    assert both.index("[Unreleased]") < both.index("[0.2.0]") < both.index("[0.1.0]")
    assert both.startswith(HEAD.rstrip())
    assert notes_of(both, "0.1.0") == "### Added\n\n- One."
    assert not notes_of(both, "0.3.0")


@given(files, files)
def test_inserting_twice_changes_nothing(one: dict[str, str], other: dict[str, str]) -> None:
    changelog = HEAD
    for version, given_files in (("0.1.0", one), ("0.2.0", other)):
        notes = render_notes(read_fragments(given_files))
        section = render_section(version, EPOCH, notes)
        changelog = insert_section(changelog, version, section)
        assert insert_section(changelog, version, section) == changelog
        assert notes_of(changelog, version) == notes


def test_other_words_for_a_version_that_is_described_are_a_conflict() -> None:
    done = insert_section(HEAD, "0.1.0", render_section("0.1.0", EPOCH, "- One."))
    with pytest.raises(PipelineError) as caught:
        insert_section(done, "0.1.0", render_section("0.1.0", EPOCH, "- Two."))
    assert caught.value.exit_code is Exit.CONFLICT


@pytest.mark.parametrize(
    "files",
    [
        {"x.md": "a"},
        {"x.new.md": "a"},
        {"X Y.added.md": "a"},
        {"x.added.md": "  \n"},
        {"x.txt": "a"},
    ],
)
def test_a_fragment_that_cannot_be_placed_is_refused_with_advice(files: dict[str, str]) -> None:
    with pytest.raises(PipelineError) as caught:
        read_fragments(files)
    assert caught.value.exit_code is Exit.USAGE
    assert caught.value.advice


def test_a_changelog_without_its_heading_is_refused() -> None:
    with pytest.raises(PipelineError, match="Unreleased"):
        insert_section("# Changelog\n", "0.1.0", "## [0.1.0] - 2026-01-01\n")
