"""Who takes part in a release: the person at the laptop, and CI. Both are real processes."""

from __future__ import annotations

import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pipeline.git import Git
from pipeline.journal import Event, read_journal
from pipeline.rehearsal.world import Places
from pipeline.result import from_dict
from pipeline.shell import Ran, Shell
from pipeline.step import Exit, Facts, PipelineError
from sandbox.serving import following

WORKFLOW = Path(".github", "workflows", "release.yml")
MERGE = WORKFLOW.with_name("ci.yml")
_RUNNER = re.compile(r"^\s+runs-on: (\S+)$", re.MULTILINE)
_USES = re.compile(r"uses: (actions/([a-z-]+)@[0-9a-f]{40})")
CUT_OFF = ("DOCKER_HOST", "DOCKER_CONFIG", "PIP_INDEX_URL", "UV_DEFAULT_INDEX")
"""Where engine and packages are, if not where they always are."""
QUIET = {"ACT_DISABLE_VERSION_CHECK": "1"}
"""act asks its maker for news at each start, which is of no use here and needs a network."""
_ACTIONS = Path(__file__).resolve().parents[2] / "sandbox" / "actions"


@dataclass(frozen=True, slots=True)
class Laptop:
    """A person with a clone who runs `invoke`.

    Args:
        shell: starts it.
        clone: the person's clone.
        endpoints: the endpoints file.
        say: gets each line that the command prints.
        known: tags of releases that were there before the rehearsal.
    """

    shell: Shell
    clone: Path
    endpoints: Path
    say: Callable[[str], None]
    known: frozenset[str] = frozenset()

    def release(self, *, resume: bool = False, fault: str = "") -> Ran:
        """`invoke release --rehearse`, to its end or to the fault."""
        flags = (*(("--resume",) if resume else ()), *(("--fault", fault) if fault else ()))
        argv = (sys.executable, "-m", "invoke", "release", "--rehearse")
        return self.shell.watch(
            following([*argv, "--endpoints", str(self.endpoints), *flags]),
            self.say,
            cwd=self.clone,
        )

    def deploy(self, environment: str, reference: str) -> Ran:
        """`invoke deploy` of an image by digest."""
        argv = (sys.executable, "-m", "invoke", "deploy", "--environment", environment)
        return self.shell.watch(
            following([*argv, "--reference", reference]),
            self.say,
            cwd=self.clone,
            env={"MGIT_RELEASE_ENDPOINTS": str(self.endpoints)},
        )

    def prove(self, journal: Path) -> Ran:
        """`invoke prove` of what CI wrote down."""
        argv = (sys.executable, "-m", "invoke", "prove", "--journal", str(journal))
        return self.shell.watch(
            following([*argv, "--endpoints", str(self.endpoints)]), self.say, cwd=self.clone
        )

    def tags(self) -> dict[str, str]:
        """The new release tags of the remote and their object ids."""
        refs = Git(self.shell, self.clone).remote_refs("origin", "refs/tags/v*")
        named = {name.removeprefix("refs/tags/"): each for name, each in refs.items()}
        return {
            name: each
            for name, each in named.items()
            if name not in self.known and not name.endswith("^{}")
        }


@dataclass(frozen=True, slots=True)
class Ci:
    """CI: the workflows of a commit, run by act on this machine.

    Args:
        shell: starts it.
        places: the rehearsal's folders.
        say: gets each line that the jobs print.
    """

    shell: Shell
    places: Places
    say: Callable[[str], None]

    def push(self, tag: str, attempt: int, *, fault: str = "") -> Ran:
        """What a pushed tag sets off: every job of the workflow on a fresh workspace.

        Args:
            tag: the tag.
            attempt: counted from 1; what the jobs wrote stays in the attempt's folder.
            fault: where `invoke publish` dies.
        """
        variables = {"MGIT_RELEASE_FAULT": fault} if fault else {}
        kept = self.places.attempt(attempt)
        return self._run(tag, f"refs/tags/{tag}", WORKFLOW, kept, variables)

    def merge(self, branch: str, sessions: Sequence[str]) -> Ran:
        """What a push to a branch sets off: the job `checks` of the workflow of a merge.

        Args:
            branch: on the remote.
            sessions: of nox, in place of all that a merge needs; the tests take their own time.
        """
        variables = {"NOXSESSION": ",".join(sessions)}
        kept = self.places.root / "ci" / "merge"
        ref = f"refs/heads/{branch}"
        return self._run(branch, ref, MERGE, kept, variables, ("--job", "checks"))

    def _run(
        self,
        name: str,
        ref: str,
        workflow: Path,
        kept: Path,
        more: Mapping[str, str],
        words: Sequence[str] = (),
    ) -> Ran:
        source = self._checkout(name)
        event = self.places.root / "ci" / "event.json"
        commit = Git(self.shell, source).resolve("HEAD^{commit}")
        event.write_bytes(msgspec.json.encode({"ref": ref, "after": commit}))
        text = (source / workflow).read_text(encoding="utf-8")
        variables = {
            "MGIT_RELEASE_ENDPOINTS": self.places.endpoints,
            "MGIT_SANDBOX_ACTIONS": _ACTIONS,
            "MGIT_SANDBOX_KEPT": kept,
            "MGIT_SANDBOX_PYTHON": sys.executable,
            "MGIT_SANDBOX_REMOTE": self.places.remote,
            "NO_COLOR": "1",
            **{name: self.shell.env[name] for name in CUT_OFF if name in self.shell.env},
            **more,
        }
        argv = [
            *(str(find_act()), "push", "--workflows", str(workflow), "--eventpath", str(event)),
            *words,
            *("--no-skip-checkout", "--no-cache-server", "--rm", "--log-prefix-job-id"),
            *("--action-cache-path", str(self.places.root / "ci" / "act")),
            *_each("--platform", (f"{name}=-self-hosted" for name in set(_RUNNER.findall(text)))),
            *_each(
                "--local-repository",
                sorted({f"{use}={_ACTIONS / name}" for use, name in _USES.findall(text)}),
            ),
            *_each("--env", (f"{name}={value}" for name, value in variables.items())),
        ]
        return self.shell.watch(following(argv), self._say, cwd=source, env=QUIET)

    def _say(self, line: str) -> None:
        """What a job printed, without what act says of itself; the log has both."""
        job, mark, words = line.partition("   | ")
        if mark:
            self.say(f"{job} {words}")

    def out(self, version: str, attempt: int) -> Path:
        """Where `invoke publish` worked in an attempt."""
        return self.places.attempt(attempt) / "publish" / version

    def _checkout(self, name: str) -> Path:
        """A clone of a tag or branch, for act to read the workflow from."""
        source = self.places.root / "ci" / "src"
        shutil.rmtree(source, ignore_errors=True)
        git = Git(self.shell, self.places.root)
        git.run("clone", "--quiet", "--branch", name, str(self.places.remote), str(source))
        return source


def release_tags(shell: Shell, repository: Path) -> frozenset[str]:
    """The tags of earlier releases that a repository has."""
    return frozenset(Git(shell, repository).out("tag", "--list", "v*").split())


def was_killed(ran: Ran) -> bool:
    """Whether a command died by SIGKILL, as a fault makes it."""
    return ran.returncode in {-signal.SIGKILL, 128 + signal.SIGKILL}


def failed(what: str, ran: Ran) -> PipelineError:
    """The error for a command that ended with an error, in its own words and with its code."""
    told = [line for line in ran.stdout.splitlines() if "error:" in line]
    words = told[-1].partition("error:")[2].strip() if told else "see log.txt"
    known = {int(code): code for code in Exit if code is not Exit.DONE}
    return PipelineError(
        f"{what} ended with {ran.returncode}: {words}",
        exit_code=known.get(ran.returncode, Exit.INCOMPLETE),
        advice="run the rehearsal again with --resume",
    )


def facts_in(out: Path) -> Facts:
    """What a release had learned when it stopped, from its journal."""
    done = [each for each in read_journal(out / "journal.jsonl") if each.event is Event.DONE]
    return from_dict(done[-1].facts) if done else Facts()


def find_act() -> Path:
    """The act of this environment.

    Raises:
        PipelineError: there is none.
    """
    beside = Path(sys.executable).parent / "act"
    found = beside if beside.is_file() else shutil.which("act")
    if found is None:
        raise PipelineError(
            "act is not installed",
            exit_code=Exit.ENVIRONMENT,
            advice="python3 -m pip install -r requirements/pipeline.txt (Linux)",
        )
    return Path(found)


def _each(option: str, values: Iterable[str]) -> list[str]:
    return [word for value in values for word in (option, value)]
