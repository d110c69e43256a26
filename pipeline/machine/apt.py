"""Debian packages from a newer suite, by way of the machine's own package mirror.

The mirror is whatever the machine's apt sources name; only the suite is changed. No host name is
written down here. Formats: sources.list(5), both the one-line and the deb822 style.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError

SUITE = "trixie"
SOURCES = "sources.list.d/mgit-trixie.sources"
PREFERENCES = "preferences.d/mgit-trixie"
_PIN = 100
_APT = ("apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3")
_NO_QUESTIONS = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "l"}


@dataclass(frozen=True, slots=True)
class Source:
    """One entry of apt's sources.

    Args:
        uris: where the archive is.
        suites: for example `bookworm`, `bookworm-updates`.
        components: for example `main`.
        signed_by: key ring file; empty where the entry names none.
    """

    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""


def parse_deb822(text: str) -> tuple[Source, ...]:
    """Read a `.sources` file; disabled stanzas and source packages are left out."""
    found = []
    for stanza in re.split(r"\n\s*\n", text):
        fields = _fields(stanza)
        if "deb" not in fields.get("types", "").split():
            continue
        if fields.get("enabled", "yes").lower() in {"no", "false", "0"}:
            continue
        found.append(
            Source(
                tuple(fields.get("uris", "").split()),
                tuple(fields.get("suites", "").split()),
                tuple(fields.get("components", "").split()),
                fields.get("signed-by", ""),
            )
        )
    return tuple(found)


def parse_one_line(text: str) -> tuple[Source, ...]:
    """Read a `sources.list` file; `deb-src` lines are left out."""
    found = []
    for line in text.splitlines():
        match = re.match(r"^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s+(.*?)\s*(?:#.*)?$", line)
        if match is None:
            continue
        options, uri, suite, components = match.groups()
        signed = re.search(r"signed-by=(\S+)", options or "")
        found.append(
            Source((uri,), (suite,), tuple(components.split()), signed.group(1) if signed else "")
        )
    return tuple(found)


def _fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    last = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace() and last:
            fields[last] = f"{fields[last]} {line.strip()}".strip()
        elif ":" in line:
            name, value = line.split(":", 1)
            last = name.strip().lower()
            fields[last] = value.strip()
    return fields


def read_sources(etc: Path) -> tuple[Source, ...]:
    """Everything that `/etc/apt` names, without what this module wrote there."""
    found: list[Source] = []
    for path in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]:
        if not path.is_file() or path == etc / SOURCES:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if path.suffix == ".sources":
            found += parse_deb822(text)
        elif path.suffix == ".list":
            found += parse_one_line(text)
    return tuple(found)


def derive(sources: Iterable[Source], codename: str, suite: str = SUITE) -> tuple[Source, ...]:
    """The same mirrors with another suite: `NAME`, `NAME-updates`, `NAME-security`.

    Args:
        sources: what the machine uses.
        codename: the machine's own suite, which is replaced.
        suite: the suite wanted.

    Raises:
        PipelineError: no source of the machine serves its own suite.
    """
    wanted = {f"{codename}{end}": f"{suite}{end}" for end in ("", "-updates", "-security")}
    found = []
    for source in sources:
        suites = tuple(wanted[name] for name in source.suites if name in wanted)
        if suites:
            found.append(replace(source, suites=suites, components=("main",)))
    if not any(suite in source.suites for source in found):
        raise PipelineError(
            f"the apt sources of this machine do not serve {codename}",
            exit_code=Exit.ENVIRONMENT,
            advice=f"add a source for {codename} main to /etc/apt/sources.list.d",
        )
    return tuple(found)


def render(sources: Sequence[Source]) -> str:
    """The text of a `.sources` file."""
    stanzas = []
    for source in sources:
        lines = [
            "Types: deb",
            f"URIs: {' '.join(source.uris)}",
            f"Suites: {' '.join(source.suites)}",
            f"Components: {' '.join(source.components)}",
        ]
        if source.signed_by:
            lines.append(f"Signed-By: {source.signed_by}")
        stanzas.append("\n".join(lines) + "\n")
    return "\n".join(stanzas)


def render_pin(suite: str = SUITE) -> str:
    """A pin that keeps every package on the machine's own suite unless another is asked for."""
    return f"Package: *\nPin: release n={suite}*\nPin-Priority: {_PIN}\n"


@dataclass(frozen=True, slots=True)
class Debian:
    """This machine's package manager. Needs root.

    Args:
        shell: starts apt-get and dpkg.
        codename: the machine's suite, from os-release(5).
        etc: apt's folder.
    """

    shell: Shell
    codename: str
    etc: Path = Path("/etc/apt")

    def sources(self) -> str:
        """A sources file that names the newer suite on this machine's mirrors.

        Raises:
            PipelineError: see `derive`.
        """
        return render(derive(read_sources(self.etc), self.codename))

    def add_suite(self) -> None:
        """Make the newer suite known, pinned so low that nothing is upgraded to it by itself."""
        if self.codename == SUITE:
            return
        _write(self.etc / SOURCES, self.sources())
        _write(self.etc / PREFERENCES, render_pin())

    def heal(self) -> None:
        """Finish what an interrupted installation left behind."""
        if self.shell.run(("dpkg", "--audit"), check=False).stdout.strip():
            self.shell.run(("dpkg", "--configure", "-a"), env=_NO_QUESTIONS)
            self.shell.run((*_APT, "install", "--fix-broken", "--yes"), env=_NO_QUESTIONS)

    def install(self, own: Sequence[str], newer: Sequence[str]) -> None:
        """Install packages.

        Args:
            own: from the machine's own suite.
            newer: from the newer suite.

        Raises:
            PipelineError: apt-get failed; its last line is in the message.
        """
        self.heal()
        self.shell.run((*_APT, "update"), env=_NO_QUESTIONS)
        suffix = "" if self.codename == SUITE else f"/{SUITE}"
        names = [*own, *(f"{name}{suffix}" for name in newer)]
        argv = (*_APT, "install", "--yes", "--no-install-recommends", *names)
        self.shell.run(argv, env=_NO_QUESTIONS)


def codename(os_release: Path = Path("/etc/os-release")) -> str:
    """The suite of this machine when it runs Debian, else an empty string."""
    try:
        text = os_release.read_text(encoding="utf-8")
    except OSError:
        return ""
    fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    values = {name: value.strip("\"'") for name, value in fields.items()}
    return values.get("VERSION_CODENAME", "") if values.get("ID") == "debian" else ""


def _write(path: Path, text: str) -> None:
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
