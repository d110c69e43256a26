"""What git printed, turned into one line for a person and the right class of error."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mgit.address import Origin
from mgit.credentials import Redactor
from mgit.errors import (
    AuthenticationError,
    GitError,
    MgitError,
    NetworkError,
    NotFound,
    RepositoryBroken,
)
from mgit.text import escape_untrusted

_LONGEST = 400
_PREFIX = re.compile(r"^(fatal|error|remote|ERROR): ?")
_NOISE = re.compile(r"^(hint:|warning:|Cloning into|\s*$)")

_AUTHENTICATION = re.compile(
    r"Authentication failed|could not read (Username|Password)|invalid credentials"
    r"|returned error: 40[13]\b|Permission denied \(|HTTP Basic: Access denied"
    r"|terminal prompts disabled|Host key verification failed",
)
_NOT_FOUND = re.compile(r"repository '.*' not found|[Rr]epository not found|returned error: 404\b")
_NETWORK = re.compile(
    r"Could not resolve|[Ff]ailed to connect|Connection (timed out|refused|reset|closed)"
    r"|Couldn't connect|Operation (too slow|timed out)|Network is unreachable|No route to host"
    r"|returned error: (429|5\d\d)\b|SSL (certificate|connect|routines|peer)|gnutls_"
    r"|early EOF|unexpected disconnect|RPC failed|hung up unexpectedly"
    r"|Could not read from remote repository"
    r"|unable to update url base from redirection|unable to access",
)
# What git says of its own files. What it says of a pack that just came in is not here.
_DAMAGED = re.compile(
    r"object file \S+ is empty|loose object \S+ .*is corrupt|bad object (HEAD|refs/|[0-9a-f]{40})"
    r"|packfile \S+ (is truncated|is too short|cannot be|does not match|is not|claims|is far too)"
    r"|file \S+ is far too short to be a packfile|(non-monotonic|corrupt) index|wrong index v"
    r"|index file \S+ (is too small|does not|overflow)|packed object [0-9a-f]+ .*is corrupt"
    r"|unable to (read (tree|sha1 file)|find all commit-graph|unpack [0-9a-f]{40} header)"
    r"|does not point to a valid object|missing (blob|tree|commit) [0-9a-f]{40}"
    r"|(Could not|could not|unable to|failed to) read (object )?[0-9a-f]{40}"
    r"|(bad|unable to parse|could not parse) (tree|commit) (object )?[0-9a-f]{40}"
    r"|inflate: data stream error|bad packed object CRC|bad config (line|file)"
    r"|pack has bad object at offset|not a git repository: "
)
_ADVICE: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"dubious ownership"),
        "the clone belongs to another user: run mgit as its owner, or change the owner",
    ),
    (
        re.compile(r"[Uu]nknown repository extensions? found"),
        "this git is too old for how the clone is kept (reftable wants git 2.45): install a newer",
    ),
    (
        re.compile(r"signal 25\b|File too large|SIGXFSZ"),
        "it wrote a file larger than `max_pack_bytes`: raise that if the repository is so large",
    ),
    (re.compile(r"No space left|Disk quota"), "make room on the disk and run mgit again"),
    (
        re.compile(r"index\.lock': File exists"),
        "another git works there, or one was killed: end it, or remove index.lock",
    ),
    (re.compile(r"Host key verification failed"), "add the host's key to known_hosts first"),
    (re.compile(r"Permission denied \(publickey"), "load the right key into ssh-agent"),
    (
        re.compile(r"fsck error"),
        "the forge sent objects git refuses",
    ),
    (
        re.compile(r"certificate verification failed|SSL certificate problem"),
        "if your company has its own authority, name its PEM file as `ca_file`; check the clock",
    ),
    (
        # GnuTLS does not say which alert it was.
        re.compile(r"TLS fatal alert|alert (bad |unknown )?(certificate|ca)|client certificate"),
        "the host wants a client certificate, or another one: set `client_cert` and `client_key`",
    ),
    (
        re.compile(r"from proxy|CONNECT tunnel|[Rr]esolve proxy"),
        "check HTTPS_PROXY, its user and password, and NO_PROXY",
    ),
    (re.compile(r"SSL |gnutls_"), "check the address and port, and `ca_file`"),
    (re.compile(r"redirect"), "the repository moved: correct its URL, mgit follows no redirect"),
)


def clean_messages(raw: bytes, redactor: Redactor) -> str:
    """What a child said, free of secrets and of everything that plays with a terminal.

    Progress that overwrote itself is reduced to what was last on each line.
    """
    text = redactor.clean(raw.decode("utf-8", errors="surrogateescape"))
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return "\n".join(escape_untrusted(line.rstrip()) for line in lines if line.strip())


def last_words(messages: str) -> str:
    """The lines that say why, joined to one; empty when there is nothing worth showing."""
    lines = [line for line in messages.split("\n") if not _NOISE.match(line)]
    telling = [line for line in lines if _PREFIX.match(line)] or lines
    shown = "; ".join(dict.fromkeys(_PREFIX.sub("", line).strip() for line in telling[-3:]))
    return escape_untrusted(shown, limit=_LONGEST)


def what_is_run(args: Sequence[str], origin: Origin | None) -> str:
    """A git command for a message: the command's name, and where it asks."""
    return f"git {args[0]}" if origin is None else f"git {args[0]} from {origin}"


def failure(what: str, messages: str, returncode: int) -> MgitError:
    """The error for a git that ended badly.

    Args:
        what: what was tried, for example `git fetch from https://…`.
        messages: from `clean_messages`.
        returncode: negative for a signal.
    """
    words = last_words(messages) or _ended(returncode)
    message = f"{what} failed: {words}"
    said = messages or words  # where a signal ended it, git itself said nothing
    advice = next((text for pattern, text in _ADVICE if pattern.search(said)), "")
    if _AUTHENTICATION.search(messages):
        return AuthenticationError(message, advice=advice or "run `mgit login` for this source")
    if _NOT_FOUND.search(messages):
        return NotFound(message, advice=advice or "it is gone, or this token may not see it")
    if _NETWORK.search(messages):
        return NetworkError(message, advice=advice or "check the connection and run mgit again")
    if _DAMAGED.search(messages):
        return RepositoryBroken(message, advice="a damaged mirror is cloned anew by the next run")
    return GitError(message, advice=advice or "run the same git command there by hand to see more")


def _ended(returncode: int) -> str:
    return f"ended by signal {-returncode}" if returncode < 0 else f"exit code {returncode}"
