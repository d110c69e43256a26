"""Every overlay is rendered and looked at whole: what a patch undoes, no single file shows."""

from __future__ import annotations

import importlib.util
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from mgit.config.values import Where, read_shard
from tests.unit.pods import (
    WORKLOADS,
    assert_no_secret_in_the_environment,
    assert_restricted,
    pod_of,
)

pytestmark = pytest.mark.needs("kubectl")

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = sorted(file.parent.name for file in KUBERNETES.glob("overlays/*/kustomization.yaml"))
SERVICES = ("development", "staging", "production")
IMAGE = f"registry.example.com/mgit@sha256:{'0' * 64}"

Object = dict[str, Any]


@cache
def rendered(overlay: str) -> tuple[Object, ...]:
    folder = KUBERNETES / "overlays" / overlay
    said = subprocess.run(
        ["kubectl", "kustomize", folder], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stderr
    assert "deprecated" not in said.stderr
    return tuple(yaml.load_all(said.stdout, yaml.CSafeLoader))


def of(overlay: str, kind: str) -> list[Object]:
    return [one for one in rendered(overlay) if one["kind"] == kind]


def only(overlay: str, kind: str, name: str = "mgit") -> Object:
    (found,) = (one for one in of(overlay, kind) if one["metadata"]["name"] == name)
    return found


def workloads(overlay: str) -> list[Object]:
    return [one for kind in WORKLOADS for one in of(overlay, kind)]


def service_pod(overlay: str) -> Object:
    return pod_of(only(overlay, "StatefulSet"))


def variables(pod: Object) -> dict[str, Any]:
    return {one["name"]: one for one in pod["containers"][0].get("env", [])}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_of_every_overlay_is_within_restricted(overlay: str) -> None:
    assert workloads(overlay)
    for workload in workloads(overlay):
        assert_restricted(pod_of(workload))
        assert_no_secret_in_the_environment(pod_of(workload))


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_namespace_enforces_restricted(overlay: str) -> None:
    (namespace,) = of(overlay, "Namespace")
    labels = namespace["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    inside = {one["metadata"].get("namespace") for one in rendered(overlay) if one is not namespace}
    assert inside == {namespace["metadata"]["name"]}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_image_is_pinned_and_of_one_name_that_a_deployment_replaces(overlay: str) -> None:
    pods = [pod_of(one) for one in workloads(overlay)]
    assert {one["image"] for pod in pods for one in pod["containers"]} == {IMAGE}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_is_under_the_network_policies_and_only_the_service_is_asked(
    overlay: str,
) -> None:
    rules = {one["metadata"]["name"]: one["spec"] for one in of(overlay, "NetworkPolicy")}
    assert rules["mgit-nothing"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    out = rules["mgit-out"]["podSelector"]["matchLabels"]
    for workload in workloads(overlay):
        spec = workload["spec"]
        spec = spec["jobTemplate"]["spec"] if workload["kind"] == "CronJob" else spec
        labels = spec["template"]["metadata"]["labels"]
        assert out.items() <= labels.items()
        asked = rules["mgit-metrics"]["podSelector"]["matchLabels"].items() <= labels.items()
        assert asked is (workload["kind"] == "StatefulSet")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_volume_and_secret_that_a_pod_mounts_is_defined_or_documented(overlay: str) -> None:
    page = (ROOT / "docs/operations/kubernetes.md").read_text(encoding="utf-8")
    maps = {one["metadata"]["name"] for one in of(overlay, "ConfigMap")}
    claims = {one["metadata"]["name"] for one in of(overlay, "PersistentVolumeClaim")}
    for workload in workloads(overlay):
        pod = pod_of(workload)
        templates = workload["spec"].get("volumeClaimTemplates", [])
        there = {one["name"] for one in pod["volumes"]} | {
            one["metadata"]["name"] for one in templates
        }
        mounts = pod["containers"][0]["volumeMounts"]
        assert {one["name"] for one in mounts} == there
        assert all(one.get("readOnly") for one in mounts if one["name"] not in {"data", "tmp"})
        for volume in pod["volumes"]:
            match volume:
                case {"configMap": {"name": name}}:
                    assert name in maps
                case {"persistentVolumeClaim": {"claimName": name}}:
                    assert name in claims
                case {"secret": {"secretName": name, "defaultMode": mode}}:
                    assert mode == 0o440
                    assert f"`{name}`" in page


@pytest.mark.parametrize("overlay", SERVICES)
def test_the_service_is_asked_whether_it_lives_and_is_ready(overlay: str) -> None:
    container = service_pod(overlay)["containers"][0]
    asked = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness")}
    assert asked == {name: {"path": "/livez", "port": "http"} for name in asked}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "http"}
    # mgit ends within 10 s of SIGTERM.
    assert service_pod(overlay)["terminationGracePeriodSeconds"] > 10


@pytest.mark.parametrize("overlay", SERVICES)
def test_selectors_find_what_they_are_for(overlay: str) -> None:
    stateful = only(overlay, "StatefulSet")
    labels = stateful["spec"]["template"]["metadata"]["labels"]
    budget = only(overlay, "PodDisruptionBudget")["spec"]
    assert budget["selector"]["matchLabels"].items() <= labels.items()
    assert budget["maxUnavailable"] == 1
    headless = only(overlay, "Service")["spec"]
    assert headless["clusterIP"] == "None"
    assert headless["selector"].items() <= labels.items()
    assert stateful["spec"]["serviceName"] == "mgit"
    ports = {one["name"] for one in stateful["spec"]["template"]["spec"]["containers"][0]["ports"]}
    for service in of(overlay, "Service"):
        assert {one["targetPort"] for one in service["spec"]["ports"]} <= ports


@pytest.mark.parametrize("overlay", SERVICES)
def test_a_version_that_never_gets_ready_does_not_stop_the_way_back(overlay: str) -> None:
    spec = only(overlay, "StatefulSet")["spec"]
    assert spec["podManagementPolicy"] == "Parallel"
    assert spec["updateStrategy"]["type"] == "RollingUpdate"
    assert set(spec["persistentVolumeClaimRetentionPolicy"].values()) == {"Retain"}


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_there_are_as_many_pods_services_and_hosts_as_shards(overlay: str) -> None:
    stateful = only(overlay, "StatefulSet")
    names = list(variables(service_pod(overlay)))
    assert names.index("INDEX") < names.index("MGIT_SHARD"), "$(INDEX) must be known before"
    value = variables(service_pod(overlay))["MGIT_SHARD"]["value"]
    count = stateful["spec"]["replicas"]
    for index in range(count):
        shard = read_shard(value.replace("$(INDEX)", str(index)), Where("MGIT_SHARD", ROOT, None))
        assert (shard.index, shard.count) == (index, count)
    pods = {f"mgit-{index}" for index in range(count)}
    services = {
        one["metadata"]["name"]: one["spec"]["selector"]["statefulset.kubernetes.io/pod-name"]
        for one in of(overlay, "Service")
        if one["metadata"]["name"] != "mgit"
    }
    assert services == {name: name for name in pods}
    rules = only(overlay, "Ingress")["spec"]["rules"]
    behind = [rule["http"]["paths"][0]["backend"]["service"]["name"] for rule in rules]
    assert sorted(behind) == sorted(pods)
    hosts = only(overlay, "Ingress")["spec"]["tls"][0]["hosts"]
    assert hosts == [rule["host"] for rule in rules]


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_webhooks_come_in_by_a_port_that_asks_for_a_token(overlay: str) -> None:
    pod = service_pod(overlay)
    assert variables(pod)["MGIT_WEB"]["value"] == "0.0.0.0:8081"
    file = variables(pod)["MGIT_WEB_TOKEN_FILE"]["value"]
    assert file == "/run/secrets/web/tokens"
    (monitor,) = of(overlay, "ServiceMonitor")
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["authorization"] == {"credentials": {"name": "mgit-web", "key": "prometheus"}}


def test_the_indexed_job_gives_each_shard_a_root_of_its_own() -> None:
    job = only("once", "Job", "mgit-shards")["spec"]
    env = variables(pod_of({"kind": "Job", "spec": job}))
    assert job["completionMode"] == "Indexed"
    assert job["completions"] == job["parallelism"] == int(env["MGIT_SHARD"]["value"][-1])
    assert env["MGIT_ROOT"]["value"] == "/data/$(INDEX)"
    assert env["MGIT_STATE_DIR"]["value"].startswith(env["MGIT_ROOT"]["value"])
    field = env["INDEX"]["valueFrom"]["fieldRef"]["fieldPath"]
    assert field == "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    hopeless, _ = job["podFailurePolicy"]["rules"]
    assert hopeless["onExitCodes"]["values"] == [2, 3]  # docs/usage.md: configuration, credentials


def test_two_runs_of_the_cron_job_never_share_its_root() -> None:
    cron = only("scheduled", "CronJob", "mgit-sync")["spec"]
    assert cron["concurrencyPolicy"] == "Forbid"
    assert cron["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"] == ["sync"]
    (claim,) = of("scheduled", "PersistentVolumeClaim")
    assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]


# ── what the Prometheus Operator reads; its API has no schema here, so the fields are named ───────

MONITOR = {"jobLabel", "selector", "endpoints"}
ENDPOINT = {"port", "path", "interval", "scrapeTimeout", "relabelings", "authorization"}
RELABELING = {"action", "sourceLabels", "targetLabel"}


def test_prometheus_scrapes_each_pod_under_the_job_that_the_rules_ask_for() -> None:
    monitor = only("production", "ServiceMonitor")["spec"]
    assert monitor.keys() == MONITOR
    (endpoint,) = monitor["endpoints"]
    assert endpoint.keys() <= ENDPOINT
    assert all(one.keys() == RELABELING for one in endpoint["relabelings"])
    found = [
        one
        for one in of("production", "Service")
        if monitor["selector"]["matchLabels"].items() <= one["metadata"]["labels"].items()
    ]
    assert [one["metadata"]["name"] for one in found] == ["mgit"], "not those of the webhooks too"
    assert found[0]["metadata"]["labels"][monitor["jobLabel"]] == "mgit"
    assert endpoint["port"] in {one["name"] for one in found[0]["spec"]["ports"]}


def test_the_rules_are_those_of_the_observability_folder_letter_by_letter() -> None:
    rules = (ROOT / "deploy/observability/mgit.rules.yml").read_text(encoding="utf-8")
    folder = KUBERNETES / "components" / "monitoring"
    spec = importlib.util.spec_from_file_location("make_rules", folder / "make_rules.py")
    assert spec is not None
    assert spec.loader is not None
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    said = (folder / "rules.yaml").read_text(encoding="utf-8")
    assert said == make.render(rules), "run deploy/kubernetes/components/monitoring/make_rules.py"
    for overlay in ("staging", "production"):
        assert only(overlay, "PrometheusRule")["spec"] == yaml.safe_load(rules)


@pytest.mark.needs("promtool")
def test_prometheus_reads_the_rules_as_they_are_rendered(tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump(only("production", "PrometheusRule")["spec"]), encoding="utf-8")
    said = subprocess.run(
        ["promtool", "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert said.returncode == 0, said.stdout + said.stderr
