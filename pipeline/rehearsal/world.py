"""The stand-ins for the outside world: remote, index, registry, releases, advisories, forge.

All of it lives in one folder and listens on loopback. Ports and tokens are kept there too, so that
a resumed rehearsal meets the same world that a killed one left.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pipeline.git import Git
from pipeline.machine.tools import BASE_IMAGE
from pipeline.project import Endpoints
from pipeline.shell import Shell
from pipeline.signing.cosign import run_cosign
from pipeline.step import PipelineError
from sandbox.advisories import open_advisories
from sandbox.forge.forge import SandboxForge
from sandbox.index import Index, open_index
from sandbox.registry import RegistryMissing, open_registry
from sandbox.releases import Releases, open_releases
from sandbox.transparency import TransparencyLog, open_transparency

SERVICES = ("index", "registry", "releases", "advisories", "forge", "log")
TOKENS = ("index", "releases", "forge")
COSIGN = "cosign-password"
"""The file with the password of the key; its text is a canary as the tokens are."""
REPOSITORY = "acme/mgit"
MIRRORED = 5
"""How many repositories the deployed mgit has to mirror."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a rehearsal keeps what.

    Args:
        root: the folder of the rehearsal.
        source: the clone that is rehearsed.
    """

    root: Path
    source: Path

    @property
    def remote(self) -> Path:
        """The bare repository that gets commit and tag."""
        return self.root / "remote.git"

    @property
    def clone(self) -> Path:
        """The clone of the person who releases."""
        return self.root / "clone"

    @property
    def secrets(self) -> Path:
        """The one place where tokens may be."""
        return self.root / "secrets"

    @property
    def endpoints(self) -> Path:
        """The endpoints file."""
        return self.root / "endpoints.toml"

    @property
    def environments(self) -> Path:
        """The file that lists where to deploy to."""
        return self.root / "environments.toml"

    @property
    def log(self) -> Path:
        """Everything that was started, and what it said."""
        return self.root / "log.txt"

    @property
    def compose(self) -> str:
        """Name of the compose project: rehearsals of two clones share an engine."""
        return f"mgit-rehearsal-{hashlib.sha256(bytes(self.root.resolve())).hexdigest()[:8]}"

    def service(self, name: str) -> Path:
        """Data of a service."""
        return self.root / "services" / name

    def token(self, name: str) -> Path:
        """File with the token of a service."""
        return self.secrets / name

    @property
    def key(self) -> Path:
        """The throw-away key that signs the tag."""
        return self.secrets / "signing-key"

    @property
    def cosign_key(self) -> Path:
        """The throw-away key that signs files and image; its public half lies beside it."""
        return self.secrets / "cosign.key"

    @property
    def signers(self) -> Path:
        """Who may sign a tag of this rehearsal."""
        return self.secrets / "allowed-signers"

    def canaries(self) -> dict[str, str]:
        """Every secret of this rehearsal: tokens, a password, a line that only each key has."""
        texts = {name: read(self.token(name)) for name in TOKENS}
        if self.key.exists():
            texts["signing-key"] = read(self.key).splitlines()[-2]
        if self.cosign_key.exists():
            texts["cosign-password"] = read(self.token(COSIGN))
            # The last line of such a file may be as short as one word of base64.
            texts["cosign-key"] = read(self.cosign_key).splitlines()[-3]
        return texts

    def attempt(self, number: int) -> Path:
        """What the CI half wrote, for each time that it ran."""
        return self.root / "ci" / f"attempt-{number}"


@dataclass(frozen=True, slots=True)
class World:
    """A running world.

    Args:
        places: its folders.
        endpoints: what a release is told about it.
        index: the package index.
        releases: the forge's releases.
        forge: the forge that the deployed mgit mirrors.
        registry: `HOST:PORT`, empty where none could be started.
        log: the transparency log.
    """

    places: Places
    endpoints: Endpoints
    index: Index
    releases: Releases
    forge: SandboxForge
    registry: str
    log: TransparencyLog


def make_folders(places: Places, shell: Shell) -> None:
    """Make remote, clone and tokens; what is there already stays.

    Raises:
        PipelineError: git failed.
    """
    places.secrets.mkdir(parents=True, exist_ok=True)
    places.secrets.chmod(0o700)
    for name in TOKENS:
        _make_token(places.token(name), name)
    _make_key(places, shell)
    _make_cosign_key(places, shell)
    git = Git(shell, places.source)
    if not places.remote.exists():
        clone_bare(git, places.remote)
    if not places.clone.exists():
        git.run("clone", "--quiet", "--branch", "main", str(places.remote), str(places.clone))


def clone_bare(git: Git, target: Path) -> None:
    """A bare clone of the current commit, as the branch main, with the tags that are there."""
    aside = target.with_name(f"{target.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    git.run("init", "--quiet", "--bare", "--initial-branch", "main", str(aside))
    specs = ("HEAD:refs/heads/main", "refs/tags/*:refs/tags/*")
    Git(git.shell, aside).run("fetch", "--quiet", str(git.root), *specs)
    aside.rename(target)


@contextmanager
def open_world(
    places: Places, ports: Mapping[str, int], base_image: str = BASE_IMAGE
) -> Iterator[World]:
    """Start all services; they end with the block, or with this process.

    Args:
        places: see `make_folders`, which was called before.
        ports: where each service listened last time; a taken or unknown one is replaced.
        base_image: what the image is built on, under the name that the engine has it by.

    Raises:
        PipelineError: a service did not start.
    """
    port = {name: free_port(ports.get(name, 0)) for name in SERVICES}
    with ExitStack() as stack:
        token = places.token("index")
        index = stack.enter_context(
            open_index(places.service("index"), token_file=token, port=port["index"])
        )
        releases = stack.enter_context(
            open_releases(
                places.service("releases"),
                token=read(places.token("releases")),
                port=port["releases"],
            )
        )
        advisories = stack.enter_context(open_advisories(port=port["advisories"]))
        forge = stack.enter_context(
            SandboxForge(
                places.service("forge"), token=read(places.token("forge")), port=port["forge"]
            )
        )
        _fill(forge)
        registry = _registry(stack, places, port["registry"])
        log = stack.enter_context(open_transparency(places.service("log"), port=port["log"]))
        endpoints = msgspec.structs.replace(
            _endpoints(places, index, releases, advisories.url, registry),
            log_url=log.url,
            base_image=base_image,
        )
        places.endpoints.write_text(as_toml(endpoints), encoding="utf-8")
        yield World(places, endpoints, index, releases, forge, registry, log)


def ports_of(world: World) -> dict[str, int]:
    """Where each service listens, to be kept for the next time."""
    urls = {
        "index": world.index.url,
        "releases": world.releases.url,
        "advisories": world.endpoints.osv_url.removesuffix("/v1/query"),
        "forge": world.forge.url,
        "registry": world.registry,
        "log": world.log.url,
    }
    return {name: int(url.rpartition(":")[2]) for name, url in urls.items() if url}


def free_port(wanted: int) -> int:
    """A port that can be listened on: the wanted one, else another."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise PipelineError("there is no free port on loopback")


def as_toml(endpoints: Endpoints) -> str:
    """The endpoints as a file: strings and booleans only, so JSON's quoting is TOML's."""
    values = ((name, getattr(endpoints, name)) for name in endpoints.__struct_fields__)
    lines = [f"{name} = {msgspec.json.encode(value).decode()}" for name, value in values]
    return "\n".join(("# Written by the rehearsal: everything is on this machine.", *lines, ""))


def read(path: Path) -> str:
    """The token in a file."""
    return path.read_text(encoding="utf-8").strip()


def _make_token(path: Path, name: str) -> None:
    if path.exists():
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(f"canary-{name}-{secrets.token_hex(16)}\n")


def _make_key(places: Places, shell: Shell) -> None:
    """A key for this rehearsal only; without ssh-keygen the tag is not signed."""
    if places.key.exists() or shutil.which("ssh-keygen") is None:
        return
    comment = ("-C", "rehearsal", "-f", places.key)
    shell.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", *comment))
    public = places.key.with_name(f"{places.key.name}.pub").read_text(encoding="utf-8")
    places.signers.write_text(f'rehearsal namespaces="git" {public}', encoding="utf-8")


def _make_cosign_key(places: Places, shell: Shell) -> None:
    """A key pair for this rehearsal only; without cosign files and image are not signed."""
    if places.cosign_key.exists() or shutil.which("cosign") is None:
        return
    _make_token(places.token(COSIGN), COSIGN)
    argv = ("generate-key-pair", "--output-key-prefix", places.cosign_key.with_suffix(""))
    run_cosign(shell, argv, stdin=read(places.token(COSIGN)))


def _fill(forge: SandboxForge) -> None:
    owner = REPOSITORY.partition("/")[0]
    for number in range(len(forge.store.all(owner)) + 1, MIRRORED + 1):
        forge.add_repo(owner, f"repo-{number:03}")


def _registry(stack: ExitStack, places: Places, port: int) -> str:
    try:
        return stack.enter_context(open_registry(places.service("registry"), port=port)).host
    except RegistryMissing:
        return ""


def _endpoints(
    places: Places, index: Index, releases: Releases, osv_url: str, registry: str
) -> Endpoints:
    return Endpoints(
        rehearsal=True,
        git_remote=str(places.remote),
        index_upload=index.url,
        index_simple=index.simple,
        index_token_file=str(places.token("index")),
        registry=f"{registry}/mgit" if registry else "127.0.0.1:9/mgit",
        registry_insecure=True,
        forge_api=releases.url,
        forge_repo=REPOSITORY,
        forge_token_file=str(places.token("releases")),
        osv_url=osv_url,
        trivy_cache=str(places.source / "tests" / "data" / "trivy-db"),
        environments=str(places.environments),
        signing_key_file=str(places.key) if places.key.exists() else "",
        tag_signers_file=str(places.signers) if places.key.exists() else "",
        **_cosign(places),
    )


def _cosign(places: Places) -> dict[str, str]:
    """What the endpoints say of the key that signs files and image."""
    if not places.cosign_key.exists():
        return {}
    return {
        "cosign_public_file": str(places.cosign_key.with_suffix(".pub")),
        "cosign_key_file": str(places.cosign_key),
        "cosign_password_file": str(places.token(COSIGN)),
    }
