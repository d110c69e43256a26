"""`python -m pipeline.manifests`: render every overlay, validate it for every version; 0 or 3."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from pipeline.manifests.overlays import overlays, render
from pipeline.manifests.validate import VERSIONS, Object, Validator, validate
from pipeline.project import child_environment
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError


def find_validator() -> Validator:
    """The validator of the package kubernetes-validate.

    Raises:
        PipelineError: ENVIRONMENT, it is not installed.
    """
    try:
        package = importlib.import_module("kubernetes_validate")
    except ModuleNotFoundError:
        raise PipelineError(
            "kubernetes-validate is not installed",
            exit_code=Exit.ENVIRONMENT,
            advice="run `nox -s kubernetes`, which brings it",
        ) from None

    def check(one: Object, version: str) -> str:
        try:
            package.validate(one, version, strict=True)
        except package.ValidationError as error:
            return f"{'.'.join(map(str, error.path)) or 'it'}: {error.message}"
        except package.SchemaNotFoundError as error:
            return str(error.message)
        return ""

    return check


def main(root: Path, shell: Shell) -> int:
    """Tell what was read and what is wrong."""
    try:
        rendered = {folder.name: render(shell, folder) for folder in overlays(root)}
        report = validate(rendered, find_validator())
    except PipelineError as error:
        _say(f"error: {error.message}; {error.advice}")
        return int(error.exit_code)
    for line in report.wrong:
        _say(f"wrong: {line}")
    names = ", ".join(rendered)
    _say(f"overlays {names}: {report.objects} objects, Kubernetes {VERSIONS[0]} to {VERSIONS[-1]}")
    if report.foreign:
        _say(f"without a schema, so not validated here: {', '.join(report.foreign)}")
    _say(f"{len(report.wrong)} to mend" if report.wrong else "all are valid")
    return int(Exit.GATE if report.wrong or not report.objects else Exit.DONE)


def _say(line: str) -> None:
    sys.stdout.write(f"kubernetes: {line}\n")


if __name__ == "__main__":
    sys.exit(main(Path.cwd(), Shell(env=child_environment())))
