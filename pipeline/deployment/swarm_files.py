"""Configuration and secrets on their way into a swarm, named after what is in them.

A swarm never changes a config or a secret: another content is another object. So each name ends
with a digest of the content, and what runs tells by the names it uses whether it is up to date.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import msgspec

from pipeline.deployment.places import SwarmPlace
from pipeline.step import Exit, PipelineError

Kind = Literal["config", "secret"]

CONTENT = "mgit.content"
"""Label on each container: a digest of everything it was set up with, but the image."""

_KINDS: tuple[Kind, ...] = get_args(Kind)
_FOLDER = dict(zip(_KINDS, ("/etc/mgit", "/run/secrets"), strict=True))
_MOST = dict(zip(_KINDS, (1_000_000, 500_000), strict=True))  # bytes; swarmkit has KiB
_NEITHER = {"README.md"}  # what a folder of secrets says of itself
_UID = "65532"
_LONGEST = 24


@dataclass(frozen=True, slots=True)
class File:
    """One file for the service.

    Args:
        kind: `config` or `secret`.
        name: of the object in the swarm.
        target: where the service sees it.
        path: where it is on this machine.
    """

    kind: Kind
    name: str
    target: str
    path: Path


def files_of(place: SwarmPlace) -> tuple[File, ...]:
    """What the folders of an environment hold now; hidden files stay behind.

    Args:
        place: names the folders; secrets may lie below the configuration, and are none of it.

    Raises:
        PipelineError: ENVIRONMENT, one cannot be read or is nothing that a swarm takes.
    """
    try:
        found = (
            *_below("config", place.stack, place.config, place.secrets),
            *_below("secret", place.stack, place.secrets, None),
        )
    except OSError as error:
        raise PipelineError(
            f"cannot read {error.filename}: {error.strerror}",
            exit_code=Exit.ENVIRONMENT,
            advice="deploy as somebody who may read it",
        ) from None
    return found


def _below(kind: Kind, stack: str, folder: Path, without: Path | None) -> Iterator[File]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        apart = without is not None and path.is_relative_to(without)
        if hidden or apart or not path.is_file() or path.name in _NEITHER:
            continue
        content = path.read_bytes()
        if not 0 < len(content) <= _MOST[kind]:
            raise PipelineError(
                f"{path} has {len(content)} bytes: a {kind} of a swarm has 1 to {_MOST[kind]}",
                exit_code=Exit.ENVIRONMENT,
                advice="mount it as a volume by a stack file of your own, or hide it (.NAME)",
            )
        yield File(kind, _name(stack, kind, inside, content), f"{_FOLDER[kind]}/{inside}", path)


def _name(stack: str, kind: Kind, inside: Path, content: bytes) -> str:
    """`STACK-FILE-DIGEST`, at most 64 characters.

    Whoever may list secrets sees their names. The digest is short and costs time and memory, so
    that a weak secret cannot be guessed from it.
    """
    salt = f"{stack}\0{kind}\0{inside}".encode()
    digest = hashlib.scrypt(content, salt=salt, n=4096, r=8, p=1, dklen=6).hex()
    plain = re.sub(r"[^a-zA-Z0-9]+", "-", str(inside)).strip("-")[:_LONGEST].strip("-") or kind
    return f"{stack[:_LONGEST].rstrip('-_')}-{plain}-{digest}"


def digest_of(place: SwarmPlace, files: Sequence[File]) -> str:
    """A digest of all that the service is set up with, but the image: what changed is rolled out.

    Raises:
        PipelineError: ENVIRONMENT, a stack file cannot be read.
    """
    known = hashlib.sha256()
    settings = f"{place.port}\0{place.memory}\0{place.shards}"
    for word in (settings, *(f"{file.name}\0{file.target}" for file in files)):
        known.update(f"{word}\0".encode())
    for path in place.files:
        try:
            known.update(hashlib.sha256(path.read_bytes()).digest())
        except OSError as error:
            raise PipelineError(
                f"cannot read {path}: {error.strerror}", exit_code=Exit.ENVIRONMENT
            ) from None
    return known.hexdigest()[:16]


def overlay(service: str, files: Sequence[File], digest: str) -> str:
    """A stack file that gives the service its files and its label. JSON is YAML.

    Args:
        service: its name in the stack files.
        files: are in the swarm already.
        digest: see `digest_of`.
    """
    uses: dict[str, list[dict[str, object]]] = {"configs": [], "secrets": []}
    named: dict[str, dict[str, dict[str, object]]] = {"configs": {}, "secrets": {}}
    for file in files:
        given = {"source": file.name, "target": _target(file), "uid": _UID, "gid": _UID}
        uses[f"{file.kind}s"].append({**given, "mode": 0o400})
        named[f"{file.kind}s"][file.name] = {"name": file.name, "external": True}
    mine = {"labels": {CONTENT: digest}, **{kind: each for kind, each in uses.items() if each}}
    whole = {"version": "3.13", "services": {service: mine}}
    whole.update({kind: each for kind, each in named.items() if each})
    return msgspec.json.format(msgspec.json.encode(whole)).decode() + "\n"


def as_words(files: Sequence[File]) -> Iterator[str]:
    """The same for `docker service create`."""
    for file in files:
        given = f"source={file.name},target={_target(file)},uid={_UID},gid={_UID},mode=0400"
        yield from (f"--{file.kind}", given)


def _target(file: File) -> str:
    """Secrets are named below their folder, configs by their whole path."""
    return file.target if file.kind == "config" else file.target.removeprefix("/run/secrets/")
