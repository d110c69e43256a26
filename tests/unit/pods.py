"""What Pod Security "restricted" and the house ask of a pod, in files and as rendered."""

from __future__ import annotations

from typing import Any

HARMLESS_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
    "projected", "secret",
}  # fmt: skip
WORKLOADS = ("StatefulSet", "CronJob", "Job")


def pod_of(workload: dict[str, Any]) -> dict[str, Any]:
    """The pod's own description in a StatefulSet, a Job or a CronJob."""
    spec = workload["spec"]
    spec = spec["jobTemplate"]["spec"] if workload["kind"] == "CronJob" else spec
    pod: dict[str, Any] = spec["template"]["spec"]
    return pod


def assert_restricted(pod: dict[str, Any]) -> None:
    """Field by field."""
    assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & pod.keys()
    security = pod["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] > 0
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"sysctls", "seLinuxOptions", "appArmorProfile", "windowsOptions"} & security.keys()
    for container in pod["containers"] + pod.get("initContainers", []):
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False
        assert own["capabilities"] == {"drop": ["ALL"]}
        assert own["readOnlyRootFilesystem"] is True
        assert not {"privileged", "procMount", "runAsUser"} & own.keys()
        assert all("hostPort" not in port for port in container.get("ports", []))
        assert {"cpu", "memory"} <= container["resources"]["limits"].keys()
        assert "@sha256:" in container["image"]
    for volume in pod["volumes"]:
        assert len(volume.keys() - {"name"}) == 1
        assert volume.keys() - {"name"} <= HARMLESS_VOLUMES
    assert pod["automountServiceAccountToken"] is False


def assert_no_secret_in_the_environment(pod: dict[str, Any]) -> None:
    """Secrets are files."""
    for container in pod["containers"]:
        assert "envFrom" not in container
        for variable in container.get("env", []):
            assert "secretKeyRef" not in variable.get("valueFrom", {}), variable["name"]
