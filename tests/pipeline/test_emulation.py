"""Whether programs for arm64 run in a container here is read from the kernel, and said."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.machine.emulation import PACKAGE, Emulation
from pipeline.shell import Shell
from pipeline.step import PipelineError

RULE = r":qemu-aarch64:M::\x7fELF:\xff:/usr/libexec/qemu-binfmt/aarch64-binfmt-P:OPF"


def kernel(tmp_path: Path, *lines: str) -> Emulation:
    """A kernel that says these lines of its handler; none: it has no handler."""
    folder, rules = tmp_path / "binfmt_misc", tmp_path / "binfmt.d"
    folder.mkdir()
    rules.mkdir()
    (folder / "register").touch()
    if lines:
        (folder / "qemu-aarch64").write_text("\n".join(lines))
    return Emulation(folder, rules)


def test_a_handler_with_the_flag_runs_them(tmp_path: Path) -> None:
    assert kernel(tmp_path, "enabled", "interpreter /x", "flags: POF").lacking() == ""


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        ((), "knows no qemu-aarch64"),
        (("disabled", "flags: POF"), "switched off"),
        (("enabled", "flags: PO"), "outside of containers only"),
        (("enabled",), "outside of containers only"),
    ],
)
def test_what_is_lacking_is_said(tmp_path: Path, lines: tuple[str, ...], word: str) -> None:
    assert word in kernel(tmp_path, *lines).lacking()


def test_the_rule_of_debian_is_given_to_the_kernel(tmp_path: Path) -> None:
    emulation = kernel(tmp_path)
    (emulation.rules / "qemu-aarch64.conf").write_text(f"{RULE}\n")
    said: list[str] = []
    # This kernel takes the rule and forgets it, which is told as well.
    with pytest.raises(PipelineError, match="knows no qemu-aarch64"):
        emulation.register(Shell(env={}), said.append)
    assert (emulation.kernel / "register").read_text() == RULE
    assert said == ["register qemu-aarch64 for containers: programs for arm64 run, emulated"]


def test_without_the_package_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(PipelineError) as refused:
        kernel(tmp_path).register(Shell(env={}), lambda _line: None)
    assert PACKAGE in refused.value.advice


def test_what_is_registered_is_left_alone(tmp_path: Path) -> None:
    emulation = kernel(tmp_path, "enabled", "flags: F")
    said: list[str] = []
    emulation.register(Shell(env={}), said.append)
    assert said == []
