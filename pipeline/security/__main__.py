"""`python -m pipeline.security [--format table|json|sarif] [--advisories auto|fixture|live]`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from pipeline.project import child_environment
from pipeline.security.gate import MODES, scan_all
from pipeline.security.show import as_json, as_sarif, as_table
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError

_SHOWN = {"table": as_table, "json": as_json, "sarif": as_sarif}


def main(argv: Sequence[str] | None = None) -> int:
    """Scan the project in this folder; 0 clean, 3 something stops a release, 4 cannot scan."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.security", description=main.__doc__)
    parser.add_argument("--format", choices=sorted(_SHOWN), default="table")
    parser.add_argument("--advisories", choices=MODES, default="auto")
    parser.add_argument("--osv-url", default="", help="own advisory service")
    parser.add_argument("--trivy-cache", default="", help="folder with a pinned Trivy database")
    given = parser.parse_args(argv)
    try:
        verdict = scan_all(
            Shell(env=child_environment()),
            Path.cwd(),
            today=datetime.now(UTC).date(),
            mode=given.advisories,
            osv_url=given.osv_url,
            trivy_cache=given.trivy_cache,
            say=lambda line: print(line, file=sys.stderr, flush=True),  # noqa: T201  progress
        )
    except PipelineError as error:
        print(f"error: {error.message}", file=sys.stderr)  # noqa: T201  the command's own output
        if error.advice:
            print(f"       {error.advice}", file=sys.stderr)  # noqa: T201
        return int(error.exit_code)
    sys.stdout.write(_SHOWN[given.format](verdict))
    return int(Exit.DONE if verdict.ok else Exit.GATE)


if __name__ == "__main__":
    sys.exit(main())
