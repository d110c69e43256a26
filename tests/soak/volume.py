"""The data volume: small, so that it can be filled, and looked into while the service is away.

It is a tmpfs that the engine mounts, so no rights on this machine are needed but those to the
engine. The engine lets go of a tmpfs, and of all that is in it, when its last container is gone:
a container that only waits keeps it. That one is also how a test gets in, with the image's git.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.image.box import docker

_UID = 65532
_SIZE = "64m"
_WAIT = "import threading; threading.Event().wait()"
_MIRRORS = """
import json, pathlib, subprocess, sys
def git(folder, *words):
    ran = subprocess.run(["git", "--git-dir", folder, *words], capture_output=True, text=True)
    return ran.stdout if not ran.returncode else ""
found = {}
for head in sorted(pathlib.Path("/data").glob("acme/*/HEAD")):
    folder = str(head.parent)
    lines = git(folder, "for-each-ref", "refs/heads", "refs/tags").splitlines()
    refs = {line.split()[2]: line.split()[0] for line in lines}
    sick = git(folder, "fsck", "--connectivity-only", "--no-dangling") if "fsck" in sys.argv else ""
    found[head.parent.name.removesuffix(".git")] = {"refs": refs, "sick": sick}
print(json.dumps(found))
"""
_KNOWN = """
import json, pathlib, subprocess, sys
for name, oids in json.loads(sys.argv[1]).items():
    folders = pathlib.Path("/data/acme").glob(f"{name}*/HEAD")
    folder = str(next(folders, pathlib.Path("/nowhere/HEAD")).parent)
    ran = subprocess.run(
        ["git", "--git-dir", folder, "cat-file", "--batch-check"],
        input="".join(f"{oid}\\n" for oid in oids), capture_output=True, text=True,
    )
    told = [line for line in ran.stdout.splitlines() if line.endswith(" missing")]
    for line in told if not ran.returncode else oids:
        print(name, line)
"""
_FILL = """
import os
with open("/data/filler", "wb", buffering=0) as out:
    for size in (1 << 20, 1 << 12, 1):
        try:
            while True:
                out.write(bytes(size))
        except OSError as error:
            print(error.strerror)
"""
_EMPTY = "import os; os.unlink('/data/filler')"


@dataclass(frozen=True)
class DataVolume:
    """A volume with its keeper.

    Args:
        name: of the volume.
        keeper: container that has it mounted at `/data`.
    """

    name: str
    keeper: str

    def refs(self) -> dict[str, dict[str, str]]:
        """Branches and tags of every mirror, by the real git: repository -> ref -> object."""
        return {name: told["refs"] for name, told in self._mirrors().items()}

    def sick(self) -> list[str]:
        """What `git fsck` has to say of the mirrors."""
        return [
            f"{name}: {told['sick']}"
            for name, told in self._mirrors("fsck").items()
            if told["sick"]
        ]

    def lost(self, held: dict[str, set[str]]) -> list[str]:
        """Objects of these that are not there, as `REPOSITORY OBJECT`."""
        given = json.dumps({name: sorted(oids) for name, oids in held.items()})
        return self._python(_KNOWN, given).splitlines()

    def fill(self) -> None:
        """Leave not one byte free."""
        assert "No space left on device" in self._python(_FILL)

    def make_room(self) -> None:
        self._python(_EMPTY)

    def _mirrors(self, *words: str) -> dict[str, Any]:
        return dict(json.loads(self._python(_MIRRORS, *words)))

    def _python(self, code: str, *words: str) -> str:
        return docker("exec", self.keeper, "/usr/bin/python3", "-I", "-c", code, *words).stdout


@contextmanager
def open_volume(name: str, image: str) -> Iterator[DataVolume]:
    """Make a volume, and take it away afterwards; nobody may use it then.

    Args:
        name: for it, and with `-keeper` for its container.
        image: mgit's.
    """
    options = f"size={_SIZE},uid={_UID},gid={_UID},mode=0700"
    kind = ("--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", f"o={options}")
    keeper = f"{name}-keeper"
    docker("volume", "create", "--driver", "local", *kind, name)
    try:
        docker(
            *("run", "--detach", "--name", keeper, "--network", "none", "--no-healthcheck"),
            *("--mount", f"type=volume,source={name},target=/data", "--entrypoint"),
            *("/usr/bin/python3", image, "-I", "-c", _WAIT),
        )
        yield DataVolume(name, keeper)
    finally:
        docker("rm", "--force", keeper, check=False)
        docker("volume", "rm", "--force", name, check=False)
