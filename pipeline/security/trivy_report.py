"""Trivy's JSON, read into findings and counts. Pure.

Only what a gate needs is read; the matched text of a secret never leaves Trivy's own output.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from pipeline.step import Exit, Finding, PipelineError


class Kind(StrEnum):
    """What sort of thing was found."""

    VULNERABILITY = "vulnerability"
    MISCONFIGURATION = "misconfiguration"
    LEAK = "secret"


@dataclass(frozen=True, slots=True)
class Seen:
    """One finding, with what a gate decides by.

    Args:
        finding: as the release reports it.
        kind: vulnerability, misconfiguration or secret.
        package: name of the package, empty for the other kinds.
        fixed_in: version that repairs it, empty where there is none.
    """

    finding: Finding
    kind: Kind
    package: str = ""
    fixed_in: str = ""

    @property
    def fixable(self) -> bool:
        """Whether something can be done about it: an update, or a change of ours."""
        return self.kind is not Kind.VULNERABILITY or bool(self.fixed_in)


@dataclass(frozen=True, slots=True)
class Report:
    """What one scan read and found.

    Args:
        seen: all findings of every severity.
        packages: packages per class, for example `{"os-pkgs": 40, "lang-pkgs": 7}`.
        files: targets (lock files, Dockerfiles) that were read.
        end_of_life: the OS gets no more security updates.
    """

    seen: tuple[Seen, ...]
    packages: dict[str, int]
    files: int
    end_of_life: bool = False

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings alone."""
        return tuple(one.finding for one in self.seen)

    def at_least(self, *severities: str) -> tuple[Seen, ...]:
        """The findings with one of these severities."""
        return tuple(one for one in self.seen if one.finding.severity in severities)


@dataclass(frozen=True, slots=True)
class Licence:
    """What one package says of its licence.

    Args:
        package: its name.
        name: SPDX expression, or whatever the package calls it.
        category: Trivy's own class: notice, reciprocal, restricted, forbidden, unknown, …
    """

    package: str
    name: str
    category: str


class _Package(msgspec.Struct, rename="pascal"):
    name: str


class _Vulnerability(msgspec.Struct, rename="pascal"):
    pkg_name: str
    severity: str
    vulnerability_id: str = msgspec.field(name="VulnerabilityID")
    installed_version: str = ""
    fixed_version: str = ""
    title: str = ""


class _Cause(msgspec.Struct, rename="pascal"):
    start_line: int = 0


class _Misconfiguration(msgspec.Struct, rename="pascal"):
    severity: str
    id: str = msgspec.field(name="ID")
    title: str = ""
    status: str = "FAIL"
    cause_metadata: _Cause = msgspec.field(default_factory=_Cause)


class _Secret(msgspec.Struct, rename="pascal"):
    severity: str
    rule_id: str = msgspec.field(name="RuleID")
    title: str = ""
    start_line: int = 0


class _Licence(msgspec.Struct, rename="pascal"):
    name: str
    category: str = "unknown"
    pkg_name: str = ""


class _Result(msgspec.Struct, rename="pascal"):
    target: str
    kind: str = msgspec.field(name="Class", default="")
    packages: list[_Package] | None = None
    vulnerabilities: list[_Vulnerability] | None = None
    misconfigurations: list[_Misconfiguration] | None = None
    secrets: list[_Secret] | None = None
    licenses: list[_Licence] | None = None


class _OS(msgspec.Struct, rename="pascal"):
    family: str = ""
    eosl: bool = msgspec.field(name="EOSL", default=False)


class _About(msgspec.Struct, rename="pascal"):
    os: _OS | None = msgspec.field(name="OS", default=None)


class _Document(msgspec.Struct, rename="pascal"):
    schema_version: int
    metadata: _About = msgspec.field(default_factory=_About)
    results: list[_Result] | None = None


def decode(text: str | bytes) -> Report:
    """Read a document of `--format json` (schema version 2).

    Raises:
        PipelineError: it is not such a document.
    """
    document = _document(text)
    results = document.results or []
    packages: dict[str, int] = {}
    for result in results:
        if result.packages:
            packages[result.kind] = packages.get(result.kind, 0) + len(result.packages)
    os = document.metadata.os
    return Report(
        seen=tuple(one for result in results for one in _seen(result)),
        packages=packages,
        files=len({result.target for result in results}),
        end_of_life=os is not None and os.eosl,
    )


def licences(text: str | bytes) -> tuple[Licence, ...]:
    """The licences in such a document, by package.

    Raises:
        PipelineError: it is not such a document.
    """
    return tuple(
        Licence(one.pkg_name, one.name, one.category)
        for result in _document(text).results or ()
        for one in result.licenses or ()
    )


def _document(text: str | bytes) -> _Document:
    try:
        document = msgspec.json.decode(text, type=_Document)
    except msgspec.MsgspecError as error:
        raise PipelineError(
            f"trivy's report cannot be read: {error}", exit_code=Exit.ENVIRONMENT
        ) from None
    if document.schema_version != 2:
        raise PipelineError(
            f"trivy's report has schema {document.schema_version}, not 2",
            exit_code=Exit.ENVIRONMENT,
        )
    return document


def _seen(result: _Result) -> Iterator[Seen]:
    for flaw in result.vulnerabilities or ():
        where = f"{flaw.pkg_name} {flaw.installed_version}"
        fixed = f"fixed in {flaw.fixed_version}" if flaw.fixed_version else "no fix yet"
        title = f"{flaw.title}; {fixed}" if flaw.title else fixed
        yield Seen(
            Finding("trivy", flaw.vulnerability_id, flaw.severity, where, title),
            Kind.VULNERABILITY,
            flaw.pkg_name,
            flaw.fixed_version,
        )
    for wrong in result.misconfigurations or ():
        if wrong.status == "FAIL":
            where = f"{result.target}:{wrong.cause_metadata.start_line}"
            finding = Finding("trivy", wrong.id, wrong.severity, where, wrong.title)
            yield Seen(finding, Kind.MISCONFIGURATION)
    for secret in result.secrets or ():
        where = f"{result.target}:{secret.start_line}"
        finding = Finding("trivy", secret.rule_id, secret.severity, where, secret.title)
        yield Seen(finding, Kind.LEAK)
