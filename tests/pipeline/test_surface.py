"""What mgit promises is written down, and a release cannot break it in silence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.git import Git
from pipeline.project import child_environment
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError
from pipeline.surface import api, schemas
from pipeline.surface.describe import committed, describe
from pipeline.surface.items import FILE, difference, read, write
from pipeline.versioning.floor import require_floor
from pipeline.versioning.release_commit import plan_release
from pipeline.versioning.versions import next_version, parse

SHELL = Shell(env=child_environment())
REPOSITORY = Path(__file__).parents[2]
ITEMS = st.dictionaries(st.text(min_size=1, max_size=12), st.text(max_size=8), max_size=8)


def test_what_is_written_down_is_what_mgit_promises() -> None:
    found = difference(committed(REPOSITORY), describe(SHELL, REPOSITORY))
    assert not found.breaking, "run `nox -s invoke -- surface` and say in a fragment what breaks"
    assert not found.added, "run `nox -s invoke -- surface`"


def test_the_promises_are_those_that_people_rely_on() -> None:
    items = committed(REPOSITORY)
    assert items["cli sync --dry-run"] == "flag"
    assert items["exit authentication"] == "3"
    assert items["key defaults.root variable"] == "MGIT_ROOT"
    assert items["metric mgit_syncs"] == "counter source,outcome,reason"
    assert "schema sync oneOf0 outcomes[] result = cloned" in items
    assert items["api mgit.forges.interface.Forge.list_repos"] == "function"
    assert items["api mgit.model.RemoteRepo(topics)"] == "optional"


def test_gone_and_changed_break_new_is_new() -> None:
    found = difference({"a": "1", "b": "2", "c": "3"}, {"b": "2", "c": "4", "d": "5"})
    assert (found.removed, found.added) == (("a",), ("d",))
    assert found.breaking == ("gone: a", "c: 3 became 4")
    assert found.floor == "major"
    assert difference({}, {"a": ""}).floor == "minor"
    assert difference({"a": ""}, {"a": ""}).floor == "patch"


@given(ITEMS)
def test_what_is_written_is_what_is_read(items: dict[str, str]) -> None:
    assert read(write(items)) == items
    assert write(dict(reversed(items.items()))) == write(items)


@given(ITEMS, ITEMS)
def test_every_item_is_told_once(before: dict[str, str], now: dict[str, str]) -> None:
    found = difference(before, now)
    same = [item for item in before if now.get(item) == before[item]]
    told = len(found.removed) + len(found.changed) + len(found.added) + len(same)
    assert told == len(before.keys() | now.keys())


def test_a_schema_is_taken_apart_through_its_references() -> None:
    common = {"$defs": {"kind": {"type": "string", "enum": ["a", "b"]}}}
    schema = {
        "type": "object",
        "required": ["kind"],
        "properties": {
            "kind": {"$ref": "common.json#/$defs/kind"},
            "more": {"type": "array", "items": {"$ref": "#/$defs/one"}},
        },
        "$defs": {"one": {"type": ["string", "null"]}},
    }
    assert schemas.items_of("x", schema, {"common.json": common, "x.json": schema}) == {
        "schema x": "object",
        "schema x kind": "string",
        "schema x kind always": "yes",
        "schema x kind = a": "",
        "schema x kind = b": "",
        "schema x more": "array",
        "schema x more always": "no",
        "schema x more[]": "null or string",
    }


def test_a_schema_that_holds_itself_comes_to_an_end() -> None:
    schema = {"type": "object", "properties": {"next": {"$ref": "#"}}}
    assert schemas.items_of("x", schema, {"x.json": schema})


def test_a_parameter_that_is_asked_for_from_now_on_breaks(tmp_path: Path) -> None:
    def a_tree(name: str, parameters: str) -> dict[str, str]:
        root = tmp_path / name / "mgit"
        (root / "forges").mkdir(parents=True)
        for file in ("__init__.py", "forges/__init__.py", "errors.py", "model.py"):
            (root / file).write_text("", encoding="utf-8")
        text = f"def ask({parameters}) -> None: ...\ndef _own() -> None: ...\n"
        (root / "forges" / "interface.py").write_text(text, encoding="utf-8")
        return api.items_of(tmp_path / name)

    before = a_tree("before", "a: int, b: int = 1")
    assert not any("_own" in item for item in before)
    assert difference(before, a_tree("after", "a: int, b: int")).breaking == (
        "api mgit.forges.interface.ask(b): optional became needed",
    )
    assert difference(before, a_tree("more", "a: int, b: int = 1, c: int = 2")).floor == "minor"


class Repository:
    """A clone with a release 1.0.0 in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git = Git(SHELL, folder)
        SHELL.run(("git", "init", "--quiet", "-b", "main", folder))
        self.write(FILE, write({"cli sync --old": "flag", "exit ok": "0"}))
        self.write("CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n")
        self.commit("one")
        self.git.run("tag", "v1.0.0")

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def commit(self, message: str) -> None:
        self.git.run("add", "--all")
        who = ("-c", "user.name=a", "-c", "user.email=a@example.invalid")
        self.git.run(*who, "commit", "--quiet", "--allow-empty", "-m", message)
        self.git.run("update-ref", "refs/remotes/origin/main", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "clone")


def test_a_breaking_change_cannot_be_released_as_a_patch(repository: Repository) -> None:
    repository.write(FILE, write({"exit ok": "0"}))
    repository.write("changelog.d/small.fixed.md", "A small thing.\n")
    repository.commit("two")
    with pytest.raises(PipelineError, match="gone: cli sync --old") as caught:
        plan_release(repository.git)
    assert caught.value.exit_code is Exit.GATE
    assert "breaking" in caught.value.advice
    repository.write("changelog.d/gone.breaking.md", "--old is gone.\n")
    repository.commit("three")
    assert plan_release(repository.git).version == "2.0.0"


def test_something_new_cannot_be_released_as_a_patch(repository: Repository) -> None:
    repository.write(FILE, write({"cli sync --old": "flag", "cli sync --new": "", "exit ok": "0"}))
    repository.write("changelog.d/small.fixed.md", "A small thing.\n")
    repository.commit("two")
    with pytest.raises(PipelineError, match="cli sync --new"):
        plan_release(repository.git)


def test_while_it_is_zero_a_break_still_has_to_be_said(repository: Repository) -> None:
    repository.git.run("tag", "--delete", "v1.0.0")
    repository.git.run("tag", "v0.1.0")
    repository.write(FILE, write({"exit ok": "0"}))
    repository.commit("two")
    git, base = repository.git, repository.git.resolve("HEAD")
    with pytest.raises(PipelineError, match="gone"):
        require_floor(git, base, "0.1.0", ["added"])
    require_floor(git, base, "0.1.0", ["breaking"])


def test_a_pre_release_keeps_its_changes_for_the_release(repository: Repository) -> None:
    repository.write("changelog.d/thing.added.md", "A thing.\n")
    repository.commit("two")
    plan = plan_release(repository.git, "rc")
    assert (plan.version, plan.removed) == ("1.1.0-rc.1", ())
    assert list(plan.files) == ["mgit/version.py"]
    assert '"1.1.0rc1"' in plan.files["mgit/version.py"]
    repository.git.run("tag", "v1.1.0-rc.1")
    assert plan_release(repository.git, "rc").version == "1.1.0-rc.2"
    final = plan_release(repository.git)
    assert (final.version, final.removed) == ("1.1.0", ("changelog.d/thing.added.md",))


def test_a_hotfix_goes_on_from_its_own_branch(repository: Repository) -> None:
    repository.write("changelog.d/thing.added.md", "A thing.\n")
    repository.commit("two")
    repository.git.run("tag", "v1.1.0")
    repository.git.run("checkout", "--quiet", "-b", "release/1.0", "v1.0.0")
    repository.write("changelog.d/bad.fixed.md", "A bad thing is gone.\n")
    repository.commit("three")
    assert plan_release(repository.git).version == "1.0.1"


@pytest.mark.parametrize(
    ("previous", "kinds", "pre", "expected"),
    [
        ("", ["added"], "rc", "0.1.0-rc.1"),
        ("1.2.3", ["fixed"], "beta", "1.2.4-beta.1"),
        ("1.2.4-beta.1", ["fixed"], "beta", "1.2.4-beta.2"),
        ("1.2.4-beta.2", ["fixed"], "rc", "1.2.4-rc.1"),
        ("1.2.4-rc.1", ["fixed"], "", "1.2.4"),
        ("1.2.4-rc.1", ["added"], "rc", "1.3.0-rc.1"),
    ],
)
def test_pre_releases_follow_each_other(
    previous: str, kinds: list[str], pre: str, expected: str
) -> None:
    made = next_version(previous, kinds, pre)
    assert made == expected
    assert not previous or parse(made) > parse(previous)


@pytest.mark.parametrize(("previous", "pre"), [("1.2.4-rc.1", "beta"), ("1.0.0", "gamma")])
def test_a_pre_release_never_goes_back(previous: str, pre: str) -> None:
    with pytest.raises(PipelineError) as caught:
        next_version(previous, ["fixed"], pre)
    assert caught.value.exit_code is Exit.USAGE


def test_a_broken_file_is_told_and_not_believed() -> None:
    with pytest.raises(PipelineError, match="malformed"):
        read(json.dumps(["a"]))
