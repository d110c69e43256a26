"""`invoke dev`: mgit from the sources of this work tree, with all that stands around it.

docker/compose.dev.yaml says what that is. Here its two images are made where they are missing or
older than what they are made of, and the addresses are said.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.artifacts.engine import open_engine
from pipeline.artifacts.image import build_image, native_platform
from pipeline.deployment.logs import last_line
from pipeline.machine.tools import BASE_IMAGE
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError

Say = Callable[[str], None]

FILE = Path("docker/compose.dev.yaml")
PROJECT = "mgit-dev"
# What the shipped image is made of besides mgit, which is mounted.
_MADE_OF = (
    "docker/*.py",
    "docker/*.txt",
    "docker/*.sh",
    "docker/Dockerfile",
    "requirements/image.txt",
)
_TOOLS_MADE_OF = ("docker/dev/Dockerfile",)
_PLACES = (
    ("status page", "forge", 8081, "/"),
    ("health and metrics", "forge", 8080, "/readyz"),
    ("dashboard", "prometheus", 9090, "/consoles/mgit.html"),
    ("Prometheus", "prometheus", 9090, "/alerts"),
    ("Alertmanager", "alertmanager", 9093, "/"),
)
_UP_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Dev:
    """The development environment of one work tree.

    Args:
        shell: starts docker.
        root: the work tree.
        project: name of the compose project; another one beside it gets another.
        say: gets one line for each thing that is done.
    """

    shell: Shell
    root: Path
    say: Say
    project: str = PROJECT

    def up(self, *, grafana: bool = False) -> None:
        """Make what is missing, start everything, say where it is.

        Raises:
            PipelineError: no engine; an image cannot be built; something does not get healthy.
        """
        images = self.images()
        profile = ("--profile", "grafana") if grafana else ()
        argv = self._compose(*profile, "up", "--detach", "--wait", "--remove-orphans")
        ran = self.shell.run(argv, env=images, check=False, timeout=_UP_SECONDS)
        if not ran.ok:
            why = last_line(ran.stderr) or "no reason given"
            raise PipelineError(
                f"the development environment does not start: {why}",
                exit_code=Exit.ENVIRONMENT,
                advice="look at `invoke dev --logs`",
            )
        for name, url in self.places().items():
            self.say(f"{name:20} {url}")
        if grafana:
            self.say(f"{'Grafana':20} http://{self._port('grafana', 3000)}/d/mgit-fleet")
        where = f"docker compose --project-name {self.project} exec forge cat /forge/token"
        self.say(f"the pages of mgit ask for a token (any user, it is the password): {where}")
        self.say("mgit starts again when a file below mgit/ changes; `invoke dev --down` ends all")

    def down(self) -> None:
        """Stop everything and remove it with its volumes; the images stay."""
        argv = self._compose("--profile", "grafana", "down", "--volumes", "--remove-orphans")
        self.shell.run(argv)
        self.say("nothing of it is left but the images")

    def logs(self) -> Exit:
        """Follow what mgit, the forge and the receiver of alerts say, until Ctrl-C."""
        argv = self._compose("logs", "--follow", "--tail", "50", "mgit", "alerts", "forge")
        return Exit.GATE if self.shell.stream(argv, cwd=self.root) else Exit.DONE

    def places(self) -> Mapping[str, str]:
        """What is where, by its name."""
        return {
            name: f"http://{self._port(service, port)}{path}"
            for name, service, port, path in _PLACES
        }

    def images(self) -> dict[str, str]:
        """Names of the two images, for the compose file; each is made where it is missing."""
        shipped = f"mgit:dev-{_digest(self.root, _MADE_OF)}"
        tools = tools_image(self.root)
        if not self._has(shipped):
            self.say(f"build {shipped}: the shipped image, whose Python and git are used")
            build_image(self.root, shipped)
        if not self._has(tools):
            self.say(f"build {tools}: Prometheus, Alertmanager, and Python for the forge")
            build_tools(self.shell, self.root, tools)
        return {"MGIT_DEV_IMAGE": shipped, "MGIT_TOOLS_IMAGE": tools}

    def _has(self, reference: str) -> bool:
        return self.shell.run(("docker", "image", "inspect", reference), check=False).ok

    def _port(self, service: str, port: int) -> str:
        return self.shell.run(self._compose("port", service, str(port))).stdout.strip()

    def _compose(self, *words: str) -> tuple[str, ...]:
        file = str(self.root / FILE)
        return ("docker", "compose", "--project-name", self.project, "--file", file, *words)


def tools_image(root: Path) -> str:
    """The name of the image that docker/dev/Dockerfile makes, as it is now."""
    return f"mgit-tools:{_digest(root, _TOOLS_MADE_OF)}"


def build_tools(shell: Shell, root: Path, tag: str, base: str = BASE_IMAGE) -> None:
    """Build the image of what stands beside mgit.

    Raises:
        PipelineError: no engine, or the build failed.
    """
    today = datetime.now(UTC).date().isoformat()
    open_engine(shell).build(
        root / "docker" / "dev",
        platforms=(native_platform(),),
        output={"type": "docker"},
        arguments={"BASE": base, "TOOLS_ID": today},
        tags=(tag,),
    )


def _digest(root: Path, patterns: tuple[str, ...]) -> str:
    found = hashlib.sha256()
    for path in sorted(path for pattern in patterns for path in root.glob(pattern)):
        found.update(path.read_bytes())
    return found.hexdigest()[:12]
