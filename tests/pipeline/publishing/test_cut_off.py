"""A rehearsal without a network: what it is given, and that nothing leads out of its namespace."""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pipeline.rehearsal.__main__ import main
from pipeline.rehearsal.cut_off import Room
from pipeline.rehearsal.stores import Stores, is_filled, write_index
from pipeline.rehearsal.wishes import wishes_of
from pipeline.step import Exit
from sandbox.pantry import Keeper, keeping
from sandbox.serving import Handler, Server, bound, running

ROOT = Path(__file__).resolve().parents[3]
NAMESPACE = """
import sys
from pathlib import Path
from pipeline.rehearsal.cut_off import no_way_out, sent_nowhere
from sandbox.pantry import Kept
if "tries" in sys.argv:
    import socket
    before = sent_nowhere()
    socket.socket().connect_ex(("192.0.2.7", 443))
else:
    before = sent_nowhere()
for proof in no_way_out(Kept(Path("."), fetches=False), before):
    print(proof.ok, proof.detail)
"""

ACT = """
import subprocess, sys
from pathlib import Path
from pipeline.rehearsal.cut_off import Questions, no_way_out, sent_nowhere
from pipeline.project import child_environment
from pipeline.shell import Shell
from sandbox.pantry import Kept
from sandbox.serving import following
env = child_environment()
log = Path(sys.argv[1])
started = "' /old/act push --workflows a.yml --eventpath /a"
log.write_text(started + "\\n and of a text: " + started + "\\n")
questions = Questions.counted(Shell(env=env), log, resumed=True)
before = sent_nowhere()
quiet = Shell(env={**env, "ACT_DISABLE_VERSION_CHECK": "1"}, log=log)
argv = following([sys.argv[2], "push", "--workflows", ".", "--eventpath", "/dev/null"])
quiet.run(argv, cwd=log.parent, check=False)
for proof in no_way_out(Kept(Path("."), fetches=False), before, questions.all):
    print(proof.ok, questions.each, proof.detail)
"""


@dataclass
class Mirror:
    """An archive of packages on loopback that counts who asks."""

    asked: int = 0


class _Archive(Handler):
    mirror: Mirror


def _serve(request: _Archive) -> None:
    request.mirror.asked += 1
    there = request.path == "/pool/p/package_1.deb" or request.path.startswith("/dists/")
    body = f"{request.path} {request.mirror.asked}".encode()
    request.send(200 if there else 404, body, "application/octet-stream")


def ask(keeper: Keeper, url: str) -> tuple[int, bytes]:
    """As apt asks a proxy: with the whole URL."""
    connection = http.client.HTTPConnection(urlsplit(keeper.url).netloc, timeout=30)
    try:
        connection.request("GET", url)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_what_was_fetched_once_is_there_without_a_network(tmp_path: Path) -> None:
    mirror = Mirror()
    with running(Server(("127.0.0.1", 0), bound(_Archive, _serve, mirror=mirror))) as archive:
        package, lists = f"{archive.url}/pool/p/package_1.deb", f"{archive.url}/dists/x/InRelease"
        with keeping(tmp_path, fetches=True) as keeper:
            assert ask(keeper, package) == ask(keeper, package) == (200, b"/pool/p/package_1.deb 1")
            assert ask(keeper, lists) != ask(keeper, lists), "lists are fetched anew"
            assert ask(keeper, f"{archive.url}/pool/other.deb")[0] == 404
        before = mirror.asked
        with keeping(tmp_path, fetches=False) as keeper:
            assert ask(keeper, package) == (200, b"/pool/p/package_1.deb 1")
            assert ask(keeper, lists) == (200, b"/dists/x/InRelease 3")
            assert ask(keeper, f"{archive.url}/pool/other.deb")[0] == 404
            assert keeper.kept.missed == [f"{archive.url}/pool/other.deb"]
        assert mirror.asked == before


def test_an_archive_that_is_away_is_a_package_that_is_not_kept(tmp_path: Path) -> None:
    with running(Server(("127.0.0.1", 0), bound(_Archive, _serve, mirror=Mirror()))) as archive:
        url = archive.url
    with keeping(tmp_path, fetches=True) as keeper:
        assert ask(keeper, f"{url}/pool/p/package_1.deb")[0] == 404


def test_files_become_an_index_of_folders(tmp_path: Path) -> None:
    stores = Stores(tmp_path)
    stores.files.mkdir()
    names = ("Two_Words-1.0-py3-none-any.whl", "two.words-1.1.tar.gz", "one-2.0-py3-none-any.whl")
    for name in names:
        (stores.files / name).write_bytes(b"")
    write_index(stores)
    assert {path.name for path in stores.simple.iterdir()} == {"one", "two-words"}
    page = (stores.simple / "two-words" / "index.html").read_text()
    assert [name in page for name in names] == [True, True, False]


def test_stores_are_filled_for_one_set_of_locks(tmp_path: Path) -> None:
    stores = Stores(tmp_path / "stores")
    assert not is_filled(stores, tmp_path)
    stores.root.mkdir()
    stores.stamp.write_text("for something else")
    assert not is_filled(stores, tmp_path)


def test_options_are_those_of_any_rehearsal(tmp_path: Path) -> None:
    wishes = wishes_of(["--resume", "--keep"])
    assert (wishes.resume, wishes.keep, wishes.provision) == (True, True, False)
    room = Room(tmp_path)
    assert room.environment()["PIP_INDEX_URL"] == room.environment()["UV_DEFAULT_INDEX"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may do it")
def test_it_needs_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--deny-network"]) == Exit.ENVIRONMENT
    assert list(tmp_path.iterdir()) == []


def _may_unshare() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "--net", "true"], check=False).returncode == 0


@pytest.mark.skipif(not _may_unshare(), reason="a network namespace needs Linux and root")
@pytest.mark.parametrize(
    ("word", "held"), [("stays", ["True", "True"]), ("tries", ["True", "False"])]
)
def test_the_namespace_tells_who_tried_to_leave(word: str, held: list[str]) -> None:
    argv = ["unshare", "--net", sys.executable, "-c", NAMESPACE, word]
    ran = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in ran.stdout.splitlines()] == held, ran.stdout


@pytest.mark.skipif(not _may_unshare(), reason="a network namespace needs Linux and root")
def test_what_act_asks_the_kernel_is_told_from_what_it_sends(tmp_path: Path) -> None:
    beside = Path(sys.executable).parent / "act"
    act = str(beside) if beside.is_file() else shutil.which("act")
    if act is None:
        pytest.skip("act is not installed")
    argv = ["unshare", "--net", sys.executable, "-c", ACT, str(tmp_path / "log.txt"), act]
    ran = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = [line.split() for line in ran.stdout.splitlines()]
    assert [line[0] for line in lines] == ["True", "True"], ran.stdout
    assert int(lines[0][1]) > 0  # without the count this would have been an attempt
