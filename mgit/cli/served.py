"""What `mgit doctor` looks at for `mgit serve`: tokens, secrets of webhooks, TLS."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from mgit.cli.checks import Check, State, failed
from mgit.cli.words import count
from mgit.config import Settings
from mgit.errors import ConfigurationError, ExitCode, InvalidInput

_RENEW = "renew it, and put the new one in its place: no restart is needed"


def check_served(settings: Settings, now: datetime) -> Iterator[Check]:
    """Whether the files that the service reads can be used, and for how much longer.

    Args:
        settings: name them.
        now: the time here (aware).
    """
    yield from _tokens(settings)
    yield from _hooks(settings)
    yield from _tls(settings, now)


def _tokens(settings: Settings) -> Iterator[Check]:
    path = settings.serve.web.token_file
    if path is None:
        return
    from mgit.credentials.files import read_private
    from mgit.credentials.find import RUN_SECRETS
    from mgit.daemon.keys import parse_tokens

    name = "web tokens"
    try:
        text = read_private(path, "token file", trusted=RUN_SECRETS)
        found = len(parse_tokens(text, path))
    except ConfigurationError as error:
        yield failed(name, error)
    else:
        yield Check(name, State.OK, f"{count(found, 'token')} in {path}")


def _hooks(settings: Settings) -> Iterator[Check]:
    from mgit.credentials.hooks import read_hook_secrets
    from mgit.fleet.sources import trusted_folders

    trusted = trusted_folders(settings.environment)
    for source in settings.sources:
        if (path := source.webhook_secret_file) is None:
            continue
        name = f"webhook {source.name}"
        try:
            found = len(read_hook_secrets(path, trusted=trusted))
        except ConfigurationError as error:
            yield failed(name, error)
            continue
        yield Check(name, State.OK, f"{count(found, 'secret')} in {path}")
        if settings.serve.web.listen is None:
            yield Check(
                name,
                State.WARNING,
                "no webhook comes in: the status page and its address are off",
                "set `web` in [serve], or MGIT_WEB",
            )


def _tls(settings: Settings, now: datetime) -> Iterator[Check]:
    web = settings.serve.web
    if web.tls_cert is None:
        return
    from mgit.daemon.web.process import check_tls

    try:
        check_tls(web)
    except ConfigurationError as error:
        yield failed("tls", error)
        return
    key = web.tls_key or web.tls_cert
    yield Check("tls", State.OK, f"certificate {web.tls_cert} and key {key} fit together")
    yield from _key(key, settings)
    warning = timedelta(seconds=settings.expiry_warning)
    for path in (web.tls_cert, web.client_ca):
        if path is not None:
            yield _ends(path, now, warning)


def _key(path: Path, settings: Settings) -> Iterator[Check]:
    from mgit.fleet.sources import trusted_folders

    mounted = any(path.is_relative_to(one) for one in trusted_folders(settings.environment))
    if stat.S_IMODE(path.stat().st_mode) & 0o077 and not mounted:
        words = f"the key {path} can be read by other users"
        yield Check("tls", State.WARNING, words, f"run `chmod 600 {path}`")


def _ends(path: Path, now: datetime, warning: timedelta) -> Check:
    """Of all certificates in a file, the one that ends first."""
    from mgit.transport.validity import validities

    try:
        lives = validities(path.read_text(encoding="utf-8", errors="replace"))
        ends, begins = min(one.ends for one in lives), max(one.begins for one in lives)
    except (InvalidInput, ValueError):  # no certificate, or none at all
        words = f"{path} holds something that is no certificate in PEM"
        return Check("tls", State.WARNING, words, "take it out of the file")
    day = ends.date().isoformat()
    if ends <= now:
        words = f"a certificate in {path} expired on {day}"
        return Check("tls", State.FAILED, words, _RENEW, ExitCode.USAGE)
    if begins > now:
        words = f"a certificate in {path} does not count before {begins.isoformat()}"
        return Check("tls", State.WARNING, words, "set the clock, or wait")
    if ends - now < warning:
        return Check("tls", State.WARNING, f"a certificate in {path} expires on {day}", _RENEW)
    return Check("tls", State.OK, f"the certificates in {path} are good until {day}")
