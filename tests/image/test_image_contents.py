"""What is in the image, and what is not."""

from __future__ import annotations

import ast
import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.artifacts.inspection import MAX_BYTES, Entry, unwanted
from tests.image.box import HARDENED, docker, files_of

ROOT = Path(__file__).parents[2]
# Told where they are missed, of other systems, for type checkers alone, or loaded from beside.
OPTIONAL = {"_typeshed", "keyring", "limit", "msvcrt", "opentelemetry", "region", "winreg"}

pytestmark = [pytest.mark.engine, pytest.mark.slow]


@pytest.fixture(scope="module")
def files(image: str, tmp_path_factory: pytest.TempPathFactory) -> list[tarfile.TarInfo]:
    """All files of the image, without those that the engine adds."""
    return files_of(image, tmp_path_factory.mktemp("image") / "root.tar")


def run(image: str, *words: str, program: str = "") -> subprocess.CompletedProcess[str]:
    entry = ("--entrypoint", program) if program else ()
    return docker("run", "--rm", "--network", "none", *HARDENED, *entry, image, *words, check=False)


def imported(path: Path) -> Iterator[str]:
    """The first names of the modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        match node:
            case ast.Import(names=names):
                yield from (one.name.split(".")[0] for one in names)
            case ast.ImportFrom(module=str(name), level=0):
                yield name.split(".")[0]


def test_it_is_small(files: list[tarfile.TarInfo]) -> None:
    size = sum(member.size for member in files)
    print(f"unpacked: {size / 1e6:.1f} MB")
    assert 30_000_000 < size < MAX_BYTES


def test_it_holds_no_shell_no_package_manager_and_nothing_set_id(
    files: list[tarfile.TarInfo],
) -> None:
    assert unwanted([Entry(member.name, member.mode) for member in files]) == ""


def test_no_shell_can_be_started(image: str) -> None:
    for shell in ("/bin/sh", "/bin/bash", "/usr/bin/env", "/bin/busybox"):
        assert run(image, "-c", "id", program=shell).returncode == 127, shell


def test_python_is_there_compiled_only(files: list[tarfile.TarInfo]) -> None:
    names = [member.name for member in files if member.isfile()]
    assert any(name.endswith("/mgit/cli/__init__.pyc") for name in names)
    assert [name for name in names if name.endswith(".py")] == []


def test_it_runs_as_a_user_without_rights(image: str) -> None:
    said = run(
        image,
        *("-I", "-c", "import os; print(os.getuid(), os.getgid(), os.access('/', os.W_OK))"),
        program="/usr/bin/python3",
    )
    assert said.stdout.split() == ["65532", "65532", "False"], said.stderr


def test_both_tls_stacks_find_the_certificates(image: str) -> None:
    code = "import ssl; print(len(ssl.create_default_context().get_ca_certs()))"
    said = run(image, "-I", "-c", code, program="/usr/bin/python3")
    assert int(said.stdout) > 100, said.stderr
    said = run(image, "ls-remote", "https://127.0.0.1:1/x", program="/usr/bin/git")
    assert "certificate" not in said.stderr
    assert "onnect" in said.stderr


def test_packages_and_their_licences_are_recorded(files: list[tarfile.TarInfo]) -> None:
    names = {member.name for member in files}
    status = {Path(name).name for name in names if name.startswith("var/lib/dpkg/status.d/")}
    assert {"git", "libc6", "python3.13-minimal", "openssh-client"} <= status
    assert all(f"usr/share/doc/{package}/copyright" in names for package in status)


def test_each_package_tells_which_file_it_came_from(image: str) -> None:
    code = "import pathlib; print(*(p.read_text() for p in pathlib.Path(PLACE).iterdir()))"
    code = code.replace("PLACE", repr("/var/lib/dpkg/status.d"))
    said = run(image, "-I", "-c", code, program="/usr/bin/python3").stdout
    digests = re.findall(r"^SHA256: [0-9a-f]{64}$", said, re.MULTILINE)
    assert len(digests) == said.count("Package: ") > 40


def test_every_library_that_anything_needs_is_there(image: str) -> None:
    code = "import ctypes, decimal, sqlite3, ssl, zoneinfo, msgspec, prometheus_client, rich"
    said = run(image, "-I", "-c", code, program="/usr/bin/python3")
    assert said.returncode == 0, said.stderr
    assert run(image, "-V", program="/usr/bin/ssh").returncode == 0


def test_every_module_of_mgit_finds_what_it_imports(image: str) -> None:
    """Much of Python's library is left out. What is imported late is loaded here as well."""
    code = """
import importlib, pathlib, sys, mgit
root = pathlib.Path(mgit.__file__).parent
files = (path.relative_to(root.parent).with_suffix("") for path in root.rglob("*.pyc"))
names = {".".join(file.parts) for file in files}
for name in sorted(names - {"mgit.__main__", "mgit.telemetry.otel"}):
    importlib.import_module(name.removesuffix(".__init__"))
import yaml, rich.console, rich.table, rich.progress, rich.live, rich.prompt
print(len(names), yaml.compose("a: 1", Loader=yaml.BaseLoader).tag)
"""
    said = run(image, "-I", "-c", code, program="/usr/bin/python3")
    assert said.returncode == 0, said.stderr
    assert int(said.stdout.split()[0]) > 150


def test_no_import_of_mgit_is_of_a_module_that_was_left_out(image: str) -> None:
    """Also of those inside functions: each name that an import statement of mgit names is there."""
    wanted = {name for path in (ROOT / "mgit").rglob("*.py") for name in imported(path)} - OPTIONAL
    code = "import importlib.util as u; print(*(n for n in NAMES if u.find_spec(n) is None))"
    code = code.replace("NAMES", repr(sorted(wanted)))
    said = run(image, "-I", "-c", code, program="/usr/bin/python3")
    assert (said.returncode, said.stdout.split()) == (0, []), said.stderr


def test_a_missing_configuration_is_one_line_and_what_to_do(image: str) -> None:
    said = run(image, "serve")
    assert said.returncode == 2
    assert "/etc/mgit/config.toml" in said.stderr
    assert "Traceback" not in said.stderr
