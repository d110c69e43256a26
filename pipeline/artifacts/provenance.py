"""Says what was built from what: checksums and an in-toto statement. Pure.

Both are made of nothing but the release's own facts, so whoever builds the same commit again gets
the same bytes. Formats: sha256sum(1); in-toto Statement v1 with SLSA provenance v1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from pipeline.step import Artifact, Facts

_BUILD_TYPE = "urn:mgit-fleet:build:1"
_BUILDER = "urn:mgit-fleet:pipeline"


def checksums(artifacts: Iterable[Artifact]) -> bytes:
    """A file for `sha256sum --check`, sorted by name."""
    lines = (f"{_hex(each.digest)}  {each.name}\n" for each in _by_name(artifacts))
    return "".join(lines).encode()


def statement(
    facts: Facts, artifacts: Sequence[Artifact], base_image: str, materials: Mapping[str, str]
) -> bytes:
    """The provenance of the artefacts and the image.

    Args:
        facts: version, commit, time, image.
        artifacts: the files that were built.
        base_image: image that the build stages ran on.
        materials: package URLs of what went into the image, each with the SHA-256 (hex) of the
            file it came from, where that is known.
    """
    subjects = [_subject(each.name, each.digest) for each in _by_name(artifacts)]
    subjects.append(_subject("mgit (image index)", facts.image_digest))
    subjects += [_subject(f"mgit ({each.platform})", each.digest) for each in facts.platforms]
    document: dict[str, Any] = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": _BUILD_TYPE,
                "externalParameters": {
                    "version": facts.version,
                    "platforms": [each.platform for each in facts.platforms],
                },
                "internalParameters": {"baseImage": base_image, "sourceDateEpoch": facts.epoch},
                "resolvedDependencies": [
                    {"name": "mgit", "digest": {"gitCommit": facts.commit}},
                    *(_material(uri, materials[uri]) for uri in sorted(materials)),
                ],
            },
            "runDetails": {"builder": {"id": _BUILDER}},
        },
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"


def _subject(name: str, digest: str) -> dict[str, Any]:
    return {"name": name, "digest": {"sha256": _hex(digest)}}


def _material(uri: str, digest: str) -> dict[str, Any]:
    return {"uri": uri, "digest": {"sha256": digest}} if digest else {"uri": uri}


def _hex(digest: str) -> str:
    return digest.removeprefix("sha256:")


def _by_name(artifacts: Iterable[Artifact]) -> list[Artifact]:
    return sorted(artifacts, key=lambda each: each.name)
