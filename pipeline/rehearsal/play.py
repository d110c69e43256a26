"""The scenes of a rehearsal, in order."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pipeline.project import Project
from pipeline.rehearsal import canaries, flaws, live, published
from pipeline.rehearsal.actors import Ci, Laptop, facts_in, failed, release_tags, was_killed
from pipeline.rehearsal.story import Scene, State
from pipeline.rehearsal.world import World
from pipeline.report import Proof
from pipeline.versioning.versions import tag_of

AFTER_TAG = "after:tag"
PUBLISHING = "after:publish_index:upload"
FAULTS = (AFTER_TAG, PUBLISHING)
MERGE_SESSIONS = ("lint", "types")
"""Of all that a merge needs, what is quick; the rest is what the gates of the laptop half run."""

Proofs = Sequence[Proof]


@dataclass(slots=True)
class Play:
    """Everything that the scenes share.

    Args:
        project: the clone that is rehearsed, with a shell that logs.
        world: the stand-ins.
        state: what is remembered.
        watch: has been looking at all processes from the start.
        say: gets each line that a command prints.
        fault: where this whole rehearsal dies, empty for nowhere.
        keep: write the state down.
        prove: do CI's journal again; takes as long as building did.
    """

    project: Project
    world: World
    state: State
    watch: canaries.Watch
    say: Callable[[str], None]
    fault: str
    keep: Callable[[], None]
    prove: bool = False

    def scenes(self) -> tuple[Scene, ...]:
        """All scenes of a complete rehearsal."""
        return (
            Scene("a planted password", self.planted_password),
            Scene("a merge, checked by CI", self.merge_checked),
            Scene(
                "laptop half, killed after the tag",
                self.laptop_killed,
                afterwards=lambda: self.die_at(AFTER_TAG),
            ),
            Scene("laptop half, resumed", self.laptop_resumed),
            Scene("an old PyYAML in the image", self.planted_library),
            Scene(
                "CI half, killed while publishing",
                self.ci_killed,
                afterwards=lambda: self.die_at(PUBLISHING),
            ),
            Scene("CI half, run again", self.ci_resumed),
            Scene("what the world sees", self.published, again=True),
            *((Scene("CI's journal, done again", self.proven),) if self.prove else ()),
            Scene("the deployed service", self.deployed, again=True),
            Scene("a broken second version", self.broken),
            Scene("tokens", self.tokens, again=True),
        )

    @property
    def laptop(self) -> Laptop:
        """The person who releases."""
        places = self.world.places
        shell = self.project.shell
        known = release_tags(shell, places.source)
        return Laptop(shell, places.clone, places.endpoints, self.say, known)

    @property
    def ci(self) -> Ci:
        """CI."""
        return Ci(self.project.shell, self.world.places, self.say)

    def planted_password(self) -> Proofs:
        """The gates stop it."""
        return flaws.password(self.world.places, self.project.shell, self.world.endpoints, self.say)

    def merge_checked(self) -> Proofs:
        """The workflow of a merge, on the commit that is rehearsed."""
        ran = self.ci.merge(self.world.endpoints.branch, MERGE_SESSIONS)
        if ran.returncode != 0:
            raise failed("the workflow of a merge", ran)
        detail = f"ci.yml by act, nox sessions {', '.join(MERGE_SESSIONS)}"
        return (Proof("CI checks a merge by the same sessions", ok=True, detail=detail),)

    def planted_library(self) -> Proofs:
        """The scan of the image stops it."""
        return flaws.old_library(
            self.world.places, self.project.shell, self.world.endpoints, self.say
        )

    def laptop_killed(self) -> Proofs:
        """`invoke release` dies right after the tag is pushed."""
        tags = self.laptop.tags()
        how = "an earlier run of this rehearsal was killed"
        if not tags:
            ran = self.laptop.release(fault=AFTER_TAG)
            if not was_killed(ran):
                raise failed("`invoke release`", ran)
            tags, how = self.laptop.tags(), "SIGKILL"
        one = len(tags) == 1
        detail = f"{how}, and the remote has {', '.join(tags) or 'no tag'}"
        return (Proof("killed after the tag, the tag is there", one, detail),)

    def laptop_resumed(self) -> Proofs:
        """`invoke release --resume` finds everything done and moves nothing."""
        before = self.laptop.tags()
        ran = self.laptop.release(resume=True)
        if ran.returncode != 0:
            raise failed("`invoke release --resume`", ran)
        after = self.laptop.tags()
        (tag,) = after if len(after) == 1 else ("",)
        version = tag.removeprefix("v")
        self.state.facts = facts_in(self.world.places.clone / "dist" / "release" / version)
        detail = f"{tag} is {after.get(tag, 'nothing')[:12]}, before and after"
        ok = bool(tag) and before == after
        return (Proof("resumed, the tag did not move", ok, detail),)

    def ci_killed(self) -> Proofs:
        """The release workflow; `invoke publish` dies between two uploads."""
        version = self.state.facts.version
        proof = published.stopped_in_the_middle(self.world, version)
        if proof.ok:  # an earlier run of this rehearsal was killed, and CI with it
            return (proof,)
        attempt = self.next_attempt()
        ran = self.ci.push(tag_of(version), attempt, fault=PUBLISHING)
        if ran.returncode == 0 and attempt > 1:
            return (replace(proof, ok=True, detail="an earlier run was killed further on"),)
        proof = published.stopped_in_the_middle(self.world, version)
        if ran.returncode == 0 or not proof.ok:
            raise failed(f"the release workflow ({proof.detail})", ran)
        return (proof,)

    def ci_resumed(self) -> Proofs:
        """The same workflow again, on a fresh workspace, so without a journal."""
        version = self.state.facts.version
        attempt = self.next_attempt()
        ran = self.ci.push(tag_of(version), attempt)
        if ran.returncode != 0:
            raise failed("the release workflow", ran)
        learned = facts_in(self.ci.out(version, attempt))
        self.state.facts = replace(learned, tag_object=self.state.facts.tag_object)
        detail = f"attempt {attempt}, on an empty workspace without a journal"
        return (Proof("run again, the CI half goes on and ends", ok=True, detail=detail),)

    def published(self) -> Proofs:
        """Everything that others can see is what the tag claims."""
        claims = published.claims_at_remote(
            self.project.shell, self.world, self.state.facts.version
        )
        signed = published.signed_tag(self.project.shell, self.world, self.state.facts.version)
        release = published.signed_release(self.project.shell, self.world, claims)
        logged = published.logged(self.world, self.state.facts.version)
        return (signed, release, logged, *published.published_as_tagged(self.world, claims))

    def proven(self) -> Proofs:
        """What CI's journal tells is done again on the laptop: `invoke prove --journal`."""
        version = self.state.facts.version
        journal = self.ci.out(version, self.state.attempts) / "journal.jsonl"
        ran = self.laptop.prove(journal)
        lines = [line for line in ran.stdout.splitlines() if line.startswith(("yes ", "NO "))]
        held = sum(line.startswith("yes ") for line in lines)
        name = "CI's journal, done again on the laptop, comes to the same"
        ok = ran.returncode == 0 and bool(lines) and held == len(lines)
        return (Proof(name, ok, f"exit {ran.returncode}, {held} of {len(lines)} lines hold"),)

    def deployed(self) -> Proofs:
        """It runs by digest, is healthy, and does its work.

        A rehearsal that failed has taken it down; a resumed one puts it back.
        """
        digest = self.state.facts.image_digest
        if not live.runs(self.project):
            ran = self.laptop.deploy(live.NAME, f"{self.world.endpoints.registry}@{digest}")
            if ran.returncode != 0:
                raise failed("`invoke deploy`", ran)
        healthy = live.healthy(self.project, digest)
        if healthy.ok:
            self.state.facts = replace(self.state.facts, deployed=digest)
        return (healthy, live.mirrors(self.project, self.world))

    def broken(self) -> Proofs:
        """The second version never gets healthy; the first one comes back."""
        digest = self.state.facts.image_digest
        return live.broken_second_version(self.project, self.world, self.laptop, digest)

    def tokens(self) -> Proofs:
        """No token is anywhere but in its store."""
        places = self.world.places
        wanted = canaries.needles(places.canaries())
        stores = (places.secrets, places.root / "deploy" / "secrets")
        files, hits = canaries.search_files(places.root, wanted, stores)
        objects, in_git = canaries.search_git(self.project.shell, places.remote, wanted)
        told = live.what_the_engine_tells(self.project)
        return (
            canaries.verdict(
                "logs, journals, reports, configuration, artefacts, image layers",
                f"{files} files searched, layers unpacked",
                hits,
            ),
            canaries.verdict("the repository", f"{objects} objects searched", in_git),
            canaries.verdict(
                "what the engine tells of the container, its log included",
                f"{len(told)} characters searched",
                canaries.found_in(told.encode(), wanted),
            ),
            canaries.verdict(
                "argv and environment of any process",
                f"{len(self.watch.processes)} processes seen in {self.watch.looks} looks",
                self.watch.seen,
            ),
        )

    def next_attempt(self) -> int:
        """The number of the next run of CI, written down before it starts."""
        self.state.attempts += 1
        self.keep()
        return self.state.attempts

    def die_at(self, point: str) -> None:
        """Die as the release did, where the person asked for it."""
        if self.fault == point:
            os.kill(os.getpid(), signal.SIGKILL)
