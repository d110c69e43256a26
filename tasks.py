"""The steps of a release as `invoke` tasks, see `invoke --list`; `pipeline/` does the work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from invoke.context import Context
from invoke.tasks import task

from pipeline import commands, errands, invocation, withdraw
from pipeline.deployment import commands as deploying
from pipeline.deployment.commands import Asked as Deployment
from pipeline.invocation import Options
from pipeline.proving import commands as proving
from pipeline.proving.commands import Asked
from pipeline.step import Exit

HERE = Path(__file__).resolve().parent


def end(command: Callable[[], Exit]) -> None:
    sys.exit(int(invocation.guarded(command)))


@task
def build(_context: Context) -> None:
    """Build wheel, sdist and image of the commit that is checked out, twice, into dist/make."""
    end(lambda: errands.make(HERE, ("build",)))


@task
def scan(_context: Context) -> None:
    """Build, then install, run, measure and scan what was built."""
    end(lambda: errands.make(HERE, ("build", "inspect")))


@task
def test(_context: Context) -> None:
    """Run the tests: `nox -s tests`."""
    end(lambda: errands.nox(HERE, "tests"))


@task
def security(_context: Context) -> None:
    """Run the security gates: `nox -s security`."""
    end(lambda: errands.nox(HERE, "security"))


@task
def provision(_context: Context) -> None:
    """Install what a release needs and this machine lacks, saying so first."""
    end(errands.provision_all)


@task(
    help={
        "plan": "print what would happen, and stop",
        "resume": "go on where an earlier run stopped",
        "undo": "the same as --abort",
        "abort": "take back what is not published yet; with --plan only say what that would be",
        "rehearse": "refuse real endpoints; without --endpoints rehearse everything",
        "provision": "install what is missing first",
        "pre": "alpha, beta or rc: a pre-release; its changes stay for the release",
        "endpoints": "TOML file of the places to release to (default deploy/endpoints.toml)",
        "fault": "die on purpose, for example at after:publish_index:upload; rehearsals only",
    }
)
def release(
    _context: Context,
    plan: bool = False,  # noqa: FBT001, FBT002
    resume: bool = False,  # noqa: FBT001, FBT002
    undo: bool = False,  # noqa: FBT001, FBT002
    abort: bool = False,  # noqa: FBT001, FBT002
    rehearse: bool = False,  # noqa: FBT001, FBT002
    provision: bool = False,  # noqa: FBT001, FBT002
    pre: str = "",
    endpoints: str = "",
    fault: str = "",
) -> None:
    """The laptop half of a release: plan to tag. The pushed tag starts the CI half."""
    options = Options(endpoints, rehearse, resume, provision, fault, pre)
    end(lambda: commands.release_as_asked(HERE, options, plan=plan, undo=undo or abort))


@task(help={"tag": "vX.Y.Z; default: the tag that CI runs on", "endpoints": "TOML file of places"})
def publish(_context: Context, tag: str = "", endpoints: str = "", fault: str = "") -> None:
    """The CI half of a release, on a tag: build again, compare, publish, verify."""
    end(lambda: commands.publish(HERE, Options(endpoints=endpoints, fault=fault), tag))


@task(
    help={
        "version": "X.Y.Z, a published one",
        "reason": "one line for people",
        "plan": "print what would happen, and stop",
        "endpoints": "TOML file of places",
    }
)
def yank(
    _context: Context,
    version: str = "",
    reason: str = "",
    plan: bool = False,  # noqa: FBT001, FBT002
    endpoints: str = "",
) -> None:
    """Take a published version out of circulation: image tags, forge release, changelog, index."""
    end(lambda: withdraw.yank(HERE, Options(endpoints), version, reason, plan=plan))


@task(
    help={
        "env": "name in deploy/environments.toml; default: all that a release goes to",
        "version": "X.Y.Z of the registry; default: the latest",
        "reference": "the image by digest, instead of a version",
        "plan": "print what would happen and why, and stop",
        "status": "print what runs where, since when and by whom, and stop",
        "json": "with --status: for programs",
        "approve": "name of who agrees, where an environment wants that",
        "environment": "the same as --env",
    }
)
def deploy(
    _context: Context,
    env: str = "",
    version: str = "",
    reference: str = "",
    plan: bool = False,  # noqa: FBT001, FBT002
    status: bool = False,  # noqa: FBT001, FBT002
    json: bool = False,  # noqa: FBT001, FBT002
    approve: str = "",
    environment: str = "",
) -> None:
    """Put an image live, gated; what ran before comes back when it is not good."""
    asked = Deployment(
        env=env or environment,
        version=version,
        reference=reference,
        plan=plan,
        status=status,
        json=json,
        approve=approve,
    )
    end(lambda: deploying.deploy(HERE, asked))


@task(
    help={
        "env": "name in deploy/environments.toml",
        "plan": "print what would happen and why, and stop",
        "environment": "the same as --env",
    }
)
def rollback(
    _context: Context,
    env: str = "",
    plan: bool = False,  # noqa: FBT001, FBT002
    environment: str = "",
) -> None:
    """Put the image back that ran before."""
    end(lambda: deploying.rollback(HERE, Deployment(env or environment, plan=plan)))


@task(
    help={
        "down": "stop and remove everything",
        "logs": "follow what is said",
        "grafana": "Grafana too, where its image can be pulled",
    }
)
def dev(
    _context: Context,
    down: bool = False,  # noqa: FBT001, FBT002
    logs: bool = False,  # noqa: FBT001, FBT002
    grafana: bool = False,  # noqa: FBT001, FBT002
) -> None:
    """Start mgit from this work tree, with a forge, Prometheus and Alertmanager beside it."""
    end(lambda: errands.dev(HERE, down=down, logs=logs, grafana=grafana))


@task(help={"tag": "name for the image (mgit:local)"})
def image(_context: Context, tag: str = "mgit:local") -> None:
    """Build the image of this work tree for this machine, and the one with Prometheus."""
    end(lambda: errands.image(HERE, tag))


@task(help={"check": "only compare, end with 3 where something differs"})
def surface(_context: Context, check: bool = False) -> None:  # noqa: FBT001, FBT002
    """Write down what mgit promises (options, keys, schemas, metrics): docs/surface.json."""
    end(lambda: errands.surface(HERE, check=check))


@task(
    help={
        "folder": "of a release, for example dist/release/0.1.0: what it left behind fits together",
        "tag": "vX.Y.Z: built again from a clean clone it comes out as the tag says",
        "journal": "journal.jsonl of CI: done again here it starts and makes the same",
        "against": "with --tag: folder with the published files, to tell what differs",
        "endpoints": "TOML file of the places that were released to",
    }
)
def prove(
    _context: Context,
    folder: str = "",
    tag: str = "",
    journal: str = "",
    against: str = "",
    endpoints: str = "",
) -> None:
    """Show that a release is what it says: its folder, its tag, or its journal; else end with 6."""
    asked = Asked(folder, tag, journal, against, endpoints)
    end(lambda: proving.prove(HERE, asked))
