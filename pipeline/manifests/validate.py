"""Every overlay against the schemas of every version of Kubernetes that is supported.

The schemas are those of the package kubernetes-validate, made from the OpenAPI description of each
version; `strict` refuses fields that a version does not know. Before its word is believed it has to
refuse a manifest with a misspelt field. Objects of other people's APIs (Prometheus Operator) have
no schema there: they are told, and tests look at them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from pipeline.manifests.overlays import objects_of
from pipeline.step import Exit, PipelineError

VERSIONS = ("1.29", "1.30", "1.31", "1.32", "1.33", "1.34", "1.35", "1.36", "1.37")
"""1.29 is the first in which all that we use is on by itself: ReadWriteOncePod, the label of the
ordinal, backoffLimitPerIndex."""
_FOREIGN = "monitoring.coreos.com/"
_CANARY = """\
apiVersion: v1
kind: Pod
metadata: {name: canary}
spec:
  containers: [{name: canary, image: canary}]
  automountServiceAccountTokn: false
"""

Object = Mapping[str, Any]
Validator = Callable[[Object, str], str]
"""Gets an object and a version; says what is wrong with it, empty for nothing."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was validated, and what is wrong.

    Args:
        objects: how many different ones were read.
        foreign: kinds without a schema, which were not.
        wrong: one line each.
    """

    objects: int = 0
    foreign: tuple[str, ...] = ()
    wrong: tuple[str, ...] = field(default=())


def validate(
    rendered: Mapping[str, str], validator: Validator, versions: Iterable[str] = VERSIONS
) -> Report:
    """Validate what several overlays are rendered to; what two of them share is read once.

    Args:
        rendered: text by the name of its overlay.
        validator: see `Validator`.
        versions: of Kubernetes, for example `1.37`.

    Raises:
        PipelineError: ENVIRONMENT; the validator takes a misspelt field: its word is worth nothing.
    """
    chosen = tuple(versions)
    _prove(validator, chosen)
    ours: dict[str, tuple[str, Object]] = {}
    foreign: set[str] = set()
    for name, text in rendered.items():
        for one in objects_of(text):
            if str(one["apiVersion"]).startswith(_FOREIGN):
                foreign.add(str(one["kind"]))
            else:
                ours.setdefault(_regardless(one), (name, one))
    wrong = tuple(_complaints(ours.values(), validator, chosen))
    return Report(len(ours), tuple(sorted(foreign)), wrong)


def _prove(validator: Validator, versions: tuple[str, ...]) -> None:
    canary = yaml.safe_load(_CANARY)
    for version in versions:
        if "automountServiceAccountTokn" not in validator(canary, version):
            raise PipelineError(
                f"a misspelt field is taken for Kubernetes {version}",
                exit_code=Exit.ENVIRONMENT,
                advice="a validator that overlooks that proves nothing: repair it and run again",
            )


def _complaints(
    objects: Iterable[tuple[str, Object]], validator: Validator, versions: tuple[str, ...]
) -> Iterator[str]:
    for overlay, one in objects:
        for version in versions:
            if why := validator(one, version):
                name = one["metadata"]["name"]
                yield f"{overlay}: {one['kind']} {name} in Kubernetes {version}: {why}"


def _regardless(one: Object) -> str:
    """The object without its namespace, which is all in which many differ between overlays."""
    metadata = {key: value for key, value in one["metadata"].items() if key != "namespace"}
    return json.dumps({**one, "metadata": metadata}, sort_keys=True)
