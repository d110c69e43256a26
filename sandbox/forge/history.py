"""Writes histories as `git fast-import` streams: one process for a whole repository.

Dates and contents are fixed by the repository's name, so a history has the same commit ids in
every run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

_EPOCH = 1_700_000_000  # seconds; the date of every repository's first commit
_STEP = 3600
_WHO = "Sandbox Author <author@example.com>"


@dataclass(frozen=True, slots=True)
class Change:
    """One commit to add.

    Args:
        branch: made from the default branch where it is missing.
        files: path -> text; empty for one file that makes the commit differ from all others.
        message: its subject.
        tag: lightweight tag to put on it, empty for none.
        rewrite: start a new root in place of adding to the branch: a forced push.
        number: keeps commits of one branch apart.
    """

    branch: str
    files: Mapping[str, str] = field(default_factory=dict)
    message: str = "Change something"
    tag: str = ""
    rewrite: bool = False
    number: int = 0


def first_history(
    name: str, default_branch: str, commits: int, branches: tuple[str, ...], tags: tuple[str, ...]
) -> bytes:
    """A line of commits on the default branch, a commit more on each other branch, tags.

    Every second tag is annotated. The tree holds a subfolder, an executable and a link.
    """
    parts: list[bytes] = []
    for index in range(commits):
        files = [_file("README.md", f"# {name}\n\nRevision {index + 1}.\n")]
        if index == 0:
            files += [
                _file("src/main.txt", f"{hashlib.sha256(name.encode()).hexdigest()}\n"),
                _file("bin/run", "#!/bin/sh\nexec true\n", mode="100755"),
                _file("latest", "src/main.txt", mode="120000"),
            ]
        else:
            files.append(_file(f"docs/{index}.md", f"Note {index} of {name}.\n"))
        parent = f":{index}" if index else None
        message = f"Commit {index + 1} of {name}"
        parts.append(_commit(default_branch, index, message, parent, files, mark=index + 1))
    for index, branch in enumerate(branches, start=commits):
        files = [_file("branch.txt", f"{branch}\n")]
        parts.append(_commit(branch, index, f"Begin {branch}", f":{commits}", files))
    for index, tag in enumerate(tags):
        mark = max(1, commits - index)
        parts.append(_annotated(tag, mark) if index % 2 == 0 else _lightweight(tag, f":{mark}"))
    return b"".join(parts)


def one_commit(change: Change, parent: str | None) -> bytes:
    """A stream of one commit on `parent` (an object id; None for a new root)."""
    files = dict(change.files) or {f"changes/{change.number}.txt": f"{change.message}\n"}
    written = [_file(path, text) for path, text in files.items()]
    date = 1000 + change.number
    stream = _commit(change.branch, date, change.message, parent, written, mark=1)
    return stream + (_lightweight(change.tag, ":1") if change.tag else b"")


def _commit(
    branch: str, index: int, message: str, parent: str | None, files: list[bytes], mark: int = 0
) -> bytes:
    when = f"{_WHO} {_EPOCH + index * _STEP} +0000"
    lines = [f"commit refs/heads/{branch}\n"]
    if mark:
        lines.append(f"mark :{mark}\n")
    lines += [f"author {when}\n", f"committer {when}\n"]
    head = "".join(lines).encode() + _data(message + "\n")
    # Without `from`, fast-import would go on from the branch: only `reset` makes a new root.
    start = f"from {parent}\n".encode() if parent else b""
    reset = b"" if parent else f"reset refs/heads/{branch}\n".encode()
    return reset + head + start + b"".join(files) + b"\n"


def _file(path: str, text: str, mode: str = "100644") -> bytes:
    return f"M {mode} inline {path}\n".encode() + _data(text)


def _data(text: str) -> bytes:
    raw = text.encode()
    return f"data {len(raw)}\n".encode() + raw + b"\n"


def _annotated(tag: str, mark: int) -> bytes:
    head = f"tag {tag}\nfrom :{mark}\ntagger {_WHO} {_EPOCH} +0000\n"
    return head.encode() + _data(f"Release {tag}\n")


def _lightweight(tag: str, target: str) -> bytes:
    return f"reset refs/tags/{tag}\nfrom {target}\n\n".encode()
