"""docker/seccomp.json: all that was seen is on it, and nothing that opens the host."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.confinement.__main__ import names_foreseen

ROOT = Path(__file__).parents[2]
PROFILE = json.loads((ROOT / "docker" / "seccomp.json").read_text(encoding="utf-8"))
SEEN = ROOT / "tests" / "data" / "seccomp"
# What the engine's own profile allows, or grants with a capability.
NEVER = {
    "add_key", "bpf", "chroot", "delete_module", "finit_module", "fsconfig", "fsmount",
    "fsopen", "init_module", "io_uring_enter", "io_uring_register", "io_uring_setup", "ioperm",
    "iopl", "kcmp", "kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie", "mknod",
    "mknodat", "mount", "mount_setattr", "move_mount", "name_to_handle_at", "open_by_handle_at",
    "open_tree", "perf_event_open", "personality", "pidfd_getfd", "pivot_root",
    "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace", "quotactl", "reboot",
    "request_key", "seccomp", "setns", "sethostname", "swapon", "syslog", "umount", "umount2",
    "unshare", "userfaultfd", "vhangup", "vmsplice",
}  # fmt: skip


def rules(name: str) -> list[dict[str, object]]:
    return [rule for rule in PROFILE["syscalls"] if name in rule["names"]]


@pytest.mark.parametrize("platform", ["amd64", "arm64"])
def test_every_call_that_was_seen_is_foreseen(platform: str) -> None:
    seen = set((SEEN / f"{platform}.txt").read_text(encoding="ascii").split())
    assert len(seen) > 60
    assert seen - names_foreseen(PROFILE) == set()


def test_what_is_not_on_the_list_is_refused() -> None:
    assert PROFILE["defaultAction"] == "SCMP_ACT_ERRNO"
    assert PROFILE["defaultErrnoRet"] == 1
    assert names_foreseen(PROFILE) & NEVER == set()
    assert {one["architecture"] for one in PROFILE["archMap"]} == {
        "SCMP_ARCH_X86_64",
        "SCMP_ARCH_AARCH64",
    }


def test_no_namespace_can_be_made() -> None:
    (clone,) = rules("clone")
    ((flags,),) = (clone["args"],)  # type: ignore[misc]
    new = sum(1 << bit for bit in (17, 25, 26, 27, 28, 29, 30))  # CLONE_NEW* of <linux/sched.h>
    assert flags == {"index": 0, "value": new, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
    (clone3,) = rules("clone3")
    assert (clone3["action"], clone3["errnoRet"]) == ("SCMP_ACT_ERRNO", 38)


def test_sockets_are_of_four_families() -> None:
    assert {rule["args"][0]["value"] for rule in rules("socket")} == {1, 2, 10, 16}  # type: ignore[index]


def test_a_name_stands_once_and_rules_say_what_for() -> None:
    names = [name for rule in PROFILE["syscalls"] for name in rule["names"]]
    assert sorted({name for name in names if names.count(name) > 1}) == ["socket"]
    assert all(re.match(r"[A-Z].*[.]$", rule["comment"]) for rule in PROFILE["syscalls"])


@pytest.mark.needs("strace")
def test_every_name_is_one_that_a_kernel_knows() -> None:
    """strace refuses a name that it does not know; some of ours are newer than Debian's strace."""
    young = {"epoll_pwait2", "fchmodat2", "futex_waitv"}
    names = ",".join(sorted(names_foreseen(PROFILE) - young))
    ran = subprocess.run(
        ["strace", "-qq", "-o", "/dev/null", "-e", f"trace={names}", "true"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("file", ["compose.yaml", "compose.dev.yaml"])
def test_compose_uses_it(file: str) -> None:
    text = (ROOT / "docker" / file).read_text(encoding="utf-8")
    mgit = text.partition("\n  mgit:\n")[2].partition("\n\n")[0]
    assert 'security_opt: ["no-new-privileges:true", "seccomp:seccomp.json"]' in mgit
