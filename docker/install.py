"""Unpack wheels into the root folder of the image, compiled. Runs in a build stage.

Usage: install.py WHEELS WITHOUT ROOT EPOCH

The wheels were checked by hash when they were downloaded. They are plain: a wheel that would need
an installer (scripts, headers, data files elsewhere) fails the build.
"""

from __future__ import annotations

import re
import sys
import zipfile
from pathlib import Path

import tree

SITE = "usr/local/lib/python3.13/dist-packages"
# PyYAML falls back to its Python half: mgit reads YAML of an earlier mgit once, and small.
UNUSED_FILES = re.compile(r"_yaml/|yaml/(_yaml\.|cyaml\.py$)")
# The kernel starts it by its first line; there is no shell. `-I`: neither the environment nor the
# working folder decides what is imported.
LAUNCHER = """#!/usr/bin/python3 -I
import sys

from mgit.cli import main

sys.exit(main())
"""


def main(wheels: Path, without: Path, root: Path, epoch: int) -> None:
    """Unpack all wheels of a folder.

    Args:
        wheels: folder with the wheels of one platform, mgit's own among them.
        without: file that names the packages to leave out.
        root: folder to make.
        epoch: seconds; the modification time of every file.
    """
    site = root / SITE
    site.mkdir(parents=True)
    found = sorted(wheels.glob("*.whl"))
    if not any(path.name.startswith("mgit_fleet-") for path in found):
        sys.exit("error: mgit's own wheel is not in the build context; use `invoke build`")
    left_out = names_in(without)
    for path in found:
        if normal(path.name.partition("-")[0]) in left_out:
            continue
        with zipfile.ZipFile(path) as wheel:
            if any(".data/" in name for name in wheel.namelist()):
                sys.exit(f"error: {path.name} needs an installer: it has a .data folder")
            wheel.extractall(site, [n for n in wheel.namelist() if not UNUSED_FILES.match(n)])
    tree.compile_python(root, site)
    launcher = root / "usr/local/bin/mgit"
    launcher.parent.mkdir(parents=True)
    launcher.write_text(LAUNCHER, encoding="ascii")
    launcher.chmod(0o755)
    tree.settle(root, epoch)


def names_in(file: Path) -> set[str]:
    """The packages that a file names, one a line; `#` begins a comment."""
    lines = (line.partition("#")[0].strip() for line in file.read_text("ascii").splitlines())
    return {normal(line) for line in lines if line}


def normal(name: str) -> str:
    """A package's name the way that all its spellings share."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
