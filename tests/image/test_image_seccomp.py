"""What the kernel refuses the container. All tests of the image run under the same profile."""

from __future__ import annotations

import errno
import json
import platform
from pathlib import Path

import pytest

from tests.image.box import HARDENED, docker, empty_configuration
from tests.image.conftest import Start

pytestmark = [pytest.mark.engine, pytest.mark.slow]

# Numbers of <asm/unistd.h>: what a broken parser would like to do to its host.
NUMBERS = {
    "x86_64": {
        "add_key": 248, "bpf": 321, "chroot": 161, "clone3": 435, "finit_module": 313,
        "io_uring_setup": 425, "keyctl": 250, "kexec_load": 246, "mount": 165,
        "move_mount": 429, "open_by_handle_at": 304, "perf_event_open": 298, "personality": 135,
        "pivot_root": 155, "process_vm_readv": 310, "ptrace": 101, "setns": 308,
        "umount2": 166, "unshare": 272, "userfaultfd": 323,
    },
    "aarch64": {
        "add_key": 217, "bpf": 280, "chroot": 51, "clone3": 435, "finit_module": 273,
        "io_uring_setup": 425, "keyctl": 219, "kexec_load": 104, "mount": 40,
        "move_mount": 429, "open_by_handle_at": 265, "perf_event_open": 241, "personality": 92,
        "pivot_root": 41, "process_vm_readv": 270, "ptrace": 117, "setns": 268,
        "umount2": 39, "unshare": 97, "userfaultfd": 282,
    },
}  # fmt: skip
_TRY = """
import ctypes, json, socket, sys
kernel = ctypes.CDLL(None, use_errno=True)
found = {}
for name, number in json.loads(sys.argv[1]).items():
    ctypes.set_errno(0)
    result = kernel.syscall(number, 0, 0, 0, 0, 0)
    found[name] = ctypes.get_errno() if result == -1 else 0
for name, family in (("AF_ALG", 38), ("AF_PACKET", 17), ("AF_VSOCK", 40), ("AF_INET", 2)):
    try:
        socket.socket(family, socket.SOCK_DGRAM).close()
        found[name] = 0
    except OSError as error:
        found[name] = error.errno
print(json.dumps(found))
"""


def answers(image: str, *options: str) -> dict[str, int]:
    """The error number of each call in a container, 0 where it went through."""
    said = docker(
        *("run", "--rm", "--network", "none", *options, "--entrypoint", "/usr/bin/python3", image),
        *("-I", "-c", _TRY, json.dumps(NUMBERS[platform.machine()])),
    )
    return dict(json.loads(said.stdout))


def test_calls_that_mgit_never_makes_are_refused(image: str) -> None:
    told = answers(image, *HARDENED)
    assert told.pop("AF_INET") == 0
    assert told.pop("clone3") == errno.ENOSYS  # so that the C library takes clone
    assert set(told.values()) == {errno.EPERM}, told


def test_it_is_the_profile_that_refuses_them(image: str) -> None:
    """The engine's own lets a program be traced, for example, and talk to the kernel's ciphers."""
    told = answers(image, "--cap-drop", "ALL")
    assert told["ptrace"] == 0
    assert told["AF_ALG"] != errno.EPERM


def test_the_service_is_filtered(tmp_path: Path, start: Start) -> None:
    container = start(empty_configuration(tmp_path / "config"))
    assert container.is_ready(), container.logs()
    code = "print(*(line for line in open('/proc/1/status') if line.startswith('Seccomp:')))"
    said = container.runs("/usr/bin/python3", "-I", "-c", code)
    assert said.stdout.split() == ["Seccomp:", "2"], said.stderr
