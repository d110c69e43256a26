"""Which repository belongs to which shard: rendezvous hashing (highest random weight). Pure.

For each shard K from 0 to N-1 the SHA-256 of the text `K:FORGE#ID` is taken, and the repository
belongs to the shard whose digest is the greatest, compared as bytes (or as lower case hex).
`FORGE#ID` is the identity: `repo_key` in logs, `key` in JSON. A final `.wiki` of the
id is left out, so a wiki goes with its repository. Anybody can compute it:

    for k in 0 1 2; do
        echo "$(printf %s "$k:github.com#1296269" | sha256sum) $k"
    done | sort | tail -1

Names do not come into it, so a rename changes nothing. N does not either: one shard more takes its
part from all others and moves nothing else. The greatest of N even weights is even.
"""

from __future__ import annotations

import hashlib

from mgit.model import RepoKey, Shard
from mgit.plan.patterns import WIKI


def holds(shard: Shard, key: RepoKey) -> bool:
    """Whether a repository, or the repository of a wiki, belongs to a shard.

    It is known to belong elsewhere as soon as one weight is greater, which takes about ln N
    digests: 10,000 repositories in 4,096 shards cost a tenth of a second, not half a minute.
    """
    name = _name(key)
    own = _weight(shard.index, name)
    return all(other == shard.index or _weight(other, name) < own for other in range(shard.count))


def keeper(key: RepoKey, count: int) -> int:
    """The index of the shard that a repository belongs to, of so many.

    Args:
        key: of the repository or its wiki.
        count: how many shards there are.
    """
    name = _name(key)
    return max(range(count), key=lambda index: _weight(index, name))


def _name(key: RepoKey) -> bytes:
    # An id may hold what JSON may hold, also half of a surrogate pair.
    return str(key).removesuffix(WIKI).encode("utf-8", "surrogatepass")


def _weight(index: int, name: bytes) -> bytes:
    return hashlib.sha256(b"%d:%b" % (index, name)).digest()
