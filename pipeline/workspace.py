"""The clean clone that a release works in: a person's work tree is neither used nor touched."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from pipeline.faults import Faults, refuse_fault
from pipeline.git import BASE_REF, Git
from pipeline.project import Endpoints
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder of one release.

    Args:
        root: the clean clone, `out/src`.
        out: journal, artefacts, logs, report.
        kept: whether it was there already and starts from the same commit.
    """

    root: Path
    out: Path
    kept: bool


def checked_repository(shell: Shell, here: Path) -> Git:
    """Git in the person's clone, which must be a whole one.

    Raises:
        PipelineError: ENVIRONMENT; no repository, no commit, or a shallow clone.
    """
    git = Git(shell, here)
    top = git.run("rev-parse", "--show-toplevel", check=False)
    if not top.ok or Path(top.stdout.strip()).resolve() != here.resolve():
        raise PipelineError(
            f"{here} is not the top folder of a git repository",
            exit_code=Exit.ENVIRONMENT,
            advice="run this in a clone of mgit",
        )
    if git.out("rev-parse", "--is-shallow-repository") == "true":
        raise PipelineError(
            "this clone is shallow, so earlier releases cannot be seen",
            exit_code=Exit.ENVIRONMENT,
            advice="run `git fetch --unshallow --tags` (in CI: checkout with fetch-depth 0)",
        )
    if not git.resolve("HEAD^{commit}"):
        raise PipelineError("there is no commit to release from", exit_code=Exit.ENVIRONMENT)
    return git


def uncommitted(git: Git) -> int:
    """How many paths of a work tree differ from its commit; a release has none of them."""
    return len(git.out("status", "--porcelain").splitlines())


def open_workspace(
    git: Git, out: Path, endpoints: Endpoints, *, resume: bool, fault: str = ""
) -> Workspace:
    """Make the clean clone of HEAD, or keep the one that starts from the same commit.

    Args:
        git: the person's clone.
        out: folder of this release; what an earlier, other attempt left there is replaced.
        endpoints: names remote and branch.
        resume: keep artefacts and journal of an attempt from the same commit.
        fault: where to die on purpose; rehearsals only.
    """
    refuse_fault(fault, endpoints)
    effect = Faults(fault, endpoints.rehearsal, out).effect
    head, root = git.resolve("HEAD^{commit}"), out / "src"
    inside = Git(git.shell, root)
    same = (root / ".git").is_dir() and inside.resolve(BASE_REF) == head
    if same and resume:
        return Workspace(root, out, kept=True)
    for old in (root, out / "artifacts"):
        with effect("workspace:clear", old.name):
            shutil.rmtree(old, ignore_errors=True)
    with effect("workspace:set-aside"):
        _set_aside(out / "journal.jsonl")
    with effect("workspace:clone"):
        out.mkdir(parents=True, exist_ok=True)
        git.run("clone", "--quiet", "--no-checkout", str(git.root), str(root))
    with effect("workspace:remote"):
        inside.run("remote", "set-url", "origin", endpoints.git_remote)
    with effect("workspace:checkout"):
        inside.run("checkout", "--quiet", "-B", endpoints.branch, head)
    # Last, because a clone without it is made again: one that is half made must not be kept.
    with effect("workspace:base"):
        inside.run("update-ref", BASE_REF, head)
    return Workspace(root, out, kept=False)


def fetch_annotated(git: Git, remote: str, tag: str) -> None:
    """Get the tag object itself: CI's checkout action leaves only the commit under the tag's name.

    Raises:
        PipelineError: the remote cannot be asked, or has no such tag.
    """
    name = f"refs/tags/{tag}"
    kind = git.run("cat-file", "-t", name, check=False)
    if kind.stdout.strip() != "tag":
        git.run("fetch", "--quiet", "--no-tags", "--force", remote, f"+{name}:{name}")


def _set_aside(journal: Path) -> None:
    """Keep the journal of an earlier attempt under a number."""
    if journal.is_file():
        numbers = (n for n in range(1, 10_000) if not journal.with_suffix(f".{n}.jsonl").exists())
        journal.rename(journal.with_suffix(f".{next(numbers)}.jsonl"))
