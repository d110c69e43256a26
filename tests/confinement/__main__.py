"""`nox -s seccomp`: which system calls the image makes, against docker/seccomp.json.

Builds the image (for both platforms with `--arm64`), unpacks it, and runs it over a forge of https,
a host of ssh, and every command. Ends with 1 where it makes a call that the profile does not name.
Needs root, strace, sshd, a container engine; with `--arm64` qemu-user-static.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.confinement.watch import Watch
from tests.confinement.world import World, open_world

ROOT = Path(__file__).parents[2]
PROFILE = ROOT / "docker" / "seccomp.json"
_PYTHON = "/usr/bin/python3"
_HEALTH = "/usr/local/lib/python3.13/dist-packages/mgit/health.pyc"


_MIRROR = ("--root", "/data/mirrors", "--kind", "mirror")
COMMANDS = (
    ("sync",),
    ("sync", *_MIRROR, "--blobs", "none"),
    ("sync", *_MIRROR),
    ("status",),
    ("list",),
    ("doctor",),
    ("scrub",),
    ("changes",),
    ("perf",),
    ("run", "--", "git", "log", "-1"),
    ("config", "show"),
    ("audit", "verify"),
    ("health", "--url", "127.0.0.1:1"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Watch, compare, tell."""
    parser = argparse.ArgumentParser(prog="nox -s seccomp --", description=__doc__)
    parser.add_argument("--arm64", action="store_true", help="also the other platform, emulated")
    parser.add_argument("--out", type=Path, help="folder for lists of the calls that were seen")
    options = parser.parse_args(argv)
    foreseen = names_foreseen(json.loads(PROFILE.read_text(encoding="utf-8")))
    refused: set[str] = set()
    for platform in ("amd64", "arm64") if options.arm64 else ("amd64",):
        with tempfile.TemporaryDirectory(prefix="mgit-seccomp-") as name:
            seen = watch(Path(name), platform)
        print(f"{platform}: {len(seen)} calls seen, {len(seen - foreseen)} not allowed")
        print(*(f"  not allowed: {one}" for one in sorted(seen - foreseen)), sep="\n")
        refused |= seen - foreseen
        if options.out:
            options.out.mkdir(parents=True, exist_ok=True)
            (options.out / f"{platform}.txt").write_text("\n".join(sorted(seen)) + "\n")
    return 1 if refused else 0


def names_foreseen(profile: dict[str, list[dict[str, object]]]) -> set[str]:
    """All calls that a profile names: allowed, some with certain arguments, or denied."""
    found: set[str] = set()
    for rule in profile["syscalls"]:
        names = rule["names"]
        found.update(map(str, names if isinstance(names, list) else ()))
    return found


def watch(folder: Path, platform: str) -> set[str]:
    """The names of all calls that the image of a platform makes."""
    from pipeline.artifacts.image import build_image

    tag, root = f"mgit:seccomp-{platform}", folder / "root"
    build_image(ROOT, tag, f"linux/{platform}")
    try:
        _unpack(tag, platform, root)
    finally:
        subprocess.run(["docker", "image", "rm", "--force", tag], check=False, capture_output=True)
    logs, data = folder / "logs", folder / "data"
    logs.mkdir()
    data.mkdir()
    data.chmod(0o777)
    folder.chmod(0o755)
    with open_world(folder / "world") as world:
        seen = Watch(root, world, data, logs, emulated=platform == "arm64")
        act(seen, world)
        return seen.calls()


def _unpack(tag: str, platform: str, root: Path) -> None:
    root.mkdir()
    create = ["docker", "create", "--platform", f"linux/{platform}", tag]
    name = subprocess.run(create, check=True, capture_output=True, text=True).stdout.strip()
    try:
        with subprocess.Popen(["docker", "export", name], stdout=subprocess.PIPE) as export:
            subprocess.run(["tar", "-x", "-C", str(root)], stdin=export.stdout, check=True)
    finally:
        subprocess.run(["docker", "rm", "--volumes", name], check=True, capture_output=True)


def act(seen: Watch, world: World) -> None:
    """Everything that the image is there for, once."""
    mgit = ("/usr/bin/python3", "-I", "/usr/local/bin/mgit")
    show(seen.run(*mgit, "--version"))
    show(seen.run(*mgit, "sync"))
    world.forge.push("acme", "repo-001")
    world.forge.rename("acme", "repo-002", "renamed")
    # An emulated command takes most of a minute.
    for words in (("sync",), ("sync", *_MIRROR)) if seen.emulated else COMMANDS:
        show(seen.run(*mgit, *words))
    runs = _pushes(world)
    show(seen.run(*mgit, "serve", until=runs))
    show(seen.run(_PYTHON, "-I", "-S", _HEALTH, "127.0.0.1:1"))
    over_https = world.forge.clone_url("acme", "repo-001")
    trusting = ("-c", "http.sslCAInfo=/etc/mgit/authority.pem")
    show(seen.run("/usr/bin/git", *trusting, "ls-remote", over_https))
    show(seen.run("/usr/bin/git", *trusting, "clone", over_https, "/data/public"))
    show(seen.run("/usr/bin/git", "clone", world.ssh_url, "/data/by-ssh"))
    for clone in ("repo-001", "repo-003"):
        _maintain(seen, f"/data/acme/{clone}", f"/data/kept-{clone}")


def _pushes(world: World) -> Callable[[], bool]:
    """Pushes while the service runs; holds when it has seen many turns."""
    turns = 0

    def enough() -> bool:
        nonlocal turns
        turns += 1
        if turns % 10 == 0:
            world.forge.push("acme", "repo-003")
        return turns > 60

    return enough


def _maintain(seen: Watch, clone: str, other: str) -> None:
    git = ("/usr/bin/git", "-C", clone)
    for words in (
        ("gc", "--quiet"),
        ("repack", "-adb", "--quiet"),
        ("commit-graph", "write"),
        ("multi-pack-index", "write"),
        ("maintenance", "run", "--task=incremental-repack"),
        ("fsck", "--strict"),
        ("prune",),
        ("worktree", "add", "--detach", other),
        ("archive", "--format=tar", "HEAD"),
    ):
        show(seen.run(*git, *words))


def show(said: str) -> None:
    """The last line, for who watches."""
    print("  |", said.strip().rpartition("\n")[2][:150], flush=True)


if __name__ == "__main__":
    sys.exit(main())
