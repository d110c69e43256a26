"""Waivers: findings that somebody has accepted, for a reason and for a time.

`security-waivers.toml` is the one place; it is applied to what every scanner says. A waiver that
has expired, or that waives nothing any more, fails the gate: the file stays as short as the truth.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import msgspec

from pipeline.step import Exit, PipelineError

FILE = "security-waivers.toml"


class Waiver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One accepted finding.

    Args:
        id: advisory or rule, also an alias of it: `CVE-2026-1234`, `B105`.
        scanner: `bandit`, `pip-audit`, `trivy`, `zizmor`; empty for any.
        where: how the finding's place must begin; empty for anywhere.
        reason: why it does no harm here.
        owner: who decided.
        expires: the first day on which it no longer holds.
    """

    id: str
    reason: str
    owner: str
    expires: date
    scanner: str = ""
    where: str = ""

    def covers(self, scanner: str, ids: Iterable[str], where: str) -> bool:
        """Whether it is about this finding."""
        right_scanner = self.scanner in {"", scanner}
        return right_scanner and self.id in ids and where.startswith(self.where)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    waiver: tuple[Waiver, ...] = ()


def load_waivers(path: Path) -> tuple[Waiver, ...]:
    """Read the file; no file, no waivers.

    Raises:
        PipelineError: USAGE; malformed, or a waiver without reason or owner.
    """
    try:
        waivers = msgspec.toml.decode(path.read_bytes(), type=_File).waiver
    except FileNotFoundError:
        return ()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PipelineError(f"{path.name}: {error}", exit_code=Exit.USAGE) from None
    for waiver in waivers:
        if not (waiver.id.strip() and waiver.reason.strip() and waiver.owner.strip()):
            raise PipelineError(
                f"{path.name}: the waiver {waiver.id!a} lacks an id, a reason or an owner",
                exit_code=Exit.USAGE,
            )
    return waivers


def expired(waivers: Iterable[Waiver], today: date) -> tuple[Waiver, ...]:
    """The waivers that no longer hold."""
    return tuple(waiver for waiver in waivers if waiver.expires <= today)
