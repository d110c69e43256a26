"""A kubectl for tests: renders with the real one, and plays the cluster from a file.

It is started as a program. `cluster.json` beside it is what the cluster holds, `calls.jsonl` what
was asked of it. How an image behaves is told by the letter that its digest is made of (see
`deploying.py`). It knows only what `pipeline.deployment` uses, and what it prints has the shape
that kubectl 1.32 prints.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
NEVER_READY, CRASHES, ABSENT, OTHER, SICK = "0", "1", "3", "4", "5"
VERSIONS = {"a": "1.0.0", "b": "1.1.0", "c": "1.2.0", OTHER: "9.9.9", CRASHES: "1.3.0"}
Object = dict[str, Any]


def load() -> Object:
    file = HERE / "cluster.json"
    return dict(json.loads(file.read_text())) if file.exists() else {"jobs": {}, "objects": {}}


def save(cluster: Object) -> None:
    fresh = HERE / f"cluster.{os.getpid()}"
    fresh.write_text(json.dumps(cluster))
    fresh.replace(HERE / "cluster.json")


def letter(workload: Object) -> str:
    image: str = workload["spec"]["template"]["spec"]["containers"][0]["image"]
    return image[-1]


def apply(cluster: Object) -> int:
    if cluster.get("down"):
        return refuse("The connection to the server was refused - did you specify the right host?")
    text = sys.stdin.read()
    for one in documents(text):
        kind, name = one["kind"], one["metadata"]["name"]
        if kind == "StatefulSet":
            before = cluster.get("set") or {"metadata": {}}
            one["metadata"]["generation"] = before["metadata"].get("generation", 0) + 1
            cluster["set"] = one
        elif kind == "Job":
            cluster["jobs"][name] = one
        cluster["objects"][f"{kind}/{name}"] = one
        print(f"{kind.lower()}/{name} serverside-applied")
    save(cluster)
    return 0


def documents(text: str) -> list[Object]:
    if text.startswith("{"):
        one = json.loads(text)
        return list(one["items"]) if one["kind"] == "List" else [one]
    sys.path += json.loads((HERE / "path.json").read_text())
    import yaml

    return [one for one in yaml.load_all(text, yaml.CSafeLoader) if one]


def get_set(cluster: Object) -> int:
    found = cluster.get("set")
    if not found:
        return 0
    count, well = found["spec"]["replicas"], letter(found) != NEVER_READY
    status = {
        "observedGeneration": found["metadata"]["generation"],
        "replicas": count,
        "readyReplicas": count if well else count - 1,
        "updatedReplicas": count if well else 1,
        "currentRevision": "mgit-new" if well else "mgit-old",
        "updateRevision": "mgit-new",
    }
    print(json.dumps({**found, "status": status}))
    return 0


def get_pods(cluster: Object, selector: str) -> int:
    name, _, value = selector.rpartition("=")
    if name.endswith("job-name"):
        items = [job_pod(cluster["jobs"][value])] if value in cluster["jobs"] else []
    else:
        items = service_pods(cluster)
    print(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return 0


def service_pods(cluster: Object) -> list[Object]:
    found = cluster.get("set")
    if not found:
        return []
    which = letter(found)
    cluster["looks"] = cluster.get("looks", 0) + 1
    save(cluster)
    restarts = cluster["looks"] if which == CRASHES else 0
    state: Object = {"running": {}}
    return [
        {
            "metadata": {"name": f"mgit-{index}"},
            "status": {
                "phase": "Running",
                "startTime": "2026-11-28T10:00:00Z",
                "containerStatuses": [
                    {"ready": which != NEVER_READY, "restartCount": restarts, "state": state}
                ],
            },
        }
        for index in range(found["spec"]["replicas"])
    ]


def job_pod(job: Object) -> Object:
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image: not found"}
    state = {"waiting": waiting} if letter(job) == ABSENT else {"terminated": {}}
    statuses = [{"ready": False, "restartCount": 0, "state": state}]
    return {"metadata": {"name": "errand-x1"}, "status": {"containerStatuses": statuses}}


def get_job(cluster: Object, name: str) -> int:
    job = cluster["jobs"].get(name)
    if job is None:
        return 0
    conditions = []
    if letter(job) != ABSENT:
        failed = letter(job) == SICK and name == "mgit-canary"
        conditions = [{"type": "Failed" if failed else "Complete", "status": "True"}]
    print(json.dumps({**job, "status": {"conditions": conditions}}))
    return 0


def logs(cluster: Object, name: str) -> int:
    kind, _, job = name.partition("/")
    if kind != "job":
        print('{"level":"error","event":"state not loaded"}')
    elif job == "mgit-pull":
        print(f"mgit {VERSIONS.get(letter(cluster['jobs'][job]), '1.9.0')}")
    else:
        print("work: no such host" if letter(cluster["jobs"][job]) == SICK else "1 up to date")
    return 0


def delete(cluster: Object, words: list[str]) -> int:
    if words[1] == "job":
        cluster["jobs"].pop(words[2], None)
    else:
        cluster["set"] = None
    save(cluster)
    return 0


def forward() -> int:
    port = (HERE / "port").read_text()
    print(f"Forwarding from 127.0.0.1:{port} -> 8080", flush=True)
    signal.pause()
    return 0


def refuse(why: str) -> int:
    print(why, file=sys.stderr)
    return 1


def main(argv: list[str]) -> int:
    with (HERE / "calls.jsonl").open("a") as file:
        file.write(json.dumps(argv) + "\n")
    if argv[0] == "kustomize":
        return kustomize(argv)
    words = argv[2:] if argv[0] == "--context" else argv
    return play(words[2:], load())  # behind `--namespace NAME`


def kustomize(argv: list[str]) -> int:
    """Render with the real one; what was rendered once in a run of the tests is known."""
    text = (Path(argv[1]) / "kustomization.yaml").read_text()
    known = Path((HERE / "known").read_text()) / hashlib.sha256(text.encode()).hexdigest()
    if not known.exists():
        real = (HERE / "real").read_text()
        ran = subprocess.run([real, *argv], capture_output=True, text=True, check=False)
        if ran.returncode:
            return refuse(ran.stderr)
        fresh = known.with_suffix(f".{os.getpid()}")
        fresh.write_text(ran.stdout)
        fresh.replace(known)
    sys.stdout.write(known.read_text())
    return 0


def play(words: list[str], cluster: Object) -> int:  # noqa: C901  one case a command
    """Answer as the cluster would."""
    match words[0], words[1]:
        case "apply", _:
            return apply(cluster)
        case "get", "statefulset/mgit":
            down = "The connection to the server was refused - did you specify the right host?"
            return refuse(down) if cluster.get("down") else get_set(cluster)
        case "get", "pods":
            return get_pods(cluster, words[words.index("--selector") + 1])
        case "get", "events":
            return 0
        case "get", kind if kind.startswith("job/"):
            return get_job(cluster, kind.removeprefix("job/"))
        case "rollout", "status":
            late = "error: timed out waiting for the condition"
            return refuse(late) if letter(cluster["set"]) == NEVER_READY else 0
        case "logs", name:
            return logs(cluster, name)
        case "exec", _:
            print(f"mgit {VERSIONS.get(letter(cluster['set']), '1.9.0')}")
            return 0
        case "delete", _:
            return delete(cluster, words)
        case "port-forward", _:
            return forward()
    return refuse(f'error: unknown command "{words[0]}" for "kubectl"')


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
