"""The tasks as a person types them: one line when something is wrong, and the right exit code."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from pipeline.endpoints import complete, find_endpoints
from pipeline.graph import check_steps, point_of_no_return
from pipeline.journal import Event, Journal
from pipeline.project import Endpoints, child_environment, load_endpoints
from pipeline.proving.folder import prove_folder
from pipeline.release import CI, LAPTOP
from pipeline.report import report_of, write_report
from pipeline.result import Result, to_dict
from pipeline.step import Artifact, Effect, Exit, Facts, PipelineError
from tests.pipeline.conftest import Tiny

REPOSITORY = Path(__file__).parents[2]


def invoke(tiny: Tiny, *argv: str) -> subprocess.CompletedProcess[str]:
    shutil.copyfile(REPOSITORY / "tasks.py", tiny.here / "tasks.py")
    exclude = tiny.here / ".git" / "info" / "exclude"
    exclude.write_text("tasks.py\n", encoding="utf-8")
    env = {**tiny.env, "PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(
        (sys.executable, "-m", "invoke", *argv),
        cwd=tiny.here,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


def toml(endpoints: Endpoints, folder: Path) -> str:
    path = folder / "endpoints.toml"
    path.write_bytes(msgspec.toml.encode(endpoints))
    return str(path)


def test_all_tasks_are_listed_with_a_line_of_help(tiny: Tiny) -> None:
    listed = invoke(tiny, "--list")
    assert listed.returncode == 0
    for name in (
        *("build", "scan", "test", "release", "publish", "deploy", "rollback", "yank", "prove"),
        *("security", "provision"),
    ):
        assert f"  {name} " in listed.stdout


def test_tasks_have_short_bodies() -> None:
    """Tasks call functions that tests can reach; `tasks.py` holds no logic."""
    module = ast.parse((REPOSITORY / "tasks.py").read_text(encoding="utf-8"))
    for node in module.body:
        if isinstance(node, ast.FunctionDef):
            body = [line for line in node.body if not isinstance(line, ast.Expr | ast.Constant)]
            assert len(body) <= 5, node.name


def test_the_plan_is_printed_and_nothing_changes(
    tiny: Tiny, endpoints: Endpoints, tmp_path: Path
) -> None:
    # Nobody listens there: of a version that is not built yet nobody is asked.
    later = {"registry": "127.0.0.1:9/mgit", "index_upload": "http://127.0.0.1:9/"}
    places = msgspec.structs.replace(endpoints, registry_insecure=True, **later)
    shown = invoke(tiny, "release", "--rehearse", "--plan", "--endpoints", toml(places, tmp_path))
    assert shown.stdout.startswith("version  0.1.0 (the first release)\n\n    ### Added\n")
    assert "would tag v0.1.0 (not signed: no key is set)" in shown.stdout
    for effect in ("draft the release", "upload wheel and source", "move latest"):
        assert f"would {effect}" in shown.stdout, "what CI does is said too"
    assert tiny.tags() == []
    assert not (tiny.here / "dist").exists()
    assert not tiny.git("status", "--porcelain")


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (("release", "--plan", "--resume"), 2, "--resume goes with neither --plan nor --abort"),
        (("release", "--undo", "--resume"), 2, "--resume goes with neither --plan nor --abort"),
        (("release", "--abort", "--resume"), 2, "--resume goes with neither --plan nor --abort"),
        (("yank", "--version", "1.0.0"), 2, "a yanked version needs a reason"),
        (("yank", "--reason", "x"), 2, "'' is not a version"),
        (("release",), 4, "cannot read the endpoints file"),
        (("release", "--endpoints", "none.toml"), 4, "cannot read the endpoints file none.toml"),
        (("publish",), 2, "no tag to publish"),
        (("publish", "--tag", "0.1.0"), 2, "'0.1.0' is not a version that can be released"),
        (("prove", "--folder", "dist/release/9.9.9"), 2, "there is no journal in"),
    ],
)
def test_mistakes_are_one_line_and_an_exit_code(
    tiny: Tiny, argv: tuple[str, ...], code: int, said: str
) -> None:
    ran = invoke(tiny, *argv)
    assert ran.returncode == code, ran.stderr
    first, *rest = ran.stderr.splitlines()
    assert first.startswith("error: ")
    assert said in first
    assert len(rest) <= 1
    assert not tiny.git("status", "--porcelain")


def test_a_rehearsal_refuses_real_places(tiny: Tiny, endpoints: Endpoints, tmp_path: Path) -> None:
    real = msgspec.structs.replace(endpoints, rehearsal=False)
    ran = invoke(tiny, "release", "--rehearse", "--endpoints", toml(real, tmp_path))
    assert ran.returncode == 2
    assert "these endpoints are real" in ran.stderr


def test_nothing_to_release_is_a_gate_that_says_no(
    tiny: Tiny, endpoints: Endpoints, tmp_path: Path
) -> None:
    tiny.git("rm", "--quiet", "changelog.d/first.added.md")
    tiny.commit("Empty")
    ran = invoke(tiny, "release", "--endpoints", toml(endpoints, tmp_path))
    assert ran.returncode == 3
    assert "nothing to release" in ran.stderr


def test_a_real_release_is_made_from_a_commit_only(
    tiny: Tiny, endpoints: Endpoints, tmp_path: Path
) -> None:
    real = msgspec.structs.replace(endpoints, rehearsal=False)
    tiny.write("CHANGELOG.md", "changed")
    ran = invoke(tiny, "release", "--endpoints", toml(real, tmp_path))
    assert ran.returncode == 4
    assert "1 paths of this work tree are not committed" in ran.stderr


def test_what_stands_in_the_way_leaves_a_report(
    tiny: Tiny, endpoints: Endpoints, tmp_path: Path
) -> None:
    tiny.commit("Not pushed", push=False)
    ran = invoke(tiny, "release", "--rehearse", "--endpoints", toml(endpoints, tmp_path))
    assert ran.returncode == 4
    assert "the release starts from" in ran.stderr
    report = tiny.here / "dist" / "release" / "0.1.0" / "report.md"
    assert "**Result: environment** (exit 4)" in report.read_text(encoding="utf-8")
    assert tiny.tags() == []


def test_both_lists_are_in_order() -> None:
    check_steps(LAPTOP)
    check_steps(CI)
    assert [step.name for step in LAPTOP] == [
        *("plan", "preflight", "prepare", "gates", "build", "inspect", "attest", "trial", "tag"),
    ]
    assert [step.name for step in CI][-8:] == [
        *("confirm", "stage", "sign", "publish_index", "promote", "log", "verify", "deploy"),
    ]


def test_irreversible_steps_are_a_suffix() -> None:
    """The laptop can take everything back; CI can until the package index has the files."""
    assert point_of_no_return(LAPTOP) == len(LAPTOP)
    cut = point_of_no_return(CI)
    assert CI[cut].name == "publish_index"
    assert all(step.undo or step.effect is not Effect.PUBLIC for step in CI[:cut])
    assert all(step.irreversible or step.effect is Effect.NONE for step in CI[cut:])


def test_the_endpoints_of_the_repository_are_complete() -> None:
    endpoints = load_endpoints(REPOSITORY / "deploy" / "endpoints.toml")
    done = complete(endpoints, {}, "git@github.com:Acme/mgit.git")
    assert not done.rehearsal
    assert done.forge_repo == "Acme/mgit"
    assert done.registry.endswith("/acme/mgit")
    assert done.source_url == "https://github.com/acme/mgit"


def test_endpoints_come_from_the_flag_then_the_variable_then_the_file(
    tiny: Tiny, endpoints: Endpoints, tmp_path: Path
) -> None:
    named = toml(endpoints, tmp_path)
    assert find_endpoints(tiny.here, named, {}, "") == endpoints
    assert find_endpoints(tiny.here, "", {"MGIT_RELEASE_ENDPOINTS": named}, "") == endpoints
    with pytest.raises(PipelineError, match=r"deploy/endpoints\.toml"):
        find_endpoints(tiny.here, "", {}, "")


def test_a_misspelt_endpoint_is_named(tmp_path: Path, endpoints: Endpoints) -> None:
    path = Path(toml(endpoints, tmp_path))
    path.write_text(path.read_text("utf-8").replace("registry =", "registery ="), "utf-8")
    with pytest.raises(PipelineError, match="registery") as caught:
        load_endpoints(path)
    assert caught.value.exit_code is Exit.ENVIRONMENT


@pytest.mark.parametrize(
    "changes",
    [
        {"git_remote": "https://github.com/acme/mgit"},
        {"git_remote": ""},
        {"registry": "ghcr.io/acme/mgit"},
        {"forge_api": "https://api.github.com"},
    ],
)
def test_a_rehearsal_never_reaches_a_real_place(
    endpoints: Endpoints, changes: dict[str, str]
) -> None:
    with pytest.raises(PipelineError) as caught:
        complete(msgspec.structs.replace(endpoints, **changes), {}, "https://github.com/acme/mgit")
    assert caught.value.exit_code is Exit.USAGE


def test_no_secret_is_handed_to_children() -> None:
    given = {
        "PATH": "/bin",
        "HOME": "/root",
        "https_proxy": "http://proxy",
        "GITHUB_TOKEN": "x",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "x",
        "TWINE_PASSWORD": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "SSH_AUTH_SOCK": "/run/agent",
    }
    assert set(child_environment(given)) == {"PATH", "HOME", "https_proxy", "SSH_AUTH_SOCK"}


def left_behind(folder: Path) -> None:
    """What a release of one file leaves."""
    body = b"wheel"
    digest = "sha256:5f2cf2ab8e6f4e4ae2a6bbf5c9b8d0c9d0f6e5a2f1ad0ee2a0a54b5ef5a9a3a6"
    (folder / "artifacts").mkdir(parents=True)
    (folder / "artifacts" / "mgit.whl").write_bytes(body)
    facts = Facts(version="0.1.0", artifacts=(Artifact("mgit.whl", digest, len(body)),))
    with Journal(folder / "journal.jsonl") as journal:
        journal.write(Event.DONE, "attest", facts=to_dict(facts))
    write_report(report_of(Result(Exit.DONE, facts, ())), folder)


def test_a_release_is_proven_from_what_it_left_behind(tmp_path: Path) -> None:
    left_behind(tmp_path)
    journal, report, artifact = prove_folder(tmp_path)
    assert journal.ok
    assert report.ok
    assert not artifact.ok, "the digest in the journal is not that of the file"
    (tmp_path / "artifacts" / "mgit.whl").unlink()
    assert prove_folder(tmp_path)[2].detail == "is not there"
    (tmp_path / "report.json").write_text("{}", encoding="utf-8")
    assert not prove_folder(tmp_path)[1].ok
