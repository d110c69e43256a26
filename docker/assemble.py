"""Put together the root folder of the image from unpacked Debian packages. Runs in a build stage.

Usage: assemble.py UNPACKED APPLICATION ROOT EPOCH

Only what mgit, Python and git use is taken: no shell, no package manager, no interpreter besides
Python. Libraries are found by following every NEEDED entry; one that cannot be found fails the
build. What was taken is recorded where scanners look for it, with each package's copyright.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import elf
import tree

UID = 65532
PYTHON = "python3.13"
PROGRAMS = ("usr/bin/python3.13", "usr/bin/git", "usr/bin/ssh", "usr/lib/git-core/git-remote-http")
LINKS = {
    "bin": "usr/bin",
    "lib": "usr/lib",
    "lib64": "usr/lib64",
    "usr/bin/python3": PYTHON,
    "usr/bin/git-receive-pack": "git",
    "usr/bin/git-upload-archive": "git",
    "usr/bin/git-upload-pack": "git",
    "usr/lib/git-core/git": "../../bin/git",
    "usr/lib/git-core/git-remote-https": "git-remote-http",
    "usr/lib/ssl/cert.pem": "/etc/ssl/certs/ca-certificates.crt",
    "etc/os-release": "../usr/lib/os-release",
}
# Loaded by name at run time, so no NEEDED entry tells of it: glibc ends threads with its help.
LOADED = ("libgcc_s.so.1",)
LIBRARY_FOLDERS = ("usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib64", "usr/lib")
# What neither mgit nor a package of the image imports; tests import every module of mgit in there.
UNUSED_MODULES = {
    # for who writes and installs Python
    *("compileall", "doctest", "ensurepip", "filecmp", "fileinput", "idlelib", "lib2to3", "pdb"),
    *("modulefinder", "pyclbr", "pydoc", "pydoc_data", "symtable", "tabnanny", "test", "unittest"),
    *("cProfile", "pickletools", "profile", "pstats", "trace", "venv", "zipapp"),
    # terminals, windows, demos
    *("__phello__", "_android_support", "_pyrepl", "curses", "this", "tkinter", "turtle"),
    *("turtledemo", "wave"),
    # mail, databases and processes that nobody asks for
    *("asyncio", "dbm", "imaplib", "mailbox", "multiprocessing", "optparse", "poplib", "sched"),
    *("shelve", "smtplib", "xmlrpc"),
    # second versions in Python of what is there compiled
    *("_pydecimal", "_pyio"),
}
UNUSED_FILES = frozenset({"__pycache__", "EXTERNALLY-MANAGED", "sitecustomize.py"})
UNUSED_EXTENSIONS = (
    *("_asyncio", "_codecs_", "_ctypes_test", "_curses", "_dbm", "_gdbm", "_interp", "_lsprof"),
    *("_multi", "_posixshmem", "_test", "_xxtest", "readline", "xx"),
)
TEXT_FILES = {
    "etc/passwd": "root:x:0:0:root:/:/nonexistent\n"
    f"mgit:x:{UID}:{UID}:mgit:/home/mgit:/nonexistent\n",
    "etc/group": f"root:x:0:\nmgit:x:{UID}:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def main(unpacked: Path, application: Path, root: Path, epoch: int) -> None:
    """Make `root` from `unpacked/files` and `unpacked/control`.

    Args:
        unpacked: what fetch.sh made.
        application: what install.py made: its extension modules need libraries as well.
        root: folder to make.
        epoch: seconds; the modification time of every file, so that equal builds have equal layers.
    """
    files = unpacked / "files"
    for name in (*PROGRAMS, "etc/debian_version", "usr/lib/os-release"):
        copy(files, root, name)
    take_standard_library(files, root)
    take_libraries(files, (root, application), root)
    for name, target in LINKS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(target)
    write_configuration(files, root)
    record_packages(unpacked, root)
    tree.compile_python(root, root / "usr/lib" / PYTHON)
    make_places(root)
    tree.settle(root, epoch)


def take_standard_library(files: Path, root: Path) -> None:
    """Copy Python's own modules, without tests, demos and what needs a terminal or a database."""

    def unused(folder: str, names: list[str]) -> set[str]:
        dropped = {name for name in names if name in UNUSED_FILES or name.startswith("config-")}
        if Path(folder).name == PYTHON:
            dropped |= {name for name in names if name.removesuffix(".py") in UNUSED_MODULES}
        if Path(folder).name == "lib-dynload":
            dropped |= {name for name in names if name.startswith(UNUSED_EXTENSIONS)}
        return dropped

    shutil.copytree(files / "usr/lib" / PYTHON, root / "usr/lib" / PYTHON, ignore=unused)


def take_libraries(files: Path, users: Sequence[Path], root: Path) -> None:
    """Copy every library that a program or another library asks for.

    Args:
        files: where the libraries are.
        users: folders with programs and extension modules.
        root: gets the libraries.

    Raises:
        SystemExit: one is in none of the packages.
    """
    waiting = [
        (name, path.name)
        for folder in users
        for path in tree.regular_files(folder)
        if elf.is_elf(path)
        for name in elf.needed(path)
    ]
    waiting += [(name, "glibc") for name in LOADED]
    taken: set[str] = set()
    while waiting:
        name, wanted_by = waiting.pop()
        if name in taken:
            continue
        taken.add(name)
        found = find_library(files, name)
        if found is None:
            sys.exit(f"error: {wanted_by} needs {name}, which no package of packages.txt has")
        copy(files, root, found)
        waiting += [(other, name) for other in elf.needed(files / found)]
    # Programs name their loader by an absolute path, which is a link to the real one.
    for folder in ("usr/lib64", "usr/lib"):
        for loader in (files / folder).glob("ld-linux*"):
            (root / folder).mkdir(exist_ok=True)
            (root / folder / loader.name).symlink_to(loader.readlink())


def find_library(files: Path, name: str) -> str | None:
    """Where a library is, relative to the root."""
    for folder in LIBRARY_FOLDERS:
        if (files / folder / name).exists():
            return f"{folder}/{name}"
    return None


def write_configuration(files: Path, root: Path) -> None:
    """Accounts, name service, the certificates of Mozilla, and empty git templates."""
    for name, text in TEXT_FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    # The package also has an example that is no certificate authority: GnuTLS refuses a bundle
    # with it as a whole, Python silently loads nothing. Each file needs its own newline.
    certificates = sorted((files / "usr/share/ca-certificates/mozilla").glob("*.crt"))
    if not certificates:
        sys.exit("error: the package ca-certificates has no certificates of Mozilla")
    bundle = root / "etc/ssl/certs/ca-certificates.crt"
    bundle.parent.mkdir(parents=True, exist_ok=True)
    texts = [path.read_text(encoding="ascii").strip() + "\n" for path in certificates]
    bundle.write_text("".join(texts), encoding="ascii")
    # git warns on each clone where the folder is missing; the samples in it are shell scripts.
    (root / "usr/share/git-core/templates").mkdir(parents=True)


def record_packages(unpacked: Path, root: Path) -> None:
    """Write down packages and versions for scanners, and keep copyright and licence texts."""
    status = root / "var/lib/dpkg/status.d"
    status.mkdir(parents=True)
    for control in sorted((unpacked / "control").iterdir()):
        head, _, rest = control.read_text(encoding="utf-8").partition("\n")
        text = f"{head}\nStatus: install ok installed\n{rest}"
        (status / control.name).write_text(text, encoding="utf-8")
        copyright_file = f"usr/share/doc/{control.name}/copyright"
        if not (unpacked / "files" / copyright_file).exists():
            sys.exit(f"error: the package {control.name} has no copyright file")
        copy(unpacked / "files", root, copyright_file)
    licences = "usr/share/common-licenses"
    shutil.copytree(unpacked / "files" / licences, root / licences, symlinks=True)


def make_places(root: Path) -> None:
    """The two folders that the service writes to, and a home for mounted ssh keys."""
    (root / "home/mgit").mkdir(parents=True)
    (root / "tmp").mkdir()
    (root / "tmp").chmod(0o1777)
    (root / "data").mkdir()
    (root / "data").chmod(0o700)
    os.chown(root / "data", UID, UID)


def copy(files: Path, root: Path, name: str) -> None:
    """Copy one file to the same place; of a link, what it leads to."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(files / name, root / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
