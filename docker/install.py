"""Unpack wheels into the root folder of the image, compiled. Runs in a build stage.

Usage: install.py WHEELS ROOT EPOCH

The wheels were checked by hash when they were downloaded. They are plain: a wheel that would need
an installer (scripts, headers, data files elsewhere) fails the build.
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import tree

SITE = "usr/local/lib/python3.13/dist-packages"
# The kernel starts it by its first line; there is no shell. `-I`: neither the environment nor the
# working folder decides what is imported.
LAUNCHER = """#!/usr/bin/python3 -I
import sys

from mgit.cli import main

sys.exit(main())
"""


def main(wheels: Path, root: Path, epoch: int) -> None:
    """Unpack all wheels of a folder.

    Args:
        wheels: folder with the wheels of one platform, mgit's own among them.
        root: folder to make.
        epoch: seconds; the modification time of every file.
    """
    site = root / SITE
    site.mkdir(parents=True)
    found = sorted(wheels.glob("*.whl"))
    if not any(path.name.startswith("mgit_fleet-") for path in found):
        sys.exit("error: mgit's own wheel is not in the build context; use `invoke build`")
    for path in found:
        with zipfile.ZipFile(path) as wheel:
            if any(".data/" in name for name in wheel.namelist()):
                sys.exit(f"error: {path.name} needs an installer: it has a .data folder")
            wheel.extractall(site)
    tree.compile_python(root, site)
    launcher = root / "usr/local/bin/mgit"
    launcher.parent.mkdir(parents=True)
    launcher.write_text(LAUNCHER, encoding="ascii")
    launcher.chmod(0o755)
    tree.settle(root, epoch)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
