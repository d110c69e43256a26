"""Environments and checks: `nox` runs what a merge needs, `nox -s rehearse` a whole release.

Every session installs exactly what its lock file says. `nox -l` lists them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.10"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["lint", "types", "imports", "docs", "tests", "security", "kubernetes"]

ROOT = Path(__file__).parent
OLDEST = (3, 11)
CODE = (
    *("mgit", "pipeline", "sandbox", "bench", "handbook", "docker", "deploy", "tests"),
    *("noxfile.py", "tasks.py"),
)
LOCKS = ("image", "lint", "types", "test", "security", "pipeline", "mutation", "docs", "kubernetes")
IN_CI = bool(os.environ.get("CI"))

# An interpreter that is missing is never downloaded: what is tested is what is there.
os.environ.setdefault("UV_PYTHON_DOWNLOADS", "never")


def _pyenv_folders() -> list[Path]:
    root = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    return sorted(root.glob("versions/3.*/bin"))


def _interpreters() -> list[str]:
    """Every CPython from 3.11 up on PATH or kept by pyenv, oldest first.

    pyenv's own shims answer only for the chosen version, so its folders join PATH.
    """
    folders = [str(folder) for folder in _pyenv_folders()]
    os.environ["PATH"] = os.pathsep.join([*folders[::-1], os.environ.get("PATH", "")])
    found: set[tuple[int, int]] = set()
    for folder in os.environ["PATH"].split(os.pathsep):
        for program in Path(folder).glob("python3.*"):
            match = re.fullmatch(r"python3\.(\d+)", program.name)
            if match and (3, int(match[1])) >= OLDEST and "shims" not in program.parts:
                found.add((3, int(match[1])))
    return [f"{major}.{minor}" for major, minor in sorted(found)]


PYTHONS = _interpreters() or ["3.11"]
MAIN = "3.13" if "3.13" in PYTHONS else PYTHONS[0]


def _provide(session: nox.Session, lock: str, *, project: bool = False) -> None:
    """Install a lock file, every package checked by hash, and the project itself where asked."""
    session.install("--quiet", "--require-hashes", "-r", f"requirements/{lock}.txt")
    if project:
        session.install("--quiet", "--no-deps", "-e", ".")


def _run_to_its_code(session: nox.Session, *argv: str) -> None:
    """Run a command of the pipeline and end nox with its own exit code.

    nox knows only 0 and 1; the pipeline tells a gate that said no (3) from a lacking tool (4).
    """
    try:
        session.run(*argv)
    except nox.command.CommandFailed as failed:
        session.warn(f"{argv[0]} ended with {failed.return_code}")
        sys.exit(failed.return_code or 1)


@nox.session(python=MAIN)
def lint(session: nox.Session) -> None:
    """Style, likely bugs, confinement of processes and environment; `-- --fix` mends."""
    _provide(session, "lint")
    fix = "--fix" in session.posargs
    session.run("ruff", "check", *(["--fix"] if fix else []), *CODE)
    session.run("ruff", "format", *([] if fix else ["--check"]), *CODE)
    session.run("python", "-m", "pipeline.house")


@nox.session(python=MAIN)
def types(session: nox.Session) -> None:
    """mypy, strict, over everything but the tests."""
    _provide(session, "types")
    session.run("mypy", *session.posargs)


@nox.session(python=MAIN)
def imports(session: nox.Session) -> None:
    """The layers of the house, as `[tool.importlinter]` has them."""
    _provide(session, "lint", project=True)
    session.run("lint-imports", "--no-cache")


def _test(
    session: nox.Session,
    *chosen: str,
    env: dict[str, str] | None = None,
    needs: tuple[str, ...] = ("--tests",),
) -> None:
    _provide(session, "test", project=True)
    if IN_CI:  # where a lacking tool fails a test instead of skipping it
        session.run("python", "-m", "pipeline.provision", *needs)
    session.run(
        *["pytest", "-q", "-n", "2", "--dist", "worksteal", *chosen],
        env=env or {"COVERAGE_FILE": f".coverage.{session.python}"},
    )


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """All tests on the main Python, on the others those that depend on the Python."""
    quick = ["-m", "not engine and not slow"]
    if session.python == PYTHONS[0]:  # what most people have: Debian's
        quick += ["tests/unit", "tests/contract"]
        quick += ["tests/story/test_cli_sync.py", "tests/story/test_cli_bad_input.py"]
    else:  # between two that are tested whole: what starts at all, and git, and a sync
        quick += ["tests/unit/plan", "tests/unit/config", "tests/unit/credentials"]
        quick += ["tests/unit/git", "tests/story/test_cli_sync.py"]
    env = {"COVERAGE_FILE": f".coverage.{session.python}"}
    if session.python != MAIN:  # draws do not depend on the Python: a few of each are enough
        env["MGIT_TESTS_EXAMPLES"] = "20"
    _test(session, *(session.posargs or ([] if session.python == MAIN else quick)), env=env)


@nox.session(python=MAIN, default=False)
def coverage(session: nox.Session) -> None:
    """Lines and branches that the tests reach, into dist/coverage; 3 where mgit/ has below 95%."""
    folder = ROOT / "dist" / "coverage"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    env = {"COVERAGE_FILE": str(folder / "data")}
    try:
        _test(session, "--cov", "--cov-report=", *(session.posargs or ["tests"]), env=env)
    finally:  # what was reached is worth knowing where a test failed, too
        _tell_coverage(session, folder, env)


def _tell_coverage(session: nox.Session, folder: Path, env: dict[str, str]) -> None:
    session.run("coverage", "html", "--quiet", "-d", str(folder / "html"), env=env)
    session.run("coverage", "json", "--quiet", "-o", str(folder / "coverage.json"), env=env)
    _run_to_its_code(session, "python", "-m", "pipeline.covered", str(folder / "coverage.json"))


@nox.session(python=MAIN)
def security(session: nox.Session) -> None:
    """All scanners in one table; each is first shown what it must flag."""
    _provide(session, "pipeline")
    _run_to_its_code(session, "python", "-m", "pipeline.security", *session.posargs)


@nox.session(python=MAIN)
def kubernetes(session: nox.Session) -> None:
    """Every overlay of deploy/kubernetes, strictly, in every version that is supported."""
    _provide(session, "kubernetes")
    _run_to_its_code(session, "python", "-m", "pipeline.manifests")


@nox.session(python=MAIN, default=False)
def cluster(session: nox.Session) -> None:
    """Deployments to a real cluster of Kubernetes, which kind makes; needs its node image."""
    _provide(session, "test", project=True)
    session.run("pytest", "-q", "-m", "cluster", *(session.posargs or ["tests/cluster"]))


@nox.session(python=MAIN)
def docs(session: nox.Session) -> None:
    """The handbook as a site in dist/site, every link looked at; `-- --serve` shows it here."""
    _provide(session, "docs")
    session.run("python", "-m", "handbook.staging", "dist/handbook")
    strict = ["--quiet", "--fail-on-warning", "--keep-going", "--fresh-env", "-j", "2"]
    folders = ["-c", "handbook", "-d", "dist/doctrees", "dist/handbook", "dist/site"]
    shutil.rmtree(ROOT / "dist" / "site", ignore_errors=True)
    session.run("sphinx-build", *strict, *folders)
    session.run("python", "-m", "handbook.checking", "dist/site")
    if "--serve" in session.posargs:
        session.run("python", "-m", "handbook.serving", "dist/site")


@nox.session(python=MAIN, default=False, name="docs-in-browser", requires=["docs"])
def docs_in_browser(session: nox.Session) -> None:
    """The handbook in a real browser: on a phone, on a desk, in the dark, without a network."""
    _test(session, "-m", "long", "tests/handbook/test_site.py")


@nox.session(python=MAIN, default=False)
def rehearse(session: nox.Session) -> None:
    """A complete release on this machine; `-- --provision` installs what the host lacks."""
    _provide(session, "pipeline", project=True)
    _run_to_its_code(session, "python", "-m", "pipeline.rehearsal", *session.posargs)


@nox.session(python=MAIN, default=False)
def demo(session: nox.Session) -> None:
    """What mgit does, shown on a company of 60 repositories on this machine; `-- --keep` stays."""
    _provide(session, "test", project=True)
    session.run("python", "-m", "sandbox.demo", *session.posargs)


@nox.session(python=MAIN, default=False)
def bench(session: nox.Session) -> None:
    """Figures and ratios into dist/bench; `-- --check` ends with 3 where one does not hold."""
    _provide(session, "test", project=True)
    _run_to_its_code(session, "python", "-m", "bench", *session.posargs)


@nox.session(python=MAIN, default=False, name="image-size")
def image_size(session: nox.Session) -> None:
    """The image beside a single-stage build of it, weighed; `-- --emulated`: for both platforms."""
    _provide(session, "pipeline", project=True)
    _run_to_its_code(session, "python", "-m", "pipeline.imagesize", *session.posargs)


@nox.session(python=MAIN, default=False)
def mutation(session: nox.Session) -> None:
    """Faults put into decisions and credentials, which tests must notice; `-- --sample 200`."""
    _provide(session, "mutation")
    _run_to_its_code(session, "python", "-m", "pipeline.mutation", *session.posargs)


@nox.session(python=MAIN, default=False, name="crash-matrix")
def crash_matrix(session: nox.Session) -> None:
    """A release killed on both sides of every effect; writes docs/crash-matrix.md."""
    _provide(session, "test", project=True)
    _run_to_its_code(session, "python", "-m", "tests.crash", *session.posargs)


@nox.session(python=PYTHONS[0], default=False)  # Debian's, which another user can start too
def long(session: nox.Session) -> None:
    """What takes minutes: the image by two users and for arm64, emulated; a simulated day."""
    _test(session, "-m", "long", *session.posargs, needs=("--tests", "--emulation"))


@nox.session(python=MAIN, default=False)
def exactness(session: nox.Session) -> None:
    """Random pushes of every kind over 300 repositories; the tests have it with 40."""
    _provide(session, "test", project=True)
    env = {"MGIT_EXACTNESS": "300"}
    session.run("pytest", "-q", *session.posargs, "tests/story/test_exactness.py", env=env)


@nox.session(python=MAIN, default=False)
def faults(session: nox.Session) -> None:
    """500 random kills, and one at every rename, flush and removal; writes dist/faults."""
    _provide(session, "test", project=True)
    _run_to_its_code(session, "python", "-m", "tests.faults", *session.posargs)


@nox.session(python=MAIN, default=False, name="deploy-soak")
def deploy_soak(session: nox.Session) -> None:
    """Deployments that go right and wrong in a row: `-- --cycles 100 --target both`."""
    _provide(session, "test", project=True)
    _run_to_its_code(session, "python", "-m", "tests.soak", *session.posargs)


@nox.session(python=MAIN, default=False)
def fuzz(session: nox.Session) -> None:
    """Parsers of what comes from outside, for long: `-- --minutes 30`; `tests` has it short."""
    _provide(session, "test", project=True)
    session.run("python", "-m", "tests.fuzz", *session.posargs)


@nox.session(python=MAIN, default=False)
def invoke(session: nox.Session) -> None:
    """Any task of tasks.py in its locked environment: `nox -s invoke -- release --plan`."""
    _provide(session, "pipeline", project=True)
    _run_to_its_code(session, "invoke", *(session.posargs or ["--list"]))


@nox.session(python=MAIN, default=False)
def dev(session: nox.Session) -> None:
    """mgit from this work tree with all that stands around it: `nox -s dev`, `-- --down`."""
    _provide(session, "pipeline", project=True)
    _run_to_its_code(session, "invoke", "dev", *session.posargs)


@nox.session(python=MAIN, default=False)
def seccomp(session: nox.Session) -> None:
    """Which system calls the image makes, against docker/seccomp.json; `-- --arm64` too."""
    _provide(session, "test", project=True)
    _run_to_its_code(session, "python", "-m", "tests.confinement", *session.posargs)


@nox.session(python=MAIN, default=False)
def quickstart(session: nox.Session) -> None:
    """Every command of docs/quickstart-server.md, run and timed; `-- --write` renews the times."""
    _provide(session, "test", project=True)
    _run_to_its_code(session, "python", "-m", "tests.quickstart", *session.posargs)


@nox.session(python=False, default=False)
def lock(session: nox.Session) -> None:
    """Compile requirements/*.in to *.txt; `-- --upgrade` takes newer versions."""
    if shutil.which("uv") is None:
        session.error("uv is missing: python3 -m pip install uv")
    flags = ["--generate-hashes", "--universal", "--python-version", ".".join(map(str, OLDEST))]
    quiet = ["--no-header", "--no-emit-index-url", "--no-emit-find-links", "--no-annotate"]
    for name in LOCKS:
        files = [f"requirements/{name}.in", "-o", f"requirements/{name}.txt"]
        command = ["uv", "pip", "compile", "--quiet", *flags, *quiet, *session.posargs, *files]
        subprocess.run(command, cwd=ROOT, check=True)
