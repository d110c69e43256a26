"""`invoke deploy` and `invoke rollback`: plain values in, an exit code out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pipeline.deployment.approval import approver
from pipeline.deployment.decide import Move, Way
from pipeline.deployment.environments import (
    Environment,
    checked_files,
    find_environment,
    load_environments,
)
from pipeline.deployment.gates import Clock
from pipeline.deployment.images import find_image
from pipeline.deployment.ledger import Action, Ledger, ledger_folder, ledger_path
from pipeline.deployment.lock import hold, lock_path, myself
from pipeline.deployment.preview import preview
from pipeline.deployment.rollout import Rollout
from pipeline.deployment.rollout import deploy as put_live
from pipeline.deployment.rollout import rollback as put_back
from pipeline.deployment.status import as_json, as_table, look_at, verdict
from pipeline.deployment.target import Target
from pipeline.deployment.targets import open_target
from pipeline.endpoints import DEFAULT_FILE, FAULT_VARIABLE, VARIABLE
from pipeline.faults import check_fault, effect
from pipeline.invocation import Options, open_clone, say
from pipeline.project import Endpoints, Project, child_environment, environment, load_endpoints
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError
from pipeline.workspace import checked_repository

Open = Callable[[Project, Environment], Target]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked for.

    Args:
        env: name of the environment; empty: all that a release goes to.
        version: `X.Y.Z`, a tag of the registry.
        reference: the image by digest.
        plan: only say what would be done.
        status: only say what runs.
        json: the status for programs.
        approve: who agrees.
    """

    env: str = ""
    version: str = ""
    reference: str = ""
    plan: bool = False
    status: bool = False
    json: bool = False
    approve: str = ""


@dataclass(frozen=True, slots=True)
class Hands:
    """What a command works with; a test brings its own.

    Args:
        open: from an environment to its target.
        clock: time, for the gates.
        ask: puts a question to the person at the terminal; None where nobody sits there.
        say: gets progress.
    """

    open: Open = open_target
    clock: Clock = field(default_factory=Clock)
    ask: Callable[[str], str] | None = None
    say: Callable[[str], None] = say


def deploy(here: Path, asked: Asked) -> Exit:
    """Put an image live, or say what would be done, or what runs.

    Raises:
        PipelineError: see `pipeline.deployment.rollout.deploy`.
    """
    _refuse_mixed(asked)
    project = _project_here(here)
    hands = Hands(ask=_terminal())
    if asked.status:
        return status(project, asked, hands)
    places = _places(project, asked.env)
    if not places:
        say(f"no environment in {project.endpoints.environments} has release = true: nothing to do")
    for place in places:
        if asked.plan:
            sys.stdout.write(plan(project, place, asked, hands, Action.DEPLOY))
        else:
            deploy_to(project, place, asked, hands)
    return Exit.DONE


def rollback(here: Path, asked: Asked) -> Exit:
    """Put the previous image of an environment back, or say what that would be.

    Raises:
        PipelineError: see `pipeline.deployment.rollout.rollback`.
    """
    project = _project_here(here)
    place = find_environment(project, asked.env)
    if asked.plan:
        sys.stdout.write(plan(project, place, asked, Hands(), Action.ROLLBACK))
    else:
        roll_back(project, place, Hands())
    return Exit.DONE


def deploy_to(project: Project, place: Environment, asked: Asked, hands: Hands) -> Move:
    """Put an image live in one environment.

    Raises:
        PipelineError: see `pipeline.deployment.rollout.deploy`.
    """
    with _rollout(project, place, asked.approve, hands) as rollout:
        find = partial(find_image, project.endpoints, asked.version, asked.reference)
        move = put_live(rollout, find)
    words = "is live already in" if move.way is Way.KEEP else "is live in"
    hands.say(f"{move.reference} {words} {place.name}")
    return move


def roll_back(project: Project, place: Environment, hands: Hands) -> Move:
    """Put the previous image of one environment back.

    Raises:
        PipelineError: see `pipeline.deployment.rollout.rollback`.
    """
    with _rollout(project, place, "", hands) as rollout:
        move = put_back(rollout)
    hands.say(f"{move.reference} is live again in {place.name}")
    return move


def plan(project: Project, place: Environment, asked: Asked, hands: Hands, action: Action) -> str:
    """What would be done and why; nothing is changed, not even a lock or a ledger made.

    Raises:
        PipelineError: what stops the deployment itself, as far as it can be seen before.
    """
    target = hands.open(project, place)
    find = partial(find_image, project.endpoints, asked.version, asked.reference)
    return preview(project, place, target, find if action is Action.DEPLOY else None)


def status(project: Project, asked: Asked, hands: Hands) -> Exit:
    """Print what runs where, since when and by whom.

    Returns:
        DONE; GATE where something is not healthy; ENVIRONMENT where a place cannot be looked at.
    """
    places = load_environments(project)
    if asked.env:
        places = tuple(place for place in places if place.name == asked.env)
        places = places or (find_environment(project, asked.env),)
    rows = [look_at(project, place, hands.open) for place in places]
    sys.stdout.write(as_json(rows) if asked.json else as_table(rows))
    return verdict(rows)


@contextmanager
def _rollout(project: Project, place: Environment, approve: str, hands: Hands) -> Iterator[Rollout]:
    """The environment with its lock held and its ledger open."""
    checked_files(place)
    me = myself(environment())
    target = hands.open(project, place)
    effects = partial(effect, project)
    try:
        with hold(lock_path(ledger_folder(project, place), place.name), me) as dead:
            if dead:
                hands.say(f"{place.name}: the lock of {dead} is taken over; that one is gone")
            with Ledger(ledger_path(project, place), place.name, effects) as ledger:
                yield Rollout(
                    environment=place,
                    target=target,
                    ledger=ledger,
                    who=me.who,
                    agree=approver(place, approve, me.who, hands.ask),
                    registry=project.endpoints.registry,
                    say=hands.say,
                    clock=hands.clock,
                )
    except KeyboardInterrupt:
        raise PipelineError(
            f"interrupted; what runs in {place.name} may be half way",
            exit_code=Exit.INCOMPLETE,
            advice="run the same command again, or invoke rollback for what ran before",
        ) from None


def _places(project: Project, name: str) -> tuple[Environment, ...]:
    if name:
        return (find_environment(project, name),)
    return tuple(place for place in load_environments(project) if place.release)


def _refuse_mixed(asked: Asked) -> None:
    if asked.status and (asked.plan or asked.version or asked.reference or asked.approve):
        raise PipelineError(
            "--status goes with --env and --json only", exit_code=Exit.USAGE, advice="pick one"
        )
    if asked.json and not asked.status:
        raise PipelineError(
            "--json goes with --status only", exit_code=Exit.USAGE, advice="add --status"
        )
    if asked.version and asked.reference:
        raise PipelineError(
            "a version and a reference were given", exit_code=Exit.USAGE, advice="give one of them"
        )


def _terminal() -> Callable[[str], str] | None:
    """How the person at the terminal is asked; nobody sits at the one of CI."""
    if environment().get("CI") or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None

    def ask(question: str) -> str:
        sys.stderr.write(question)
        sys.stderr.flush()
        return sys.stdin.readline()

    return ask


def _project_here(here: Path) -> Project:
    """A project for commands that need no clean clone, because they change no source."""
    endpoints = _endpoints(here)
    out = here / "dist" / "deploy"
    shell = Shell(env=child_environment(), log=out / "log.txt")
    project = Project(here, out, endpoints, shell, fault=environment().get(FAULT_VARIABLE, ""))
    check_fault(project)
    return project


def _endpoints(here: Path) -> Endpoints:
    """The endpoints; a clone without `origin` has no place to release to, and may deploy."""
    git = checked_repository(Shell(env=child_environment()), here)
    named = environment().get(VARIABLE, "")
    if named or git.run("remote", "get-url", "origin", check=False).ok:
        return open_clone(here, Options())[1]
    return load_endpoints(here / DEFAULT_FILE)
