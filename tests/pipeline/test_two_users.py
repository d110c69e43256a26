"""Two clones, two folders, two users, other surroundings: the same wheel, sdist and image."""

from __future__ import annotations

import grp
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pipeline.artifacts.image import download_wheels
from pipeline.project import PLATFORMS, child_environment
from pipeline.shell import Shell

ROOT = Path(__file__).parents[2]
NOBODY = 65534
EPOCH = 1_790_000_000
TOOLS = "tests-two-users"
SOCKET = Path("/var/run/docker.sock")
BUILDS = """
    import hashlib, os, sys
    from pathlib import Path

    root, out, umask, builds, wheels = sys.argv[1:6]
    os.umask(int(umask, 8))
    sys.path.insert(0, root)

    from pipeline.artifacts import image
    from pipeline.artifacts.engine import open_engine
    from pipeline.artifacts.oci import read_image
    from pipeline.project import child_environment
    from pipeline.shell import Shell

    shell, out = Shell(child_environment(), log=Path(out, "log.txt")), Path(out)
    made = image.build_distributions(shell, Path(root), out / "dist", EPOCH)
    for path in (made.wheel, made.sdist):
        print(path.name, hashlib.sha256(path.read_bytes()).hexdigest())
    if builds:
        platforms = image.PLATFORMS
        context = out / "context"
        image.make_context(shell, Path(root), made.wheel, Path(wheels), platforms, context)
        recipe = image.Recipe("debian:trixie-slim", "0", "c" * 40, EPOCH, "TOOLS", builds)
        image.build_layout(open_engine(shell), context, recipe, platforms, out / "image")
        print(read_image(out / "image"))
"""


@pytest.fixture
def places() -> Iterator[Path]:
    """A folder that anybody may enter; those of pytest are the user's own."""
    with tempfile.TemporaryDirectory(prefix="mgit-users-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def anybodys_python() -> str:
    """A Python of this version that another user can start; what it imports is lent to it."""
    own = Path(sys.executable).resolve()
    if all(folder.stat().st_mode & stat.S_IXOTH for folder in own.parents):
        return str(own)
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return shutil.which(name, path="/usr/local/bin:/usr/bin:/bin") or ""


def lend(python: str, place: Path) -> Path:
    """An environment on a Python, which finds what is installed for these tests."""
    venv = place / "venv"
    subprocess.run((python, "-m", "venv", "--without-pip", venv), check=True)
    (site,) = venv.glob("lib/python3*/site-packages")
    lent = [path for path in sys.path if path.endswith("-packages")]
    (site / "lent.pth").write_text("\n".join(lent))
    return venv / "bin" / "python"


def build(
    place: Path,
    *,
    python: str,
    user: int | None = None,
    umask: str = "022",
    build_id: str = "",
    wheels: Path = Path("none"),
    **env: str,
) -> Sequence[str]:
    """Clone what is committed here and build it as a user; returns names and digests."""
    place.mkdir(parents=True)
    clone = place / "clone"
    subprocess.run(("git", "clone", "--quiet", "--no-hardlinks", ROOT, clone), check=True)
    script = textwrap.dedent(BUILDS).replace("EPOCH", str(EPOCH)).replace("TOOLS", TOOLS)
    (place / "builds.py").write_text(script)
    (place / "out").mkdir()
    groups: list[int] = []
    if user is not None:
        for path in (place, *place.rglob("*")):
            os.chown(path, user, user, follow_symlinks=False)
        groups = [SOCKET.stat().st_gid] if SOCKET.exists() else []
    argv = (
        lend(python, place),
        "-B",
        place / "builds.py",
        clone,
        place / "out",
        umask,
        build_id,
        wheels,
    )
    # The locked wheels are at hand, read-only, so that another user needs no settings of an index.
    index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": f"{wheels}/amd64 {wheels}/arm64"}
    child = child_environment() | index | {"HOME": str(place)} | env
    done = subprocess.run(
        [str(word) for word in argv],
        cwd=place,
        env=child,
        capture_output=True,
        text=True,
        check=False,
        user=user,
        group=user,
        extra_groups=None if user is None else groups,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def other_user() -> tuple[str, int]:
    """A Python and a user besides this one."""
    if os.geteuid():
        pytest.skip("only root can build as somebody else")
    python = anybodys_python()
    if not python:
        pytest.skip("this Python can be started by its owner only")
    return python, NOBODY


def test_wheel_and_sdist_are_the_same_for_two_users(places: Path) -> None:
    python, user = other_user()
    mine = build(places / "one", python=sys.executable, TZ="UTC", PYTHONHASHSEED="1")
    theirs = build(
        places / "quite" / "another place",
        python=python,
        user=user,
        umask="077",
        TZ="Pacific/Kiritimati",
        LC_ALL="C",
        PYTHONHASHSEED="4711",
    )
    assert len(mine) == 2
    assert theirs == mine


@pytest.mark.engine
@pytest.mark.long
def test_the_image_is_the_same_for_two_users(places: Path) -> None:
    python, user = other_user()
    docker = [group.gr_gid for group in grp.getgrall() if group.gr_name == "docker"]
    if not SOCKET.exists() or SOCKET.stat().st_gid not in docker:
        pytest.skip("the engine on this machine is for root only")
    wheels = places / "wheels"
    lock = ROOT / "requirements" / "image.txt"
    for platform in PLATFORMS:
        kept = wheels / platform.partition("/")[2]
        download_wheels(Shell(child_environment()), lock, platform, kept)
    mine = build(places / "one", python=sys.executable, build_id="a", wheels=wheels, TZ="UTC")
    theirs = build(
        places / "quite" / "another place",
        python=python,
        user=user,
        umask="077",
        build_id="b",
        wheels=wheels,
        TZ="America/Anchorage",
        LC_ALL="C",
        PYTHONHASHSEED="7",
    )
    assert len(mine) == 3
    assert "sha256:" in mine[2]
    assert theirs == mine
