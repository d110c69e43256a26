"""Where each repository lives below the root. Stable, injective, never outside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from mgit.model import LocalRepo, RemoteRepo, RepoKey
from mgit.plan.moving import is_halfway, parents
from mgit.plan.names import MAX_BYTES, encode_segment, with_suffix
from mgit.plan.patterns import WIKI, fold

RESERVED = ".mgit"
"""mgit's own folder below the root; no encoded name is equal to it in any case."""


_Taken = Mapping[str, RepoKey]  # folded folder -> whose clone lives there


class Layout(StrEnum):
    """How a repository's name becomes a folder."""

    FLAT = "flat"
    OWNER = "owner"
    FORGE = "forge"


def wanted_folder(repo: RemoteRepo, layout: Layout) -> str:
    """Where a repository would live if it were alone: POSIX path relative to the root."""
    path = repo.path
    groups = [path.owner, *(path.project or "").split("/")]
    owner = [encode_segment(part) for part in groups if part]
    name = encode_segment(path.name)
    match layout:
        case Layout.FLAT:
            return name
        case Layout.OWNER:
            return "/".join([*owner, name])
        case Layout.FORGE:
            return "/".join([encode_segment(repo.key.forge), *owner, name])


def assign_folders(
    repos: Iterable[RemoteRepo], local: Sequence[LocalRepo], layout: Layout
) -> Mapping[RepoKey, str]:
    """The folder of every repository.

    A repository that has a clone keeps its folder unless it was renamed upstream. Where several
    new ones want folders that differ by nothing or only by case, or one lies inside another,
    each of them gets its stable id as a suffix: what a name means does not depend on the order
    in which repositories are listed, nor on whether its twin is still there in the next run.

    A folder whose clone is about to move away counts as free. Whether it really gets free in this
    run is for the plan to see; the place stays reserved either way.

    Args:
        repos: the whole inventory, not only what is selected; each key once.
        local: the clones on disk.
        layout: for those that have no folder yet.
    """
    inventory = list(repos)
    homes = home_folders(local)
    kept = {
        repo.key: homes[repo.key].folder
        for repo in inventory
        if repo.key in homes and not _moves(repo, homes[repo.key])
    }
    if len(kept) == len(inventory):  # the ordinary run: all have a folder, and stay
        return kept
    leaving = {repo.key for repo in inventory if repo.key in homes and repo.key not in kept}
    # Every other clone occupies its folder, also one that is not listed any more.
    taken = {fold(clone.folder): key for key, clone in homes.items() if key not in leaving}
    settled = kept | _settle(
        {
            repo.key: _beside(wanted_folder(repo, layout), repo.key, taken)
            for repo in inventory
            if repo.key not in kept and repo.wiki_of is None
        },
        taken,
    )
    taken |= {fold(folder): key for key, folder in settled.items()}
    return settled | _settle(
        {
            repo.key: _wanted_wiki(repo, settled, layout)
            for repo in inventory
            if repo.key not in kept and repo.wiki_of is not None
        },
        taken,
    )


def _moves(repo: RemoteRepo, clone: LocalRepo) -> bool:
    """Whether a clone may not stay where it is."""
    return is_renamed(repo, clone) or is_halfway(clone.folder)


def _wanted_wiki(repo: RemoteRepo, settled: Mapping[RepoKey, str], layout: Layout) -> str:
    """Beside its repository, wherever that is."""
    owner = settled.get(repo.wiki_of) if repo.wiki_of is not None else None
    if owner is None:
        return wanted_folder(repo, layout)
    parent, _, name = owner.rpartition("/")
    fits = len(f"{name}{WIKI}".encode()) <= MAX_BYTES
    name = f"{name}{WIKI}" if fits else with_suffix(name, WIKI.removeprefix("."))
    return f"{parent}/{name}" if parent else name


def home_folders(local: Iterable[LocalRepo]) -> dict[RepoKey, LocalRepo]:
    """The clone of each repository; of several copies the first by folder name."""
    homes: dict[RepoKey, LocalRepo] = {}
    for clone in sorted(local, key=lambda clone: clone.folder):
        if clone.key is not None:
            homes.setdefault(clone.key, clone)
    return homes


def is_renamed(repo: RemoteRepo, clone: LocalRepo) -> bool:
    """Whether upstream calls a repository something else than when its clone was last named."""
    return clone.path is not None and clone.path != repo.path


def _beside(folder: str, key: RepoKey, taken: _Taken) -> str:
    """The folder itself, or one beside the clone that it would otherwise lie inside of."""
    *above, name = folder.split("/")
    placed: list[str] = []
    for part in above:
        inside = taken.get(fold("/".join([*placed, part])), key) != key
        placed.append(with_suffix(part, "group") if inside else part)
    return "/".join([*placed, name])


def _settle(wanted: Mapping[RepoKey, str], taken: _Taken) -> dict[RepoKey, str]:
    """Give everyone a folder of their own: the wanted one, or one with the stable id."""
    crowded = _crowded(wanted, taken)
    settled = {key: folder for key, folder in wanted.items() if key not in crowded}
    used = {*taken, *(fold(folder) for folder in settled.values())}
    for key in sorted(crowded):
        # The second suffix is for ids that two forges both gave away.
        choices = (_suffixed(wanted[key], suffix) for suffix in (key.id, str(key)))
        folder = next((choice for choice in choices if fold(choice) not in used), None)
        settled[key] = folder or _suffixed(wanted[key], f"{key} {len(used)}")
        used.add(fold(settled[key]))
    return settled


def _crowded(wanted: Mapping[RepoKey, str], taken: _Taken) -> set[RepoKey]:
    """Those that cannot have the folder they want."""
    by_fold: dict[str, list[RepoKey]] = defaultdict(list)
    for key, folder in wanted.items():
        by_fold[fold(folder)].append(key)
    # A repository named like another one's owner or project would hold clones inside its own.
    above = {fold(parent) for folder in (*wanted.values(), *taken) for parent in parents(folder)}
    return {
        key
        for folded, keys in by_fold.items()
        for key in keys
        if len(keys) > 1 or folded in above or taken.get(folded, key) != key
    }


def _suffixed(folder: str, suffix: str) -> str:
    parent, _, name = folder.rpartition("/")
    unique = with_suffix(name, suffix)
    return f"{parent}/{unique}" if parent else unique
