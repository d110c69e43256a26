"""The repositories that are measured: a few kinds of history, each before and after a push."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COUNT = 20
"""So many different histories; every repository of the forge is one of them."""

BEFORE, AFTER = 0, 1
_AUTHOR = b"Mona <mona@example.com>"
_BEGAN = 1_700_000_000
_COMMITS = 12


@dataclass(frozen=True, slots=True)
class Template:
    """One history.

    Args:
        number: 0 to `COUNT` - 1; decides how large it is.
        states: bare repositories, before and after a push of two commits and a tag.
    """

    number: int
    states: tuple[Path, Path]


def make_templates(folder: Path) -> tuple[Template, ...]:
    """Make all of them; the same every time, object ids included."""
    folder.mkdir(parents=True)
    return tuple(_make(folder, number) for number in range(COUNT))


def shape(number: int) -> tuple[int, int, int]:
    """How many files, branches and tags a template has: 10 to 200, 1 to 25, 0 to 38."""
    return 10 + number * 10, 1 + (number * 7) % 25, (number * 11) % 39


def _make(folder: Path, number: int) -> Template:
    before, after = folder / f"{number}-before.git", folder / f"{number}-after.git"
    files, branches, tags = shape(number)
    for path, pushed in ((before, False), (after, True)):
        git("init", "--quiet", "--bare", "--template=", "-b", "main", str(path))
        lines = list(_history(number, files, branches, tags))
        if pushed:
            lines += _push(number)
        git("--git-dir", str(path), "fast-import", "--quiet", stdin=b"\n".join(lines) + b"\n")
        git("--git-dir", str(path), "repack", "-adq", "--write-bitmap-index")
        git("--git-dir", str(path), "pack-refs", "--all")
    return Template(number, (before, after))


def _history(number: int, files: int, branches: int, tags: int) -> Iterator[bytes]:
    """For git-fast-import(1): the first commit has all files, later ones change one each."""
    for commit in range(1, _COMMITS + 1):
        yield from _commit(commit, "refs/heads/main", f"commit {commit} of kind {number}")
        names = range(files) if commit == 1 else (commit * 7 % files,)
        for name in names:
            yield from _file(f"part{name % 8}/file{name}.txt", f"{number}.{name}.{commit}\n" * 60)
    for branch in range(1, branches):
        ref = f"refs/heads/topic/{branch}"
        yield from _commit(100 + branch, ref, f"topic {branch}", f":{1 + branch % _COMMITS}")
        yield from _file("topic.txt", f"{number} {branch}\n")
    for tag in range(tags):
        yield from _tag(f"v0.{tag}", f":{1 + tag % _COMMITS}", annotated=tag % 2 == 0)


def _push(number: int) -> Iterator[bytes]:
    for commit in (201, 202):
        parent = "" if commit > 201 else f":{_COMMITS}"
        yield from _commit(commit, "refs/heads/main", f"pushed {commit}", parent)
        yield from _file("part0/file0.txt", f"pushed {number} {commit}\n" * 40)
    yield from _tag("v1.0", ":202", annotated=True)


def _commit(mark: int, ref: str, message: str, parent: str = "") -> Iterator[bytes]:
    yield f"commit {ref}".encode()
    yield f"mark :{mark}".encode()
    yield b"committer " + _AUTHOR + f" {_BEGAN + mark * 60} +0000".encode()
    yield f"data {len(message)}\n{message}".encode()
    if parent:
        yield f"from {parent}".encode()


def _file(path: str, text: str) -> Iterator[bytes]:
    yield f"M 100644 inline {path}".encode()
    yield f"data {len(text)}\n{text}".encode()


def _tag(name: str, target: str, *, annotated: bool) -> Iterator[bytes]:
    if not annotated:
        yield f"reset refs/tags/{name}\nfrom {target}\n".encode()
        return
    yield f"tag {name}\nfrom {target}".encode()
    yield b"tagger " + _AUTHOR + f" {_BEGAN} +0000".encode()
    yield f"data {len(name)}\n{name}".encode()


def git(*arguments: str, stdin: bytes = b"", cwd: Path | None = None) -> bytes:
    """Git that sees no configuration but the repository's.

    Raises:
        RuntimeError: it failed, with its own words.
    """
    nobodys = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", *arguments],
        input=stdin,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], **nobodys},
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"git {' '.join(arguments)}: {done.stderr.decode(errors='replace')}")
    return done.stdout
