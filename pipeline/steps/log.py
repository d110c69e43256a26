"""log: the signature of the checksums is in a transparency log. A log that is away stops nothing.

By now everything is published, so waiting for a log would help nobody. What is missing is noted in
the report, and running the CI half again adds it: each run looks again and adds nothing twice.
"""

from __future__ import annotations

from pipeline.faults import effect
from pipeline.project import Project
from pipeline.publishing.http import shown
from pipeline.publishing.places import releases_of
from pipeline.signing import documents
from pipeline.signing.cosign import Cosign, cosign_of
from pipeline.signing.rekor import Log
from pipeline.step import Done, Effect, Exit, Facts, PipelineError, Step, Todo, Verdict
from pipeline.versioning.versions import tag_of

_ABOUT = "transparency log"


def check(project: Project, facts: Facts) -> Verdict:
    """Is there a log to ask, and something to put in it?"""
    if not project.endpoints.log_url:
        return Done(documents.tell(facts, _ABOUT, "nothing was logged: no log_url is set"))
    if not project.endpoints.cosign_public_file:
        return Done(documents.tell(facts, _ABOUT, "nothing was logged: nothing is signed"))
    return Todo((f"add the signature to {shown(project.endpoints.log_url)} unless it is there",))


def run(project: Project, facts: Facts) -> Facts:
    """Look, add, look again; a log that cannot be reached is noted.

    Raises:
        PipelineError: CONFLICT, the published signature is not ours.
    """
    cosign = cosign_of(project)
    if cosign is None:
        return facts
    try:
        _add(project, facts, cosign)
    except PipelineError as error:
        if error.exit_code is not Exit.ENVIRONMENT:
            raise
        why = f"{error.message}; run the CI half again to add the signature"
        return documents.tell(facts, _ABOUT, why)
    return documents.tell(facts, _ABOUT, "")


def _add(project: Project, facts: Facts, cosign: Cosign) -> None:
    releases = releases_of(project.endpoints)
    release = releases.find(tag_of(facts.version))
    signature = documents.asset_of(releases, release, documents.SIGNATURE)
    checksums = documents.asset_of(releases, release, documents.CHECKSUMS)
    if not documents.signature_holds(cosign, checksums, signature):
        raise PipelineError(
            f"{documents.SIGNATURE} of the release is not by our key",
            exit_code=Exit.CONFLICT,
            advice="tell the users, yank the version, find the cause",
        )
    log, text = Log(project.endpoints.log_url), signature.decode().strip()
    if not log.has(checksums, text):
        with effect(project, "log:entry"):
            log.add(checksums, text, cosign.public.read_bytes())


STEP = Step("log", ("promote",), check, run, effect=Effect.NONE)
