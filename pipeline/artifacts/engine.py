"""The container engine, through python-on-whales, which calls the `docker` on PATH.

What the library leaves open is settled here: children get no secret of this process, an error is
one line, and a build always runs where several platforms fit into one layout.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from python_on_whales import DockerClient
from python_on_whales.exceptions import DockerException

from pipeline.project import environment
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError

_BUILDER = "mgit-pipeline"
# Two builds that arrive at the same layer at the same moment: one of them is turned away.
_LOCKED, _ATTEMPTS = "locked for", 4
# What a program inside a build said, with BuildKit's clock before it.
_SAID_BY_STEP = re.compile(r"^(?:#\d+ )?\d+\.\d+ ((?:error|E): .*)$")
_RUN_SECONDS = 120
_NEW_EACH_TIME = {"TOOLS_ID", "BUILD_ID"}
_RUN_HARDENED = (
    *("docker", "run", "--rm", "--pull", "never", "--network", "none", "--read-only"),
    *("--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
    *("--mount", "type=tmpfs,destination=/tmp,tmpfs-mode=1777"),
)
_CONTAINERD_STORE = "io.containerd.snapshotter.v1"


@dataclass(frozen=True, slots=True)
class Engine:
    """A container engine that answers.

    Args:
        client: python-on-whales, set up by `open_engine`.
        shell: the same environment, for what the library cannot do.
        builder: name of the builder; None is the engine's own.
    """

    client: DockerClient
    shell: Shell
    builder: str | None

    def build(
        self,
        context: Path,
        *,
        platforms: Sequence[str],
        output: Mapping[str, str],
        arguments: Mapping[str, str],
        tags: Sequence[str] = (),
        dockerfile: str = "Dockerfile",
        target: str = "",
    ) -> None:
        """Build a Dockerfile of a context.

        Args:
            context: folder that is sent to the builder.
            platforms: for example `linux/amd64`.
            output: buildx's `--output`.
            arguments: build arguments; `SOURCE_DATE_EPOCH` among them.
            tags: names for the image.
            dockerfile: its name in the context.
            target: stage to build; empty is the last one.

        Raises:
            PipelineError: the build failed; names the line that says why.
        """
        authority = self.shell.env.get("SSL_CERT_FILE", "")

        started = time.monotonic()

        def build() -> None:
            lines = self.client.buildx.build(
                context,
                file=context / dockerfile,
                target=target or None,
                platforms=list(platforms),
                output=dict(output),
                build_args=dict(arguments),
                builder=self.builder,
                provenance=False,
                progress="plain",
                secrets=[f"id=ca,src={authority}"] if Path(authority).is_file() else [],
                tags=list(tags),
                stream_logs=True,
            )
            self._note(lines)

        with one_line("the image cannot be built"):
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    build()
                    self._tell(arguments, platforms, started)
                    break
                except DockerException as error:
                    if attempt == _ATTEMPTS or _LOCKED not in (error.stderr or ""):
                        raise

    def load(self, archive: Path) -> None:
        """Take the image of a `docker-archive` into the engine, with the name in it."""
        with one_line(f"{archive.name} cannot be loaded"):
            self.client.image.load(archive, quiet=True)

    def forget(self, reference: str) -> None:
        """Remove a name, and the image where it was its last one; absent is fine."""
        with one_line(f"{reference} cannot be removed"):
            if self.client.image.exists(reference):
                self.client.image.remove(reference, force=True)

    def run(self, reference: str, *words: str, entrypoint: str | None = None) -> str:
        """Run a container to its end, as hardened as in production, without a network.

        Args:
            reference: the image.
            words: its arguments.
            entrypoint: another program of the image.

        Returns:
            What it printed on standard output.

        Raises:
            PipelineError: it could not start or ended with an error.
        """
        # The library lets what a container says on standard error through to ours.
        entry = () if entrypoint is None else ("--entrypoint", entrypoint)
        ran = self.shell.run(
            (*_RUN_HARDENED, *entry, reference, *words), check=False, timeout=_RUN_SECONDS
        )
        if not ran.ok:
            raise PipelineError(f"{reference} does not run: {telling_line(ran.stderr)}")
        return ran.stdout

    def _tell(self, arguments: Mapping[str, str], platforms: Sequence[str], started: float) -> None:
        """Tell the witness of what the library started, without what is new each time."""
        settled = {name: "*" if name in _NEW_EACH_TIME else v for name, v in arguments.items()}
        words = (
            word for name, v in sorted(settled.items()) for word in ("--build-arg", f"{name}={v}")
        )
        argv = ("docker", "buildx", "build", "--platform", ",".join(platforms), *words)
        self.shell.tell(argv, None, 0, time.monotonic() - started)

    def _note(self, lines: object) -> None:
        if not isinstance(lines, Iterator):
            return
        if self.shell.log is None:
            for _ in lines:
                pass
            return
        self.shell.log.parent.mkdir(parents=True, exist_ok=True)
        with self.shell.log.open("a", encoding="utf-8") as out:
            out.writelines(str(line) for line in lines)


def open_engine(shell: Shell) -> Engine:
    """Find the engine and a builder that fits.

    Raises:
        PipelineError: no engine answers, or no builder can be made.
    """
    answer = shell.run(("docker", "info", "--format", "{{json .DriverStatus}}"), check=False)
    if not answer.ok:
        raise PipelineError(
            "no container engine answers",
            exit_code=Exit.ENVIRONMENT,
            advice="start it, or run `nox -s rehearse -- --provision`",
        )
    client = DockerClient(client_call=client_call(shell.env))
    builder = None if _has_containerd_store(answer.stdout) else _own_builder(client)
    return Engine(client, shell, builder)


def client_call(allowed: Mapping[str, str]) -> list[str]:
    """The command of the client, without the variables of this process that `allowed` lacks.

    The library hands its whole environment on. Only names stand in the command, no value.
    """
    dropped = sorted(name for name in environment() if name not in allowed)
    return ["env", *(word for name in dropped for word in ("-u", name)), "docker"]


@contextmanager
def one_line(what: str) -> Iterator[None]:
    """Turn the library's errors, which print whole command lines, into one line.

    Raises:
        PipelineError: in place of the library's error.
    """
    try:
        yield
    except DockerException as error:
        raise PipelineError(f"{what}: {telling_line(error.stderr or '')}") from None


def telling_line(text: str) -> str:
    """The line of a client's output that says what went wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [match[1] for line in lines if (match := _SAID_BY_STEP.match(line))]
    telling = [line for line in lines if "error" in line.lower()]
    return (said or telling or lines or ["no reason given"])[-1][:300]


def _has_containerd_store(driver_status: str) -> bool:
    """Whether the engine keeps images in containerd: then its own builder does all we need."""
    try:
        pairs = msgspec.json.decode(driver_status, type=list[tuple[str, str]])
    except msgspec.MsgspecError:
        return False
    return any(value == _CONTAINERD_STORE for _, value in pairs)


def _own_builder(client: DockerClient) -> str:
    """A builder in a container of its own, made once; it cannot see the engine's images."""
    with one_line("no builder for several platforms can be made"):
        if not any(builder.name == _BUILDER for builder in client.buildx.list()):
            client.buildx.create(name=_BUILDER, driver="docker-container")
    return _BUILDER
