"""The forges that mgit speaks to. A new one is a module of its own and a line in `FORGES`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import cast
from urllib.parse import quote, unquote

from mgit.address import Origin, parse_origin
from mgit.errors import ConfigurationError
from mgit.forges.interface import (
    Account,
    ApiBase,
    CachedResponse,
    Changed,
    Forge,
    ForgeContext,
    Pacing,
    RateLimit,
    ResponseCache,
    TellsChanges,
    TellsExpiry,
    TellsRateLimit,
)

__all__ = [
    "FORGES",
    "Account",
    "ApiBase",
    "CachedResponse",
    "Changed",
    "Forge",
    "ForgeContext",
    "ForgeKind",
    "Pacing",
    "RateLimit",
    "ResponseCache",
    "TellsChanges",
    "TellsExpiry",
    "TellsRateLimit",
    "api_base",
    "open_forge",
]

_PATH = re.compile(r"(/([A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})+)*")


@dataclass(frozen=True, slots=True)
class ForgeKind:
    """A line of the table.

    Args:
        module: where it is, below `mgit.forges`; imported when a source of the kind is opened.
        name: the class in it: called with a `ForgeContext` it makes the forge and sends nothing.
        api_path: where its REST API is on a host of one's own; empty for no REST API.
        default_url: its best-known home, empty where everybody has a host of their own.
        hosted: hosts whose API is at another address, as (host, API's host).
        hosted_path: where the REST API is on such a host.
    """

    module: str
    name: str
    api_path: str = ""
    default_url: str = ""
    hosted: Mapping[str, str] = field(default_factory=dict)
    hosted_path: str = ""

    def open(self, context: ForgeContext) -> Forge:
        """Make the forge."""
        module = import_module(f"mgit.forges.{self.module}")
        return cast("Callable[[ForgeContext], Forge]", getattr(module, self.name))(context)


_GITHUB_COM = MappingProxyType({"github.com": "api.github.com", "www.github.com": "api.github.com"})
_BITBUCKET_ORG = MappingProxyType(
    {"bitbucket.org": "api.bitbucket.org", "www.bitbucket.org": "api.bitbucket.org"}
)

FORGES: Mapping[str, ForgeKind] = MappingProxyType(
    {
        "github": ForgeKind("github", "GitHub", "/api/v3", "https://api.github.com", _GITHUB_COM),
        "gitlab": ForgeKind("gitlab", "GitLab", "/api/v4", "https://gitlab.com"),
        "azuredevops": ForgeKind("azuredevops", "AzureDevOps"),
        "bitbucket": ForgeKind(
            "bitbucket", "Bitbucket", "/2.0", "https://api.bitbucket.org", _BITBUCKET_ORG, "/2.0"
        ),
        "bitbucket-datacenter": ForgeKind(
            "bitbucket_datacenter", "BitbucketDataCenter", "/rest/api/latest"
        ),
        "gitea": ForgeKind("gitea", "Gitea", "/api/v1"),
        "forgejo": ForgeKind("gitea", "Gitea", "/api/v1"),
        "manifest": ForgeKind("manifest", "Manifest"),
    }
)


def open_forge(kind: str, context: ForgeContext) -> Forge:
    """Make a forge ready to be asked. Sends nothing.

    Raises:
        ConfigurationError: there is no such kind, or the context lacks what it needs.
        AuthenticationError: the credential belongs to another origin.
    """
    return _kind(kind).open(context)


def api_base(kind: str, url: str = "") -> ApiBase:
    """Where a forge's REST API is, from what a person wrote.

    `https://HOST` is enough: the path that the forge's API has is added where it is missing.

    Raises:
        ConfigurationError: no such kind, or a forge that needs a URL and has none.
        InvalidInput: a malformed URL.
    """
    forge = _kind(kind)
    text = url or forge.default_url
    if not text:
        raise ConfigurationError(
            f"a {kind} source needs the url of its host", advice='add url = "https://HOST"'
        )
    origin = parse_origin(text)
    path = _path(text)
    hosted = forge.hosted.get(origin.host)
    if hosted is not None and not path:
        return ApiBase(Origin(origin.scheme, hosted, origin.port), forge.hosted_path)
    if forge.hosted and origin.host.startswith("api.") and not path:
        return ApiBase(origin, forge.hosted_path)
    return ApiBase(origin, path if path.endswith(forge.api_path) else path + forge.api_path)


def _path(text: str) -> str:
    """The path of a URL, percent-encoded in one way only; empty for none."""
    path = text.partition("://")[2].partition("/")[2].strip("/")
    path = f"/{path}" if path else ""
    if _PATH.fullmatch(path):
        try:
            parts = [unquote(part, errors="strict") for part in path.split("/")]
        except UnicodeDecodeError:
            parts = [".."]
        fine = all(part.isprintable() and not set(part) & set("/\\") for part in parts)
        if fine and not {".", ".."} & set(parts):
            return "/".join(quote(part, safe="") for part in parts)
    raise ConfigurationError(
        f"the url {text[:120]!a} has a path that mgit does not accept",
        advice="give the address of the forge, https://HOST",
    )


def _kind(kind: str) -> ForgeKind:
    if kind not in FORGES:
        raise ConfigurationError(
            f"there is no forge of kind {kind[:40]!a}", advice=f"choose one of {', '.join(FORGES)}"
        )
    return FORGES[kind]
