"""git as the pipeline uses it: quiet, without prompts, hooks or the person's habits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.shell import Ran, Shell
from pipeline.step import PipelineError

BASE_REF = "refs/release/base"

_ENV = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
_CONFIG = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "commit.gpgsign=false",
    "-c", "tag.gpgsign=false",
    "-c", "core.autocrlf=false",
    "-c", "advice.detachedHead=false",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Git:
    """git in one folder.

    Args:
        shell: starts it.
        root: work tree.
    """

    shell: Shell
    root: Path

    def run(
        self,
        *args: str,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
    ) -> Ran:
        """Run git and keep what it printed.

        Raises:
            PipelineError: git is missing, or (with `check`) ended with an error.
        """
        argv = ("git", *_CONFIG, *args)
        words = {**_ENV, **(env or {})}
        ran = self.shell.run(argv, cwd=self.root, env=words, stdin=stdin, check=False)
        if check and not ran.ok:
            raise PipelineError(f"git {args[0]} failed: {last_words(ran)}")
        return ran

    def out(self, *args: str) -> str:
        """What git printed, without the last newline."""
        return self.run(*args).stdout.removesuffix("\n")

    def resolve(self, revision: str) -> str:
        """Object id of a revision, empty where there is none."""
        ran = self.run("rev-parse", "--verify", "--quiet", revision, check=False)
        return ran.stdout.strip() if ran.ok else ""

    def base(self) -> str:
        """The commit that a release is made from: pinned by the clean clone, else HEAD."""
        return self.resolve(BASE_REF) or self.resolve("HEAD^{commit}")

    def time_of(self, commit: str) -> int:
        """Committer time of a commit, in seconds since the epoch."""
        return int(self.out("show", "-s", "--format=%ct", commit))

    def files(self, commit: str, folder: str) -> dict[str, str]:
        """Name and text of the files right in a folder of a commit, sorted by name."""
        listed = self.run("ls-tree", "-z", "--name-only", f"{commit}:{folder}", check=False)
        names = sorted(filter(None, listed.stdout.split("\0"))) if listed.ok else []
        return {name: self.text(commit, f"{folder}/{name}") for name in names}

    def text(self, commit: str, path: str) -> str:
        """Text of one file of a commit, empty where it is not there."""
        ran = self.run("show", f"{commit}:{path}", check=False)
        return ran.stdout if ran.ok else ""

    def remote_refs(self, remote: str, *patterns: str) -> dict[str, str]:
        """Refs of a remote repository: full name (`…^{}` for a peeled tag) -> object id.

        Raises:
            PipelineError: the remote cannot be asked.
        """
        ran = self.run("ls-remote", remote, *patterns)
        pairs = (line.split("\t", 1) for line in ran.stdout.splitlines())
        return {name: oid for oid, name in pairs}


def last_words(ran: Ran) -> str:
    """The line of git's output that says what went wrong."""
    lines = [line.strip() for line in (ran.stderr or ran.stdout).splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:", "!"))]
    return (telling or lines or [f"exit {ran.returncode}"])[0]
