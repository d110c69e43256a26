"""Deploying to a cluster: a kubectl that plays one, real rendering, real HTTP, the real rules.

There is no cluster on the machines of the project. What a real one makes of it is for
tests/cluster.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipeline.deployment.commands import Hands
from pipeline.deployment.environments import Environment, Gates
from pipeline.deployment.kubernetes import KubernetesTarget, open_kubernetes
from pipeline.deployment.places import KubernetesPlace
from pipeline.deployment.targets import open_target
from pipeline.faults import effect
from pipeline.project import Project, child_environment
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError
from sandbox.serving import LOOPBACK, Handler, Server, running, silent
from tests.pipeline import kubectl_stand_in
from tests.pipeline.deploying import ABSENT, BROKEN, CRASHES, ENDPOINTS, OTHER, SICK, A, B, Stage

pytestmark = [pytest.mark.needs("kubectl"), pytest.mark.slow]

ROOT = Path(__file__).parents[2]
OVERLAYS = ROOT / "deploy" / "kubernetes" / "overlays"


@dataclass
class Cluster(Stage):
    """A stage whose platform is a namespace called `there`, behind the kubectl that plays it."""

    @property
    def bin(self) -> Path:
        return self.root / "bin"

    @property
    def project(self) -> Project:
        env = {**child_environment(), "PATH": str(self.bin)}
        return Project(self.root, self.root / "out", ENDPOINTS, Shell(env=env), fault=self.fault)

    @property
    def target(self) -> KubernetesTarget:
        place = self.environment.place
        assert isinstance(place, KubernetesPlace)
        target = open_kubernetes(
            self.project, self.environment, place, partial(effect, self.project)
        )
        return replace(target, sleep=self.time.sleep)

    @property
    def hands(self) -> Hands:
        return Hands(
            open=lambda _project, _place: self.target,
            clock=self.time.clock,
            ask=self.ask,
            say=self.said.append,
        )

    def holds(self) -> dict[str, Any]:
        file = self.bin / "cluster.json"
        return dict(json.loads(file.read_text())) if file.exists() else {}

    def say(self, **values: Any) -> None:
        (self.bin / "cluster.json").write_text(json.dumps({**self.holds(), **values}))

    @property
    def calls(self) -> list[list[str]]:
        lines = (self.bin / "calls.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    @property
    def runs(self) -> str:
        found = self.holds().get("set")
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"]) if found else ""


class Pods(Handler):
    """What a pod answers, by the image that runs."""

    cluster: Cluster

    log_message = silent

    def do_GET(self) -> None:  # noqa: N802  the name that the library asks for
        which = self.cluster.runs[-1:]
        body, status = b"ready\n", 200 if which != kubectl_stand_in.NEVER_READY else 503
        if self.path == "/metrics":
            told = "1.1.0" if which == kubectl_stand_in.OTHER else kubectl_stand_in.VERSIONS[which]
            body = f'mgit_build_info{{version="{told}"}} 1\n'.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def cluster(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    real = shutil.which("kubectl")
    assert real is not None
    (tmp_path / "bin").mkdir()
    body = Path(kubectl_stand_in.__file__).read_text(encoding="utf-8")
    program = tmp_path / "bin" / "kubectl"
    program.write_text(f"#!{sys.executable} -IS\n{body}", encoding="utf-8")
    program.chmod(0o755)
    (tmp_path / "bin" / "real").write_text(real)
    known = tmp_path_factory.getbasetemp() / "known"
    known.mkdir(exist_ok=True)
    (tmp_path / "bin" / "known").write_text(str(known))
    (tmp_path / "bin" / "path.json").write_text(json.dumps(sys.path))
    place = KubernetesPlace(OVERLAYS / "development", "there")
    gates = Gates(timeout=5, settle=0)
    made = Cluster(tmp_path, Environment("test", place, context="east", gates=gates))
    handler = type("Handler", (Pods,), {"cluster": made})
    with running(Server((LOOPBACK, 0), handler)) as server:
        (tmp_path / "bin" / "port").write_text(str(server.server_port))
        yield made


def annotation(cluster: Cluster) -> str:
    return str(cluster.holds()["set"]["metadata"]["annotations"]["mgit.previous"])


def refused(cluster: Cluster, reference: str) -> PipelineError:
    with pytest.raises(PipelineError) as caught:
        cluster.deploy(reference)
    return caught.value


def test_what_is_applied_is_the_overlay_with_this_image_in_this_namespace(cluster: Cluster) -> None:
    cluster.deploy(A)
    assert cluster.runs == A
    objects = cluster.holds()["objects"]
    assert {"Namespace/there", "StatefulSet/mgit", "NetworkPolicy/mgit-nothing"} <= objects.keys()
    spaces = {one["metadata"].get("namespace", "there") for one in objects.values()}
    assert spaces == {"there"}
    about = [call[:4] for call in cluster.calls if call[0] != "kustomize"]
    assert all(call == ["--context", "east", "--namespace", "there"] for call in about)
    applied = [call for call in cluster.calls if "apply" in call]
    assert all({"--server-side", "--field-manager"} <= set(call) for call in applied)


def test_an_upgrade_and_the_way_back_go_by_the_annotation(cluster: Cluster) -> None:
    cluster.deploy(A)
    assert annotation(cluster) == ""
    cluster.deploy(B)
    assert (cluster.runs, annotation(cluster)) == (B, A)
    cluster.rollback()
    assert cluster.runs == A
    assert [f"{one.action} {one.event}" for one in cluster.ledger][-2:] == [
        "rollback start",
        "rollback done",
    ]
    undo = [call for call in cluster.calls if "undo" in call]
    assert undo == [], "revisions of the cluster's own say nothing of what was deployed"


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (BROKEN, "timed out waiting for the condition; its last words: "),
        pytest.param(CRASHES, "it ended and was started again", marks=pytest.mark.long),
        pytest.param(OTHER, "1.1.0, 9.9.9 was asked for", marks=pytest.mark.long),
    ],
)
def test_a_bad_version_goes_and_what_ran_comes_back(cluster: Cluster, bad: str, told: str) -> None:
    cluster.deploy(A)
    cluster.gated(timeout=5, settle=1)
    error = refused(cluster, bad)
    assert error.exit_code is Exit.GATE
    assert told in error.message
    assert f"rolled back to {A}, which is healthy" in error.message
    assert cluster.runs == A
    assert cluster.ledger[-1].deed.live == A


@pytest.mark.long
def test_a_first_version_that_is_bad_leaves_nothing_running_and_the_volumes(
    cluster: Cluster,
) -> None:
    assert "nothing runs now" in refused(cluster, BROKEN).message
    assert cluster.runs == ""
    deleted = [call[4:7] for call in cluster.calls if "delete" in call]
    assert ["delete", "statefulset/mgit", "--ignore-not-found"] in deleted
    assert all(call[1].startswith(("job", "statefulset")) for call in deleted)


@pytest.mark.long
def test_an_image_that_is_not_to_be_had_stops_nothing(cluster: Cluster) -> None:
    cluster.deploy(A)
    generation = cluster.holds()["set"]["metadata"]["generation"]
    error = refused(cluster, ABSENT)
    assert error.exit_code is Exit.ENVIRONMENT
    assert "cannot be had in test: ImagePullBackOff: Back-off pulling image" in error.message
    assert cluster.holds()["set"]["metadata"]["generation"] == generation
    assert cluster.holds()["jobs"] == {}, "its Job is cleared away"


@pytest.mark.long
def test_a_canary_syncs_beside_the_service_before_anything_is_changed(cluster: Cluster) -> None:
    cluster.gated(timeout=5, settle=0, canary="work/acme")
    cluster.deploy(A)
    error = refused(cluster, SICK)
    assert error.exit_code is Exit.GATE
    assert "the canary sync failed: it ended badly: work: no such host" in error.message
    assert cluster.runs == A
    job = cluster.holds()["objects"]["Job/mgit-canary"]
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["args"] == ["sync", "work/acme"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    volumes = {one["name"]: one for one in pod["volumes"]}
    assert volumes["data"] == {"name": "data", "emptyDir": {"sizeLimit": "8Gi"}}
    assert {one["name"] for one in container["volumeMounts"]} == volumes.keys()
    labels = job["spec"]["template"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/component"] != "service", "no Service may lead to it"


def test_every_shard_is_asked_and_the_worst_answer_counts(cluster: Cluster) -> None:
    cluster.environment = replace(
        cluster.environment, place=KubernetesPlace(OVERLAYS / "production", "there")
    )
    assert cluster.target.ask("/readyz") is None, "nothing runs"
    assert cluster.target.put(A, "") == ""
    answer = cluster.target.ask("/readyz")
    assert answer is not None
    assert answer.ok
    asked = [call[5] for call in cluster.calls if "port-forward" in call]
    assert asked == ["pod/mgit-0", "pod/mgit-1", "pod/mgit-2"]
    assert "did not become healthy" in cluster.target.put(BROKEN, A)
    worst = cluster.target.ask("/readyz")
    assert worst is not None
    assert worst.status == 503
    observed = cluster.target.observe()
    assert observed is not None
    assert (observed.healthy, observed.previous) == (False, A)


def test_a_cluster_that_does_not_answer_is_told_in_its_own_words(cluster: Cluster) -> None:
    cluster.say(down=True, jobs={}, objects={})
    with pytest.raises(PipelineError, match="did you specify the right host") as caught:
        cluster.target.observe()
    assert caught.value.exit_code is Exit.ENVIRONMENT


def test_an_overlay_without_a_service_is_refused(cluster: Cluster) -> None:
    cluster.environment = replace(
        cluster.environment, place=KubernetesPlace(OVERLAYS / "scheduled", "there")
    )
    with pytest.raises(PipelineError, match="no StatefulSet mgit"):
        cluster.target.pull(A)


@pytest.mark.long
@pytest.mark.parametrize("fault", ["deploy:pull", "deploy:values", "deploy:up"])
def test_a_deployment_that_was_killed_is_finished_by_the_next_call(
    cluster: Cluster, fault: str
) -> None:
    cluster.deploy(A)

    class Killed(BaseException):
        pass

    def dies(name: str, _where: str) -> Any:
        class Scope:
            def __enter__(self) -> None: ...

            def __exit__(self, *_error: object) -> None:
                if name == fault:
                    raise Killed

        return Scope()

    target = replace(cluster.target, effect=dies)
    with pytest.raises(Killed):
        (target.pull(B), target.put(B, A))
    cluster.deploy(B)
    assert (cluster.runs, annotation(cluster)) == (B, A)


def test_the_kind_of_an_environment_opens_the_target(cluster: Cluster) -> None:
    assert isinstance(open_target(cluster.project, cluster.environment), KubernetesTarget)
