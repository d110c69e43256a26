"""Programs of the other platform on this machine: QEMU's user mode, known to the kernel.

Only tests that run the image for the other platform need it; no build does. Format: binfmt.d(5),
and the kernel's admin-guide/binfmt-misc. A container has no emulator in it, so the registration
needs the flag F: the kernel then opens the program when it is registered, not when it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError

PLATFORM = "linux/arm64"
PACKAGE = "qemu-user-static"
PROGRAM = "qemu-aarch64-static"
COMMAND = "as root, on Debian: python -m pipeline.provision --emulation"
_KERNEL = Path("/proc/sys/fs/binfmt_misc")
_RULES = Path("/usr/lib/binfmt.d")
_NAME = "qemu-aarch64"


@dataclass(frozen=True, slots=True)
class Emulation:
    """What this kernel does with programs for arm64.

    Args:
        kernel: where binfmt_misc is mounted.
        rules: folder with Debian's rules for it.
    """

    kernel: Path = _KERNEL
    rules: Path = _RULES

    def lacking(self) -> str:
        """Why programs for arm64 do not run in a container here; empty where they do."""
        handler = self.kernel / _NAME
        try:
            told = handler.read_text(encoding="ascii").splitlines()
        except OSError:
            return f"the kernel knows no {_NAME}"
        flags = next((line.partition(":")[2] for line in told if line.startswith("flags:")), "")
        if "enabled" not in told:
            return f"{handler} is switched off"
        if "F" not in flags:
            return f"{handler} has no flag F, so it works outside of containers only"
        return ""

    def register(self, shell: Shell, say: Callable[[str], None]) -> None:
        """Tell the kernel, until the machine starts anew; what is registered already stays.

        Raises:
            PipelineError: ENVIRONMENT, the kernel cannot or the package is not there.
        """
        if not self.lacking():
            return
        rule = self.rules / f"{_NAME}.conf"
        if not rule.is_file():
            raise PipelineError(
                f"{rule} is missing", exit_code=Exit.ENVIRONMENT, advice=f"install {PACKAGE}"
            )
        if not (self.kernel / "register").exists():
            say(f"mount binfmt_misc on {self.kernel}")
            shell.run(("mount", "-t", "binfmt_misc", "binfmt_misc", self.kernel))
        if not (self.kernel / _NAME).exists():
            say(f"register {_NAME} for containers: programs for arm64 run, emulated")
            (self.kernel / "register").write_bytes(rule.read_bytes().strip())
        if why := self.lacking():
            raise PipelineError(why, exit_code=Exit.ENVIRONMENT)
