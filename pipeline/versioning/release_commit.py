"""The release commit: the same plan gives the same commit id, on every machine and every time.

Tree, parent, message, identity and both times follow from the parent commit and the fragments, so a
second run needs no memory to know whether the commit it sees is its own.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from pipeline.git import Git
from pipeline.step import Exit, PipelineError
from pipeline.versioning.changelog import FILE, FOLDER, insert_section, read_fragments, render_notes
from pipeline.versioning.changelog import render_section as section_of
from pipeline.versioning.floor import require_floor
from pipeline.versioning.versions import latest, latest_final, next_version, to_pep440

VERSION_FILE = "mgit/version.py"
_NAME = "mgit release"
_EMAIL = "release@mgit.invalid"  # RFC 2606: no mail ever goes there


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """What the base commit asks for.

    Args:
        base: the commit that is released from.
        version: the next version.
        previous: the latest version before it, empty for the first.
        notes: release notes.
        epoch: committer time of the base; SOURCE_DATE_EPOCH of all that is built.
        files: path -> new text, for the files that the release commit writes.
        removed: paths that it removes.
    """

    base: str
    version: str
    previous: str
    notes: str
    epoch: int
    files: dict[str, str]
    removed: tuple[str, ...]


def plan_release(git: Git, pre: str = "") -> ReleasePlan:
    """Work out the next release from the base commit alone.

    A pre-release only writes the version: its changes stay fragments until the final version
    gathers them all.

    Args:
        git: the clone.
        pre: `alpha`, `beta` or `rc` for a pre-release.

    Raises:
        PipelineError: GATE, nothing to release, or what is public changed by more than the
            fragments say; USAGE, a malformed fragment or changelog.
    """
    base = git.base()
    fragments = read_fragments(git.files(base, FOLDER))
    tags = git.out("tag", "--merged", base, "--list", "v*").split()
    previous = latest(tags)
    if not fragments:
        raise PipelineError(
            f"nothing to release since {f'v{previous}' if previous else 'the beginning'}",
            exit_code=Exit.GATE,
            advice=f"describe the change in a fragment, see {FOLDER}/README.md",
        )
    kinds = tuple(fragment.kind for fragment in fragments)
    require_floor(git, base, latest_final(tags), kinds)
    version = next_version(previous, kinds, pre)
    notes = render_notes(fragments)
    epoch = git.time_of(base)
    if pre:
        written = {VERSION_FILE: version_module(version)}
        return ReleasePlan(base, version, previous, notes, epoch, written, ())
    changelog = insert_section(git.text(base, FILE), version, section_of(version, epoch, notes))
    files = {VERSION_FILE: version_module(version), FILE: changelog}
    removed = tuple(f"{FOLDER}/{fragment.name}" for fragment in fragments)
    return ReleasePlan(base, version, previous, notes, epoch, files, removed)


def expected_commit(git: Git, plan: ReleasePlan) -> str:
    """Object id of the release commit; its objects are written, no ref is moved."""
    with tempfile.TemporaryDirectory() as folder:
        env = {"GIT_INDEX_FILE": str(Path(folder, "index"))}
        git.run("read-tree", plan.base, env=env)
        lines = []
        for path, text in plan.files.items():
            blob = git.run("hash-object", "-w", "--stdin", stdin=text).stdout.strip()
            lines.append(f"100644 {blob}\t{path}\n")
        lines += [f"0 {'0' * len(plan.base)}\t{path}\n" for path in plan.removed]
        git.run("update-index", "--index-info", env=env, stdin="".join(lines))
        tree = git.run("write-tree", env=env).stdout.strip()
    message = f"Release {plan.version}\n\n{plan.notes}\n"
    made = git.run(
        *("commit-tree", tree, "-p", plan.base, "-F", "-"), env=identity(plan.epoch), stdin=message
    )
    return made.stdout.strip()


def identity(epoch: int) -> dict[str, str]:
    """Author, committer and tagger of everything that the release makes, at a fixed time."""
    return {
        "GIT_AUTHOR_NAME": _NAME,
        "GIT_AUTHOR_EMAIL": _EMAIL,
        "GIT_AUTHOR_DATE": f"{epoch} +0000",
        "GIT_COMMITTER_NAME": _NAME,
        "GIT_COMMITTER_EMAIL": _EMAIL,
        "GIT_COMMITTER_DATE": f"{epoch} +0000",
    }


def version_module(version: str) -> str:
    """Text of mgit/version.py: the PEP 440 spelling, which is what a package carries."""
    return (
        '"""The one place that holds the version; the release pipeline rewrites it."""\n\n'
        f'__version__ = "{to_pep440(version)}"\n'
    )
