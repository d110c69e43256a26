"""`docs/operations/backup.md` is true: the machine is lost, and every ref comes back."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.forge import SandboxForge
from tests.story.laptop import CANARY, REPOSITORY, Laptop

MIRROR = {"MGIT_KIND": "mirror"}
PAGE = REPOSITORY / "docs" / "operations" / "backup.md"
_PART = re.compile(r"<!-- type: (\w+) -->\n\n```sh\n(.*?)```", re.DOTALL)


def typed(laptop: Laptop, part: str, backup: Path, url: str = "") -> str:
    """Run a block of the page on that machine; what it printed."""
    program = laptop.home / "bin" / "mgit"
    program.write_text(
        f"#!/bin/sh\nPYTHONPATH={shlex.quote(str(REPOSITORY))} "
        f'exec {shlex.quote(sys.executable)} -m mgit "$@"\n'
    )
    program.chmod(0o755)
    named = {
        "ROOT": str(laptop.root),
        "STATE_DIR": str(laptop.home / ".local/state/mgit"),
        "BACKUP": str(backup),
        "MGIT_CONFIG": str(laptop.config_file),
        "URL": url,
    }
    ran = subprocess.run(
        ["bash", "-euc", dict(_PART.findall(PAGE.read_text("utf-8")))[part]],
        env={**laptop.environment, **named},
        cwd=laptop.home,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def refs_of(root: Path) -> dict[str, str]:
    """Every ref of every mirror below a root."""
    mirrors = [head.parent for head in root.rglob("HEAD") if (head.parent / "objects").is_dir()]
    show = ["for-each-ref", "--format=%(refname) %(objectname)"]
    return {
        str(mirror.relative_to(root)): subprocess.run(
            ["git", "-C", str(mirror), *show], capture_output=True, text=True, check=True
        ).stdout
        for mirror in mirrors
    }


@pytest.mark.fault("the machine is lost")
def test_the_machine_is_lost_and_every_ref_comes_back(
    work: Laptop, forge: SandboxForge, tmp_path: Path
) -> None:
    forge.add_repo("acme", "app", branches=("develop", "topic"))
    forge.add_repo("acme", "gone-upstream")
    assert work.mgit("sync", "--kind", "mirror").code == 0
    # What nobody else has: a tip that upstream dropped, and a repository that it deleted.
    forge.delete_ref("acme", "app", "refs/heads/topic")
    forge.delete("acme", "gone-upstream")
    assert work.mgit("sync").code == 0
    before = refs_of(work.root)
    assert len(before) == 2
    assert "refs/mgit/kept/" in before["acme/app"]

    backup = tmp_path / "backup"
    backup.mkdir()
    head = re.search(r"head ([0-9a-f]{64})", typed(work, "before", backup))
    assert head

    shutil.rmtree(work.home)
    oid = forge.push("acme", "app")  # the world goes on
    other = Laptop.new(tmp_path / "another")
    token = other.home / "token"  # tokens are in no backup
    token.write_text(f"{CANARY}\n")
    token.chmod(0o600)
    restored = Laptop(other.home, other.git_log, {"MGIT_TOKEN_WORK_FILE": str(token), **MIRROR})
    said = typed(restored, "after", backup)

    assert "cloned" not in said
    assert "all sound" in said
    after = refs_of(restored.root)
    assert after["acme/gone-upstream"] == before["acme/gone-upstream"]
    moved = {line for line in after["acme/app"].splitlines() if line.startswith("refs/heads/main ")}
    assert moved == {f"refs/heads/main {oid}"}
    others = set(before["acme/app"].splitlines()) - set(after["acme/app"].splitlines())
    assert [line.split()[0] for line in others] == ["refs/heads/main"]
    assert restored.mgit("audit", "verify", "--head", head[1]).code == 0

    empty = tmp_path / "empty.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(empty)], check=True)
    typed(restored, "push", backup, str(empty))
    given = refs_of(tmp_path)["empty.git"].splitlines()
    assert set(given) == {
        line for line in after["acme/app"].splitlines() if not line.startswith("refs/mgit/")
    }
