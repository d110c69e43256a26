"""The web helper as the service sees it: its socket, its memory, its pipe, its process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from mgit.config.settings import Settings, WebSettings
from mgit.config.values import HostPort
from mgit.daemon.board import Board
from mgit.daemon.helper import Helper, Tell
from mgit.daemon.http import Served, listening
from mgit.daemon.web.channel import Channel, Hint, Note
from mgit.daemon.web.receiving import HookSetup
from mgit.daemon.web.setup import Setup
from mgit.daemon.web.tls import server_context, words_of
from mgit.errors import ConfigurationError
from mgit.fleet.sources import trusted_folders
from mgit.git.children import Children

# Isolated, and without a look around for packages: it imports from where the service does.
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[2:]; "
    "from mgit.daemon.web.main import main; main(sys.argv[1])"
)


class WebServer(Served):
    """Serves the status page, the API and webhooks while the `with` block lasts.

    Args:
        settings: where, and who is let in.
        listen: the address of `settings.serve.web`.
        state_file: the state database.
        board: says how the service is.
        status: holds the status document.
        hear: called from a thread with what the helper tells.
        garbled: called from it when nobody can read that.
        tell: told of a helper that has died, see `Helper`.
        children: where all processes of this mgit are known.

    Raises:
        ConfigurationError: the address cannot be listened at.
    """

    def __init__(
        self,
        settings: Settings,
        listen: HostPort,
        state_file: Path,
        *,
        board: Board,
        status: Board,
        hear: Callable[[Hint | Note], object],
        garbled: Callable[[], object],
        tell: Tell | None = None,
        children: Children | None = None,
    ) -> None:
        made = listening(listen, "choose another address with `web` in [serve] or MGIT_WEB")
        channel = Channel(hear, garbled)
        setup = setup_for(
            settings,
            state_file,
            listener=made.fileno(),
            board=board.descriptor,
            status=status.descriptor,
            channel=channel.writes,
        )
        helper = Helper("web", web_command(setup), setup.descriptors, tell, children=children)
        super().__init__(made, channel, helper)


def setup_for(
    settings: Settings, state_file: Path, *, listener: int, board: int, status: int, channel: int
) -> Setup:
    """What the helper needs of these settings."""
    web = settings.serve.web
    return Setup(
        listener=listener,
        board=board,
        status=status,
        channel=channel,
        state_file=str(state_file),
        token_file=web.token_file is not None,
        tls_cert=str(web.tls_cert or ""),
        tls_key=str(web.tls_key or ""),
        client_ca=str(web.client_ca or ""),
        hooks=tuple(_hooks(settings)),
        debug=settings.log.level == "debug",
    )


def _hooks(settings: Settings) -> Iterator[HookSetup]:
    trusted = tuple(str(folder) for folder in trusted_folders(settings.environment))
    for source in settings.sources:
        if source.webhook_secret_file is not None:
            file = str(source.webhook_secret_file)
            yield HookSetup(source.name, source.forge, file, trusted)


def web_command(setup: Setup) -> tuple[str, ...]:
    """How the web helper is started."""
    places = [one for one in sys.path if Path(one).is_absolute()]
    return (
        sys.executable, "-I", "-S", "-c", _PROGRAM, msgspec.json.encode(setup).decode(), *places
    )  # fmt: skip


def check_tls(web: WebSettings) -> None:
    """Try the files before the helper does.

    Raises:
        ConfigurationError: they cannot be read, or do not fit together.
    """
    try:
        server_context(str(web.tls_cert), str(web.tls_key or ""), str(web.client_ca or ""))
    except OSError as error:
        names = ", ".join(str(one) for one in (web.tls_cert, web.tls_key, web.client_ca) if one)
        raise ConfigurationError(
            f"TLS cannot be served with {names}: {words_of(error)}",
            advice="`tls_cert` holds the certificate and its chain, `tls_key` its key without a "
            "passphrase, `client_ca` certificates; all in PEM",
        ) from None
