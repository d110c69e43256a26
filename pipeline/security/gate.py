"""Runs every scanner and decides: used by the step `gates` and by `nox -s security`."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from pipeline.security import (
    actionlint,
    advisories,
    bandit,
    hadolint,
    licences,
    tree,
    workflows,
)
from pipeline.security.scan import Scan, Verdict, judge, timed
from pipeline.security.waivers import FILE, load_waivers
from pipeline.shell import Shell

MODES = ("auto", "fixture", "live")


def scan_all(
    shell: Shell,
    root: Path,
    *,
    today: date,
    mode: str = "auto",
    osv_url: str = "",
    trivy_cache: str = "",
    say: Callable[[str], None] = lambda _line: None,
) -> Verdict:
    """Run all scanners, each proven on its canary first.

    Args:
        shell: starts them.
        root: the project.
        today: for the waivers.
        mode: `auto`, `fixture` or `live`, see the scanners.
        osv_url: own advisory service, goes before `mode`.
        trivy_cache: pinned Trivy database, goes before `mode`.
        say: one line of progress at a time.

    Raises:
        PipelineError: ENVIRONMENT, a scanner cannot do its work; USAGE, a malformed waiver.
    """
    waivers = load_waivers(root / FILE)
    runs: tuple[tuple[str, Callable[[], Scan]], ...] = (
        (bandit.NAME, lambda: bandit.scan(shell, root)),
        (advisories.NAME, lambda: advisories.scan(shell, root, mode=mode, url=osv_url)),
        (tree.NAME, lambda: tree.scan(shell, root, mode=mode, cache=trivy_cache)),
        (licences.NAME, lambda: licences.scan(shell, root)),
        (hadolint.NAME, lambda: hadolint.scan(shell, root)),
        (workflows.NAME, lambda: workflows.scan(shell, root)),
        (actionlint.NAME, lambda: actionlint.scan(shell, root)),
    )
    scans = []
    for name, run in runs:
        start = time.monotonic()
        scans.append(timed(run(), time.monotonic() - start))
        say(f"{name}: read {scans[-1].read} {scans[-1].unit} in {scans[-1].seconds:.1f} s")
    return judge(tuple(scans), waivers, today)
