"""Writes every process of a step into the journal, in words that mean the same on any machine.

A line names program and arguments, the names (never the values) of the variables that it got, a
digest of the program file, and how it ended. Folders that differ from machine to machine stand
there under the name of what they are: `SRC`, `OUT`, `PYTHON`, `TMP`. `invoke prove --journal`
compares two such journals.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.journal import Event, Journal
from pipeline.project import Project
from pipeline.shell import Call

PYTHON = "PYTHON/bin/python"
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")
_CHANCE = re.compile(r"TMP/[^/\s:,=]+")


@dataclass(slots=True)
class Witness:
    """Tells a journal of processes.

    Args:
        journal: open for appending.
        places: folders of this machine with the names that stand for them, the longest first.
        step: the step that is looked at or run.
        doing: whether it runs; while it only looks, what it starts depends on what lies there.
    """

    journal: Journal
    places: tuple[tuple[str, str], ...]
    step: str = ""
    doing: bool = False
    _digests: dict[tuple[str, int, int], str] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __call__(self, call: Call) -> None:
        """Write one line; steps may start processes in several threads."""
        with self._lock:
            self.journal.write(
                Event.PROCESS, self.step, seconds=call.seconds, facts=self._facts(call)
            )

    def _facts(self, call: Call) -> dict[str, Any]:
        return {
            "argv": [plain_word(word, self.places) for word in call.argv],
            "passed": list(call.passed),
            "added": list(call.added),
            "program": self._digest(call),
            "exit": call.returncode,
            "doing": self.doing,
        }

    def _digest(self, call: Call) -> str:
        found = shutil.which(call.argv[0], path=call.path or os.defpath)
        if found is None:
            return ""
        path = Path(found).resolve()
        seen = path.stat()
        key = (str(path), seen.st_mtime_ns, seen.st_size)
        if key not in self._digests:
            self._digests[key] = program_digest(path)
        return self._digests[key]


def witness_for(project: Project, journal: Journal) -> Witness:
    """A witness that knows the folders of a project."""
    folders = {
        str(project.out.resolve()): "OUT",
        str(project.out): "OUT",
        str(project.root.resolve()): "SRC",
        str(project.root): "SRC",
        sys.prefix: "PYTHON",
        tempfile.gettempdir(): "TMP",
    }
    by_length = sorted(folders.items(), key=lambda each: len(each[0]), reverse=True)
    return Witness(journal, ((sys.executable, PYTHON), *by_length))


def plain_word(word: str, places: tuple[tuple[str, str], ...]) -> str:
    """One argument without the folders of this machine, without chance, without a user of a URL.

    Args:
        word: as the process got it.
        places: folders and what stands for them; the first that fits wins.
    """
    word = word.encode("utf-8", "replace").decode()
    for folder, name in places:
        word = re.sub(rf"{re.escape(folder)}(?=$|[/:,=\s])", name, word)
    return _CHANCE.sub("TMP/*", _USERINFO.sub("…@", word))


def program_digest(path: Path) -> str:
    """SHA-256 of a program; of a script without its first line, which names a folder of its own."""
    with path.open("rb") as file:
        if file.read(2) == b"#!":
            file.readline()
        else:
            file.seek(0)
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
