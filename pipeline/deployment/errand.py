"""A Job beside the service: the same pod with another image and other words, without its volume.

It is made from what the overlay says of the service, so that it may do what the service may (the
same account, rights, network and secrets) and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pipeline.manifests.overlays import objects_of
from pipeline.step import Exit, PipelineError

_SHARED = ("tmp", "config", "tokens")
_SCRATCH = "8Gi"
Object = dict[str, Any]


def job(rendered: str, *, name: str, reference: str, args: Sequence[str], seconds: int) -> str:
    """The Job as JSON, for `kubectl apply`.

    Args:
        rendered: the overlay, as YAML documents.
        name: of the Job.
        reference: its image by digest.
        args: of mgit.
        seconds: after which the cluster ends it.

    Raises:
        PipelineError: ENVIRONMENT, the overlay has no service.
    """
    pod = _service(rendered)["spec"]["template"]["spec"]
    container = next(one for one in pod["containers"] if one["name"] == "mgit")
    synced = "sync" in args  # needs configuration, tokens and a place for clones
    shared = _SHARED if synced else ("tmp",)
    mounts = [one for one in container["volumeMounts"] if one["name"] in shared]
    volumes = [one for one in pod["volumes"] if one["name"] in shared]
    resources = container["resources"]
    if synced:
        mounts.append({"name": "data", "mountPath": "/data"})
        volumes.append({"name": "data", "emptyDir": {"sizeLimit": _SCRATCH}})
        limits = {**resources.get("limits", {}), "ephemeral-storage": _SCRATCH}
        resources = {**resources, "limits": limits}
    errand = {
        "name": container["name"],
        "image": reference,
        "imagePullPolicy": "IfNotPresent",
        "args": list(args),
        "securityContext": container["securityContext"],
        "resources": resources,
        "volumeMounts": mounts,
    }
    kept = ("serviceAccountName", "automountServiceAccountToken", "securityContext")
    spec = {key: pod[key] for key in (*kept, "imagePullSecrets") if key in pod}
    spec |= {"restartPolicy": "Never", "enableServiceLinks": False}
    spec |= {"containers": [errand], "volumes": volumes}
    labels = {"app.kubernetes.io/name": "mgit", "app.kubernetes.io/component": "errand"}
    document = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": seconds,
            "ttlSecondsAfterFinished": 3600,
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }
    return json.dumps(document)


def supports(rendered: str) -> str:
    """What of the overlay has to be there before such a Job: namespace, account, network, maps."""
    first = {"Namespace", "ServiceAccount", "NetworkPolicy", "ConfigMap"}
    chosen = [one for one in objects_of(rendered) if one["kind"] in first]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": chosen})


def _service(rendered: str) -> Object:
    for one in objects_of(rendered):
        if one["kind"] == "StatefulSet" and one["metadata"]["name"] == "mgit":
            return one
    raise PipelineError(
        "the overlay has no StatefulSet mgit",
        exit_code=Exit.ENVIRONMENT,
        advice="deploy an overlay of deploy/kubernetes/base; the others are for `kubectl apply -k`",
    )
