"""Builds a past tag again, in a clean clone, and compares with what the tag claims.

The tools are those that the tag has locked: where its lock of the pipeline is not the one of this
clone, they are installed into an environment of their own. What differs is told file by file where
the published files are at hand: in the folder of the release, or on the package index.
"""

from __future__ import annotations

import secrets
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.git import Git
from pipeline.project import Project
from pipeline.proving.difference import difference
from pipeline.publishing.places import file_digest
from pipeline.report import Proof
from pipeline.step import Exit, Facts, PipelineError
from pipeline.steps.build import LAYOUT, build_once
from pipeline.versioning.claims import Claims, read_claims
from pipeline.versioning.versions import version_of_tag
from pipeline.workspace import fetch_annotated

_LOCK = "requirements/pipeline.txt"
_BUILT_HERE = (".whl", ".tar.gz")


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be proven.

    Args:
        tag: `vX.Y.Z`.
        originals: folders that may have the published files.
        image: whether the image is built too; it needs an engine.
    """

    tag: str
    originals: tuple[Path, ...]
    image: bool = True


def prove_tag(project: Project, here: Path, question: Question) -> tuple[Proof, ...]:
    """Build a tag again and compare.

    Args:
        project: `root` is where the clean clone goes, `out` where the rest does.
        here: the repository that has the tag, or whose remote has it.
        question: see `Question`.

    Returns:
        a proof for the commit, and one for each artefact that is built (not signatures and
        bills of materials: they tell of scanners and keys too).

    Raises:
        PipelineError: CONFLICT, the tag is not one of a release; INCOMPLETE, the build failed.
    """
    version = version_of_tag(question.tag)
    shutil.rmtree(project.out, ignore_errors=True)
    project.out.mkdir(parents=True)
    git = Git(project.shell, project.root)
    Git(project.shell, here).run(
        "clone", "--quiet", "--no-hardlinks", "--no-checkout", str(here), str(project.root)
    )
    fetch_annotated(git, project.endpoints.git_remote, question.tag)
    name = f"refs/tags/{question.tag}"
    claims = read_claims(git.out("cat-file", "tag", name).partition("\n\n")[2])
    commit = git.resolve(f"{name}^{{commit}}")
    first = _told(git, claims, version, commit)
    if not first.ok:
        return (first,)
    git.run("checkout", "--quiet", "--detach", commit)
    facts = Facts(version=version, commit=commit, epoch=git.time_of(commit))
    place = project.out / "again"
    built = build_once(
        project,
        facts,
        place,
        secrets.token_hex(8),
        python=_tools(project, here),
        image=question.image,
    )
    return (first, *compare_with_claims(claims, built, question))


def compare_with_claims(claims: Claims, built: Path, question: Question) -> tuple[Proof, ...]:
    """Compare what was built with what a tag says, artefact by artefact.

    Args:
        claims: of the tag.
        built: folder with wheel, source distribution, and the layout of the image.
        question: see `Question`.
    """
    proofs = []
    wanted = {a.name: a.digest for a in claims.artifacts if a.name.endswith(_BUILT_HERE)}
    found = {path.name: path for path in built.iterdir() if path.name.endswith(_BUILT_HERE)}
    for name in sorted({*wanted, *found}):
        mine = file_digest(found[name]) if name in found else ""
        proofs.append(
            _proof(name, wanted.get(name, ""), mine, _named(question, name), built / name)
        )
    if claims.image_digest and question.image:
        from pipeline.artifacts.oci import read_image

        mine = read_image(built / LAYOUT).digest
        theirs = _named(question, LAYOUT)
        proofs.append(_proof("image", claims.image_digest, mine, theirs, built / LAYOUT))
    elif claims.image_digest:
        proofs.append(Proof("image", ok=False, detail="was not built: no engine was asked for"))
    return tuple(proofs)


def _told(git: Git, claims: Claims, version: str, commit: str) -> Proof:
    what = "the tag is of its commit and version"
    written = git.run("show", f"{commit}:mgit/version.py", check=False).stdout
    named = f'"{claims.version}"' in written
    ok = (claims.commit, claims.version) == (commit, version) and named
    detail = f"{version}, commit {commit[:12]}"
    if not ok:
        detail += f"; the tag says {claims.version}, commit {claims.commit[:12]}"
    return Proof(what, ok=ok, detail=detail)


def _proof(name: str, theirs: str, mine: str, originals: Sequence[Path], built: Path) -> Proof:
    if theirs == mine:
        return Proof(name, ok=True, detail=mine)
    if not mine:
        return Proof(name, ok=False, detail=f"was not built; the tag says {theirs}")
    if not theirs:
        return Proof(name, ok=False, detail=f"{mine}; the tag says nothing of it")
    told = next((lines for path in originals if (lines := difference(path, built))), ())
    where = told or ("the published file is not at hand: give its folder with --against",)
    return Proof(name, ok=False, detail="\n".join((f"{mine}, the tag says {theirs}", *where)))


def _named(question: Question, name: str) -> list[Path]:
    return [folder / name for folder in question.originals if (folder / name).exists()]


def _tools(project: Project, here: Path) -> str:
    """A Python with the tools that the tag has locked."""
    lock = project.root / _LOCK
    if not lock.is_file():
        raise PipelineError(
            f"the tag has no {_LOCK}",
            exit_code=Exit.CONFLICT,
            advice="it is older than this pipeline: build it by hand",
        )
    if (here / _LOCK).is_file() and (here / _LOCK).read_bytes() == lock.read_bytes():
        return sys.executable
    venv = project.out / "tools"
    project.shell.run((sys.executable, "-m", "venv", "--without-pip", venv))
    python = venv / "bin" / "python"
    install = (sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", python)
    project.shell.run((*install, "--no-deps", "--require-hashes", "--requirement", lock))
    return str(python)
