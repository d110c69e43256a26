"""What a cluster would get is rendered, validated strictly, and read by Trivy."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from pipeline.manifests.overlays import overlays, render
from pipeline.manifests.validate import VERSIONS, Object, validate
from pipeline.project import child_environment
from pipeline.security import tree
from pipeline.security.trivy import find_trivy
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError

ROOT = Path(__file__).parents[2]
SHELL = Shell(env=child_environment())
MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: NAMESPACE}
data: {}
"""


def strict(one: Object, version: str) -> str:
    """A validator that knows a pod and that 1.28 has no config maps."""
    if "automountServiceAccountTokn" in one.get("spec", {}):
        return "additional property 'automountServiceAccountTokn'"
    return "unknown kind" if one["kind"] == "ConfigMap" and version == "1.28" else ""


def test_what_two_overlays_share_is_validated_once_and_the_foreign_is_told() -> None:
    texts = {name: MAP.replace("NAMESPACE", name) for name in ("one", "two")}
    texts["two"] += "---\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\n"
    report = validate(texts, strict)
    assert (report.objects, report.foreign, report.wrong) == (1, ("PrometheusRule",), ())


def test_what_one_version_does_not_know_is_told_with_its_name() -> None:
    report = validate({"one": MAP}, strict, ("1.28", "1.29"))
    assert report.wrong == ("one: ConfigMap settings in Kubernetes 1.28: unknown kind",)


def test_a_validator_that_takes_a_misspelt_field_is_not_believed() -> None:
    with pytest.raises(PipelineError, match=r"a misspelt field is taken for Kubernetes 1\.29"):
        validate({"one": MAP}, lambda _one, _version: "")


def test_the_versions_begin_where_all_that_is_used_is_on() -> None:
    assert VERSIONS[0] == "1.29"
    assert [int(version.split(".")[1]) for version in VERSIONS] == list(range(29, 38))


@pytest.mark.needs("kubectl")
def test_an_overlay_that_cannot_be_rendered_is_named(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [gone.yaml]\n", encoding="utf-8")
    with pytest.raises(PipelineError, match="cannot be rendered") as caught:
        render(SHELL, tmp_path)
    assert caught.value.exit_code is Exit.ENVIRONMENT
    assert "gone.yaml" in caught.value.message


def _without_trivy() -> str:
    try:
        find_trivy(SHELL)
    except PipelineError as error:
        return error.message
    return ""


@pytest.mark.long
@pytest.mark.needs("kubectl")
@pytest.mark.skipif(
    bool(_without_trivy()) and not os.environ.get("CI"), reason=_without_trivy() or "there is one"
)
def test_trivy_stops_at_a_flaw_that_only_the_rendered_overlay_has(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "deploy" / "kubernetes", tmp_path / "deploy" / "kubernetes")
    shutil.copytree(ROOT / "tests/data/trivy-db", tmp_path / "tests/data/trivy-db")
    (folder,) = (one for one in overlays(tmp_path) if one.name == "development")
    with (folder / "kustomization.yaml").open("a", encoding="utf-8") as file:
        file.write(
            "  - target: {kind: StatefulSet, name: mgit}\n"
            "    patch: |\n"
            "      - op: remove\n"
            "        path: /spec/template/spec/containers/0/resources/limits/memory\n"
        )
    SHELL.run(("git", "init", "--quiet", tmp_path))
    scan = tree.scan(SHELL, tmp_path, mode="fixture")
    blocking = {one.finding.where.split(":")[0]: one.ids for one in scan.seen if one.blocking}
    assert blocking == {"rendered/development.yaml": ("KSV018",)}


def test_without_kubectl_nothing_is_called_clean(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="kubectl is not installed") as caught:
        render(Shell(env={"PATH": str(tmp_path)}), ROOT / "deploy/kubernetes/overlays/development")
    assert caught.value.exit_code is Exit.ENVIRONMENT
