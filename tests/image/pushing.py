"""Variants of the image, made and pushed to a registry; the engine keeps none of them."""

from __future__ import annotations

import re
from pathlib import Path

from tests.image.box import docker

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def push_variant(context: Path, repository: str, dockerfile: str) -> str:
    """Build a variant and push it.

    Args:
        context: folder that is made where it is missing; its name is the tag.
        repository: `HOST/NAME`.
        dockerfile: its text.

    Returns:
        The reference by digest.
    """
    context.mkdir(parents=True, exist_ok=True)
    (context / "Dockerfile").write_text(dockerfile)
    tag = f"{repository}:{context.name}"
    docker("build", "--quiet", "--provenance=false", "--tag", tag, context)
    try:
        said = docker("push", tag).stdout
    finally:
        docker("image", "rm", "--force", tag)
    digest = _DIGEST.search(said)
    assert digest is not None, said
    return f"{repository}@{digest[0]}"
