"""THE list: what a release does, in order.

The laptop half makes everything, proves it, and ends with the tag. The tag starts the CI half,
which makes everything again from the tagged commit, must arrive at what the tag claims, and only
then shows it to others. Local work never follows a public effect (`pipeline.graph` checks it).
"""

from __future__ import annotations

from pipeline.steps import (
    attest,
    build,
    confirm,
    deploy,
    gates,
    inspect,
    log,
    plan,
    preflight,
    prepare,
    promote,
    publish,
    sign,
    stage,
    tag,
    trial,
    verify,
)

_MAKE = (
    plan.STEP,  #      version, notes, effects; only looks
    preflight.STEP,  # everything that can be known to fail; only looks
    prepare.STEP,  #   the release commit, in a clean clone
    gates.STEP,  #     security, lint, types, import rules, tests
    build.STEP,  #     wheel, sdist, image for each platform; twice, bytes equal
    inspect.STEP,  #   install, run, measure, scan each; SBOM
    attest.STEP,  #    checksums, provenance
)

LAPTOP = (
    *_MAKE,
    trial.STEP,  #     the tests of the product, on the wheel; CI arrives at the same bytes
    tag.STEP,  #       the tag carries the digests; pushed in one go with the commit
)

CI = (
    *_MAKE,
    confirm.STEP,  #   arrived at the digests that the tag carries; only looks
    stage.STEP,  #     image by digest, draft release with its assets
    sign.STEP,  #      checksums, provenance and image signed, still unseen
    publish.STEP,  #   the package index; from here on there is no way back
    promote.STEP,  #   version tags on the digest, release published
    log.STEP,  #       the signature in a transparency log, where one is named
    verify.STEP,  #    installed and pulled from the public place; only looks
    deploy.STEP,  #    health-gated, the previous digest comes back by itself
)
