"""The words that stand in `event.action` of an audit record, and what each is about."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ACTIONS: Mapping[str, str] = MappingProxyType(
    {
        "service-started": "mgit serve began",
        "service-stopped": "mgit serve ended",
        "run-started": "a pass over the sources began",
        "run-ended": "a pass over the sources ended",
        "configuration-changed": "a command wrote the configuration",
        "credential-stored": "a token was kept",
        "credential-used": "a source was opened with a credential",
        "credential-rotated": "a newer token took the place of one that was refused",
        "credential-expiring": "a source was opened with a credential that ends soon, or ended",
        "credential-refused": "a forge refused a credential",
        "repository-cloned": "a clone was made",
        "repository-moved": "a clone got another folder",
        "repository-archived": "a clone was set aside, gone upstream",
        "repository-removed": "a clone was deleted, gone upstream",
        "repository-healed": "a damaged clone was made anew",
        "branch-forced": "a checked-out branch followed a rewritten upstream",
        "refs-deleted": "a fetch took many refs away",
        "refs-held": "upstream took refs or commits away; the clone keeps them",
        "refs-acknowledged": "a person let a held loss go",
        "refs-kept": "a mirror keeps what upstream took back, for a while",
        "damage-found": "the search for bit rot found some",
        "input-refused": "a forge or a configuration gave something malformed",
        "tokens-changed": "other tokens let in to the status page",
        "web-refused": "a wrong credential came to the status page",
        "webhook-refused": "a webhook was not genuine",
        "audit-rotated": "the file before was closed, the chain goes on in this one",
        "audit-recovered": "a torn last record was cut off",
    }
)
