"""Before a scanner's clean word is believed, it must flag what is known to be bad."""

from __future__ import annotations

import tempfile
from pathlib import Path

from pipeline.security.trivy import Scanner, Trivy
from pipeline.security.trivy_report import Report
from pipeline.step import Exit, PipelineError

_PYTHON, _DEBIAN = "CVE-2020-14343", "CVE-2025-48384"
_OS_RELEASE = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\nVERSION_ID="13"\n'
_GIT = """Package: git
Status: install ok installed
Version: 1:2.47.2-0.2
Architecture: amd64
Maintainer: nobody <nobody@example.invalid>
"""
_PYYAML = "Metadata-Version: 2.1\nName: PyYAML\nVersion: 5.3.1\n"
_POD = """\
apiVersion: v1
kind: Pod
metadata: {name: canary}
spec:
  containers:
    - {name: canary, image: canary, securityContext: {privileged: true}}
"""
_DOCKERFILE = "FROM debian:13\nUSER root\n"


def prove_images(trivy: Trivy) -> tuple[str, ...]:
    """Show it a root folder, laid out as our image is, with an old PyYAML and an old git.

    Returns:
        The ids that it had to flag, and did.

    Raises:
        PipelineError: it missed one; its clean results mean nothing.
    """
    with tempfile.TemporaryDirectory(prefix="mgit-canary-") as name:
        root = Path(name)
        _plant(root / "etc/os-release", _OS_RELEASE)
        _plant(root / "etc/debian_version", "13.0\n")
        _plant(root / "var/lib/dpkg/status.d/git", _GIT)
        site = root / "usr/local/lib/python3.13/dist-packages"
        _plant(site / "PyYAML-5.3.1.dist-info/METADATA", _PYYAML)
        return must_flag(trivy, trivy.rootfs(root), (_PYTHON, _DEBIAN))


def prove_trees(trivy: Trivy) -> tuple[str, ...]:
    """Show it a source tree: old PyYAML, a Dockerfile that runs as root, a privileged pod, a token.

    Returns:
        The ids that it had to flag, and did.

    Raises:
        PipelineError: it missed one; its clean results mean nothing.
    """
    with tempfile.TemporaryDirectory(prefix="mgit-canary-") as name:
        root = Path(name)
        _plant(root / "requirements.txt", "PyYAML==5.3.1\n")
        _plant(root / "Dockerfile", _DOCKERFILE)
        _plant(root / "pod.yaml", _POD)
        # Put together here, so that no scanner of this very file mistakes it for a real one.
        _plant(root / "settings.ini", f"token = gh{'p_'}{('A1b2C3d4E5' * 4)[:36]}\n")
        report = trivy.tree(root, tuple(Scanner))
        return must_flag(trivy, report, (_PYTHON, "DS002", "KSV017", "github-pat"))


def must_flag(trivy: Trivy, report: Report, wanted: tuple[str, ...]) -> tuple[str, ...]:
    missed = set(wanted) - {finding.id for finding in report.findings}
    if missed:
        raise PipelineError(
            f"trivy {trivy.version} did not flag the planted {', '.join(sorted(missed))}",
            exit_code=Exit.ENVIRONMENT,
            advice="its database or its checks are missing or broken; its clean word is worthless",
        )
    return wanted


def _plant(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
