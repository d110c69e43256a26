"""Planted flaws: each in a clone and a remote of its own, each must stop the release in time."""

from __future__ import annotations

import secrets
import shutil
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pipeline.git import Git
from pipeline.invocation import Options, make_project
from pipeline.project import Endpoints
from pipeline.rehearsal.actors import Laptop, release_tags
from pipeline.rehearsal.world import Places, as_toml, clone_bare
from pipeline.report import Proof
from pipeline.run import run_steps
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError, Step

OLD = "PyYAML==5.3.1"
# The wheels of that release: no other platform got one for a Python that reads its sources.
OLD_WHEEL = ("--python-version", "3.8", "--platform", "win_amd64", "--only-binary", ":all:")
Say = Callable[[str], None]
_AUTHOR = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Rehearsal"), ("EMAIL", "rehearsal@example.invalid"))
}


@dataclass(frozen=True, slots=True)
class Flaw:
    """A clone with something wrong in it.

    Args:
        folder: of this flaw alone: `remote.git`, `clone`, `endpoints.toml`.
        shell: starts git.
        endpoints: those of the rehearsal, with this flaw's remote.
    """

    folder: Path
    shell: Shell
    endpoints: Endpoints

    @property
    def clone(self) -> Path:
        """The person's clone."""
        return self.folder / "clone"

    @property
    def file(self) -> Path:
        """The endpoints file."""
        return self.folder / "endpoints.toml"

    def plant(self, files: dict[str, bytes], subject: str) -> None:
        """Commit files to the clone and push them."""
        git = Git(self.shell, self.clone)
        for name, body in files.items():
            path = self.clone / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        git.run("add", "--force", "--", *files)
        git.run("commit", "--quiet", "-m", subject, env=_AUTHOR)
        git.run("push", "--quiet", "origin", "HEAD:refs/heads/main")


def prepare_flaw(places: Places, name: str, shell: Shell, endpoints: Endpoints) -> Flaw:
    """A fresh remote and clone of the rehearsed commit."""
    folder = places.root / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    remote = folder / "remote.git"
    clone_bare(Git(shell, places.source), remote)
    own = msgspec.structs.replace(endpoints, git_remote=str(remote))
    flaw = Flaw(folder, shell, own)
    Git(shell, folder).run("clone", "--quiet", str(remote), str(flaw.clone))
    flaw.file.write_text(as_toml(own), encoding="utf-8")
    return flaw


def password(places: Places, shell: Shell, endpoints: Endpoints, say: Say) -> tuple[Proof, ...]:
    """A hard-coded password stops the release at the gates, with exit code 3 and without a tag."""
    flaw, secret = _with_password(places, shell, endpoints)
    laptop = Laptop(shell, flaw.clone, flaw.file, say, release_tags(shell, places.source))
    ran = laptop.release()
    return (_stopped(ran.returncode, laptop, ran.stdout, secret),)


def password_at_gates(
    places: Places, shell: Shell, endpoints: Endpoints, say: Say
) -> tuple[Proof, ...]:
    """The same where there is no engine to release with: the steps up to the gates."""
    from pipeline.steps import gates, plan, prepare

    flaw, secret = _with_password(places, shell, endpoints)
    laptop = Laptop(shell, flaw.clone, flaw.file, say, release_tags(shell, places.source))
    options = Options(endpoints=str(flaw.file), rehearse=True)
    project = make_project(Git(shell, flaw.clone), flaw.folder / "out", flaw.endpoints, options)
    steps = (plan.STEP, prepare.STEP, gates.STEP)
    result = run_steps(project, steps, given=frozenset({"preflight"}), say=say)
    return (_stopped(result.exit_code, laptop, result.message, secret),)


def _with_password(places: Places, shell: Shell, endpoints: Endpoints) -> tuple[Flaw, str]:
    flaw = prepare_flaw(places, "flaw-password", shell, endpoints)
    secret = secrets.token_hex(12)
    leak = f'"""Planted by the rehearsal."""\n\nPASSWORD = "{secret}"\n'
    flaw.plant({"mgit/planted.py": leak.encode()}, "Plant a password")
    return flaw, secret


def _stopped(code: int, laptop: Laptop, told: str, secret: str) -> Proof:
    tags = laptop.tags()
    held = {
        f"exit {int(code)}": code == Exit.GATE,
        f"{len(tags)} tags": not tags,
        "the file is named": "planted.py" in told,
        "the password is not repeated": secret not in told,
    }
    detail = ", ".join(what if holds else f"NOT: {what}" for what, holds in held.items())
    return Proof("a planted password stops the release before the tag", all(held.values()), detail)


def old_library(places: Places, shell: Shell, endpoints: Endpoints, say: Say) -> tuple[Proof, ...]:
    """An old PyYAML inside mgit's wheel, hence in the image, stops the release at the scan.

    The gates are left out here: they judge sources, take minutes, and have had their proof.
    """
    flaw = prepare_flaw(places, "flaw-library", shell, endpoints)
    flaw.plant(_old_files(shell, flaw.folder), f"Plant {OLD}")
    from pipeline.release import LAPTOP

    steps: list[Step] = [step for step in LAPTOP if step.name != "gates"]
    options = Options(endpoints=str(flaw.file), rehearse=True)
    out = flaw.folder / "release"
    project = make_project(Git(shell, flaw.clone), out, flaw.endpoints, options)
    result = run_steps(project, steps, given=frozenset({"gates"}), say=say)
    known = release_tags(shell, places.source)
    tags = Laptop(shell, flaw.clone, flaw.file, say, known).tags()
    stopped = next((each.name for each in result.steps if each.state == "failed"), "nowhere")
    detail = f"exit {result.exit_code} at {stopped}, {len(tags)} tags: {result.message}"
    ok = result.exit_code is Exit.GATE and stopped == "inspect" and not tags and "CVE" in detail
    return (Proof("a planted CRITICAL in the image stops the release before the tag", ok, detail),)


def _old_files(shell: Shell, folder: Path) -> dict[str, bytes]:
    """The Python files and the metadata of the real wheel, for a place inside the package."""
    place = folder / "wheels"
    download = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check")
    shell.run([*download, "--no-deps", *OLD_WHEEL, "--dest", place, OLD])
    wheel = next(place.glob("*.whl"), None)
    if wheel is None:
        raise PipelineError(f"{OLD} could not be downloaded", exit_code=Exit.ENVIRONMENT)
    with zipfile.ZipFile(wheel) as archive:
        return {
            f"mgit/planted/{name}": archive.read(name)
            for name in archive.namelist()
            if name.endswith((".py", "/METADATA", "/RECORD", "/WHEEL"))
        }
