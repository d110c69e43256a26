"""From the providers of mgit 0.x to sources. Decides only: nothing is read and nothing written.

Keys of the old file: `global` (default_provider, default_concurrency, default_update_mode) and
`providers`, by name: url, type, user, token, workspace. `${VAR}` in any value stood for a variable
of the environment. What has no place today is told, one note for each key.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from mgit.cli.yaml_of_0x import Tree
from mgit.config import Environment
from mgit.config.document import MAX_NAME
from mgit.config.edit import NewSource
from mgit.config.values import Unfit, Where, read_url
from mgit.credentials import Secret
from mgit.errors import InvalidInput

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]{0,127})\}")
_TYPES = {
    "github": "github",
    "azuredevops": "azuredevops",
    "azure": "azuredevops",
    "bitbucket": "bitbucket",
    "gitlab": "gitlab",
    "gitea": "gitea",
    "forgejo": "forgejo",
}
_HOSTS = {
    "github.com": "github",
    "api.github.com": "github",
    "dev.azure.com": "azuredevops",
    "bitbucket.org": "bitbucket",
    "api.bitbucket.org": "bitbucket",
    "gitlab.com": "gitlab",
}
_KNOWN = frozenset({"url", "type", "user", "token", "workspace"})
# Where the forge's own home is meant, no address is written down.
_HOMES = frozenset({"api.github.com", "github.com", "api.bitbucket.org", "bitbucket.org"})


class _Unset(Exception):
    """A variable that a value needs is not set; the text is its name."""


@dataclass(frozen=True, slots=True)
class OldProvider:
    """What becomes of one provider.

    Args:
        was: its name in the old file.
        source: what it is today; None when it cannot be taken over.
        token: the token that stood in the file, None if there was none.
        notes: what the person should know, one line each.
        problem: why it cannot be taken over; empty when it can.
    """

    was: str
    source: NewSource | None
    token: Secret | None = None
    notes: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class OldSettings:
    """What becomes of the whole file.

    Args:
        providers: in the order of the file.
        concurrency: git processes at the same time, None where it said nothing.
        notes: about everything else.
    """

    providers: tuple[OldProvider, ...]
    concurrency: int | None = None
    notes: tuple[str, ...] = ()


def translate(tree: Mapping[str, Tree], environment: Environment) -> OldSettings:
    """Put the old settings into today's words.

    Args:
        tree: the old file.
        environment: has the variables that the file names.
    """
    notes = [_unknown(key) for key in tree if key not in ("global", "providers")]
    common = tree.get("global") or {}
    concurrency, more = _read_global(common) if isinstance(common, dict) else (None, ["global"])
    providers = tree.get("providers") or {}
    if not isinstance(providers, dict):
        return OldSettings((), concurrency, (*notes, *more, _unknown("providers")))
    found = tuple(_provider(name, entry, environment) for name, entry in providers.items())
    return OldSettings(found, concurrency, (*notes, *more))


def _read_global(common: Mapping[str, Tree]) -> tuple[int | None, list[str]]:
    concurrency: int | None = None
    notes: list[str] = []
    for key, value in common.items():
        match key, value:
            case "default_concurrency", str(text) if text.isdecimal() and 0 < len(text) < 6:
                concurrency = min(max(int(text), 1), 64)
                if concurrency != int(text):
                    notes.append(f"default_concurrency becomes {concurrency}: 1 to 64 are possible")
            case "default_provider", str(text):
                if text:
                    notes.append(
                        "there is no default provider any more: patterns reach all sources; "
                        "--source NAME means one"
                    )
            case "default_update_mode", str(text):
                if text not in ("", "pull"):
                    notes.append(
                        "there are no update modes any more: mgit fetches, and moves a work tree "
                        "ahead where nothing of yours is in the way"
                    )
            case _:
                notes.append(_unknown(f"global.{key}"))
    return concurrency, notes


def _provider(was: str, entry: Tree, environment: Environment) -> OldProvider:
    if not isinstance(entry, dict):
        return OldProvider(was, None, problem="it is no table of settings")
    values = {key: value for key, value in entry.items() if isinstance(value, str)}
    notes = [
        _unknown(key)
        for key, value in entry.items()
        if key not in _KNOWN or not isinstance(value, str)
    ]
    try:
        url, kind, user, workspace = (
            _expanded(values.get(key, ""), environment).strip()
            for key in ("url", "type", "user", "workspace")
        )
    except _Unset as unset:
        return OldProvider(
            was, None, notes=tuple(notes), problem=f"the variable {unset} is not set"
        )
    forge = _TYPES.get(kind.lower(), "") if kind else _forge_of(url, was)
    if not forge:
        problem = "neither its address nor a type tells which forge it is"
        if kind:
            problem = f"its type {kind[:40]!a} is none that mgit knows"
        return OldProvider(was, None, notes=tuple(notes), problem=problem)
    try:
        source = replace(_place(forge, url, workspace), name=_name(was))
    except (Unfit, InvalidInput) as error:
        text = error.message if isinstance(error, InvalidInput) else f"its url must be {error}"
        return OldProvider(was, None, notes=tuple(notes), problem=text)
    if source.name != was:
        notes.append(f"it is called {source.name} now: names are a-z, 0-9, - and _")
    source, more = _with_user(source, user)
    found = OldProvider(was, source, notes=(*notes, *more))
    return _with_token(found, source, values.get("token", "").strip(), environment)


def _with_user(source: NewSource, user: str) -> tuple[NewSource, list[str]]:
    if source.forge != "bitbucket":
        return source, [f"its user {user[:60]!a} is not needed any more"] if user else []
    told = (
        "Bitbucket's app passwords are gone: make an API token for your account, then "
        f"`mgit login {source.name} --stdin`"
    )
    if user and "@" not in user:
        told += "; beside an API token goes your e-mail, as `user` in the configuration"
    return replace(source, user=user), [told]


def _with_token(
    found: OldProvider, source: NewSource, text: str, environment: Environment
) -> OldProvider:
    """The same with its token, or the name of the variable that holds it."""
    if not text:
        return found
    named = _VARIABLE.fullmatch(text)
    if named is not None:
        notes = found.notes
        if environment.given(named[1]) is None:
            notes = (*notes, f"its token is in the variable {named[1]}, which is not set now")
        return replace(found, source=replace(source, token_env=named[1]), notes=notes)
    try:
        return replace(found, token=Secret.from_text(_expanded(text, environment)))
    except _Unset as unset:
        told = f"its token needs the variable {unset}, which is not set; sign in with"
    except InvalidInput:
        told = "its token is none that a host could take; sign in with"
    return replace(found, notes=(*found.notes, f"{told} `mgit login {source.name}`"))


def _place(forge: str, url: str, workspace: str) -> NewSource:
    """Address and owners; the name is still to come."""
    source = NewSource("", forge, owners=(workspace,) if workspace else ())
    if not url and forge in ("github", "bitbucket", "gitlab"):
        return source
    checked = read_url(url, Where("url", Path(), None))
    if forge == "azuredevops":
        return NewSource("", forge, _azure(checked, workspace))
    if forge not in ("github", "bitbucket"):
        return replace(source, url=checked)
    parts = [part for part in urlsplit(checked).path.split("/") if part]
    owners = source.owners or tuple(parts[:1])
    if _host(url) in _HOMES:
        # The forge's own home needs no address.
        return source if parts == ["2.0"] else replace(source, owners=owners)
    if parts[-2:] == ["api", "v3"]:
        return replace(source, url=checked)
    return replace(source, url=checked.removesuffix("/".join(["", *parts])), owners=owners)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _azure(url: str, workspace: str) -> str:
    """The address of the organization; the old file may name it apart."""
    if _host(url) != "dev.azure.com" or urlsplit(url).path.strip("/"):
        return url
    if not workspace:
        raise InvalidInput("its url does not name the organization")
    return f"{url}/{workspace}"


def _forge_of(url: str, name: str) -> str:
    host = _host(url)
    if host in _HOSTS:
        return _HOSTS[host]
    if host.endswith(".visualstudio.com"):
        return "azuredevops"
    if host and urlsplit(url).path.rstrip("/").endswith("/api/v3"):
        return "github"
    words = re.split(r"[^a-z]+", f"{host} {name}".lower())
    return next((_TYPES[word] for word in words if word in _TYPES), "")


def _name(was: str) -> str:
    plain = re.sub(r"[^a-z0-9_-]+", "-", was.lower()).strip("-_")[:MAX_NAME].rstrip("-_")
    return plain or "imported"


def _expanded(text: str, environment: Environment) -> str:
    def value(found: re.Match[str]) -> str:
        given = environment.given(found[1])
        if given is None:
            raise _Unset(found[1])
        return given

    return _VARIABLE.sub(value, text)


def _unknown(key: str) -> str:
    return f"the key {key[:60]!a} has no place today and was left out"


def unique_names(providers: tuple[OldProvider, ...]) -> Iterator[OldProvider]:
    """The providers, those that would share a name told apart by a number."""
    seen: set[str] = set()
    for one in providers:
        if one.source is None:
            yield one
            continue
        name = free_name(one.source.name, seen)
        seen.add(name)
        yield renamed(one, name)


def renamed(one: OldProvider, name: str) -> OldProvider:
    """The provider under a name that is free."""
    if one.source is None or name == one.source.name:
        return one
    note = f"it is called {name} now, for {one.source.name} is another one"
    return replace(one, source=replace(one.source, name=name), notes=(*one.notes, note))


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, or the name with the first number that is free.

    Names that differ by `-` and `_` would share a variable, so they count as one.
    """
    used = {other.replace("_", "-") for other in taken}
    free, number = name, 2
    while free.replace("_", "-") in used:
        suffix = f"-{number}"
        free, number = name[: MAX_NAME - len(suffix)] + suffix, number + 1
    return free
