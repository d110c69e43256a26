"""A real cluster of one node, made by kind: what no schema and no stand-in can tell.

`nox -s cluster`; it takes minutes, and needs an engine, kind, kubectl and kind's node image. It has
not been run on the machines where mgit is written, which cannot get that image.
"""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.deployment.environments import Environment, Gates
from pipeline.deployment.kubectl import Kubectl
from pipeline.deployment.kubernetes import KubernetesTarget
from pipeline.deployment.places import KubernetesPlace
from pipeline.project import child_environment
from pipeline.shell import Shell

pytestmark = [pytest.mark.cluster, pytest.mark.engine, pytest.mark.needs("kind", "kubectl")]

ROOT = Path(__file__).parents[2]
OVERLAYS = ROOT / "deploy" / "kubernetes" / "overlays"
SPACE = "mgit-test"
NAME = "registry.test/mgit"
BREAKS = 'ENTRYPOINT ["/usr/bin/python3", "-c", "raise SystemExit(1)"]\n'


@dataclass(frozen=True)
class Cluster:
    """One that goes away, with three images on its node."""

    shell: Shell
    folder: Path
    first: str
    second: str
    broken: str

    def target(self, overlay: Path) -> KubernetesTarget:
        place = KubernetesPlace(overlay, SPACE)
        environment = Environment("test", place, gates=Gates(timeout=180))
        kubectl = Kubectl(self.shell, SPACE)
        return KubernetesTarget(
            environment, place, kubectl, self.folder / "out", lambda _name, _where: nullcontext()
        )

    def kubectl(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["kubectl", *words],
            capture_output=True,
            text=True,
            input=stdin,
            env=dict(self.shell.env),
            check=False,
        )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    from pipeline.artifacts.image import build_image

    folder = tmp_path_factory.mktemp("kind")
    name = f"mgit-{uuid.uuid4().hex[:8]}"
    shell = Shell(env={**child_environment(), "KUBECONFIG": str(folder / "config")})
    made = shell.run(("kind", "create", "cluster", "--name", name, "--wait", "180s"), check=False)
    try:
        if not made.ok:
            why = f"kind makes no cluster here: {made.stderr.strip().splitlines()[-1:]}"
            if os.environ.get("CI"):
                pytest.fail(why)
            pytest.skip(why)
        build_image(ROOT, f"{name}:first")
        for tag, more in (("second", "LABEL again=yes\n"), ("broken", BREAKS)):
            text = f"FROM {name}:first\n{more}"
            shell.run(("docker", "build", "--tag", f"{name}:{tag}", "-"), stdin=text)
        images = (on_node(shell, name, tag) for tag in ("first", "second", "broken"))
        yield Cluster(shell, folder, *images)
    finally:
        shell.run(("kind", "delete", "cluster", "--name", name), check=False)
        for tag in ("first", "second", "broken"):
            shell.run(("docker", "image", "rm", "--force", f"{name}:{tag}"), check=False)


def on_node(shell: Shell, name: str, tag: str) -> str:
    """Bring an image to the node under a name with its digest, as a pull would."""
    shell.run(("kind", "load", "docker-image", f"{name}:{tag}", "--name", name))
    ctr = ("docker", "exec", f"{name}-control-plane", "ctr", "--namespace", "k8s.io", "images")
    there = f"docker.io/library/{name}:{tag}"
    listed = shell.run((*ctr, "ls", f"name=={there}")).stdout.splitlines()[1]
    reference = f"{NAME}@{listed.split()[2]}"
    shell.run((*ctr, "tag", "--force", there, reference))
    return reference


def test_an_image_goes_live_another_follows_and_a_broken_one_leaves_again(
    cluster: Cluster,
) -> None:
    target = cluster.target(OVERLAYS / "development")
    assert target.observe() is None
    target.pull(cluster.first)
    assert target.put(cluster.first, "") == ""
    running = target.observe()
    assert running is not None
    assert (running.reference, running.healthy) == (cluster.first, True)
    assert running.version
    answer = target.ask("/readyz")
    assert answer is not None
    assert answer.ok
    assert target.put(cluster.second, cluster.first) == ""
    # A pod that never gets ready must not stop the way back: podManagementPolicy.
    assert "did not become healthy" in target.put(cluster.broken, cluster.second)
    assert target.put(cluster.second, cluster.first) == ""
    running = target.observe()
    assert running is not None
    assert (running.reference, running.previous) == (cluster.second, cluster.first)
    assert target.canary(cluster.second, "listed") == ""


def test_the_namespace_takes_no_privileged_pod(cluster: Cluster) -> None:
    refused = cluster.kubectl(
        *("run", "up", "--namespace", SPACE, "--image", "any", "--privileged"), "--restart=Never"
    )
    assert refused.returncode != 0
    assert 'violates PodSecurity "restricted' in refused.stderr


@pytest.mark.parametrize("overlay", ["development", "scheduled", "once"])
def test_the_server_takes_every_overlay_without_a_warning(cluster: Cluster, overlay: str) -> None:
    rendered = cluster.kubectl("kustomize", str(OVERLAYS / overlay)).stdout
    space = rendered.split("namespace: ", 1)[1].splitlines()[0]
    cluster.kubectl("create", "namespace", space)
    words = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--filename", "-")
    said = cluster.kubectl(*words, stdin=rendered)
    assert said.returncode == 0, said.stderr
    assert "Warning" not in said.stderr


def test_each_pod_knows_its_shard_by_its_ordinal(cluster: Cluster) -> None:
    folder = ROOT / "dist" / f"kind-{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    overlay = folder / "kustomization.yaml"
    try:
        overlay.write_text(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
            "resources: [../../deploy/kubernetes/overlays/development]\n"
            "components: [../../deploy/kubernetes/components/sharded]\n",
            encoding="utf-8",
        )
        target = cluster.target(folder)
        assert target.put(cluster.first, "") == ""
        for index in range(3):
            argv = target.kubectl.argv("exec", f"mgit-{index}", "--", "mgit", "config", "show")
            assert f"{index}/3" in cluster.shell.run(argv).stdout
    finally:
        overlay.unlink()
        folder.rmdir()
