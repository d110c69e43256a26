"""The deployed service: it answers, it mirrors, and it survives a broken second version."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from pipeline.artifacts.engine import one_line, open_engine
from pipeline.artifacts.image import build_image
from pipeline.deployment.compose import ComposeTarget
from pipeline.deployment.environments import find_environment
from pipeline.deployment.targets import open_target
from pipeline.git import Git
from pipeline.project import Project
from pipeline.publishing.places import registry_of
from pipeline.rehearsal.actors import Laptop
from pipeline.rehearsal.world import MIRRORED, REPOSITORY, Places, World
from pipeline.report import Proof
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError

NAME = "rehearsal"
_REFERENCE = re.compile(r"\S+@(sha256:[0-9a-f]{12})[0-9a-f]{52}")
_PATIENCE = 60.0
_UID = 65532
_BROKEN = "\nraise RuntimeError('broken on purpose by the rehearsal')\n"


def write_environment(world: World, port: int) -> None:
    """The place to deploy to: this engine, the host's network, the sandbox forge to mirror."""
    places = world.places
    config, tokens = places.root / "deploy" / "config", places.root / "deploy" / "secrets"
    config.mkdir(parents=True, exist_ok=True)
    tokens.mkdir(parents=True, exist_ok=True)
    owner = REPOSITORY.partition("/")[0]
    (config / "config.toml").write_text(
        f"""version = 1

[defaults]
kind = "mirror"

[serve]
interval = "10s"

[sources.sandbox]
forge = "github"
url = "{world.forge.api_url}"
owners = ["{owner}"]
token_file = "/run/secrets/forge"
""",
        encoding="utf-8",
    )
    shutil.copyfile(places.token("forge"), tokens / "forge")
    _hand_over(tokens / "forge")
    places.environments.write_text(
        f"""[{NAME}]
kind = "compose"
release = true
gates = {{ timeout = 45, settle = 2 }}

[{NAME}.compose]
project = "{places.compose}"
files = ["docker/compose.yaml", "docker/compose.host.yaml"]
config = "{config}"
secrets = "{tokens}"
port = {port}
""",
        encoding="utf-8",
    )


def take_down(shell: Shell, places: Places) -> None:
    """Remove what a rehearsal deployed, with its data; nothing to do where there is no engine."""
    argv = ("docker", "compose", "--project-name", places.compose, "down", "--volumes")
    try:
        shell.run((*argv, "--remove-orphans"), check=False)
    except PipelineError:
        return


def forget_images(shell: Shell, world: World) -> None:
    """Remove from the engine what came from the rehearsal's registry."""
    # By name: another rehearsal may have the same image under another one.
    shown = ("--format", "{{.Repository}}:{{.Tag}}")
    wanted = ("--filter", f"reference={world.endpoints.registry}")
    listed = shell.run(["docker", "image", "ls", *shown, *wanted]).stdout.split()
    if names := [name for name in listed if not name.endswith(":<none>")]:
        shell.run(["docker", "image", "rm", *names], check=False)


def runs(project: Project) -> bool:
    """Whether anything is deployed."""
    return _target(project).observe() is not None


def healthy(project: Project, digest: str) -> Proof:
    """The digest runs and says that it is ready."""
    target = _target(project)
    running = target.observe()
    live = running is not None and running.digest == digest and running.healthy
    answer = target.ask("/readyz")
    told = f"{running.digest[:19]}…" if running else "nothing"
    detail = f"the engine runs {told}, /readyz says {answer.status if answer else 'nothing'}"
    ready = answer is not None and answer.ok
    return Proof("the released digest is live and healthy", live and ready, detail)


def mirrors(project: Project, world: World) -> Proof:
    """Every repository of the sandbox forge is in the service's volume, ref by ref."""
    owner = REPOSITORY.partition("/")[0]
    wanted = {
        repo.name: branches_and_tags(world.forge.refs(owner, repo.name))
        for repo in world.forge.store.all(owner)
    }
    deadline = time.monotonic() + _PATIENCE
    while True:
        there = _mirrored(project, world.places.root / "deploy" / "data")
        same = sorted(name for name, refs in wanted.items() if there.get(name) == refs)
        if len(same) == len(wanted) or time.monotonic() > deadline:
            break
        time.sleep(1)
    return Proof(
        "the deployed service mirrors the sandbox forge",
        ok=len(same) == len(wanted) == MIRRORED,
        detail=f"{len(same)} of {len(wanted)} repositories are in its volume, ref by ref",
    )


def branches_and_tags(refs: Mapping[str, str]) -> dict[str, str]:
    """What of a repository's refs a mirror has to hold."""
    kept = ("refs/heads/", "refs/tags/")
    return {name: oid for name, oid in refs.items() if name.startswith(kept)}


def _mirrored(project: Project, target: Path) -> dict[str, dict[str, str]]:
    """The refs of every clone in the service's volume, by name of the repository."""
    shutil.rmtree(target, ignore_errors=True)
    with one_line("the service's volume cannot be read"):
        there = _target(project)
        (container,) = there.client.container.list(filters=[("label", _label(there))])
        there.client.container.copy((container, "/data"), target)
    found = {}
    for identity in target.rglob("mgit.json"):
        git = Git(project.shell, identity.parent)
        listed = git.remote_refs(str(identity.parent))
        name = identity.parent.name.removesuffix(".git")
        found[name] = {
            ref: oid for ref, oid in branches_and_tags(listed).items() if not ref.endswith("^{}")
        }
    return found


def push_broken(shell: Shell, world: World) -> str:
    """Build and push a second version that breaks when it serves; its reference by digest."""
    places = world.places
    source = places.root / "broken"
    shutil.rmtree(source, ignore_errors=True)
    Git(shell, places.root).run("clone", "--quiet", str(places.remote), str(source))
    daemon = source / "mgit" / "daemon" / "__init__.py"
    daemon.write_text(daemon.read_text(encoding="utf-8") + _BROKEN, encoding="utf-8")
    name = f"{world.endpoints.registry}:broken"
    build_image(source, name, base=world.endpoints.base_image)
    with one_line(f"{name} cannot be pushed"):
        open_engine(shell).client.image.push(name, quiet=True)
    digest = registry_of(world.endpoints).digest("broken")
    if not digest:
        raise PipelineError(f"{name} was pushed and is not there")
    return f"{world.endpoints.registry}@{digest}"


def broken_second_version(
    project: Project, world: World, laptop: Laptop, good: str
) -> tuple[Proof, ...]:
    """Deployed by `invoke deploy`, it fails its health gate, and the first digest comes back."""
    reference = push_broken(project.shell, world)
    ran = laptop.deploy(NAME, reference)
    told = [line.partition("error:")[2] for line in ran.stdout.splitlines() if "error:" in line]
    words = _REFERENCE.sub(r"\1…", told[-1].strip()) if told else "it said nothing"
    back = healthy(project, good)
    return (
        Proof(
            "a broken second version fails its health gate",
            ok=ran.returncode == Exit.GATE,
            detail=f"exit {ran.returncode}: {words}",
        ),
        Proof("it was rolled back by itself to the first digest", back.ok, back.detail),
    )


def what_the_engine_tells(project: Project) -> str:
    """Everything that it says of the deployed container: settings, mounts, labels, log."""
    target, shell = _target(project), project.shell
    found = target.observe()
    if found is None:
        return ""
    ours = f"label={_label(target)}"
    names = shell.run(["docker", "ps", "--quiet", "--filter", ours]).stdout.split()
    told = [shell.run(["docker", "inspect", *names, found.reference]).stdout]
    for name in names:
        ran = shell.run(["docker", "logs", name])
        told += [ran.stdout, ran.stderr]
    return "".join(told)


def _target(project: Project) -> ComposeTarget:
    target = open_target(project, find_environment(project, NAME))
    if not isinstance(target, ComposeTarget):
        raise PipelineError(f"the environment {NAME} is not of the kind compose")
    return target


def _label(target: ComposeTarget) -> str:
    return f"com.docker.compose.project={target.place.project}"


def _hand_over(token: Path) -> None:
    """Let the service's user read its token, and nobody else where that can be had."""
    if os.geteuid() == 0:
        os.chown(token, _UID, _UID)
        token.chmod(0o400)
    else:
        token.chmod(0o444)  # the folder above is closed to others
