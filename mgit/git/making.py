"""Makes a whole clone in a place where nobody looks; its caller puts it where it belongs."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mgit.address import CloneUrl
from mgit.credentials.files import write_private
from mgit.errors import GitError, RepositoryBroken
from mgit.git.extras import bring_extras
from mgit.git.fetching import MIRROR_REFSPECS, TAGS_REFSPEC, same_url
from mgit.git.identity import identity_of, read_identity, write_identity
from mgit.git.inspect import read_local, refs_of
from mgit.git.lock import INCOMING
from mgit.git.runner import GitRunner
from mgit.git.target import Target
from mgit.model import CopyKind, CopyOptions, RefSnapshot, RemoteRepo

Look = Callable[[CloneUrl], RefSnapshot]
"""`RefsClient.ls_refs`: how a clone that came out empty is checked."""

CHECKOUT_DEADLINE = 3600.0
_CONFIG_COPY = "mgit.config"


@dataclass(frozen=True, slots=True)
class Made:
    """A clone that is whole, but not yet where it belongs.

    Args:
        path: where it is.
        refs: how many refs of upstream it has.
        detail: what is not as it was wished, one line for a person; may be empty.
    """

    path: Path
    refs: int
    detail: str = ""


@contextmanager
def made_aside(
    runner: GitRunner,
    root: Path,
    repo: RemoteRepo,
    kind: CopyKind,
    options: CopyOptions,
    look: Look | None,
) -> Iterator[Made]:
    """Make a clone below `.mgit/incoming`; what is still there at the end is removed.

    Raises:
        MgitError: git failed, or what it made is not whole.
        OSError: the disk is full or read-only.
    """
    aside = root / INCOMING / secrets.token_hex(8)
    aside.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield _make(runner, Target(aside, kind, repo, options), look)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def keep_config(git_dir: Path) -> str:
    """Keep a copy of a mirror's configuration as it is now; its digest, for the identity.

    Raises:
        OSError: it cannot be read or written.
    """
    content = (git_dir / "config").read_bytes()
    write_private(git_dir / _CONFIG_COPY, content)
    return hashlib.sha256(content).hexdigest()


def restore_config(git_dir: Path, aside: Path) -> bool:
    """Put a mirror's configuration back as it was kept; the present one goes to `aside`.

    Returns:
        Whether that could be done; else nothing was.

    Raises:
        OSError: the disk refused.
    """
    known = read_identity(git_dir)
    try:
        content = (git_dir / _CONFIG_COPY).read_bytes()
        present = (git_dir / "config").read_bytes()
        mode = (git_dir / "config").stat().st_mode
    except OSError:
        return False
    if known is None or hashlib.sha256(content).hexdigest() != known.config:
        return False
    aside.parent.mkdir(parents=True, exist_ok=True)
    write_private(aside, present)
    (git_dir / "config.lock").unlink(missing_ok=True)
    write_private(git_dir / "config", content)
    (git_dir / "config").chmod(mode & 0o777)
    return True


def _make(runner: GitRunner, target: Target, look: Look | None) -> Made:
    mirror, options = target.kind is CopyKind.MIRROR, target.options
    aside, repo = target.path, target.repo
    _run_clone(runner, target)
    local = read_local(aside.parent, aside.name, runner)
    if local.broken:
        raise RepositoryBroken(f"the new clone of {repo.url} is damaged: {local.broken}")
    if not local.refs.refs:
        _believe_empty(repo, look)
    if mirror:
        _write_refspecs(target.git_dir)
    elif refs_of(target.git_dir, runner).head_oid is not None:
        runner.run(
            ["checkout", "--quiet", "--force", "--no-recurse-submodules"],
            cwd=aside,
            personal=True,
            origin=target.lazy_origin,
            config=[same_url(repo)],
            deadline=CHECKOUT_DEADLINE,
        )
    detail = bring_extras(runner, target) if local.refs.refs else ""
    digest = keep_config(target.git_dir) if mirror else ""
    write_identity(target.git_dir, identity_of(repo, options, digest))
    return Made(aside, len(local.refs.refs), detail)


def _run_clone(runner: GitRunner, target: Target) -> None:
    mirror, options = target.kind is CopyKind.MIRROR, target.options
    # For this one command only: the clone's own configuration stays an ordinary one, so that
    # the person's `git fetch` does what it always does.
    tags = [] if mirror else [("remote.origin.fetch", TAGS_REFSPEC)]
    less = []
    if options.depth is not None:
        less += [f"--depth={options.depth}", "--no-single-branch"]
    if options.filter:
        less.append(f"--filter={options.filter}")
    runner.run(
        [
            "clone",
            "--bare" if mirror else "--no-checkout",
            *less,
            "--origin=origin",
            "--template=",
            "--no-hardlinks",
            "--quiet",
            "--end-of-options",
            str(target.repo.url),
            str(target.path),
        ],
        cwd=target.path.parent,
        origin=target.repo.url.origin,
        config=[same_url(target.repo), *tags],
    )


def _believe_empty(repo: RemoteRepo, look: Look | None) -> None:
    there = look(repo.url).refs if look is not None else {}
    if there or (look is None and repo.empty is False):
        raise GitError(
            f"the clone of {repo.url} came out empty, though the repository is not",
            advice="something between here and the forge answers wrongly; run mgit again",
        )


def _write_refspecs(git_dir: Path) -> None:
    """Let the person's own `git fetch` in a mirror do what mgit does. `clone --bare` does not."""
    lines = "".join(f"\tfetch = {refspec}\n" for refspec in MIRROR_REFSPECS)
    with (git_dir / "config").open("a", encoding="utf-8") as config:
        config.write(f'[remote "origin"]\n{lines}')
