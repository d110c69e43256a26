"""Which pages there are, in which order. A page in a folder that is named here is picked up alone.

Sphinx complains of a page that is in no section, and the build ends with that.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the navigation.

    Args:
        title: what stands above it.
        entries: pages, or patterns such as `docs/quickstart/*`, relative to the repository and
            without `.md`; what a pattern meets and an entry before it has is not repeated.
    """

    title: str
    entries: tuple[str, ...]


SECTIONS = (
    Section(
        "Begin",
        ("docs/install", "docs/quickstart/README", "docs/quickstart-server", "docs/usage"),
    ),
    Section(
        "Reference",
        (
            "docs/configuration",
            "docs/reference/configuration",
            "docs/reference/commands",
            "docs/reference/exit-codes",
            "docs/providers/README",
            "docs/network",
            "docs/schemas/README",
            "docs/glossary",
        ),
    ),
    Section("When it fails", ("docs/troubleshooting", "docs/reference/messages")),
    Section(
        "Run it",
        (
            "docs/operations/deploy*",
            "docs/operations/swarm*",
            "docs/operations/kubernetes*",
            "docs/operations/checklist",
            "docs/operations/serve",
            "docs/operations/container",
            "docs/operations/backup",
            "docs/operations/upgrade",
            "docs/operations/capacity",
            "docs/operations/*",
        ),
    ),
    Section("Secure it", ("docs/security/README", "docs/security/hardening", "docs/security/*")),
    Section(
        "Make it",
        (
            "CONTRIBUTING",
            "docs/architecture",
            "docs/benchmarks",
            "docs/release",
            "docs/rehearsal",
            "docs/crash-matrix",
            "docs/adr/README",
            "README",
            "SECURITY",
            "CHANGELOG",
            "changelog.d/README",
            "requirements/README",
            "docs/*",
        ),
    ),
)

# Pages that have pages below them: the folder's own page, and what it leads to.
FOLDERS = {
    "docs/quickstart/README": "*",
    "docs/providers/README": "*",
    "docs/adr/README": "0*",
}
