"""verify: a stranger can install, pull and run what was published. Only looks.

Everything comes from the public places by its public name, nothing from this machine's folders;
every byte is held against the digest that was built.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from pipeline.artifacts.engine import Engine, one_line, open_engine
from pipeline.git import Git
from pipeline.project import Project
from pipeline.publishing.places import (
    DISTRIBUTION,
    distributions,
    index_simple,
    registry_of,
    releases_of,
)
from pipeline.publishing.referrers import attachments, lacks
from pipeline.signing.cosign import cosign_of
from pipeline.signing.stranger import Stranger, tag_is_signed, wrong
from pipeline.step import Artifact, Effect, Facts, Step, Todo, Verdict
from pipeline.versioning.versions import tag_of, to_pep440


def check(project: Project, facts: Facts) -> Verdict:
    """Always again: the world may have changed since the last look."""
    version = facts.version or "the version"
    return Todo(
        (
            f"install {DISTRIBUTION} {version} from the index by hash and run it",
            f"pull {project.endpoints.registry}:{version} and run it",
            "read the assets of the release back, and what lies beside the image",
            "verify the signatures of tag, files and image, as far as keys are named",
        )
    )


def run(project: Project, facts: Facts) -> Facts:
    """Install, pull, download; compare and run.

    Raises:
        PipelineError: what others get is not what was built, or does not run.
    """
    _assets(project, facts)
    check_signatures(project, facts)
    check_attached(project, facts)
    install_and_run(project, facts)
    _image(open_engine(project.shell), project, facts)
    return facts


def _assets(project: Project, facts: Facts) -> None:
    tag = tag_of(facts.version)
    releases = releases_of(project.endpoints)
    release = releases.find(tag)
    if release is None or release.draft:
        raise wrong(f"the release {tag} is not published")
    for artifact in facts.artifacts:
        asset = release.asset(artifact.name)
        if asset is None or releases.digest(asset) != artifact.digest:
            raise wrong(f"the release {tag} does not hold {artifact.name} as it was built")


def check_attached(project: Project, facts: Facts) -> None:
    """Who has the image finds its bills of materials and its provenance beside it.

    Raises:
        PipelineError: CONFLICT; names the one that is not there as it was built.
    """
    registry = registry_of(project.endpoints)
    for each in attachments(facts):
        if lacks(registry, each):
            raise wrong(f"{registry.name}@{each.subject} does not refer to {each.artifact.name}")


def check_signatures(project: Project, facts: Facts) -> None:
    """Hold tag, files and image against the public keys that the endpoints name.

    Raises:
        PipelineError: CONFLICT, a signature is missing or not good.
    """
    endpoints, tag = project.endpoints, tag_of(facts.version)
    if endpoints.tag_signers_file:
        git, name = Git(project.shell, project.root), f"refs/tags/{tag}"
        git.run("fetch", "--quiet", "--no-tags", endpoints.git_remote, name)
        there = git.remote_refs(endpoints.git_remote, name).get(name, "")
        if not there or not tag_is_signed(git, there, project.root / endpoints.tag_signers_file):
            raise wrong(f"{tag} on the remote is not signed by anybody who may release")
    cosign = cosign_of(project)
    if cosign is None:
        return
    releases, registry = releases_of(endpoints), registry_of(endpoints)
    release = releases.find(tag)
    if release is None:
        raise wrong(f"the release {tag} is not published")
    stranger = Stranger(cosign, releases, registry, endpoints.registry_insecure)
    stranger.files(release, facts.version)
    stranger.image(facts.image_digest)


def install_and_run(project: Project, facts: Facts) -> None:
    """Install the wheel from the index into an empty environment, by hash, and run it.

    Raises:
        PipelineError: CONFLICT, it does not install or says another version.
    """
    wheel = next((each for each in distributions(facts) if each.name.endswith(".whl")), None)
    if wheel is None:
        raise wrong("no wheel was built")
    with tempfile.TemporaryDirectory(prefix="mgit-verify-") as name:
        folder = Path(name)
        _install(project, folder, wheel, facts.version)
        said = project.shell.run([folder / "venv" / "bin" / "mgit", "--version"]).stdout.split()
    if to_pep440(facts.version) not in said and facts.version not in said:
        raise wrong(f"the installed command says {' '.join(said)!a}, not {facts.version}")


def _install(project: Project, folder: Path, wheel: Artifact, version: str) -> None:
    """Into an empty environment: what the wheel needs, then the wheel itself, all by hash.

    The two come from different indexes in a rehearsal, so each call names one.
    """
    venv, own = folder / "venv", folder / "own.txt"
    digest = wheel.digest.removeprefix("sha256:")
    own.write_text(
        f"{DISTRIBUTION}=={to_pep440(version)} --hash=sha256:{digest}\n", encoding="utf-8"
    )
    uv = (sys.executable, "-m", "uv", "--quiet")
    install = (*uv, "pip", "install", "--python", str(venv), "--require-hashes")
    project.shell.run([*uv, "venv", "--python", sys.executable, venv])
    locked = project.root / "requirements" / "image.txt"
    project.shell.run([*install, "--requirement", locked])
    simple = index_simple(project.endpoints)
    fresh = ("--no-deps", "--no-cache", "--default-index", simple, "--requirement", str(own))
    if not project.shell.run([*install, *fresh], check=False).ok:
        log = f", see {project.shell.log}" if project.shell.log else ""
        raise wrong(f"{wheel.name} does not install from {simple} by its hash{log}")


def _image(engine: Engine, project: Project, facts: Facts) -> None:
    registry = registry_of(project.endpoints)
    if registry.digest(facts.version) != facts.image_digest:
        raise wrong(f"{registry.name}:{facts.version} is not {facts.image_digest}")
    reference = f"{registry.name}:{facts.version}"
    with one_line(f"{reference} cannot be pulled"):
        engine.client.image.pull(reference, quiet=True)
        digests = engine.client.image.inspect(reference).repo_digests or []
    if f"{registry.name}@{facts.image_digest}" not in digests:
        raise wrong(f"the engine pulled {reference} and got {', '.join(digests)}")
    said = engine.run(reference, "--version").split()
    if to_pep440(facts.version) not in said and facts.version not in said:
        raise wrong(f"{reference} says {' '.join(said)!a}, not {facts.version}")


STEP = Step("verify", ("log",), check, run, effect=Effect.NONE)
