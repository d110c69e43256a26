"""What a rehearsal has done so far: scenes, one after the other, each remembered when it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pipeline.report import Proof
from pipeline.result import StepResult
from pipeline.step import Exit, Facts, PipelineError


class State(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is kept between two runs of the same rehearsal: `state.json`.

    Args:
        commit: the commit that is rehearsed.
        ports: where the services listen.
        scenes: the scenes that were played, and how they ended.
        proofs: what they showed.
        attempts: how often the CI half was started.
        facts: what is known about the release.
    """

    commit: str
    ports: dict[str, int] = {}
    scenes: list[StepResult] = []
    proofs: list[Proof] = []
    attempts: int = 0
    facts: Facts = msgspec.field(default_factory=Facts)

    def save(self, path: Path) -> None:
        """Write it whole or not at all."""
        aside = path.with_name(f".{path.name}.new")
        aside.write_bytes(msgspec.json.format(msgspec.json.encode(self)) + b"\n")
        aside.replace(path)


@dataclass(frozen=True, slots=True)
class Scene:
    """One scene.

    Args:
        name: as in the report.
        play: does it and says what was shown.
        again: True when a resumed rehearsal has to play it once more.
        afterwards: called when the scene is over and written down.
    """

    name: str
    play: Callable[[], Sequence[Proof]]
    again: bool = False
    afterwards: Callable[[], None] = lambda: None


@dataclass(slots=True)
class Story:
    """Plays scenes and remembers.

    Args:
        path: file of the state.
        state: what is known.
        say: gets one line of progress at a time.
        now: seconds that only grow.
    """

    path: Path
    state: State
    say: Callable[[str], None]
    now: Callable[[], float] = time.monotonic

    def play(self, scenes: Sequence[Scene]) -> None:
        """Play what was not played yet.

        Raises:
            PipelineError: a scene failed, or showed that something does not hold.
        """
        for number, scene in enumerate(scenes, 1):
            told = f"[{number}/{len(scenes)}] {scene.name}"
            if not scene.again and (scene.name, "done") in {
                (each.name, each.state) for each in self.state.scenes
            }:
                self.say(f"{told}: done before")
                continue
            self.say(f"{told} …")
            start = self.now()
            try:
                proofs = scene.play()
            except PipelineError as error:
                self._remember(scene, "failed", self.now() - start, (), error.message)
                raise
            seconds = self.now() - start
            failed = [proof for proof in proofs if not proof.ok]
            self._remember(scene, "failed" if failed else "done", seconds, proofs)
            for proof in proofs:
                self.say(f"    {'yes' if proof.ok else 'NO '}  {proof.name}: {proof.detail}")
            self.say(f"{told}: {seconds:.1f} s")
            scene.afterwards()
            if failed:
                raise PipelineError(
                    f"{scene.name}: {failed[0].name}: {failed[0].detail}",
                    exit_code=Exit.CONFLICT,
                    advice="the pipeline broke a promise: see the report and log.txt beside it",
                )

    def _remember(
        self, scene: Scene, state: str, seconds: float, proofs: Sequence[Proof], note: str = ""
    ) -> None:
        kept = [each for each in self.state.scenes if each.name != scene.name]
        names = {proof.name for proof in proofs}
        self.state.proofs = [p for p in self.state.proofs if p.name not in names] + [*proofs]
        self.state.scenes = [*kept, StepResult(scene.name, state, seconds, note)]
        self.state.save(self.path)


def load_state(path: Path, commit: str) -> State:
    """The state of the rehearsal that `--resume` goes on with.

    Raises:
        PipelineError: USAGE, there is none, or it is of another commit.
    """
    try:
        state = msgspec.json.decode(path.read_bytes(), type=State)
    except OSError:
        raise PipelineError(
            "there is no rehearsal to resume",
            exit_code=Exit.USAGE,
            advice="run it without --resume",
        ) from None
    except msgspec.DecodeError as error:
        raise PipelineError(
            f"{path} cannot be read: {error}",
            exit_code=Exit.USAGE,
            advice="run it without --resume",
        ) from None
    if state.commit != commit:
        raise PipelineError(
            f"the rehearsal was of {state.commit[:12]}, HEAD is {commit[:12]}",
            exit_code=Exit.USAGE,
            advice="run it without --resume: another commit is another release",
        )
    return state
