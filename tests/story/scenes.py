"""Services in a state of one's choice: a real state database, a real web helper, no forge.

`serving` starts the helper as `mgit serve` does, on what a `Scene` has written. Names are made up.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from mgit.address import parse_clone_url
from mgit.config import Settings, load_settings
from mgit.config.environ import Environment
from mgit.daemon.board import Board
from mgit.daemon.health import Snapshot
from mgit.daemon.web.channel import Hint, Note
from mgit.daemon.web.process import WebServer
from mgit.daemon.web.status import Running, SourceStatus, Status
from mgit.model import (
    CopyKind,
    Fetch,
    Outcome,
    Reason,
    RefSnapshot,
    RemoteRepo,
    RepoKey,
    RepoPath,
    Result,
    Skip,
)
from mgit.state import RunFigures, State

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
OWNERS = ("platform", "payments", "web", "mobile", "data", "infrastructure")
THINGS = (
    "gateway", "ledger", "checkout", "search", "billing", "catalog", "identity", "reports",
    "scheduler", "notifier", "archive", "metrics", "console", "pricing", "shipping", "consent",
)  # fmt: skip
PARTS = ("api", "worker", "ui", "docs", "schema", "client", "deploy", "tests")


def name_of(number: int) -> str:
    """`platform/gateway-api`, and so on, each once."""
    number, owner = divmod(number, len(OWNERS))
    number, thing = divmod(number, len(THINGS))
    number, part = divmod(number, len(PARTS))
    more = f"-{number + 1}" if number else ""
    return f"{OWNERS[owner]}/{THINGS[thing]}-{PARTS[part]}{more}"


def remote(number: int, source: str, name: str = "") -> RemoteRepo:
    owner, _, short = (name or name_of(number)).rpartition("/")
    url = parse_clone_url(f"https://git.example.com/r/{number}.git")
    key = RepoKey(f"{source}.example.com", str(1000 + number))
    return RemoteRepo(key, source, RepoPath(owner, short), url)


def fetched(number: int, source: str, refs: int = 1, seconds: float = 0.4) -> Outcome:
    repo = remote(number, source)
    action = Fetch(repo, str(repo.path), CopyKind.MIRROR, RefSnapshot())
    result = Result.FETCHED if refs else Result.CURRENT
    return Outcome(action, result, seconds=seconds, refs_changed=refs)


def held(number: int, source: str, reason: Reason, message: str) -> Outcome:
    repo = remote(number, source)
    action = Skip(str(repo.path), str(repo.path), reason, key=repo.key)
    return Outcome(action, Result.SKIPPED, reason, message, seconds=0.02)


def failed(number: int, source: str, message: str, advice: str = "", name: str = "") -> Outcome:
    repo = remote(number, source, name)
    action = Fetch(repo, str(repo.path), CopyKind.MIRROR, RefSnapshot())
    return Outcome(action, Result.FAILED, message=message, advice=advice, seconds=2.1, exit_code=1)


@dataclass
class Scene:
    """A service as it stands at one moment.

    Args:
        folder: gets the state database.
        now: the moment, in seconds since 1970.
    """

    folder: Path
    now: float = field(default_factory=time.time)
    sources: list[SourceStatus] = field(default_factory=list)
    running: Running | None = None
    snapshot: Snapshot = field(
        default_factory=lambda: Snapshot(
            time.monotonic(), lock_held=True, state_loaded=True, storage_writable=True
        )
    )
    _at: float = 0.0

    def __post_init__(self) -> None:
        self.state = State(self.folder / "state.db", warn=print, clock=lambda: self._at)

    def source(self, name: str, forge: str, **more: object) -> None:
        usual: dict[str, object] = {
            "interval": 15 * MINUTE,
            "due_at": self.now + 11 * MINUTE,
            "up": True,
            "listed_at": self.now - 4 * MINUTE,
            "requests_left": 4873,
        }
        shown = {**usual, **more}
        shown.setdefault("longest", shown["interval"])
        self.sources.append(SourceStatus(name=name, forge=forge, **shown))

    def run(
        self,
        ago: float,
        outcomes: Iterable[Outcome],
        *,
        run_id: str = "",
        code: int | None = 0,
        seconds: float = 12.0,
        git: int = 14,
    ) -> None:
        """A run that ended so many seconds ago; without a code it has not."""
        run_id = run_id or f"{int(self.now - ago):016x}"
        batch = list(outcomes)
        self._at = self.now - ago - seconds
        self.state.begin_run(run_id, Path("/data"))
        self._at = self.now - ago
        keys = {}
        for one in batch:
            key = getattr(one.action, "key", None) or one.action.repo.key
            keys[key] = key.forge.partition(".")[0]
        self.state.record(run_id, batch, keys)
        if code is not None:
            bad = sum(one.result is Result.FAILED for one in batch)
            changed = sum(one.refs_changed > 0 for one in batch)
            figures = RunFigures(seconds, len(batch), changed, bad, git)
            self.state.end_run(run_id, code, figures)

    @property
    def status(self) -> Status:
        return Status(
            version="1.4.0",
            started_at=self.now - 9 * DAY,
            root="/data",
            sources=tuple(self.sources),
            running=self.running,
            storage_free_bytes=412_300_000_000,
        )


def empty(scene: Scene) -> None:
    """Just started: nothing was looked at yet."""
    scene.source("work", "github", up=None, listed_at=None, due_at=scene.now, requests_left=None)


def healthy(scene: Scene) -> None:
    scene.source("github", "github", repos=120)
    scene.source("gitlab", "gitlab", repos=60, requests_left=1988)
    scene.source("azure", "azuredevops", repos=20, requests_left=None, interval=HOUR)

    def all_of(changed: range) -> list[Outcome]:
        return [
            fetched(one, "github" if one < 120 else "gitlab" if one < 180 else "azure",
                    refs=1 if one in changed else 0, seconds=0.01 + one % 7 * 0.05)
            for one in range(200)
        ]  # fmt: skip

    for turn in range(6, 0, -1):
        scene.run(turn * 15 * MINUTE + 3 * MINUTE, all_of(range(turn * 9, turn * 9 + 4)),
                  seconds=1.1 + turn * 0.1, git=4)  # fmt: skip
    scene.run(4 * MINUTE, all_of(range(3, 9)), seconds=1.2, git=6)


def stale(scene: Scene) -> None:
    """A forge has been down for two days; the other goes on."""
    scene.source("github", "github", repos=80)
    scene.source(
        "gitlab",
        "gitlab",
        repos=40,
        up=False,
        failures=9,
        listed_at=scene.now - 2 * DAY,
        problem="gitlab.example.com cannot be reached: connection timed out",
        advice="look at the network between mgit and gitlab.example.com",
        requests_left=None,
        due_at=scene.now + 8 * MINUTE,
    )
    scene.run(2 * DAY, [fetched(one, "gitlab", 0) for one in range(80, 120)], seconds=3)
    scene.run(4 * MINUTE, [fetched(one, "github", one % 30 == 0) for one in range(80)], code=4)


def failing(scene: Scene) -> None:
    """Failures, things held, hostile names, a run under way."""
    scene.source("github", "github", repos=140)
    scene.source(
        "bitbucket",
        "bitbucket",
        repos=0,
        up=False,
        failures=3,
        listed_at=scene.now - 5 * HOUR,
        problem="bitbucket.example.com refused the token",
        advice="run `mgit login bitbucket`, or replace the token file",
        requests_left=None,
    )
    run = [fetched(one, "github", one % 20 == 0) for one in range(120)]
    run += [
        held(120, "github", Reason.DIRTY, "3 files have changes that are not committed"),
        held(121, "github", Reason.EMPTIED, "upstream shows no refs; the clone keeps its 41"),
        held(122, "github", Reason.DIVERGED, "2 commits here, 5 there"),
        failed(123, "github", "remote: repository is disabled by its owner", "ask its owner"),
        failed(124, "github", "the pack is damaged: inflate returned -3", "the next run heals it"),
        failed(
            125,
            "github",
            "could not be read: <script>alert(1)</script>",
            name="web/<img src=x onerror=alert(1)>&\u202egpj.exe" + "-long" * 20,
        ),
    ]
    scene.run(3 * HOUR, [fetched(one, "github", 0) for one in range(120, 126)], seconds=2)
    scene.run(
        12 * MINUTE,
        [fetched(one, "bitbucket", 0) for one in range(140, 150)]
        + [failed(151, "bitbucket", "the credential was refused", "run `mgit login bitbucket`")],
        code=3,
    )
    scene.run(4 * MINUTE, run, code=1, seconds=7.5, git=19)
    scene.run(0, [], code=None, run_id="f" * 16, seconds=8)
    scene.running = Running(
        run_id="f" * 16, sources=("github",), started_at=scene.now - 8, planned=126, done=40
    )


def many(scene: Scene) -> None:
    """10,000 repositories, nearly all of them well."""
    for number, (name, forge) in enumerate(
        (("github", "github"), ("gitlab", "gitlab"), ("azure", "azuredevops"), ("gitea", "gitea"))
    ):
        scene.source(name, forge, repos=2500, due_at=scene.now + (number + 2) * MINUTE)
    names = ("github", "gitlab", "azure", "gitea")
    scene.run(3 * HOUR, [fetched(one, names[one % 4], 1) for one in range(10_000)], seconds=412)
    outcomes: list[Outcome] = []
    for one in range(10_000):
        if one % 900 == 7:
            message = "the connection broke after 12 MB"
            outcomes.append(failed(one, names[one % 4], message, "nothing: it is tried again"))
        elif one % 250 == 3:
            message = "2 files have changes that are not committed"
            outcomes.append(held(one, names[one % 4], Reason.DIRTY, message))
        else:
            outcomes.append(fetched(one, names[one % 4], one % 700 == 0, 0.02 + one % 13 * 0.03))
    scene.run(2 * MINUTE, outcomes, code=1, seconds=11.6, git=63)


SCENES: dict[str, Callable[[Scene], None]] = {
    "empty": empty,
    "healthy": healthy,
    "stale": stale,
    "failing": failing,
    "many": many,
}


@dataclass
class Served:
    """A web helper that runs.

    Args:
        server: its socket.
        heard: what it told the service.
        board: says how the service is, and who is let in.
        scene: what it shows.
    """

    server: WebServer
    heard: list[Hint | Note]
    board: Board
    scene: Scene

    @property
    def url(self) -> str:
        return f"http://{self.server.address}"


@contextlib.contextmanager
def serving(scene: Scene, **variables: str) -> Iterator[Served]:
    """Start the helper on a scene.

    Args:
        scene: what it shows.
        variables: of the environment that the settings are read from, such as `MGIT_WEB`.
    """
    settings = settings_of(scene.folder, **variables)
    listen = settings.serve.web.listen
    assert listen is not None
    heard: list[Hint | Note] = []
    with Board() as board, Board() as status:
        board.show(scene.snapshot)
        status.publish(msgspec.json.encode(scene.status))
        with WebServer(
            settings,
            listen,
            scene.folder / "state.db",
            board=board,
            status=status,
            hear=heard.append,
            garbled=lambda: None,
        ) as server:
            yield Served(server, heard, board, scene)


def settings_of(folder: Path, **variables: str) -> Settings:
    usual = {
        "HOME": str(folder),
        "MGIT_STATE_DIR": str(folder),
        "MGIT_WEB": "127.0.0.1:0",
        "MGIT_LOG_LEVEL": "debug",
    }
    return load_settings(environment=Environment({**usual, **variables}))
