"""The events that GitHub names so, and that Gitea and Forgejo took over from it.

Source: the documentation of the three: `push`, `create` and `delete` are about refs, `repository`
about the repository itself; all of them have `repository.id` and `repository.full_name`.
"""

from __future__ import annotations

import msgspec

from mgit.webhooks.reading import Id, Name, read_json
from mgit.webhooks.values import Hint, ListingHint, NoHint, RepoHint, Silence, path_words

_REFS = frozenset({"push", "create", "delete"})


class _Repository(msgspec.Struct, frozen=True):
    id: Id
    full_name: Name


class _Body(msgspec.Struct, frozen=True):
    repository: _Repository


def is_known(event: str) -> bool:
    """Whether an event of this name says something of a repository that is worth a look."""
    return event in _REFS or event == "repository"


def hint_of(event: str, body: bytes) -> Hint:
    """What such an event is a hint of.

    Args:
        event: as the forge names it.
        body: JSON.

    Raises:
        Malformed: it is a known event without its repository.
    """
    if not is_known(event):
        return NoHint(Silence.UNKNOWN_EVENT)
    repo = read_json(body, _Body).repository
    path = path_words(repo.full_name)
    return RepoHint(str(repo.id), path) if event in _REFS else ListingHint(path)
