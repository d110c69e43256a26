"""The stack on a real swarm of one machine: upgrades, what the swarm takes back, new secrets."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.deployment.swarm_docker import Docker
from pipeline.project import Project, child_environment
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError
from sandbox.registry import RegistryMissing, open_registry
from tests.image.box import docker, empty_configuration
from tests.image.stacks import BROKEN, DEAF, NoSwarm, Stack, Watch, single_node, variant
from tests.places import only_a_registry

pytestmark = [pytest.mark.engine, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
CANARY = "canary-0b6f5d2e-swarm-token"
ROTATED = "canary-97aa31c4-rotated-token"
_LOOKS = "; ".join(
    (
        "import os, sys, pathlib as p",
        "assert sys.argv[1:] == ['sync', 'acme/tool'] and os.getuid() == 65532",
        f"assert p.Path('/run/secrets/forge').read_text() == '{CANARY}'",
        "assert p.Path('/etc/mgit/config.toml').is_file()",
        "assert not any(p.Path('/data').iterdir())",
        "p.Path('/data/written').touch()",
    )
)
Variant = Callable[[str], str]


@pytest.fixture(scope="session")
def swarm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    shared = tmp_path_factory.getbasetemp()
    try:
        with single_node(shared.parent if os.environ.get("PYTEST_XDIST_TESTRUNUID") else shared):
            yield
    except NoSwarm as error:
        pytest.skip(str(error))


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[str]:
    try:
        with open_registry(tmp_path / "registry") as registry:
            yield f"{registry.host}/mgit"
    except RegistryMissing as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))


@pytest.fixture
def made(image: str, repository: str, tmp_path: Path) -> Iterator[Variant]:
    """Makes images that differ in one line, and takes them away."""
    names: list[str] = []

    def make(line: str) -> str:
        names.append(variant(tmp_path, repository, f"FROM {image}\n{line}\n"))
        return names[-1]

    yield make
    for name in names:
        docker("image", "rm", "--force", name, check=False)


@pytest.fixture
def stack(swarm: None, repository: str, made: Variant, tmp_path: Path) -> Iterator[Stack]:
    """A stack of two shards; a swarm that looks for 2 s whether a task stays."""
    config = empty_configuration(tmp_path / "config")
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "forge").write_text(CANARY)
    (tmp_path / "quick.yaml").write_text(
        """
        version: "3.13"
        services:
          mgit:
            deploy:
              update_config: {monitor: 2s}
              rollback_config: {monitor: 2s}
            # Anything may run beside it.
            healthcheck: {start_period: 60s, timeout: 15s, interval: 5s}
        """
    )
    name = f"mgit-test-{uuid.uuid4().hex[:8]}"
    (tmp_path / "environments.toml").write_text(
        f"""
        [test]
        kind = "swarm"
        gates = {{ timeout = 180, settle = 1, answer_ms = 10000 }}
        [test.swarm]
        stack = "{name}"
        shards = 2
        files = ["{ROOT}/deploy/swarm/stack.yaml", "quick.yaml"]
        config = "{config}"
        secrets = "{secrets}"
        """
    )
    endpoints = only_a_registry(repository)
    shell = Shell(env=child_environment(), log=tmp_path / "log.txt")
    one = Stack(Project(tmp_path, tmp_path / "out", endpoints, shell), name, secrets)
    try:
        yield one
    finally:
        one.clear()


@pytest.mark.long
def test_an_upgrade_goes_through_the_shards_one_by_one(stack: Stack, made: Variant) -> None:
    first, second = made("LABEL number=1"), made("LABEL number=2")
    stack.deploy(first)
    volumes = stack.objects("volume")
    watch = Watch(stack, (1, 2))
    with watch.going():
        stack.deploy(second)
    for slot, seconds in sorted(watch.longest.items()):
        print(f"shard of slot {slot}: not ready for {seconds:.1f} s at most")

    assert stack.running() == second
    assert stack.update() == "completed"
    running = stack.target.observe()
    assert running is not None
    assert (running.previous, running.stale) == (first, False)
    assert stack.objects("volume") == volumes == {f"{stack.name}_mgit-{slot}" for slot in (1, 2)}
    # 3 to 5 s on a busy machine, 27 s on one that has ten times more to do than it can.
    assert set(watch.longest) == {1, 2}
    assert max(watch.longest.values()) < 60
    _hardened(stack)


def _hardened(stack: Stack) -> None:
    """Each task keeps its own shard, and can neither write nor read more than it has to."""
    code = """
import os, pathlib
status = dict(line.split(":", 1) for line in open("/proc/1/status"))
print(os.environ["MGIT_SHARD"], status["Uid"].split()[0], status["CapBnd"].strip())
secret = pathlib.Path("/run/secrets/forge")
print(oct(secret.stat().st_mode & 0o777), secret.stat().st_uid)
(tmpfs,) = (line.split()[3] for line in open("/proc/mounts") if line.split()[1] == "/tmp")
print(*sorted({"noexec", "nosuid", "nodev", "size=65536k"} & set(tmpfs.split(","))))
try:
    pathlib.Path("/usr/planted").touch()
except OSError as error:
    print(error.strerror)
"""
    for slot, container in stack.containers().items():
        said = container.runs("/usr/bin/python3", "-I", "-c", code).stdout.splitlines()
        assert said == [
            f"{slot % 2}/2 65532 {0:016x}",
            "0o400 65532",
            "nodev noexec nosuid size=65536k",
            "Read-only file system",
        ]
        limits = container.inspect()["HostConfig"]
        assert (limits["PidsLimit"], limits["Memory"]) == (512, 1 << 30)


@pytest.mark.long
def test_what_is_no_good_is_taken_back_by_the_swarm(stack: Stack, made: Variant) -> None:
    # Nothing runs, and what comes first is broken: nothing runs afterwards either.
    first, broken, deaf = made("LABEL number=1"), made(BROKEN), made(DEAF)
    with pytest.raises(PipelineError, match="nothing runs now") as refused:
        stack.deploy(broken)
    assert refused.value.exit_code is Exit.GATE
    assert stack.target.observe() is None
    assert stack.objects("secret") == stack.objects("config") == set()

    stack.deploy(first)
    for bad in (broken, deaf):
        with pytest.raises(PipelineError, match="the swarm took it back") as refused:
            stack.deploy(bad)
        print(refused.value.message)
        assert refused.value.exit_code is Exit.GATE
        assert f"rolled back to {first}, which is healthy" in refused.value.message
        assert (stack.running(), stack.update()) == (first, "rollback_completed")
        assert stack.ledger()[-1].deed.live == first

    # After that everything goes on as before: nothing to do, another one, and the way back.
    stack.deploy(first)
    second = made("LABEL number=2")
    stack.deploy(second)
    assert stack.running() == second
    stack.roll_back()
    assert stack.running() == first
    with pytest.raises(PipelineError, match="nothing to go back to"):
        stack.roll_back()


@pytest.mark.long
def test_a_new_secret_is_rolled_out_and_the_old_one_goes(
    stack: Stack, made: Variant, tmp_path: Path
) -> None:
    reference = made("LABEL number=1")
    stack.deploy(reference)
    (old,) = stack.objects("secret")
    begun = stack.containers()
    stack.deploy(reference)
    assert stack.containers() == begun  # nothing changed

    (stack.secrets / "forge").write_text(ROTATED)
    running = stack.target.observe()
    assert running is not None
    assert running.stale
    stack.deploy(reference)
    assert _secrets(stack) == {ROTATED}
    assert old in stack.objects("secret")  # of what the swarm would go back to

    (stack.secrets / "forge").write_text(f"{ROTATED}-again")
    stack.deploy(reference)
    assert old not in stack.objects("secret")
    assert len(stack.objects("secret")) == 2
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    seen = [path.read_text() for path in (*written, tmp_path / "log.txt")]
    assert not any(token in text for text in seen for token in (CANARY, ROTATED))


@pytest.mark.long
def test_a_canary_is_a_job_beside_what_runs(stack: Stack, made: Variant) -> None:
    """It sees what the service sees, has a volume of its own, and nothing of it is left."""
    first, looks = (
        made("LABEL number=1"),
        made(f'ENTRYPOINT ["/usr/bin/python3", "-Ic", "{_LOOKS}"]'),
    )
    stack.deploy(first)
    begun = stack.containers()
    assert stack.target.canary(looks, "acme/tool") == ""
    why = stack.target.canary(first, "acme/tool")
    assert "the canary sync failed: mgit: " in why  # there is no such repository
    assert docker("service", "ls", "--format", "{{.Name}}").stdout.count("canary") == 0
    assert stack.containers() == begun
    assert stack.objects("volume") == {f"{stack.name}_mgit-{slot}" for slot in (1, 2)}


def test_an_engine_without_a_swarm_says_what_to_do(tmp_path: Path) -> None:
    said = '{"NodeID":"","ControlAvailable":false}'
    client = tmp_path / "docker"
    client.write_text(f"#!/bin/sh\necho '{said}'\n")
    client.chmod(0o755)
    with pytest.raises(PipelineError, match="no manager of a swarm") as refused:
        Docker(Shell(env={"PATH": f"{tmp_path}:/usr/bin:/bin"})).expect_manager("test")
    assert "docker swarm init" in refused.value.advice
    assert refused.value.exit_code is Exit.ENVIRONMENT


def _secrets(stack: Stack) -> set[str]:
    code = "import pathlib; print(pathlib.Path('/run/secrets/forge').read_text())"
    running = stack.containers().values()
    return {each.runs("/usr/bin/python3", "-I", "-c", code).stdout.strip() for each in running}
