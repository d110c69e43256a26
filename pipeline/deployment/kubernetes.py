"""One namespace of one cluster: what runs there, and putting something else there.

The overlay is rendered with the wanted image by `kubectl kustomize` and applied on the server's
side; the StatefulSet goes through its pods one by one, waits for each to be ready, and stops at one
that does not get so. What runs is read from the cluster each time; the StatefulSet carries the
reference that ran before as an annotation, in the same object and so in the same change as the
image. Going back is putting that one in: `kubectl rollout undo` counts revisions of the cluster's
own, which also count changes that no deployment made.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.deployment import errand
from pipeline.deployment.asking import ask_service
from pipeline.deployment.environments import Environment
from pipeline.deployment.files import write_whole
from pipeline.deployment.kubectl import CONTAINER, Job, Kubectl, Pod, StatefulSet, reason
from pipeline.deployment.logs import last_line
from pipeline.deployment.places import KubernetesPlace
from pipeline.deployment.target import PREVIOUS, Answer, Effects, Running
from pipeline.manifests.overlays import render
from pipeline.project import Project
from pipeline.step import Exit, PipelineError

SERVICE = "app.kubernetes.io/name=mgit,app.kubernetes.io/component=service"
IMAGE = "registry.example.com/mgit"
"""The name in the overlays, which stands for whatever is deployed."""
_SET = "statefulset/mgit"
_PORT = 8080
_PULL_SECONDS = 300
_CANARY_SECONDS = 900
_HOPELESS = re.compile(r"^(ErrImage|ImagePullBackOff|InvalidImageName|CreateContainerConfigError)")
_PATIENCE = 15  # looks in a row at a hopeless pod: one pull may fail and the next one work
_VERSION = re.compile(r"^mgit (\S+)")
_APPLY = ("apply", "--server-side", "--force-conflicts", "--field-manager", "mgit-deploy")


@dataclass(frozen=True, slots=True)
class KubernetesTarget:
    """One environment of the kind `kubernetes`.

    Args:
        environment: its name and gates are used here.
        place: overlay and namespace.
        kubectl: asks the cluster.
        folder: gets a kustomization on top of the overlay; written before each change.
        effect: entered with a name and this place for each change.
        sleep: waits for some seconds.
        versions: what each digest calls itself; a digest never changes, so it is asked once.
    """

    environment: Environment
    place: KubernetesPlace
    kubectl: Kubectl
    folder: Path
    effect: Effects
    sleep: Callable[[float], None] = time.sleep
    versions: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def observe(self) -> Running | None:
        """See `Target.observe`."""
        found = self.kubectl.get(StatefulSet, _SET)
        if found is None:
            return None
        pods = self.kubectl.pods(SERVICE)
        healthy = found.rolled_out
        return Running(
            reference=found.image,
            previous=found.metadata.annotations.get(PREVIOUS, ""),
            healthy=healthy,
            restarts=sum(pod.restarts for pod in pods),
            version=self._version(found.image, pods) if healthy else "",
            since=max((pod.status.start_time for pod in pods), default=""),
        )

    def pull(self, reference: str) -> None:
        """See `Target.pull`: a Job with the image says its version, before any pod is stopped."""
        with self.effect("deploy:pull", self.environment.name):
            why, said = self._run("mgit-pull", reference, ("--version",), _PULL_SECONDS)
        if why:
            raise PipelineError(
                f"{reference} cannot be had in {self.environment.name}: {why}",
                exit_code=Exit.ENVIRONMENT,
                advice="look at registry, pull secret and nodes, then run the same command again",
            )
        if match := _VERSION.match(said):
            self.versions[reference] = match[1]

    def put(self, reference: str, previous: str) -> str:
        """See `Target.put`."""
        name, seconds = self.environment.name, self.environment.gates.timeout
        with self.effect("deploy:values", name):
            self._write(reference, previous)
        with self.effect("deploy:up", name):
            what = f"{name} does not take the change"
            self.kubectl.tell(what, *_APPLY, "--filename", "-", stdin=self._rendered())
            words = ("rollout", "status", _SET, f"--timeout={seconds}s")
            ran = self.kubectl.ask(*words, seconds=seconds + 60)
        if not ran.ok:
            words_left = self.last_words()
            last = f"; its last words: {words_left}" if words_left else ""
            return f"it did not become healthy: {reason(ran)}{last}"
        running = self.observe()
        if running is None or running.reference != reference:
            return f"the cluster runs {running.reference if running else 'nothing'} instead"
        return ""

    def ask(self, path: str) -> Answer | None:
        """See `Target.ask`; every pod is asked, and the answer that is worst is told."""
        answers: list[Answer] = []
        for pod in self.kubectl.pods(SERVICE):
            answer = self._ask(pod.metadata.name, path)
            if answer is None or not answer.ok:
                return answer
            answers.append(answer)
        return max(answers, key=lambda answer: answer.seconds, default=None)

    def canary(self, reference: str, selector: str) -> str:
        """See `Target.canary`: a Job, whose clones end with it."""
        with self.effect("deploy:canary", self.environment.name):
            words = ("sync", selector)
            why, _ = self._run("mgit-canary", reference, words, _CANARY_SECONDS)
        return f"the canary sync failed: {why}" if why else ""

    def remove(self) -> None:
        """See `Target.remove`; the volumes, and what does not run, stay."""
        words = ("delete", _SET, "--ignore-not-found", "--cascade=foreground", "--timeout=120s")
        name = self.environment.name
        with self.effect("deploy:down", name):
            self.kubectl.tell(f"{name} cannot be taken down", *words, seconds=180)

    def last_words(self) -> str:
        """See `Target.last_words`: of the first pod that is not ready, or why it does not start."""
        try:
            pods = self.kubectl.pods(SERVICE)
        except PipelineError:
            return ""
        pod = next((one for one in pods if not one.ready), pods[0] if pods else None)
        return (self._words(pod) or self._event(pod) or pod.waits_for) if pod is not None else ""

    def _words(self, pod: Pod) -> str:
        """The last line of its log; of its life before, where the present one said nothing."""
        named = ("logs", pod.metadata.name, "--container", CONTAINER, "--tail=5")
        for more in ((), ("--previous",)) if pod.restarts else ((),):
            ran = self.kubectl.ask(*named, *more)
            if ran.ok and (line := last_line(ran.stdout)):
                return line
        return ""

    def _event(self, pod: Pod) -> str:
        """What the cluster warned of last, for example that a Secret is not there."""
        chosen = f"involvedObject.name={pod.metadata.name},type=Warning"
        words = ("get", "events", "--field-selector", chosen, "--sort-by=.lastTimestamp")
        ran = self.kubectl.ask(*words, "--output=jsonpath={.items[-1:].message}")
        return last_line(ran.stdout) if ran.ok else ""

    def _version(self, reference: str, pods: tuple[Pod, ...]) -> str:
        """What the image that runs calls itself; the cluster does not know its labels."""
        if reference not in self.versions and pods:
            pod = pods[0].metadata.name
            ran = self.kubectl.ask("exec", pod, "--container", CONTAINER, "--", "mgit", "--version")
            match = _VERSION.match(ran.stdout) if ran.ok else None
            if match is None:
                return ""
            self.versions[reference] = match[1]
        return self.versions.get(reference, "")

    def _ask(self, pod: str, path: str) -> Answer | None:
        with self.kubectl.forward(pod, _PORT) as port:
            if port is None:
                return None
            return ask_service(f"http://127.0.0.1:{port}{path}")

    def _run(
        self,
        name: str,
        reference: str,
        args: tuple[str, ...],
        seconds: int,
    ) -> tuple[str, str]:
        """Run mgit once beside the service; why it failed, and the last line that it printed."""
        self._write(reference, "")
        rendered = self._rendered()
        document = errand.job(rendered, name=name, reference=reference, args=args, seconds=seconds)
        what = f"{self.environment.name} does not take a Job"
        self.kubectl.tell(what, *_APPLY, "--filename", "-", stdin=errand.supports(rendered))
        self._clear(name)
        try:
            self.kubectl.tell(what, *_APPLY, "--filename", "-", stdin=document)
            why = self._ended(name, seconds)
            ran = self.kubectl.ask("logs", f"job/{name}", "--tail=5")
            said = last_line(ran.stdout) if ran.ok else ""
            return (f"{why}: {said}" if why and said else why), said
        finally:
            self._clear(name)

    def _ended(self, name: str, seconds: int) -> str:
        """Wait for the end of a Job; why it failed, empty when it did not."""
        hopeless = 0
        for _ in range(seconds + 30):
            job = self.kubectl.get(Job, f"job/{name}")
            if job is not None and job.has("Complete"):
                return ""
            if job is None or job.has("Failed"):
                return "it ended badly" if job else "somebody removed its Job"
            waits = "".join(
                pod.waits_for for pod in self.kubectl.pods(f"batch.kubernetes.io/job-name={name}")
            )
            hopeless = hopeless + 1 if _HOPELESS.match(waits) else 0
            if hopeless >= _PATIENCE:
                return waits
            self.sleep(1.0)
        return f"it did not end within {seconds} s"

    def _clear(self, name: str) -> None:
        words = ("delete", "job", name, "--ignore-not-found", "--cascade=foreground")
        self.kubectl.ask(*words, "--timeout=60s", seconds=90)

    def _rendered(self) -> str:
        return render(self.kubectl.shell, self.folder)

    def _write(self, reference: str, previous: str) -> None:
        """A kustomization on top of the overlay; there as a whole or not at all."""
        name, _, digest = reference.partition("@")
        patch = {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": "mgit", "annotations": {PREVIOUS: previous}},
        }
        document = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": self.place.namespace,
            "resources": [os.path.relpath(self.place.overlay.resolve(), self.folder.resolve())],
            "images": [{"name": IMAGE, "newName": name, "digest": digest}],
            "patches": [
                {"target": {"kind": "StatefulSet", "name": "mgit"}, "patch": json.dumps(patch)}
            ],
        }
        write_whole(self.folder / "kustomization.yaml", json.dumps(document, indent=2) + "\n")


def open_kubernetes(
    project: Project, environment: Environment, place: KubernetesPlace, effect: Effects
) -> KubernetesTarget:
    """Set it up; nothing is asked yet."""
    kubectl = Kubectl(project.shell, place.namespace, environment.context)
    folder = project.out / "deploy" / f"{environment.name}.kubernetes"
    return KubernetesTarget(environment, place, kubectl, folder, effect)
