"""The command line. `main` is the outermost edge: whatever goes wrong ends here as one line."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_BROKEN_PIPE = 141  # what the shell reports for a program that SIGPIPE ended
_INTERRUPTED = 130
_CRASHED = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: arguments without the program's name; None for those of this process.

    Returns:
        The exit code, see `mgit.errors.ExitCode`.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments in (["--version"], ["-V"]):
        from mgit.version import __version__

        sys.stdout.write(f"mgit {__version__}\n")
        return 0
    try:
        if arguments[:1] == ["health"]:
            from mgit.cli.quick import run_health

            return run_health(arguments[1:])
        if arguments[:1] == ["complete"]:
            from mgit.cli.completing import answer

            sys.stdout.write(answer(arguments[1:]))
            return 0
        from mgit.cli.app import run

        code = run(arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        sys.stderr.write(
            "\nmgit: interrupted; nothing is half made\nmgit: run the same command again to go on\n"
        )
        return _INTERRUPTED
    except BrokenPipeError:
        from mgit.cli.edge import leave_quietly

        leave_quietly()
        return _BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 (the one outermost edge)
        from mgit.cli.edge import explain

        return explain(error, arguments)
