"""The workflows hold no logic: checkout, Python, one call. What they call is tested elsewhere."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.project import load_endpoints

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
CALL = re.compile(
    r'pipx run --spec "nox\[uv\]==[0-9]+(\.[0-9]+)+" nox( -s [a-z]+( --( (--)?[a-z]+)+)?)?'
)
PINNED = re.compile(r"^\s*(?:- )?uses: [\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
SAFE = re.compile(r"\$\{\{ (github\.(ref|token)|vars\.[A-Z_]+) \}\}")


def load(path: Path) -> dict[Any, Any]:
    return yaml.safe_load(path.read_text())


def jobs() -> list[Any]:
    return [
        pytest.param(path, name, job, id=f"{path.stem}:{name}")
        for path in FILES
        for name, job in load(path)["jobs"].items()
    ]


# All that a job and a step may consist of: what is not named here is logic, or hides some.
JOB = {"name", "needs", "runs-on", "timeout-minutes", "environment", "permissions", "steps"}
STEP = {"name", "uses", "with", "run", "env"}
TOP = {"name", True, "permissions", "concurrency", "jobs"}  # YAML 1.1 reads `on` as true
ACTIONS = {"actions/checkout", "actions/setup-python"}


def complaints(job: dict[str, Any]) -> list[str]:
    """What makes a job more than a call."""
    found = [f"logic in YAML: {key}" for key in job.keys() - JOB]
    steps = job.get("steps", [])
    calls = [step["run"] for step in steps if "run" in step]
    if len(calls) != 1:
        found.append(f"{len(calls)} calls, not one")
    found += [f"not one nox call: {call!r}" for call in calls if not CALL.fullmatch(call)]
    for step in steps:
        found += [f"logic in YAML: {key}" for key in step.keys() - STEP]
        used = step.get("uses", "").partition("@")[0]
        if used and used not in ACTIONS:
            found.append(f"another action: {used}")
        found += [f"a value that is worked out: {v}" for v in worked_out(step.get("with", {}))]
        found += [f"a variable: {name}" for name in step.get("env", {}) if name != "GITHUB_TOKEN"]
    if "${{" in str(job.get("runs-on")) or not isinstance(job.get("needs", ""), str):
        found.append("logic in YAML: which machine, or when")
    return found


def worked_out(values: dict[str, Any]) -> list[str]:
    return [str(value) for value in values.values() if "${{" in str(value)]


@pytest.mark.parametrize(("path", "name", "job"), jobs())
def test_a_job_is_checkout_python_and_one_call(path: Path, name: str, job: dict[str, Any]) -> None:
    assert complaints(job) == []
    assert 0 < job["timeout-minutes"] <= 60
    checkout = job["steps"][0]
    assert checkout["with"] == {"fetch-depth": 0, "persist-credentials": False}
    assert job["permissions"], "each job says what it may"


@pytest.mark.parametrize(
    "call",
    [
        "make",
        "pipx run nox",
        'pipx run --spec "nox[uv]==2026.10.20" nox && rm -rf /',
        'pipx run --spec "nox[uv]==2026.10.20" nox -s invoke -- publish; echo',
        'pipx run --spec "nox[uv]==2026.10.20" nox -s invoke -- publish --tag ${{ github.ref }}',
        'pipx run --spec "nox[uv]==2026.10.20" nox\npipx run nox',
        'pipx run --spec "nox[uv]>=2026" nox',
        "echo $(id)",
    ],
)
def test_anything_but_one_call_is_found_out(call: str) -> None:
    assert complaints({"steps": [{"run": call}]})


GOOD = 'pipx run --spec "nox[uv]==2026.10.20" nox'


@pytest.mark.parametrize(
    ("job", "steps"),
    [
        ({"if": "github.ref == 'refs/heads/main'"}, {}),
        ({"continue-on-error": True}, {}),
        ({"strategy": {"matrix": {"python": ["3.11"]}}}, {}),
        ({"runs-on": "${{ matrix.os }}"}, {}),
        ({"uses": "./.github/workflows/other.yml"}, {}),
        ({"container": "debian"}, {}),
        ({"services": {}}, {}),
        ({"defaults": {"run": {"shell": "bash"}}}, {}),
        ({"env": {"NOXSESSION": "lint"}}, {}),
        ({"outputs": {}}, {}),
        ({}, {"if": "always()"}),
        ({}, {"continue-on-error": True}),
        ({}, {"shell": "python"}),
        ({}, {"working-directory": "x"}),
        ({}, {"env": {"NOXSESSION": "lint"}}),
        ({}, {"uses": "./.github/actions/all"}),
        ({}, {"uses": "actions/github-script@0", "with": {"script": "x"}}),
        ({}, {"uses": "actions/checkout@0", "with": {"ref": "${{ github.head_ref }}"}}),
    ],
)
def test_logic_in_yaml_is_found_out(job: dict[str, Any], steps: dict[str, Any]) -> None:
    plain = {"runs-on": "ubuntu-24.04", "steps": [{"run": GOOD}]}
    assert complaints(plain) == []
    assert complaints({**plain, "steps": [{"run": GOOD, **steps}], **job})


def test_nothing_else_lies_beside_the_workflows() -> None:
    """No composite action, no script, no hidden workflow."""
    known = {FOLDER.parent / "dependabot.yml", *FILES}
    assert {path for path in FOLDER.parent.rglob("*") if path.is_file()} == known
    assert not list(ROOT.glob("action.y*ml"))
    for path in FILES:
        assert load(path).keys() <= TOP


def test_one_release_at_a_time_and_none_cut_off() -> None:
    release, ci = (load(FOLDER / f"{name}.yml")["concurrency"] for name in ("release", "ci"))
    assert release == {"group": "release", "cancel-in-progress": False}
    assert ci["cancel-in-progress"] is True


def test_no_secret_lives_longer_than_a_run() -> None:
    """The index trusts this workflow's identity, the registry and the forge its own token."""
    for path in FILES:
        assert "secrets." not in path.read_text()
    endpoints = load_endpoints(ROOT / "deploy" / "endpoints.toml")
    assert endpoints.index_token_file == ""
    assert endpoints.forge_token_file == ""
    job = load(FOLDER / "release.yml")["jobs"]["release"]
    assert job["permissions"]["id-token"] == "write"
    assert job["environment"] == "release", "the index trusts this environment only"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_workflow_starts_with_no_rights_and_pins_what_it_uses(path: Path) -> None:
    document, text = load(path), path.read_text()
    assert document["permissions"] == {}
    assert "concurrency" in document
    for line in text.splitlines():
        if "uses:" in line:
            assert PINNED.match(line), line
    for expression in re.findall(r"\$\{\{.*?\}\}", text):
        assert SAFE.fullmatch(expression), f"{expression} may hold what a stranger wrote"


def test_only_the_publishing_job_may_write() -> None:
    writing = {
        f"{path.stem}:{name}": {
            key for key, value in job["permissions"].items() if value == "write"
        }
        for path in FILES
        for name, job in load(path)["jobs"].items()
    }
    assert {job: rights for job, rights in writing.items() if rights} == {
        "release:release": {"contents", "packages", "id-token"}
    }


def test_every_action_has_one_pin() -> None:
    pins: dict[str, set[str]] = {}
    for path in FILES:
        for name, pin in re.findall(r"uses: (\S+)@(.+)", path.read_text()):
            pins.setdefault(name, set()).add(pin)
    assert {name: len(each) for name, each in pins.items()} == dict.fromkeys(pins, 1)


def test_zizmor_has_nothing_to_say() -> None:
    zizmor = shutil.which("zizmor", path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}")
    assert zizmor, "zizmor is in requirements/test.txt"
    done = subprocess.run(
        [
            zizmor,
            "--offline",
            "--persona=pedantic",
            "--format=plain",
            "--no-progress",
            ROOT / ".github",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


NOXFILE = """
    import json, os, nox

    nox.options.sessions = ["checks"]

    def note(session):
        names = ("GITHUB_REF_TYPE", "GITHUB_REF_NAME")
        seen = {name: os.environ.get(name, "") for name in names}
        told = {"session": session.name, "words": session.posargs, **seen}
        with open("dist/seen.jsonl", "a") as out:
            out.write(json.dumps(told) + "\\n")

    @nox.session(python=False)
    def checks(session):
        note(session)

    @nox.session(python=False)
    def rehearse(session):
        note(session)

    @nox.session(python=False)
    def cluster(session):
        note(session)

    @nox.session(python=False)
    def invoke(session):
        note(session)
"""


def by_act(folder: Path, workflow: str, ref: str) -> list[dict[str, Any]]:
    """Run a real workflow file; the nox sessions inside are small ones that say what they see."""
    act = shutil.which("act", path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}")
    if act is None:
        pytest.skip("act comes as a Linux wheel only")
    source, remote = folder / "src", folder / "remote.git"
    (source / ".github").mkdir(parents=True)
    shutil.copytree(FOLDER, source / ".github" / "workflows")
    (source / ".gitignore").write_text("dist\n")
    (source / "noxfile.py").write_text(textwrap.dedent(NOXFILE))
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_GLOBAL": os.devnull}

    def git(*words: str) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.invalid")
        argv = ["git", "-C", source, *identity, *words]
        return subprocess.run(argv, check=True, capture_output=True, text=True, env=env).stdout

    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-qm", "x")
    git("tag", "-a", "-m", "claims", "v0.1.0")
    git("clone", "-q", "--bare", str(source), str(remote))
    event = folder / "event.json"
    event.write_text(json.dumps({"ref": ref}))
    actions = ROOT / "sandbox" / "actions"
    pins = dict(re.findall(r"uses: actions/(\S+)@(\S+)", (FOLDER / workflow).read_text()))
    local = [f"actions/{name}@{pin}={actions / name}" for name, pin in pins.items()]
    done = subprocess.run(
        [
            *(act, "push", "--eventpath", event, "--workflows", f".github/workflows/{workflow}"),
            *("--platform", "ubuntu-24.04=-self-hosted", "--no-skip-checkout"),
            *("--no-cache-server", "--action-cache-path", folder / "act"),
            *(word for each in local for word in ("--local-repository", each)),
            *("--env", f"MGIT_SANDBOX_ACTIONS={actions}"),
            *("--env", f"MGIT_SANDBOX_REMOTE={remote}"),
            *("--env", f"MGIT_SANDBOX_KEPT={folder / 'kept'}"),
            *("--env", f"MGIT_SANDBOX_PYTHON={sys.executable}"),
        ],
        cwd=source,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = (folder / "kept" / "seen.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_act_runs_the_release_workflow_with_the_stand_ins(tmp_path: Path) -> None:
    seen = by_act(tmp_path, "release.yml", "refs/tags/v0.1.0")
    assert [each["words"] for each in seen] == [["publish"], ["deploy"]]
    assert {each["GITHUB_REF_NAME"] for each in seen} == {"v0.1.0"}
    assert {each["GITHUB_REF_TYPE"] for each in seen} == {"tag"}


def test_act_runs_the_workflow_of_a_merge_with_the_stand_ins(tmp_path: Path) -> None:
    seen = by_act(tmp_path, "ci.yml", "refs/heads/main")
    calls = {each["session"]: each["words"] for each in seen}
    assert calls == {"checks": [], "rehearse": ["--provision"], "cluster": []}
    assert {each["GITHUB_REF_NAME"] for each in seen} == {"main"}
