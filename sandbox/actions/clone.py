"""What actions/checkout does with `fetch-depth: 0` on a tag, from the remote of a rehearsal.

Like the real one it cleans a workspace that it finds, and leaves the tag's name pointing at the
commit in place of the tag object: whoever needs the tag's message has to fetch it again.

Unlike the real one it makes `dist` a link to a folder that stays, because act removes its workspace
at the end, and a rehearsal wants to read what the job wrote.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

REMOTE = "MGIT_SANDBOX_REMOTE"
KEPT = "MGIT_SANDBOX_KEPT"
_SPECS = ("+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*")


def git(*words: str) -> None:
    """Run git in the workspace; its failure is ours."""
    subprocess.run(["git", "-c", "core.hooksPath=/dev/null", *words], check=True)


def main() -> int:
    """Fetch everything and check out the event's commit."""
    remote, commit, ref = (os.environ[name] for name in (REMOTE, "GITHUB_SHA", "GITHUB_REF"))
    workspace = Path(os.environ["GITHUB_WORKSPACE"])
    workspace.mkdir(parents=True, exist_ok=True)
    os.chdir(workspace)
    git("init", "--quiet")
    git("config", "remote.origin.url", remote)
    git("fetch", "--quiet", "--force", "--prune", "origin", *_SPECS)
    git("checkout", "--quiet", "--force", "--detach", commit)
    git("clean", "-ffdxq")
    kept = Path(os.environ[KEPT])
    kept.mkdir(parents=True, exist_ok=True)
    Path("dist").symlink_to(kept, target_is_directory=True)
    if ref.startswith("refs/tags/"):
        git("update-ref", ref, commit)
    sys.stdout.write(f"checked out {commit} ({ref})\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
