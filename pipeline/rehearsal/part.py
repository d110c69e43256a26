"""What can be rehearsed where there is no engine: the gates, both distributions, the index."""

from __future__ import annotations

import filecmp
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pipeline.artifacts.image import build_distributions
from pipeline.project import Project
from pipeline.publishing.places import file_digest
from pipeline.rehearsal import flaws
from pipeline.rehearsal.story import Scene, State
from pipeline.rehearsal.world import Places
from pipeline.report import Proof
from pipeline.run import run_steps
from pipeline.step import Artifact, Done, PipelineError
from pipeline.steps import gates, plan, prepare, publish, verify


@dataclass(frozen=True, slots=True)
class Part:
    """The scenes without an engine.

    Args:
        project: a clean clone, as the laptop half has it.
        places: the folders of the rehearsal.
        state: what is remembered.
        say: gets one line of progress at a time.
    """

    project: Project
    places: Places
    state: State
    say: Callable[[str], None]

    def scenes(self) -> tuple[Scene, ...]:
        """All of them; they are quick enough to be played again."""
        return (
            Scene("a planted password", self.planted_password, again=True),
            Scene("plan, prepare, gates", self.judged, again=True),
            Scene("wheel and source distribution", self.built, again=True),
            Scene("the package index", self.published, again=True),
        )

    def planted_password(self) -> Sequence[Proof]:
        """The gates stop it."""
        project = self.project
        return flaws.password_at_gates(self.places, project.shell, project.endpoints, self.say)

    def judged(self) -> Sequence[Proof]:
        """The steps of the laptop half up to the gates."""
        steps = (plan.STEP, prepare.STEP, gates.STEP)
        result = run_steps(
            self.project, steps, resume=True, given=frozenset({"preflight"}), say=self.say
        )
        self.state.facts = result.facts
        if result.exit_code:
            raise PipelineError(result.message, exit_code=result.exit_code, advice=result.advice)
        return ()

    def built(self) -> Sequence[Proof]:
        """Both distributions, twice, bytes compared."""
        project, facts = self.project, self.state.facts
        folders = (project.out / "artifacts", project.out / "again")
        made = [
            build_distributions(project.shell, project.root, folder, facts.epoch)
            for folder in folders
        ]
        pairs = [(made[0].wheel, made[1].wheel), (made[0].sdist, made[1].sdist)]
        same = all(filecmp.cmp(one, two, shallow=False) for one, two in pairs)
        artifacts = tuple(
            Artifact(path.name, file_digest(path), path.stat().st_size) for path, _ in pairs
        )
        self.state.facts = replace(facts, artifacts=artifacts)
        names = " and ".join(artifact.name for artifact in artifacts)
        return (Proof("two builds of the distributions are the same, byte by byte", same, names),)

    def published(self) -> Sequence[Proof]:
        """They go to the index, once, and a stranger can install and run them."""
        project, facts = self.project, self.state.facts
        publish.run(project, facts)
        again = publish.check(project, facts)
        verify.install_and_run(project, facts)
        return (
            Proof(
                "published to the index, a second run finds nothing to do",
                ok=isinstance(again, Done),
                detail="read back by digest",
            ),
            Proof(
                "installed from the index by hash, it runs",
                ok=True,
                detail=f"mgit --version says {facts.version}",
            ),
        )
