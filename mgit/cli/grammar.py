"""The commands of mgit with their options and examples. Only the one that was typed is built."""

from __future__ import annotations

import argparse
from collections.abc import Callable

COMMANDS = {
    "login": "add a source and its token, and check it",
    "list": "show what the forges have",
    "sync": "clone what is missing, fetch what moved",
    "status": "show which clones need attention",
    "run": "run a command in every clone",
    "changes": "show what is different since last time",
    "ack": "show what is held since upstream took it away; accept that",
    "scrub": "read clones whole, to find bit rot",
    "perf": "show where the time of a run went",
    "doctor": "find out what is wrong and what to do",
    "config": "show, find, check or import the configuration",
    "audit": "check, show or export the audit log",
    "completion": "print the completion script for a shell",
    "serve": "keep syncing, with health and metrics over HTTP",
    "health": "ask a running service how it is",
}

SHELLS = ("bash", "zsh", "fish")
FORMATS = ("table", "json", "jsonl")
TOOL_NAMES = ("gh", "glab", "az")
"""As `mgit.credentials.tools` has them, which is not loaded to parse a line."""

_PATTERNS = """\
A pattern is OWNER/REPO or OWNER/PROJECT/REPO, with * inside a part, ** across parts and a leading
! to exclude; NAME:PATTERN is about one source, @NAME is a selection from the configuration. Quote
patterns, or the shell expands the *."""

EXAMPLES: dict[str, tuple[str, ...]] = {
    "login": (
        "mgit login github --owner acme",
        "mgit login work --forge gitlab --url https://gitlab.example.com --stdin < token",
        "mgit login github --from gh --owner acme",
    ),
    "list": ("mgit list 'acme/*' --filter '!archived'", "mgit list --format json --limit 20"),
    "sync": (
        "mgit sync 'acme/*' '!acme/legacy-*' --root ~/src",
        "mgit sync --dry-run --filter pushed-since=90d",
        "mgit sync ./acme             # only the clones that are already there",
    ),
    "status": ("mgit status --fetch", "mgit status ~/src --fail-on dirty,unpushed"),
    "run": (
        "mgit run 'acme/*' -- git log -1 --oneline",
        "mgit run --quiet --shell 'test -f LICENSE || echo none'",
    ),
    "changes": ("mgit changes 'acme/*'", "mgit changes --remote --since 7d --format jsonl"),
    "ack": (
        "mgit ack                      # what is held, and what would be lost",
        "mgit ack acme/api",
    ),
    "scrub": ("mgit scrub                    # those that are due", "mgit scrub 'acme/*' --all"),
    "perf": ("mgit perf", "mgit perf --run 3f9a --format json"),
    "doctor": ("mgit doctor", "mgit doctor --format json"),
    "config": ("mgit config show", "mgit config import --dry-run"),
    "audit": (
        "mgit audit verify --head-file kept-head.txt",
        "mgit audit tail --follow --action credential-refused",
        "mgit audit export --since 30d --out audit-november.jsonl",
    ),
    "completion": (
        "source <(mgit completion bash)    # in ~/.bashrc; zsh: the same in ~/.zshrc",
        "mgit completion fish > ~/.config/fish/completions/mgit.fish",
    ),
    "serve": ("mgit serve --interval 15m", "mgit serve --once --listen 127.0.0.1:9100"),
    "health": ("mgit health", "mgit health --url 127.0.0.1:8080 --live"),
}

_RUN_NOTE = """\
All before the -- says where, all after it is the command with its arguments, as they are: no shell
looks at them (no *, no |, no $). Where you want a shell, give one line: --shell 'LINE'."""


def epilog_of(command: str) -> str:
    """Examples, and what else has to be known."""
    lines = "\n".join(f"  {line}" for line in EXAMPLES[command])
    notes = {"run": f"{_RUN_NOTE}\n\n{_PATTERNS}", "changes": _PATTERNS}
    for name in ("list", "sync", "status", "ack", "scrub"):
        notes[name] = _PATTERNS
    more = f"\n\n{notes[command]}" if command in notes else ""
    return f"examples:\n{lines}{more}"


def add_options(command: str, parser: argparse.ArgumentParser) -> None:
    """The options of one command."""
    _OPTIONS[command](parser)


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format", choices=FORMATS, default="table", help="how to print data (default: table)"
    )


def _add_selection(parser: argparse.ArgumentParser, *, patterns: bool = True) -> None:
    if patterns:
        parser.add_argument(
            "patterns", metavar="PATTERN", nargs="*", help="which repositories (default: all)"
        )
    parser.add_argument(
        "--source", metavar="NAME", action="append", help="only this source; may be repeated"
    )
    parser.add_argument(
        "--filter",
        metavar="CONDITION",
        action="append",
        help="only what is so: '!archived', language=go, 'size<100m', pushed-since=90d; "
        "may be repeated",
    )


def _add_root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", metavar="DIR", help="folder that holds the clones")


def _add_shard(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--shard", metavar="K/N", help="only part K of N, counted from 0")


def _add_concurrency(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--concurrency", metavar="N", help="processes at the same time")


def _add_progress(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--no-progress", action="store_true", help="do not show how far it is")


def _login(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="what to call the source")
    parser.add_argument("--forge", help="github, gitlab, azuredevops, bitbucket, gitea, …")
    parser.add_argument("--url", help="address of its API (default: that of the forge's own site)")
    parser.add_argument(
        "--owner", action="append", help="organisation or user to list; may be repeated"
    )
    parser.add_argument(
        "--user", help="account or e-mail beside the token, where the forge wants one (Bitbucket)"
    )
    parser.add_argument(
        "--stdin", action="store_true", help="read the token from standard input, do not ask"
    )
    parser.add_argument(
        "--from",
        dest="from_tool",
        choices=TOOL_NAMES,
        help="have another command line that is signed in print its token, whenever one is needed",
    )
    parser.add_argument(
        "--copy", action="store_true", help="with --from: keep the token that it has now"
    )


def _list(parser: argparse.ArgumentParser) -> None:
    _add_selection(parser)
    _add_shard(parser)
    parser.add_argument("--limit", metavar="N", help="print no more than so many")
    parser.add_argument("--wide", action="store_true", help="all columns, whatever the width")
    _add_progress(parser)
    _add_format(parser)


def _sync(parser: argparse.ArgumentParser) -> None:
    _add_selection(parser)
    _add_shard(parser)
    _add_root(parser)
    parser.add_argument("--dry-run", "-n", action="store_true", help="print the plan and stop")
    _add_concurrency(parser)
    parser.add_argument("--layout", metavar="LAYOUT", help="flat, owner or forge")
    _copies(parser.add_argument_group("what is kept"))
    _policies(parser.add_argument_group("with care"))
    _add_progress(parser)
    _add_format(parser)


def _copies(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--kind", metavar="KIND", help="worktree or mirror")
    group.add_argument("--depth", metavar="N", help="only so many commits from each tip")
    group.add_argument("--blobs", metavar="SIZE", help="all, none, or none larger than, e.g. 1m")
    for word, about in (
        ("lfs", "fetch what Git LFS keeps apart"),
        ("submodules", "check out submodules"),
        ("wikis", "also keep wikis, as repositories of their own"),
    ):
        group.add_argument(f"--{word}", action="store_const", const="true", help=about)
        group.add_argument(
            f"--no-{word}", dest=word, action="store_const", const="false", help=argparse.SUPPRESS
        )


def _policies(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--heal", metavar="WHICH", help="clone damaged ones anew: off, mirrors, all")
    group.add_argument("--gone", metavar="WHAT", help="not listed any more: keep, archive, delete")
    group.add_argument(
        "--acknowledge-gone",
        action="store_true",
        help="yes, that many are gone; archive or delete them as --gone says",
    )
    group.add_argument(
        "--recent", action="store_true", help="ask only for what changed since the last run"
    )


def _status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "patterns",
        metavar="PATH|PATTERN",
        nargs="*",
        help="a folder to look in (default: the root), which repositories (default: all)",
    )
    _add_selection(parser, patterns=False)
    _add_shard(parser)
    parser.add_argument("--all", action="store_true", help="also those that need no attention")
    parser.add_argument("--fetch", action="store_true", help="ask the forges first")
    parser.add_argument(
        "--fail-on", metavar="STATE,…", help="exit with 1 if a clone is so, e.g. dirty,unpushed"
    )
    _add_concurrency(parser)
    _add_progress(parser)
    _add_format(parser)


def _run(parser: argparse.ArgumentParser) -> None:
    _add_selection(parser)
    _add_root(parser)
    parser.add_argument("--shell", metavar="LINE", help="a line for the shell, in place of --")
    _add_concurrency(parser)
    parser.add_argument("--timeout", metavar="TIME", help="end a command after, e.g. 90s or 5m")
    parser.add_argument("--fail-fast", action="store_true", help="stop all at the first failure")
    _add_progress(parser)
    _add_format(parser)


def _changes(parser: argparse.ArgumentParser) -> None:
    _add_selection(parser)
    _add_root(parser)
    parser.add_argument(
        "--since", metavar="TIME", help="since then (7d, 2026-01-31), not since last time"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--local", action="store_true", help="only what moved in the clones")
    where.add_argument("--remote", action="store_true", help="only what the forges say")
    parser.add_argument(
        "--peek", action="store_true", help="do not remember; the next time shows it again"
    )
    _add_progress(parser)
    _add_format(parser)


def _ack(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "patterns",
        metavar="PATTERN",
        nargs="*",
        help="what to accept the loss of (without: only show)",
    )
    parser.add_argument(
        "--source", metavar="NAME", action="append", help="all of this source; may be repeated"
    )
    _add_root(parser)
    parser.add_argument("--dry-run", "-n", action="store_true", help="show, accept nothing")
    parser.set_defaults(filter=None)
    _add_format(parser)


def _scrub(parser: argparse.ArgumentParser) -> None:
    _add_selection(parser)
    _add_root(parser)
    parser.add_argument("--all", action="store_true", help="also those that were read lately")
    parser.add_argument("--rate", metavar="SIZE", help="bytes a second, e.g. 50m (default: all)")
    _add_progress(parser)
    _add_format(parser)


def _perf(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--run",
        metavar="ID",
        help="of this run, as the log names it (default: the last one)",
    )
    parser.add_argument("--limit", metavar="N", help="so many of the slowest (default: 10)")
    _add_format(parser)


def _doctor(parser: argparse.ArgumentParser) -> None:
    _add_format(parser)


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        choices=("show", "path", "check", "import"),
        help="all values and where they come from; where files are; whether it is sound; "
        "take over the configuration of mgit 0.x",
    )
    parser.add_argument("file", metavar="FILE", nargs="?", help="import: which file")
    parser.add_argument("--dry-run", "-n", action="store_true", help="import: change nothing")
    _add_format(parser)


def _audit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "do",
        metavar="{verify,tail,export}",
        choices=("verify", "tail", "export"),
        help="check every link of the chain; show the last records; write checked records out",
    )
    parser.add_argument(
        "file", metavar="FILE", nargs="?", help="another audit log (default: this machine's)"
    )
    head = parser.add_mutually_exclusive_group()
    head.add_argument("--head", metavar="HASH", help="verify: a head that was kept elsewhere")
    head.add_argument("--head-file", metavar="FILE", help="verify: the file that it was kept in")
    parser.add_argument("-n", "--records", metavar="N", help="tail: so many (default: 20)")
    parser.add_argument(
        "--follow", "-f", action="store_true", help="tail: print new ones until Ctrl-C"
    )
    parser.add_argument(
        "--action",
        metavar="ACTION",
        action="append",
        help="tail: only these, e.g. credential-refused; may be repeated",
    )
    parser.add_argument(
        "--since", metavar="TIME", help="tail, export: only since then (2h, 7d, 2026-01-31)"
    )
    parser.add_argument("--out", metavar="FILE", help="export: to this file, made private")
    _add_format(parser)


def _completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="which shell")


def _serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="one cycle, then end")
    _add_root(parser)
    parser.add_argument("--listen", metavar="HOST:PORT", help="where health and metrics answer")
    parser.add_argument("--interval", metavar="TIME", help="from cycle to cycle, such as 15m")
    _add_shard(parser)


def _health(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--url", metavar="HOST:PORT", help="where the service listens (default: as configured)"
    )
    parser.add_argument(
        "--live", action="store_true", help="ask only whether it is alive, not whether it is ready"
    )


_OPTIONS: dict[str, Callable[[argparse.ArgumentParser], None]] = {
    "login": _login,
    "list": _list,
    "sync": _sync,
    "status": _status,
    "run": _run,
    "changes": _changes,
    "ack": _ack,
    "scrub": _scrub,
    "perf": _perf,
    "doctor": _doctor,
    "config": _config,
    "audit": _audit,
    "completion": _completion,
    "serve": _serve,
    "health": _health,
}
