"""A rehearsal in a network namespace that has no way out: loopback, and a bridge of its own engine.

`nox -s rehearse -- --deny-network` fills the stores first, where that was not done, with a network.
Then this module is run by `unshare --net`: an engine of its own starts in there, with the base
image from a file, and everything else is the rehearsal as always. Needs Linux and root.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.invocation import guarded, say
from pipeline.machine.tools import BASE_IMAGE, engine_answers
from pipeline.project import child_environment, environment
from pipeline.rehearsal.actors import QUIET, find_act
from pipeline.rehearsal.stores import GATEWAY, PORT, Stores, fill, is_filled, tell_client
from pipeline.rehearsal.story import Scene
from pipeline.rehearsal.world import Places
from pipeline.report import Proof
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError
from sandbox.pantry import Kept, keeping

FOLDER = Path("dist", "stores")
_FILL = "--fill"
_PATIENCE = 60.0
# A builder asks the registry of its base image for it, though it is there: this one is on loopback.
_BASE = f"localhost/{BASE_IMAGE}"
_SETTINGS = '{"features": {"containerd-snapshotter": true}}\n'
_SNMP = Path("/proc/net/snmp")
_ROUTES = Path("/proc/net/route")
_DEVICES = Path("/proc/net/dev")
# Names from the ranges that are kept for documentation: nobody is there to be disturbed.
_OUTSIDE = (("192.0.2.1", 443), ("198.51.100.1", 53))
# As `following` starts it, at the beginning of a line: the log also has the texts of all objects.
_ACT = re.compile(r"^' /.*/act'? push --workflows \S+ --eventpath /", re.MULTILINE)
_MINE = ("lo", "docker", "br-", "veth")


@dataclass(frozen=True, slots=True)
class Room:
    """The namespace's own engine.

    Args:
        here: the clone that is rehearsed.
    """

    here: Path

    @property
    def stores(self) -> Stores:
        """What is given."""
        return Stores(self.here / FOLDER)

    @property
    def run(self) -> Path:
        """Socket and process id; a short path, as sockets need."""
        mark = hashlib.sha256(bytes(self.here.resolve())).hexdigest()[:8]
        return Path("/run", f"mgit-cut-off-{mark}")

    @property
    def pid(self) -> Path:
        """File with the engine's process id."""
        return self.run / "engine.pid"

    @property
    def data(self) -> Path:
        """The engine's images; they go with the rehearsal."""
        return self.stores.root / "engine"

    def environment(self) -> dict[str, str]:
        """Where engine and packages are, for every process in there."""
        simple = self.stores.simple.resolve().as_uri()
        return {
            "DOCKER_HOST": f"unix://{self.run}/engine.sock",
            "DOCKER_CONFIG": str(self.stores.client.resolve()),
            "PIP_INDEX_URL": simple,
            "UV_DEFAULT_INDEX": simple,
        }


def enter(here: Path, options: Sequence[str]) -> Exit:
    """Fill the stores where needed, then rehearse in a namespace without a way out.

    Args:
        here: the clone.
        options: those of the rehearsal, handed on.

    Raises:
        PipelineError: not root, not Linux, or the stores cannot be filled.
    """
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("unshare") is None:
        raise PipelineError(
            "a rehearsal without a network needs Linux, root and util-linux",
            exit_code=Exit.ENVIRONMENT,
            advice="run it as root, or without --deny-network",
        )
    room = Room(here)
    tell_client(room.stores)
    if not is_filled(room.stores, here):
        say("filling the stores, with a network")
        _fill(room)
    shell = Shell(env={**environment(), **room.environment()})
    module = (sys.executable, "-m", "pipeline.rehearsal.cut_off")
    code = shell.stream(("unshare", "--net", "--", *module, *options), cwd=here)
    try:
        return Exit(code)
    except ValueError:
        return Exit.INCOMPLETE


def _fill(room: Room) -> None:
    """In a process of its own: its builds, and no others, go through the proxy."""
    own = {"DOCKER_CONFIG": str(room.stores.client.resolve())}
    shell = Shell(env={**environment(), **own})
    argv = (sys.executable, "-m", "pipeline.rehearsal.cut_off", _FILL)
    if (code := shell.stream(argv, cwd=room.here)) != 0:
        raise PipelineError(
            f"the stores could not be filled (exit {code})",
            exit_code=Exit.ENVIRONMENT,
            advice=f"see {room.stores.root / 'log.txt'}",
        )


@contextmanager
def cut_off(room: Room) -> Iterator[Kept]:
    """Loopback up, an engine with the base image, the proxy of the stores; in the namespace.

    Raises:
        PipelineError: there is a way out, or the engine does not start.
    """
    shell = Shell(env=child_environment(), log=room.stores.root / "log.txt")
    if routes():
        raise PipelineError("this namespace has a way out", exit_code=Exit.ENVIRONMENT)
    shell.run(("ip", "link", "set", "lo", "up"))
    _stop(room, shell)
    room.run.mkdir(parents=True, exist_ok=True)
    try:
        _start(room, shell)
        shell.run(("docker", "image", "load", "--quiet", "--input", room.stores.base))
        shell.run(("docker", "image", "tag", BASE_IMAGE, _BASE))
        with keeping(room.stores.kept, host=GATEWAY, port=PORT, fetches=False) as keeper:
            yield keeper.kept
    finally:
        _stop(room, shell)


def _start(room: Room, shell: Shell) -> None:
    settings = room.stores.root / "engine.json"
    settings.write_text(_SETTINGS, encoding="utf-8")
    own = (
        *("--data-root", room.data, "--exec-root", room.run / "exec"),
        *("--pidfile", room.run / "dockerd.pid", "--bip", f"{GATEWAY}/16"),
        *("--host", room.environment()["DOCKER_HOST"], "--config-file", settings),
    )
    engine = shutil.which("dockerd") or "/usr/sbin/dockerd"
    shell.run(
        (
            *("start-stop-daemon", "--start", "--background", "--make-pidfile"),
            *("--pidfile", room.pid, "--output", room.stores.root / "engine.log"),
            *("--startas", engine, "--", *own),
        )
    )
    deadline = time.monotonic() + _PATIENCE
    while not engine_answers(shell):
        if time.monotonic() > deadline:
            log = room.stores.root / "engine.log"
            raise PipelineError("the engine does not start", advice=f"see the end of {log}")
        time.sleep(0.5)


def _stop(room: Room, shell: Shell) -> None:
    """End this room's engine, also one that a killed rehearsal left, and forget its images."""
    if room.pid.is_file():
        shell.run(
            ("start-stop-daemon", "--stop", "--oknodo", "--retry", "30", "--pidfile", room.pid),
            check=False,
        )
    shutil.rmtree(room.data, ignore_errors=True)
    shutil.rmtree(room.run, ignore_errors=True)


def routes() -> list[str]:
    """Devices that lead out: those with a default route, and those that are not the engine's."""
    rows = [line.split() for line in _ROUTES.read_text(encoding="ascii").splitlines()[1:]]
    default = {row[0] for row in rows if row[1] == "00000000"}
    return sorted(default | {name for name in _devices() if not name.startswith(_MINE)})


def _devices() -> list[str]:
    lines = _DEVICES.read_text(encoding="ascii").splitlines()[2:]
    return [line.partition(":")[0].strip() for line in lines]


def sent_nowhere() -> int:
    """How often something in this namespace wanted to send where no route leads."""
    names, values = (
        line.split() for line in _SNMP.read_text("ascii").splitlines() if line[:3] == "Ip:"
    )
    return int(values[names.index("OutNoRoutes")])


@dataclass(frozen=True, slots=True)
class Questions:
    """How often act asks the kernel which of its addresses would lead out.

    It does so at each start, by a datagram socket that is connected and never written to. Nothing
    is sent, and yet the kernel counts it.

    Args:
        each: questions of one start, as counted in here.
        log: file with a line for each start.
        earlier: starts that are in there already.
    """

    each: int
    log: Path
    earlier: int = 0

    @classmethod
    def counted(cls, shell: Shell, log: Path, *, resumed: bool) -> Questions:
        """Start act once and count; only a resumed rehearsal goes on with its log."""
        before = sent_nowhere()
        shell.run((find_act(), "--version"), env=QUIET)
        return cls(sent_nowhere() - before, log, _starts(log) if resumed else 0)

    @property
    def all(self) -> int:
        """Of all starts since."""
        return self.each * (_starts(self.log) - self.earlier)


def _starts(log: Path) -> int:
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    return len(_ACT.findall(text))


def no_way_out(kept: Kept, before: int, asked: int = 0) -> tuple[Proof, ...]:
    """What the namespace says: nothing leads out, a connection is refused here, nobody tried.

    Args:
        kept: the proxy of the stores.
        before: `sent_nowhere` at the start.
        asked: how much of that is known to have been questions, of which none sends anything.
    """
    tried = sent_nowhere() - before - asked
    leads = routes()
    refused = [error for place in _OUTSIDE if (error := _connect(place))]
    devices = sorted({mine for mine in _MINE for each in _devices() if each.startswith(mine)})
    missed = f"; the stores lacked {kept.missed[0]}" if kept.missed else ""
    return (
        Proof(
            "there was no network: nothing leads out of the namespace",
            ok=not leads and refused == [errno.ENETUNREACH] * len(_OUTSIDE),
            detail=f"devices {', '.join(devices)}; no default route; the outside is unreachable",
        ),
        Proof(
            "nothing of the release tried to reach the outside",
            ok=tried == 0,
            detail=f"the kernel turned away {tried} attempts; act asked {asked} times for its own"
            f" address, which sends nothing{missed}",
        ),
    )


def _connect(place: tuple[str, int]) -> int:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex(place)


def main(argv: Sequence[str]) -> int:
    """With `--fill` the stores, else the rehearsal in the namespace."""
    here = Path.cwd()
    room = Room(here)
    if argv == [_FILL]:
        return int(guarded(lambda: _filled(room)))
    from pipeline.rehearsal.stage import FOLDER as REHEARSAL
    from pipeline.rehearsal.stage import rehearse
    from pipeline.rehearsal.wishes import wishes_of

    def play() -> Exit:
        wishes = replace(wishes_of(argv), base_image=_BASE)
        with cut_off(room) as kept:
            shell = Shell(env=child_environment())
            questions = Questions.counted(
                shell, Places(here / REHEARSAL, here).log, resumed=wishes.resume
            )
            before = sent_nowhere()
            scene = Scene("no way out", lambda: no_way_out(kept, before, questions.all), again=True)
            say("cut off: what follows has no network")
            return rehearse(here, wishes, (scene,))

    return int(guarded(play))


def _filled(room: Room) -> Exit:
    fill(room.stores, room.here, say)
    return Exit.DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
