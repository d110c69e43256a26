"""What a release tag claims: the words in its message, for people and for the CI half alike.

Line format, after the subject and an empty line: `Version: X`, `Commit: ID`, `Image: sha256:…`, and
one `Artifact: sha256:… BYTES NAME` per file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.step import Artifact, Exit, Facts, PipelineError

_DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")
_COMMIT = re.compile(r"^[0-9a-f]{40}([0-9a-f]{24})?$")
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")


@dataclass(frozen=True, slots=True)
class Claims:
    """What the person who tagged has built and vouches for.

    Args:
        version: semantic version without the leading `v`.
        commit: full object id of the release commit.
        image_digest: digest of the image index.
        artifacts: wheel, source distribution and their company, sorted by name.
    """

    version: str
    commit: str
    image_digest: str
    artifacts: tuple[Artifact, ...]


def claims_of(facts: Facts) -> Claims:
    """The claims that a tag for these facts makes."""
    artifacts = tuple(sorted(facts.artifacts, key=lambda artifact: artifact.name))
    return Claims(facts.version, facts.commit, facts.image_digest, artifacts)


def write_claims(claims: Claims) -> str:
    """The message of the tag, ending in a newline."""
    lines = [
        f"mgit {claims.version}",
        "",
        f"Version: {claims.version}",
        f"Commit: {claims.commit}",
        f"Image: {claims.image_digest}",
        *(f"Artifact: {a.digest} {a.bytes} {a.name}" for a in claims.artifacts),
    ]
    return "\n".join(lines) + "\n"


def read_claims(message: str) -> Claims:
    """Read the message of a tag; a signature below the claims is ignored.

    Raises:
        PipelineError: CONFLICT, when a claim is missing, doubled or malformed.
    """
    single: dict[str, str] = {}
    artifacts: list[Artifact] = []
    for line in message.partition("-----BEGIN ")[0].splitlines():
        label, colon, value = line.partition(": ")
        if not colon:
            continue
        if label == "Artifact":
            artifacts.append(_artifact(value))
        elif label in single:
            raise _malformed(f"{label} is there twice")
        else:
            single[label] = value
    version, commit, image = (single.get(key, "") for key in ("Version", "Commit", "Image"))
    if not version or not _COMMIT.match(commit) or not (_DIGEST.match(image) or not image):
        raise _malformed("version, commit or image digest is missing or malformed")
    return Claims(version, commit, image, tuple(sorted(artifacts, key=lambda a: a.name)))


def _artifact(value: str) -> Artifact:
    digest, _, rest = value.partition(" ")
    size, _, name = rest.partition(" ")
    if not _DIGEST.match(digest) or not size.isdecimal() or not _NAME.match(name):
        raise _malformed("an artefact line cannot be read")
    return Artifact(name, digest, int(size))


def _malformed(what: str) -> PipelineError:
    return PipelineError(
        f"the message of the tag is not one that `invoke release` writes: {what}",
        exit_code=Exit.CONFLICT,
        advice="a tag made by hand starts no release: delete it and run `invoke release`",
    )
