"""Sets a rehearsal up, plays it, takes everything down again and writes the report."""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.git import Git
from pipeline.interrupt import interruptible
from pipeline.invocation import Options, complain, make_project, say
from pipeline.machine.tools import BASE_IMAGE
from pipeline.project import Project, child_environment
from pipeline.provision import Missing, look, provision
from pipeline.rehearsal import canaries, live
from pipeline.rehearsal.part import Part
from pipeline.rehearsal.play import Play
from pipeline.rehearsal.records import Ending, write_records
from pipeline.rehearsal.story import Scene, State, Story, load_state
from pipeline.rehearsal.world import (
    TOKENS,
    Places,
    World,
    free_port,
    make_folders,
    open_world,
    ports_of,
)
from pipeline.result import StepResult
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError
from pipeline.workspace import checked_repository, uncommitted

FOLDER = Path("dist", "rehearsal")
_HEARD = "shown.txt"
_RECORDS = ("report.json", "report.md")
_NOT_DONE = (
    "without these tools: the image, its scan, the tag, the CI half, the deployment, the planted "
    "library, the kills and the search for tokens"
)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person chose.

    Args:
        provision: install what is missing first.
        resume: go on with the kept world.
        fault: where the whole rehearsal dies, empty for nowhere.
        keep: leave the deployed service running.
        prove: do CI's journal again as well.
        base_image: the name of what the image is built on.
    """

    provision: bool = False
    resume: bool = False
    fault: str = ""
    keep: bool = False
    prove: bool = False
    base_image: str = BASE_IMAGE


def rehearse(here: Path, wishes: Wishes, last: Sequence[Scene] = ()) -> Exit:
    """Rehearse the current commit of a clone.

    Args:
        here: top folder of the clone.
        wishes: see there.
        last: scenes of the caller's, played at the end.

    Returns:
        0 when everything was done and shown, 4 when a tool was missing, else the code of what
        stopped it.

    Raises:
        PipelineError: no clone, another rehearsal runs, or nothing to resume.
    """
    places = Places(here / FOLDER, here)
    shell = Shell(env=child_environment(), log=places.log)
    git = checked_repository(Shell(env=child_environment()), here)
    commit = git.resolve("HEAD^{commit}")
    with _alone(places.root), interruptible():
        state = _begin(places, shell, commit, resume=wishes.resume)
        if count := uncommitted(git):
            say(f"{count} uncommitted changes are not part of this rehearsal")
        say(f"rehearsing {commit[:12]}; what it does is noted in {places.log}")
        start = time.monotonic()
        missing = provision(shell, say) if wishes.provision else look(shell)
        tools = StepResult("tools", "missing" if missing else "done", time.monotonic() - start)
        ending = _play(places, shell, state, wishes, missing, last)
    ending = replace(ending, tools=tools)
    write_records(places, state, ending)
    if hits := _told_tokens(places):
        ending = Ending(Exit.CONFLICT, f"the report tells a secret: {hits[0]}", tools=tools)
        for name in _RECORDS:
            (places.root / name).unlink(missing_ok=True)
        write_records(places, state, ending)
    return _tell(places, ending)


def _heard(places: Places) -> Callable[[str], None]:
    """Say a line and keep it, so that what a person was shown is searched for tokens as well."""

    def tell(line: str) -> None:
        say(line)
        with (places.root / _HEARD).open("a", encoding="utf-8") as kept:
            kept.write(f"{line}\n")

    return tell


def _told_tokens(places: Places) -> list[str]:
    """Tokens in the last word, the report, and in all that was shown; their names only."""
    if not places.token(TOKENS[-1]).exists():
        return []  # it ended before there were any
    wanted = canaries.needles(places.canaries())
    return canaries.search_texts((places.root / name for name in (*_RECORDS, _HEARD)), wanted)


def _play(
    places: Places,
    shell: Shell,
    state: State,
    wishes: Wishes,
    missing: Sequence[Missing],
    last: Sequence[Scene],
) -> Ending:
    """Play all scenes that can be played; how that ended is a value, not an error."""
    try:
        make_folders(places, shell)
        wanted = canaries.needles(places.canaries())
        opened = open_world(places, state.ports, wishes.base_image)
        with canaries.watching(wanted) as watch, opened as world:
            state.ports = {**ports_of(world), "deploy": state.ports.get("deploy") or free_port(0)}
            state.save(_state_file(places))
            live.write_environment(world, state.ports["deploy"])
            if missing:
                return _play_part(places, shell, world, state, missing)
            _play_all(places, shell, world, state, watch, wishes, last)
    except PipelineError as error:
        return Ending(error.exit_code, error.message, error.advice)
    except KeyboardInterrupt:
        return Ending(Exit.INCOMPLETE, "interrupted", "run it again with --resume")
    return Ending(Exit.DONE)


def _play_all(
    places: Places,
    shell: Shell,
    world: World,
    state: State,
    watch: canaries.Watch,
    wishes: Wishes,
    last: Sequence[Scene],
) -> None:
    project = Project(places.source, places.root / "deploy", world.endpoints, shell)
    tell = _heard(places)
    story = Story(_state_file(places), state, tell)
    play = Play(
        project=project,
        world=world,
        state=state,
        watch=watch,
        say=lambda line: tell(f"    | {line}"),
        fault=wishes.fault,
        keep=lambda: state.save(_state_file(places)),
        prove=wishes.prove,
    )
    try:
        story.play((*play.scenes(), *last))
    finally:
        if not wishes.keep:
            live.take_down(shell, places)
            live.forget_images(shell, world)


def _play_part(
    places: Places, shell: Shell, world: World, state: State, missing: Sequence[Missing]
) -> Ending:
    """What can be done without the missing tools."""
    for tool in missing:
        complain(f"{tool.name} is missing ({tool.why})", f"get it: {tool.command}")
    options = Options(endpoints=str(places.endpoints), rehearse=True)
    git = Git(shell, places.clone)
    project = make_project(git, places.root / "partial", world.endpoints, options)
    Story(_state_file(places), state, say).play(Part(project, places, state, say).scenes())
    return Ending(
        Exit.ENVIRONMENT,
        f"{len(missing)} tools are missing: {', '.join(tool.name for tool in missing)}",
        "run it with --provision, or get them as said above",
        skipped=(
            *(f"{tool.name} ({tool.why}); get it: {tool.command}" for tool in missing),
            _NOT_DONE,
        ),
    )


def _begin(places: Places, shell: Shell, commit: str, *, resume: bool) -> State:
    """The kept state, or an empty folder and a new one."""
    if resume:
        return load_state(_state_file(places), commit)
    if places.environments.is_file():
        live.take_down(shell, places)
    for old in places.root.iterdir():
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        else:
            old.unlink()
    state = State(commit=commit)
    state.save(_state_file(places))
    return state


def _state_file(places: Places) -> Path:
    return places.root / "state.json"


def _tell(places: Places, ending: Ending) -> Exit:
    say(f"report: {places.root / 'report.md'}")
    if ending.exit_code is not Exit.DONE:
        complain(ending.message, ending.advice)
    else:
        print("rehearsed: released, published, deployed, broken and rolled back")  # noqa: T201  the command's own output
    return ending.exit_code


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """One rehearsal at a time: they would share remote, ports and containers.

    Raises:
        PipelineError: another one runs.
    """
    root.mkdir(parents=True, exist_ok=True)
    with root.with_name(f"{root.name}.lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PipelineError(
                "another rehearsal runs in this clone",
                exit_code=Exit.ENVIRONMENT,
                advice="wait for its end, or stop it",
            ) from None
        yield
