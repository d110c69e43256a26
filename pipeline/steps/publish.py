"""publish_index: wheel and source distribution are on the package index. No way back from here.

Only what is missing is sent; the same bytes there already are fine; other bytes are a conflict,
because an index never lets a file change.
"""

from __future__ import annotations

import time

from pipeline.faults import effect
from pipeline.project import Project
from pipeline.publishing import index
from pipeline.publishing.http import read_token
from pipeline.publishing.places import (
    DISTRIBUTION,
    distributions,
    index_simple,
    index_upload,
    path_of,
)
from pipeline.step import (
    Artifact,
    Blocked,
    Done,
    Effect,
    Exit,
    Facts,
    PipelineError,
    Step,
    Todo,
    Verdict,
)

# A big index shows a new file only after a while.
_WAITS = (0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)


def check(project: Project, facts: Facts) -> Verdict:
    """Which files does the index have, and are they ours?"""
    simple = index_simple(project.endpoints)
    wanted = distributions(facts)
    if not wanted:
        return Todo((f"upload wheel and source distribution to {index_upload(project.endpoints)}",))
    there = index.files(simple, DISTRIBUTION)
    for artifact in wanted:
        found = there.get(artifact.name)
        if found is not None and index.digest(found) != artifact.digest:
            return Blocked(
                f"the index has another {artifact.name} ({found.digest})",
                Exit.CONFLICT,
                "a published file never changes: release the next version",
            )
    effects = tuple(f"upload {each.name}" for each in wanted if each.name not in there)
    return Todo(effects) if effects else Done(facts)


def run(project: Project, facts: Facts) -> Facts:
    """Upload what is missing, one file after the other, and read the digests back.

    Raises:
        PipelineError: CONFLICT, another file of that name appeared; INCOMPLETE, the index does not
            show what it took.
    """
    wanted = distributions(facts)
    there = index.files(index_simple(project.endpoints), DISTRIBUTION)
    token = read_token(project.endpoints.index_token_file)
    lacking = [artifact for artifact in wanted if artifact.name not in there]
    for artifact in lacking:
        path = path_of(project, artifact)
        with effect(project, "publish_index:upload", artifact.name):
            index.upload(index_upload(project.endpoints), path, token=token)
    _read_back(project, wanted)
    return facts


def _read_back(project: Project, wanted: tuple[Artifact, ...]) -> None:
    lacking: list[str] = []
    for wait in _WAITS:
        time.sleep(wait)
        there = index.files(index_simple(project.endpoints), DISTRIBUTION)
        lacking = [each.name for each in wanted if not _shows(there.get(each.name), each)]
        if not lacking:
            return
    raise PipelineError(f"the index took {lacking[0]} and does not show it with our digest")


def _shows(found: index.File | None, artifact: Artifact) -> bool:
    return found is not None and index.digest(found) == artifact.digest


STEP = Step("publish_index", ("stage",), check, run, effect=Effect.PUBLIC)
