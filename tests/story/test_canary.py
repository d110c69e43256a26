"""A canary in every kind of credential, and a search of every channel that it could leave by.

Every command runs at its most talkative, with forges that work, that refuse, that answer with the
token in their words, and that are gone. Meanwhile the argument lists and environments of all
processes are looked at. Afterwards every file, every word that was said, and the places where core
files would be are searched for each canary: as it is, percent-encoded, and within base64.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import quote, quote_plus

import pytest

from sandbox.forge import SandboxForge
from sandbox.forge.forge import Flavour
from tests.story.laptop import REPOSITORY, Laptop, Ran
from tests.story.test_serve_daemon import PATIENCE, Service, children_of
from tests.unit.git.test_lfs import LfsForge

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")

# Each has letters that are written otherwise in a URL.
CANARIES = {
    kind: f"cnry-{kind}+7f3a/9c1e=5b2d8e04"
    for kind in ("file", "store", "env", "command", "keyring", "systemd", "refused", "netrc")
}
_FLAVOURS: Mapping[str, Flavour] = {
    "store": "github",
    "env": "gitlab",
    "command": "gitea",
    "keyring": "forgejo",
    "systemd": "github",
}

_KEYRING = '''\
"""A keyring as far as mgit sees one: it only reads, and breaks with a token in its words."""

import os, pathlib

from . import errors

HERE = pathlib.Path(__file__).parent


class Backend:
    priority = 5


def get_keyring():
    return Backend()


def get_password(service, account):
    if "KEYRING_BREAKS" in os.environ:
        token = pathlib.Path(os.environ["KEYRING_BREAKS"]).read_text()
        raise RuntimeError("it broke with " + token)
    kept = HERE / "kept" / account.replace("/", "_")
    return kept.read_text() if kept.exists() else None


def set_password(service, account, secret):
    raise errors.KeyringError("locked")


delete_password = set_password
'''


def forms(token: str) -> set[bytes]:
    """A token in the forms in which it travels."""
    found = {token, quote(token, safe=""), quote(token), quote_plus(token), token[::-1]}
    found |= {json.dumps(token)[1:-1], repr(token.encode())[2:-1]}
    for shift in range(3):  # whatever stands before it within base64
        coded = base64.b64encode(b"x" * shift + token.encode())
        core = coded[4 if shift else 0 : -4].decode()
        found |= {core, core.replace("+", "-").replace("/", "_")}
    return {one.encode() for one in found}


FORMS = {kind: forms(token) for kind, token in CANARIES.items()}


def canaries_in(data: bytes) -> set[str]:
    return {kind for kind, those in FORMS.items() if any(one in data for one in those)}


class ProcessWatch:
    """Looks at the argument list and environment of every process, again and again."""

    def __init__(self) -> None:
        self.offences: set[tuple[str, str, str]] = set()
        self.seen: set[str] = set()
        self.looked_at: set[int] = set()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._ending.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ending.wait(0.002):
            for process in Path("/proc").glob("[0-9]*"):
                if int(process.name) != os.getpid():
                    self._look(process)

    def wait_for(self, processes: Collection[int]) -> None:
        """Until it has looked at each of these that is still at work."""
        end = time.monotonic() + PATIENCE
        while left := [one for one in processes if one not in self.looked_at and _program(one)]:
            assert time.monotonic() < end, f"not looked at: {[_program(one) for one in left]}"
            time.sleep(0.01)

    def _look(self, process: Path) -> None:
        try:
            arguments = (process / "cmdline").read_bytes()
            environment = (process / "environ").read_bytes()
        except OSError:
            return  # it has ended
        self.looked_at.add(int(process.name))
        program = arguments.replace(b"\0", b" ").decode(errors="replace").strip()
        self.seen.add(program.partition(" ")[0].rpartition("/")[2])
        self.offences |= {("argv", kind, program) for kind in canaries_in(arguments)}
        # A person gave this one to mgit in its environment, and to nobody else.
        given = {"env"} if " -m mgit " in f"{program} " else set()
        found = canaries_in(environment) - given
        self.offences |= {("environment", kind, program) for kind in found}


@dataclass
class World:
    """A laptop whose sources have their tokens in all the places there are."""

    laptop: Laptop
    forges: dict[str, SandboxForge]
    holders: set[Path]
    said: list[str] = field(default_factory=list)
    services: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def variables(self) -> dict[str, str]:
        home = self.laptop.home
        return {
            "MGIT_TOKEN_ENV": CANARIES["env"],
            "MGIT_LOG_FORMAT": "json",
            "MGIT_LOG_LEVEL": "debug",
            "MGIT_LISTEN": "127.0.0.1:0",
            "CREDENTIALS_DIRECTORY": str(home / "credentials"),
            "PYTHONPATH": f"{REPOSITORY}:{home / 'packages'}",
            "TMPDIR": str(home / "tmp"),
            "XDG_RUNTIME_DIR": str(home / "run"),
        }

    def mgit(self, *arguments: str, stdin: str | None = None, **variables: str) -> Ran:
        ran = self.laptop.mgit(*arguments, stdin=stdin, env={**self.variables, **variables})
        self.said += [ran.out, ran.err]
        return ran

    def serve(self, *, cores: bool = False) -> Service:
        """A service, with core files allowed if the test is about them."""
        limits = "ulimit -c unlimited; " if cores else ""
        started = (sys.executable, "-m", "mgit", "serve", "--interval", "1h")
        process = subprocess.Popen(
            ["sh", "-c", f'{limits}exec "$@"', "sh", *started],
            env={**self.laptop.environment, **self.variables},
            cwd=self.laptop.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.services.append(process)
        return Service(process)


@pytest.fixture
def world(tmp_path: Path, laptop: Laptop) -> Iterator[World]:
    home = laptop.home
    for name in ("tmp", "run", "credentials", "packages/keyring/kept"):
        (home / name).mkdir(parents=True, mode=0o700)
    forges: dict[str, SandboxForge] = {"file": LfsForge(tmp_path / "file-forge")}
    for kind, flavour in _FLAVOURS.items():
        forges[kind] = SandboxForge(tmp_path / f"{kind}-forge", flavour)
    world = World(laptop, forges, set())
    try:
        for kind, forge in forges.items():
            forge.token = CANARIES[kind]
            forge.add_repo("acme", f"{kind}-one", wiki=kind == "file")
        _fill(world, tmp_path)
        yield world
    finally:
        for process in world.services:
            if process.poll() is None:
                process.kill()
                process.wait(PATIENCE)
            if process.stderr is not None:
                process.stderr.close()
        for forge in forges.values():
            forge.close()


def _fill(world: World, tmp_path: Path) -> None:
    home, forges = world.laptop.home, world.forges
    packages = home / "packages" / "keyring"
    (packages / "__init__.py").write_text(_KEYRING)
    (packages / "errors.py").write_text("class KeyringError(Exception): pass\n")
    account = forges["keyring"].url.replace("/", "_")
    places = {
        "file": home / "token",
        "command": home / "vault",
        "systemd": home / "credentials" / "mgit-token-systemd",
        "keyring": packages / "kept" / account,
        "netrc": home / ".netrc",
    }
    for kind, path in places.items():
        text = CANARIES[kind]
        if kind == "netrc":  # of another host: git must not carry it anywhere
            text = f"machine git.example.com login me password {text}\n"
        path.write_text(text)
        path.chmod(0o600)
    world.holders |= {*places.values(), home / ".local" / "share" / "mgit" / "credentials.json"}
    # A helper of the person's own keeps what it is told: git must not tell it ours.
    (home / ".gitconfig").write_text(f"[credential]\n\thelper = !tee -a {home / 'helper.log'}\n")
    tables = ["[defaults]\nwikis = true\nlfs = true\nsubmodules = true\n"]
    for kind, forge in forges.items():
        if kind == "store":
            continue
        table = f'[sources.{kind}]\nforge = "{forge.flavour}"\nurl = "{forge.api_url}"\n'
        more = {
            "file": f'token_file = "{places["file"]}"\ntoken_expires = 2020-01-01\n',
            "command": f'token_command = ["cat", "{places["command"]}"]\n',
        }
        tables.append(f'{table}owners = ["acme"]\n{more.get(kind, "")}')
    world.laptop.configure("\n".join(tables))
    _add_large_file_and_submodule(forges["file"], tmp_path / "work")


def _add_large_file_and_submodule(forge: SandboxForge, folder: Path) -> None:
    assert isinstance(forge, LfsForge)
    forge.add_repo("acme", "library")
    files = {
        ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
        "large.bin": forge.pointer(b"one" * 1000),
        ".gitmodules": '[submodule "lib"]\n\tpath = lib\n\turl = ../library.git\n',
    }
    forge.push("acme", "file-one", files=files)
    bare = forge.store.path(forge.store.get("acme", "file-one"))
    tip = forge.refs("acme", "library")["refs/heads/main"]

    def git(*arguments: str, cwd: Path = folder) -> None:
        author = ("-c", "user.name=Mona", "-c", "user.email=mona@example.com")
        lfs = {"smudge": "", "process": "", "required": "false"}  # pointers are all it needs
        plain = [word for key, value in lfs.items() for word in ("-c", f"filter.lfs.{key}={value}")]
        command = ["git", *author, *plain, *arguments]
        subprocess.run(command, cwd=cwd, check=True, capture_output=True)

    git("clone", "--quiet", str(bare), str(folder), cwd=folder.parent)
    git("update-index", "--add", "--cacheinfo", f"160000,{tip},lib")
    git("commit", "--quiet", "--message", "Add lib")
    git("push", "--quiet", "origin", "HEAD")


def searched(folder: Path, holders: set[Path]) -> dict[Path, set[str]]:
    """The files below a folder that hold a canary, but for those whose business it is."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and path not in holders:
            kinds = canaries_in(path.read_bytes())
            if kinds:
                found[path] = kinds
    return found


def _work(world: World) -> None:
    """Everything goes well."""
    login = ("login", "store", "--forge", "github", "--url", world.forges["store"].api_url)
    bad = world.mgit(*login, "--stdin", "--debug", stdin=CANARIES["refused"])
    assert bad.code == 3, bad.err
    good = world.mgit(*login, "--owner", "acme", "--stdin", "--debug", stdin=CANARIES["store"])
    assert good.code == 0, good.err
    synced = world.mgit("sync", "--verbose", "--debug", "--format", "json")
    assert synced.code == 0, synced.err + synced.out
    assert synced.json["summary"]["cloned"] == 8, synced.out  # one a source, a wiki, a library
    for command in (
        ("list", "--format", "json", "--debug"),
        ("status", "--all", "--fetch", "--debug"),
        ("doctor", "--debug", "--format", "json"),
        ("config", "show", "--format", "json"),
        ("config", "check"),
        ("changes", "--debug"),
        ("run", "--", "git", "log", "-1", "--oneline"),
        ("audit", "verify"),
        ("audit", "tail", "-n", "100"),
        ("audit", "export", "--out", str(world.laptop.home / "exported.jsonl")),
    ):
        ran = world.mgit(*command)
        assert ran.code == 0, (command, ran.err, ran.out)


def _serve(world: World, watch: ProcessWatch) -> None:
    """The service, looked at while a git has its token."""
    for kind, forge in world.forges.items():
        forge.push("acme", f"{kind}-one")
        forge.add_repo("acme", f"{kind}-two")
    with world.forges["file"].hold("*/info/refs*") as held:  # which only git asks for
        service = world.serve()
        try:
            service.wait_for("service.started")
            assert held.arrived.wait(PATIENCE)
            # All that is at work while a git has its token, and waits for the forge's answer.
            family = _family_of(service.process.pid)
            programs = [_program(pid) for pid in family]
            assert any("remote-http" in program for program in programs)
            assert len(family) > 2, "helpers of the service, git and what git has started"
            watch.wait_for([service.process.pid, *family])
            world.said += [service.ask(path)[1] for path in ("/livez", "/readyz", "/metrics")]
        finally:
            held.__exit__(None, None, None)
    assert service.wait_for("run.ended")["exit_code"] == 0
    assert service.end() == 0
    world.said += service.raw


def _fail(world: World) -> None:
    """The forges repeat the token in what they say, then refuse it, then are gone."""
    for kind, forge in world.forges.items():
        words = f"the token {CANARIES[kind]} may not do this"
        body = json.dumps({"message": words, "error": {"message": words}}).encode()
        forge.push("acme", f"{kind}-one")
        forge.fail_next("*/git-upload-pack*", 403, {"Content-Type": "text/plain"}, words.encode())
        forge.fail_next("*/info/refs*", 500, {"Content-Type": "text/plain"}, words.encode())
    assert world.mgit("sync", "--verbose", "--debug").code != 0
    for kind, forge in world.forges.items():
        words = f"the token {CANARIES[kind]} may not do this"
        body = json.dumps({"message": words, "error": {"message": words}}).encode()
        forge.heal()
        forge.fail_next("*", 403, {"Content-Type": "application/json"}, body, times=3)
    assert world.mgit("sync", "--verbose", "--debug").code == 3
    for kind, forge in world.forges.items():
        forge.heal()
        forge.token = "another"
        forge.push("acme", f"{kind}-one")
    for command in (("sync", "--debug"), ("doctor", "--debug"), ("serve", "--once")):
        assert world.mgit(*command).code == 3
    assert world.mgit("status", "--fetch", "--debug").code == 3
    world.mgit("list", "--debug", KEYRING_BREAKS=str(world.laptop.home / "token"))
    crashed = world.mgit("list", KEYRING_BREAKS=str(world.laptop.home / "token"))
    assert "defect of mgit" in crashed.err
    for forge in world.forges.values():
        forge.close()
    for command in (("sync", "--debug"), ("doctor", "--debug"), ("serve", "--once")):
        assert world.mgit(*command).code == 4


@pytest.mark.slow
@pytest.mark.needs("git-lfs")
def test_no_canary_leaves_by_any_channel(world: World, tmp_path: Path) -> None:
    with ProcessWatch() as watch:
        _work(world)
        _serve(world, watch)
        _fail(world)
    assert "git" in watch.seen, "the watch saw what was at work"  # a shell may be too quick
    assert any("remote-http" in name for name in watch.seen)
    assert watch.offences == set()
    assert canaries_in("\n".join(world.said).encode()) == set()
    assert searched(tmp_path, world.holders) == {}
    left = [path for name in ("tmp", "run") for path in (world.laptop.home / name).iterdir()]
    assert left == [], "nothing is left of what was handed to git"
    assert not (world.laptop.home / "helper.log").exists()
    assert {path for path in world.holders if path.exists()} == world.holders


def _core_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("core*") if path.is_file() and path.stat().st_size > 4096]


def _writes_cores(folder: Path) -> bool:
    """Whether a program that aborts leaves a core file in its folder on this machine."""
    folder.mkdir()
    program = "import os, resource as r; r.setrlimit(r.RLIMIT_CORE, (-1, -1)); os.abort()"
    subprocess.run([sys.executable, "-c", program], cwd=folder, check=False)
    return bool(_core_files(folder))


@pytest.mark.slow
@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_CORE)[1] == 0, reason="core files are forbidden here"
)
def test_no_core_file_is_left_by_mgit_or_its_gits(world: World, tmp_path: Path) -> None:
    if not _writes_cores(tmp_path / "control"):
        pytest.skip("this machine hands core files to a program (kernel.core_pattern)")
    for path in _core_files(tmp_path):
        path.unlink()
    with world.forges["file"].hold("*/info/refs*") as held:  # which only git asks for
        service = world.serve(cores=True)
        service.wait_for("source.listed")
        assert held.arrived.wait(PATIENCE)
        family = _family_of(service.process.pid)
        talking = [pid for pid in family if "remote-http" in _program(pid)]
        assert talking
        for pid in talking:
            filter_ = (Path("/proc") / str(pid) / "coredump_filter").read_text()
            limits = (Path("/proc") / str(pid) / "limits").read_text()
            assert int(filter_, 16) == 0, _program(pid)
            assert "Max core file size        0 " in limits, _program(pid)
        for pid in talking:
            os.kill(pid, signal.SIGABRT)
        service.process.send_signal(signal.SIGABRT)
        assert service.process.wait(PATIENCE) == -signal.SIGABRT
    for pid in family:  # what an abort leaves behind ends with its pipe, or here
        if str(tmp_path) in _program(pid):
            os.kill(pid, signal.SIGKILL)
    assert _core_files(tmp_path) == []


def _family_of(pid: int) -> list[int]:
    found = children_of(pid)
    return found + [one for child in found for one in _family_of(child)]


def _program(pid: int) -> str:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


@pytest.mark.parametrize("user", ["", "mona", "x-access-token", "oauth2"])
def test_the_search_knows_a_canary_in_every_dress(user: str) -> None:
    token = CANARIES["store"]
    basic = base64.b64encode(f"{user}:{token}".encode())
    for dress in (token.encode(), quote(token, safe="").encode(), basic, basic.rstrip(b"=")):
        assert canaries_in(b"before " + dress + b" after") == {"store"}
    assert canaries_in(b"cnry-store, and nothing more") == set()
