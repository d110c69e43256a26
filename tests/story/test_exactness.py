"""Whatever is pushed, one `mgit sync` later every mirror has every ref of the forge, and no other.

`MGIT_EXACTNESS=300` makes it longer, with a seed that is printed; `MGIT_EXACTNESS_SEED` repeats it.
"""

from __future__ import annotations

import os
import random
import secrets
from pathlib import Path

from sandbox.forge import SandboxForge
from sandbox.forge.git import git
from tests.story.laptop import Laptop
from tests.story.pushes import Pusher

LONG = int(os.environ.get("MGIT_EXACTNESS", "0"))
REPOS = LONG or 40
ROUNDS = 5 if LONG else 3
# The same tree gets the same verdict, unless somebody asks for more.
SEED = int(os.environ.get("MGIT_EXACTNESS_SEED") or (secrets.randbelow(10**9) if LONG else 3))


def refs_of(path: Path) -> str:
    """Branches, tags and HEAD, as git itself tells them; not what a mirror keeps beside them."""
    form = "--format=%(objectname) %(refname) %(symref)"
    told = git(f"--git-dir={path}", "for-each-ref", form, "refs/heads", "refs/tags")
    head = git(f"--git-dir={path}", "symbolic-ref", "HEAD")
    return (head + told).decode()


def test_every_ref_of_every_mirror_is_the_forges(work: Laptop, forge: SandboxForge) -> None:
    print(f"MGIT_EXACTNESS_SEED={SEED} MGIT_EXACTNESS={REPOS}")
    chance = random.Random(SEED)
    owners = forge.add_repos("acme", REPOS - REPOS // 8)
    empty = [forge.add_repo("acme", f"empty-{n}", commits=0) for n in range(REPOS // 8)]
    repos = {repo.name: forge.store.path(repo) for repo in (*owners, *empty)}
    ran = work.mgit("sync", "--kind", "mirror")
    assert ran.code == 0, ran.err

    for turn in range(ROUNDS):
        told = {}
        for name, path in repos.items():
            # In the first round every repository is pushed to, the empty ones above all.
            if turn == 0 or chance.random() < 0.7:
                told[name] = Pusher(path, chance).push()
        ran = work.mgit("sync", env={"MGIT_REWRITTEN": "follow"})
        assert ran.code == 0, ran.err
        wrong = {}
        for name, path in repos.items():
            theirs, ours = refs_of(path), refs_of(work.root / "acme" / name)
            if theirs != ours:
                wrong[name] = (told.get(name), theirs, ours)
        assert not wrong, f"round {turn}: {wrong}"

    work.forget_gits()
    ran = work.mgit("sync", "--format", "json")
    assert ran.code == 0, ran.err
    assert ran.json["summary"] == {"repositories": REPOS, "current": REPOS}
    assert work.gits() == []
