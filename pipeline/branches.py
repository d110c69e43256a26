"""Which branches releases are made from: the main one, and `release/X.Y` for hotfixes of X.Y."""

from __future__ import annotations

import re

import msgspec

from pipeline.git import Git
from pipeline.project import Endpoints
from pipeline.step import Exit, PipelineError
from pipeline.versioning.versions import parse

_HOTFIX = re.compile(r"release/((?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*))")


def on_branch(git: Git, endpoints: Endpoints, *, strict: bool = True) -> Endpoints:
    """The endpoints with the branch that this clone is on.

    Args:
        git: the person's clone.
        endpoints: names the main branch.
        strict: refuse other branches; else the main one is meant.

    Raises:
        PipelineError: ENVIRONMENT, no release is made from this branch.
    """
    current = git.run("symbolic-ref", "--quiet", "--short", "HEAD", check=False).stdout.strip()
    if _HOTFIX.fullmatch(current):
        return msgspec.structs.replace(endpoints, branch=current)
    if strict and current != endpoints.branch:
        raise PipelineError(
            f"this clone is on {current or 'no branch'}, "
            f"and releases are made from {endpoints.branch} or release/X.Y",
            exit_code=Exit.ENVIRONMENT,
            advice=f"git switch {endpoints.branch}",
        )
    return endpoints


def is_of_line(version: str, branch: str) -> bool:
    """Whether a branch may release a version: a hotfix branch only patches of its own line."""
    match = _HOTFIX.fullmatch(branch)
    number = parse(version)
    return match is None or match[1] == f"{number.major}.{number.minor}"


def may_come_from(version: str, main: str) -> tuple[str, ...]:
    """The branches that a version's commit can be on."""
    number = parse(version)
    return (main, f"release/{number.major}.{number.minor}")
