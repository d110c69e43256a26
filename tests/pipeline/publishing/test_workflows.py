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


def complaints(job: dict[str, Any]) -> list[str]:
    """What makes a job more than a call."""
    found = []
    steps = job.get("steps", [])
    calls = [step["run"] for step in steps if "run" in step]
    if len(calls) != 1:
        found.append(f"{len(calls)} calls, not one")
    found += [f"not one nox call: {call!r}" for call in calls if not CALL.fullmatch(call)]
    allowed = {"actions/checkout", "actions/setup-python"}
    for step in steps:
        used = step.get("uses", "").partition("@")[0]
        if used and used not in allowed:
            found.append(f"another action: {used}")
        if "if" in step or "if" in job or "continue-on-error" in step or "shell" in step:
            found.append("logic in YAML")
    return found


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


def test_act_runs_the_release_workflow_with_the_stand_ins(tmp_path: Path) -> None:
    """The real file, on a tag; the nox session inside is a small one that says what it sees."""
    act = shutil.which("act", path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}")
    if act is None:
        pytest.skip("act comes as a Linux wheel only")
    source, remote = tmp_path / "src", tmp_path / "remote.git"
    (source / ".github").mkdir(parents=True)
    shutil.copytree(FOLDER, source / ".github" / "workflows")
    (source / ".gitignore").write_text("dist\n")
    (source / "noxfile.py").write_text(
        textwrap.dedent(
            """
            import json, os, nox

            @nox.session(python=False)
            def invoke(session):
                names = ("GITHUB_REF_TYPE", "GITHUB_REF_NAME")
                seen = {name: os.environ.get(name, "") for name in names}
                with open("dist/seen.jsonl", "a") as out:
                    out.write(json.dumps({"words": session.posargs, **seen}) + "\\n")
            """
        )
    )
    env = {
        **{name: os.environ[name] for name in ("PATH",)},
        "HOME": str(tmp_path),
        "GIT_CONFIG_GLOBAL": os.devnull,
    }

    def git(*words: str) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.invalid")
        argv = ["git", "-C", source, *identity, *words]
        return subprocess.run(argv, check=True, capture_output=True, text=True, env=env).stdout

    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-qm", "x")
    git("tag", "-a", "-m", "claims", "v0.1.0")
    git("clone", "-q", "--bare", str(source), str(remote))
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"ref": "refs/tags/v0.1.0"}))
    actions = ROOT / "sandbox" / "actions"
    pins = dict(re.findall(r"uses: actions/(\S+)@(\S+)", (FOLDER / "release.yml").read_text()))
    local = [f"actions/{name}@{pin}={actions / name}" for name, pin in pins.items()]

    done = subprocess.run(
        [
            *(act, "push", "--eventpath", event, "--workflows", ".github/workflows/release.yml"),
            *("--platform", "ubuntu-24.04=-self-hosted", "--no-skip-checkout"),
            *("--no-cache-server", "--action-cache-path", tmp_path / "act"),
            *(word for each in local for word in ("--local-repository", each)),
            *("--env", f"MGIT_SANDBOX_ACTIONS={actions}"),
            *("--env", f"MGIT_SANDBOX_REMOTE={remote}"),
            *("--env", f"MGIT_SANDBOX_KEPT={tmp_path / 'kept'}"),
            *("--env", f"MGIT_SANDBOX_PYTHON={sys.executable}"),
        ],
        cwd=source,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    seen = [
        json.loads(line) for line in (tmp_path / "kept" / "seen.jsonl").read_text().splitlines()
    ]
    assert [each["words"] for each in seen] == [["publish"], ["deploy"]]
    assert {each["GITHUB_REF_NAME"] for each in seen} == {"v0.1.0"}
    assert {each["GITHUB_REF_TYPE"] for each in seen} == {"tag"}
