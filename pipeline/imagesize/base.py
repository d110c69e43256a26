"""The base image for a platform that this machine only emulates."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.machine import apt
from pipeline.machine.emulation import COMMAND, PLATFORM, Emulation
from pipeline.machine.tools import runs
from pipeline.provision import can_make_base, make_base
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError


def base_for(
    shell: Shell,
    base: str,
    platform: str,
    say: Callable[[str], None],
    emulation: Emulation | None = None,
) -> str:
    """The name of a base image for a platform, made by mmdebstrap where no registry has it.

    Args:
        shell: starts everything.
        base: name of the base image of this machine's own platform.
        platform: for example `linux/arm64`.
        say: gets a line before something is made.
        emulation: what the kernel does with programs for that platform.

    Raises:
        PipelineError: ENVIRONMENT, its programs do not run here, or it cannot be made.
    """
    if platform != PLATFORM:
        raise PipelineError(
            f"programs for {platform} are not emulated here", exit_code=Exit.ENVIRONMENT
        )
    if why := (emulation or Emulation()).lacking():
        raise PipelineError(why, exit_code=Exit.ENVIRONMENT, advice=COMMAND)
    asked = shell.run(("docker", "buildx", "imagetools", "inspect", base), check=False, timeout=60)
    if asked.ok and platform in asked.stdout.split():
        return base
    architecture = platform.partition("/")[2]
    name = f"{base}-{architecture}"
    if not runs(shell, "docker", "image", "inspect", "--format", "{{.Id}}", name):
        lack = f"no registry has {base} for {platform}"
        if not can_make_base(shell, apt.codename()):
            advice = "as root, on Debian, with mmdebstrap one is made"
            raise PipelineError(lack, exit_code=Exit.ENVIRONMENT, advice=advice)
        say(f"{lack}: make {name} with mmdebstrap, emulated")
        make_base(apt.Debian(shell, apt.codename()), name, architecture)
    return name
