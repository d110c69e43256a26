"""Every effect of a release has a name: told from the code, so that a new one cannot go without."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.faults import TRACE, TRACE_FILE, Faults, effect, refuse_fault
from pipeline.step import Exit, PipelineError
from tests.pipeline.fake_release import ENDPOINTS, project_in

ROOT = Path(__file__).parents[2] / "pipeline"

READ = (
    "steps/*.py",
    "yanking/*.py",
    "deployment/*.py",
    "publishing/push.py",
    "abort.py",
    "commands.py",
    "invocation.py",
    "workspace.py",
)
"""What a release runs. The rest writes to folders that it makes and clears itself (`artifacts`,
`security`), is the record of effects (`journal`, `report`), or gets the machine ready."""

CHANGES = {
    # files
    "write_bytes", "write_text", "rename", "unlink", "rmtree", "copyfile", "copytree", "touch",
    # places
    "put_blob", "put_manifest", "put", "create_draft", "publish", "delete", "delete_asset",
    "upload", "add", "set_aside", "remove",
    # the engine
    "up", "down", "pull", "load",
}  # fmt: skip
GIT = {"push", "fetch", "checkout", "clone", "update-ref", "remote", "tag", "commit", "reset"}

EXCUSED = {
    ("steps/build.py", "build_once", "*"): "in OUT/build, which appears whole by one rename",
    ("steps/build.py", "run", "write_bytes"): "the record, in OUT/build as well",
    ("steps/inspect.py", "_workshop", "rmtree"): "scratch of one look, cleared before and after",
    ("steps/trial.py", "run", "rmtree"): "scratch of one trial, cleared before and after",
    ("steps/tag.py", "check", "fetch"): "the remote's tag into the clean clone, to read it",
    ("steps/tag.py", "_make", "*"): "called in `tag:make`",
    ("steps/sign.py", "_upload", "write_bytes"): "scratch: what is uploaded next is read from it",
    ("steps/sign.py", "_sign_image", "put"): "is given `around`, which names each request",
    ("steps/verify.py", "*", "*"): "a stranger's machine in a folder of its own",
    ("steps/preflight.py", "_rights", "push"): "a dry run",
    ("deployment/files.py", "write_whole", "*"): "targets call it in an effect of theirs",
    ("deployment/rollout.py", "*", "put"): "`Target.put` names what it does",
    ("deployment/rollout.py", "*", "pull"): "`Target.pull` names what it does",
    ("deployment/rollout.py", "*", "remove"): "`Target.remove` names what it does",
    ("abort.py", "facts_of_tag", "*"): "refs of the clean clone, to read the tag",
    ("workspace.py", "_set_aside", "rename"): "called in `workspace:set-aside`",
    ("workspace.py", "fetch_annotated", "fetch"): "called in `workspace:fetch-tag`",
    ("invocation.py", "guarded", "write_text"): "the log of a mistake of the pipeline itself",
    ("invocation.py", "_earlier", "tag"): "`cat-file tag`, which reads",
    ("steps/confirm.py", "_message", "tag"): "`cat-file tag`, which reads",
    ("steps/tag.py", "check", "tag"): "`cat-file tag`, which reads",
    ("steps/preflight.py", "_origin", "fetch"): "objects into the clean clone, to look at them",
    ("yanking/changelog.py", "_head", "fetch"): "objects into the clean clone, to look at them",
}


def bare_effects(name: str, text: str) -> Iterator[tuple[str, str, str]]:
    """Calls that change something outside of memory and stand in no `with effect(...)`."""
    for function in ast.parse(text).body:
        holder = getattr(function, "name", "")
        yield from ((name, where, what) for where, what in _calls(function, holder, named=False))


def _calls(node: ast.AST, holder: str, *, named: bool) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.FunctionDef):
        holder = node.name
    if isinstance(node, ast.With):
        named = named or any(_names_an_effect(item.context_expr) for item in node.items)
    if isinstance(node, ast.Call) and not named and (what := _change(node)):
        yield holder, what
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, holder, named=named)


def _names_an_effect(given: ast.expr) -> bool:
    if not isinstance(given, ast.Call):
        return False
    called = given.func
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) in {
        "effect",
        "around",
    }


def _change(call: ast.Call) -> str:
    """What a call changes; empty for nothing."""
    if isinstance(call.func, ast.Name):
        return call.func.id if call.func.id in {"put", "remove"} else ""
    if not isinstance(call.func, ast.Attribute):
        return ""
    method, words = call.func.attr, [a.value for a in call.args if isinstance(a, ast.Constant)]
    for starred in (a.value for a in call.args if isinstance(a, ast.Starred)):
        words += [a.value for a in ast.walk(starred) if isinstance(a, ast.Constant)]
    if method in {"run", "out"} and (git := next((w for w in words if w in GIT), "")):
        looks = {"--list", "--dry-run", "get-url"} & set(map(str, words))
        return "" if looks - {"--dry-run"} else str(git)
    if method == "replace" and len(call.args) == 1 and not call.keywords:
        return "rename"
    return method if method in CHANGES else ""


def everything_bare() -> set[tuple[str, str, str]]:
    found: set[tuple[str, str, str]] = set()
    for pattern in READ:
        for path in sorted(ROOT.glob(pattern)):
            name = str(path.relative_to(ROOT))
            found |= set(bare_effects(name, path.read_text(encoding="utf-8")))
    return found


def excuse(bare: tuple[str, str, str]) -> tuple[str, str, str] | None:
    name, where, what = bare
    keys = ((name, where, what), (name, where, "*"), (name, "*", what), (name, "*", "*"))
    return next((key for key in keys if key in EXCUSED), None)


def test_no_effect_goes_without_a_name() -> None:
    assert sorted(bare for bare in everything_bare() if excuse(bare) is None) == []


def test_no_excuse_is_left_over() -> None:
    """One that nothing needs would hide the next effect of that name."""
    assert set(EXCUSED) == {excuse(bare) for bare in everything_bare()}


def test_a_new_effect_would_be_found() -> None:
    text = """
def run(project, facts):
    with effect(project, "stage:draft"):
        releases.create_draft(1)
    releases.publish(2)
    path.write_bytes(b"")
    git.run("push", remote)
    git.run(*(*signing, "tag", "--annotate"))
"""
    found = {what for _, _, what in bare_effects("steps/new.py", text)}
    assert found == {"publish", "write_bytes", "push", "tag"}


def test_writing_requests_are_made_in_few_places_only() -> None:
    """Whatever else wants to send something has to go through one that the test above knows."""
    writing = {
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", getattr(node.func, "id", "")) == "request"
        and not (isinstance(node.args[0], ast.Constant) and node.args[0].value in {"GET", "HEAD"})
    }
    assert writing == SENDERS


SENDERS = {
    "publishing/forge_release.py",
    "publishing/index.py",  # in exchange for a token; uploads go by twine
    "publishing/registry.py",
    "signing/rekor.py",
}


def test_a_trace_names_what_is_done_and_dies_nowhere(tmp_path: Path) -> None:
    with effect(project_in(tmp_path, TRACE), "publish:upload", "one.whl"):
        (tmp_path / "one.whl").touch()
    assert (tmp_path / TRACE_FILE).read_text() == "publish:upload@one.whl\n"


def test_a_real_release_has_neither_faults_nor_traces(tmp_path: Path) -> None:
    for fault in (TRACE, "before:publish:upload"):
        with Faults(fault, rehearsal=False, out=tmp_path).effect("publish:upload"):
            pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "fault", ["after:tag", "before:stage:push", "after:promote:tag@0.1", "during:gates:x", TRACE]
)
def test_faults_are_spelt_like_this(fault: str) -> None:
    refuse_fault(fault, ENDPOINTS)


@pytest.mark.parametrize("fault", ["after", "after:", "after:stage:push@", "while:x", "after:a b"])
def test_and_not_like_that(fault: str) -> None:
    with pytest.raises(PipelineError) as refused:
        refuse_fault(fault, ENDPOINTS)
    assert refused.value.exit_code is Exit.USAGE
