"""What `python -m mgit.cli.surface` promises is what the parts really have."""

from __future__ import annotations

from mgit.cli.grammar import COMMANDS
from mgit.cli.surface import surface
from mgit.config.keys import GLOBAL_KEYS
from mgit.errors import ExitCode


def test_commands_keys_exit_codes_and_metrics_are_there() -> None:
    promised = surface()
    assert all(f"cli {command}" in promised for command in COMMANDS)
    assert all(f"key {key.path}" in promised for key in GLOBAL_KEYS)
    assert promised["key audit.max_size default"] == "64m"
    assert promised["key audit.max_size variable"] == "MGIT_AUDIT_MAX_SIZE"
    assert promised["exit ok"] == str(int(ExitCode.OK))
    assert promised["cli audit --head"].startswith("value")
    assert promised["cli audit {verify,tail,export} = verify"] == ""
    assert any(name.startswith("metric mgit_syncs") for name in promised)
