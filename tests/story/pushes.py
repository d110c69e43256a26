"""Random pushes of every kind to a repository of the sandbox forge, past any forge's rules."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.forge.git import git

# None of them is refused by git-check-ref-format(1). `v1.0` is a tag's name as well.
_ODD = (
    *("v1.0", "größe", "日本", "a#b", "x=y,z", "50%", "it's", 'say-"hi"', "-dash", "@", "a@b"),
    *("refs/heads/odd", "HEAD.x", "deep/er/and/deeper", "dot.ted", "UPPER", "plus+", "{brace}"),
)
_AUTHOR = "Mona <mona@example.com> 1700000000 +0000"


@dataclass
class Pusher:
    """Pushes to one bare repository.

    Args:
        path: of the repository.
        chance: decides everything.
    """

    path: Path
    chance: random.Random
    refs: dict[str, str] = field(default_factory=dict)
    head: str = ""
    done: list[str] = field(default_factory=list)

    def push(self) -> list[str]:
        """Between one and four things that people do; returns what was done."""
        self._look()
        self.done = []
        if not self.branches:
            self._new_commit(self.head)
        for _ in range(self.chance.randint(1, 4)):
            self.chance.choice(self._kinds())()
            self._look()
        return self.done

    @property
    def branches(self) -> list[str]:
        return sorted(name for name in self.refs if name.startswith("refs/heads/"))

    @property
    def tags(self) -> list[str]:
        return sorted(name for name in self.refs if name.startswith("refs/tags/"))

    def _kinds(self) -> tuple[Callable[[], None], ...]:
        return (
            self._commit,
            self._branch,
            self._odd_branch,
            self._force,
            self._rewind,
            self._delete_branch,
            self._tag,
            self._annotated_tag,
            self._move_tag,
            self._delete_tag,
            self._default_branch,
            self._file_becomes_folder,
            self._folder_becomes_file,
        )

    def _commit(self) -> None:
        self._new_commit(self.chance.choice(self.branches))

    def _branch(self) -> None:
        name = f"refs/heads/topic{self.chance.randrange(10**6)}"
        self._set(name, self._somewhere())

    def _odd_branch(self) -> None:
        kind = self.chance.choice(["heads", "tags"])
        name = f"refs/{kind}/{self.chance.choice(_ODD)}"
        if self._fits(name):
            self._set(name, self._somewhere())

    def _force(self) -> None:
        branch = self.chance.choice(self.branches)
        self._set(branch, self._made(None))

    def _rewind(self) -> None:
        self._set(self.chance.choice(self.branches), self._somewhere())

    def _delete_branch(self) -> None:
        others = [name for name in self.branches if name != self.head]
        if others:
            self._delete(self.chance.choice(others))

    def _tag(self) -> None:
        self._set(f"refs/tags/t{self.chance.randrange(10**6)}", self._somewhere())

    def _annotated_tag(self) -> None:
        self._set(f"refs/tags/a{self.chance.randrange(10**6)}", self._annotated())

    def _move_tag(self) -> None:
        if self.tags:
            to = self.chance.choice([self._annotated, self._somewhere])()
            self._set(self.chance.choice(self.tags), to)

    def _delete_tag(self) -> None:
        if self.tags:
            self._delete(self.chance.choice(self.tags))

    def _default_branch(self) -> None:
        branch = self.chance.choice(self.branches)
        git(f"--git-dir={self.path}", "symbolic-ref", "HEAD", branch)
        self.done.append(f"HEAD -> {branch}")

    def _file_becomes_folder(self) -> None:
        names = [name for name in (*self.branches, *self.tags) if name != self.head]
        if names:
            name = self.chance.choice(names)
            self._delete(name)
            self._set(f"{name}/below", self._somewhere())

    def _folder_becomes_file(self) -> None:
        deep = [name for name in (*self.branches, *self.tags) if name.count("/") > 2]
        if not deep:
            return
        folder = self.chance.choice(deep).rpartition("/")[0]
        inside = [name for name in self.refs if name.startswith(f"{folder}/")]
        if self.head not in inside and folder not in ("refs/heads", "refs/tags"):
            for name in inside:
                self._delete(name)
            self._look()
            if self._fits(folder) and self.refs:
                self._set(folder, self._somewhere())

    def _look(self) -> None:
        told = git(f"--git-dir={self.path}", "for-each-ref", "--format=%(objectname) %(refname)")
        pairs = (line.split(" ", 1) for line in told.decode().splitlines())
        self.refs = {name: oid for oid, name in pairs}
        self.head = git(f"--git-dir={self.path}", "symbolic-ref", "HEAD").decode().strip()

    def _fits(self, name: str) -> bool:
        return not any(
            other.startswith(f"{name}/") or name.startswith(f"{other}/") for other in self.refs
        )

    def _somewhere(self) -> str:
        """A commit that some branch is at, or the one before it, or a new one."""
        branch = self.chance.choice(self.branches)
        return self.chance.choice([self.refs[branch], self._made(branch)])

    def _new_commit(self, branch: str) -> None:
        self._set(branch, self._made(branch if branch in self.refs else None))

    def _made(self, parent: str | None) -> str:
        text = f"content {self.chance.random()}\n"
        tree_line = f"100644 blob {self._blob(text)}\tfile.txt\n"
        tree = self._run("mktree", stdin=tree_line.encode())
        head = f"tree {tree}\n" + (f"parent {self.refs[parent]}\n" if parent else "")
        raw = f"{head}author {_AUTHOR}\ncommitter {_AUTHOR}\n\n{text}"
        return self._run("hash-object", "-t", "commit", "-w", "--stdin", stdin=raw.encode())

    def _annotated(self) -> str:
        commit = self.refs[self.chance.choice(self.branches)]
        raw = f"object {commit}\ntype commit\ntag t\ntagger {_AUTHOR}\n\n{self.chance.random()}\n"
        return self._run("hash-object", "-t", "tag", "-w", "--stdin", stdin=raw.encode())

    def _blob(self, text: str) -> str:
        return self._run("hash-object", "-w", "--stdin", stdin=text.encode())

    def _set(self, name: str, oid: str) -> None:
        if not self._fits(name):
            return
        self._run("update-ref", name, oid)
        self.refs[name] = oid
        self.done.append(f"{name} = {oid[:8]}")

    def _delete(self, name: str) -> None:
        self._run("update-ref", "--no-deref", "-d", name)
        self.refs.pop(name, None)
        self.done.append(f"no {name}")

    def _run(self, *arguments: str, stdin: bytes = b"") -> str:
        return git(f"--git-dir={self.path}", *arguments, stdin=stdin).decode().strip()
