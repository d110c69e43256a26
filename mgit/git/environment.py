"""What a child process gets to see: an environment built anew, and git's configuration in it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mgit.address import Origin
from mgit.credentials import Redactor
from mgit.git.network import Network, network_config

# Everything else stays outside, above all GIT_* (GIT_TRACE_CURL with GIT_TRACE_REDACT=0 prints
# tokens, GIT_DIR points elsewhere) and whatever holds a token: HTTPS_PROXY may hold a password,
# so that git is told of the proxy by `network_config`.
_PASSED_ON = frozenset(
    {
        "HOME",
        "LD_LIBRARY_PATH",
        "LOGNAME",
        "NO_PROXY",
        "PATH",
        "SSH_AGENT_PID",
        "SSH_AUTH_SOCK",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "TMPDIR",
        "TZ",
        "USER",
        "XDG_CONFIG_HOME",
        "XDG_RUNTIME_DIR",
        "no_proxy",
    }
)

# Old, harmless blemishes in real history. The rest of git's checks stay errors: they are how a
# tree with `.git`, `..` or a poisoned .gitmodules is kept out.
_BENIGN = (
    "badDate",
    "badDateOverflow",
    "badEmail",
    "badName",
    "badTimezone",
    "missingEmail",
    "missingNameBeforeEmail",
    "missingSpaceBeforeDate",
    "missingSpaceBeforeEmail",
    "multipleAuthors",
    "zeroPaddedDate",
    "zeroPaddedFilemode",
)

_CONFIG: tuple[tuple[str, str], ...] = (
    ("advice.detachedHead", "false"),
    ("core.askPass", ""),
    ("core.fsmonitor", "false"),
    # A fetch that ended well is on the disk: objects, refs, and the packs' indexes. Loose
    # objects share one flush (`batch`), refs cost one each (docs/adr/0003).
    ("core.fsync", "committed,derived-metadata"),
    ("core.fsyncMethod", "batch"),
    ("core.hooksPath", "/dev/null"),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    ("gc.auto", "0"),
    ("init.defaultBranch", "main"),
    ("maintenance.auto", "false"),
    ("safe.bareRepository", "explicit"),
    ("submodule.recurse", "false"),
    ("user.useConfigOnly", "false"),
)
# Only for a git that may talk to somebody. Each pair costs whoever starts git and git itself
# some microseconds, and looking at a thousand work trees is little else than starting git.
_TALKING: tuple[tuple[str, str], ...] = (
    ("credential.helper", ""),  # empty: forget every helper that a configuration named
    ("credential.useHttpPath", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("http.cookieFile", ""),
    ("http.extraHeader", ""),  # empty: forget headers, they may hold a token
    ("http.followRedirects", "false"),  # a redirect would take the token along
    ("http.saveCookies", "false"),
    ("http.sslVerify", "true"),
    ("protocol.version", "2"),
    ("transfer.credentialsInUrl", "die"),
    ("transfer.fsckObjects", "true"),
    *((f"fetch.fsck.{name}", "warn") for name in _BENIGN),
)


# `git rev-parse --local-env-vars` names them: they say where a repository is and how to read it.
_LEAD_AWAY = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_CONFIG",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_PARAMETERS",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_NAMESPACE",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)


@dataclass(frozen=True, slots=True)
class Channel:
    """How one git may reach the outside.

    Args:
        origin: the one place it may talk to, None for none.
        username: the user to answer for there, None without a credential.
        askpass: the program that answers, None without a credential.
        ssh: the program to start in place of ssh, None when unknown.
        network: proxies and certificates.
        any_host: whether other hosts may be reached too, by https or ssh; without credentials.
    """

    origin: Origin | None = None
    username: str | None = None
    askpass: Path | None = None
    ssh: Path | None = None
    network: Network = field(default_factory=Network)
    any_host: bool = False


def git_environment(
    base: Mapping[str, str],
    channel: Channel,
    redactor: Redactor,
    *,
    personal: bool,
    ceiling: Path | None,
    session: str = "",
    extra: Iterable[tuple[str, str]] = (),
) -> dict[str, str]:
    """The whole environment of one git.

    Args:
        base: mgit's own environment; only a few names of it are passed on.
        channel: what it may reach.
        redactor: a variable whose value holds a known secret is not passed on.
        personal: whether git reads the person's and the system's configuration (filters, line
            endings: what makes `status` and a checkout agree with the person's own git).
        ceiling: folder above which git must not look for a repository.
        session: for whom it works, see `mgit.git.session`; empty for nobody.
        extra: more configuration.
    """
    kept = {
        name: value
        for name, value in base.items()
        if name in _PASSED_ON and not redactor.holds_secret(value)
    }
    kept |= {
        "GIT_ALLOW_PROTOCOL": _protocols(channel),
        "GIT_ASKPASS": str(channel.askpass or ""),
        "GIT_ATTR_NOSYSTEM": "0" if personal else "1",
        "GIT_EDITOR": ":",
        "GIT_HTTP_LOW_SPEED_LIMIT": "1",  # upload-pack's keep-alives are about 2 bytes a second
        "GIT_HTTP_LOW_SPEED_TIME": "120",
        "GIT_LFS_SKIP_SMUDGE": "1",  # pointers; `git lfs fetch` and `checkout` follow where wanted
        "GIT_MERGE_AUTOEDIT": "no",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_PAGER": "",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }
    if not personal:
        kept |= {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    if ceiling is not None:
        kept["GIT_CEILING_DIRECTORIES"] = str(ceiling)
    if session and not redactor.holds_secret(session):
        kept["GIT_TRACE2_PARENT_SID"] = session
    if channel.ssh is not None:
        kept |= {"GIT_SSH_COMMAND": shlex.quote(str(channel.ssh)), "GIT_SSH_VARIANT": "ssh"}
    return kept | _as_variables([*_CONFIG, *_channel_config(channel, base), *extra])


def command_environment(base: Mapping[str, str], redactor: Redactor) -> dict[str, str]:
    """The environment of a person's own token command: theirs, without git's and our variables.

    It may have to go through the proxy, so that it keeps the variables that say how.
    """
    return {
        name: value
        for name, value in base.items()
        if not name.startswith(("GIT_", "MGIT_"))
        and (name.lower().endswith("_proxy") or not redactor.holds_secret(value))
    }


def foreign_environment(base: Mapping[str, str], without: Iterable[str]) -> dict[str, str]:
    """The environment of a person's own command in a clone: theirs, whole, but for two things.

    Variables that would lead git away from the clone (`GIT_DIR` of a hook that started mgit) are
    left out, and so are mgit's tokens.

    Args:
        base: mgit's own environment.
        without: names of variables that hold tokens for mgit.
    """
    hidden = {*_LEAD_AWAY, *without}
    return {
        name: value
        for name, value in base.items()
        if name not in hidden and not (name.startswith("MGIT_") and "TOKEN" in name)
    }


def _protocols(channel: Channel) -> str:
    origin = channel.origin
    if origin is None:
        return ""
    allowed = ["https", "ssh"] if channel.any_host else [origin.scheme]
    if origin.scheme == "http":
        allowed = [name for name in allowed if name != "http"]
        allowed += ["http"] if origin.is_loopback else []
    return ":".join(allowed)


def _channel_config(channel: Channel, base: Mapping[str, str]) -> list[tuple[str, str]]:
    if channel.origin is None:
        return []
    config = [*_TALKING, *network_config(channel.network, channel.origin, base)]
    if channel.username is not None:
        config.append((f"credential.{channel.origin}.username", channel.username))
        # git 2.46: saves the 401 round trip. Only there: for others askpass has no answer.
        config.append((f"http.{channel.origin}.proactiveAuth", "basic"))
    return config


def _as_variables(config: list[tuple[str, str]]) -> dict[str, str]:
    """Configuration by environment: it beats every file, and argv stays short. Nothing secret."""
    variables = {"GIT_CONFIG_COUNT": str(len(config))}
    for number, (key, value) in enumerate(config):
        variables[f"GIT_CONFIG_KEY_{number}"] = key
        variables[f"GIT_CONFIG_VALUE_{number}"] = value
    return variables
