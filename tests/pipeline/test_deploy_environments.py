"""The file of environments, and what is refused before anything is touched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.deployment.environments import find_environment, load_environments
from pipeline.deployment.logs import plain
from pipeline.deployment.places import ComposePlace
from pipeline.deployment.target import check_reference
from pipeline.project import Endpoints, Project, child_environment
from pipeline.shell import Shell
from pipeline.step import Exit, PipelineError

ROOT = Path(__file__).parents[2]
DIGEST = f"sha256:{'a' * 64}"
TABLE = 'files = ["compose.yaml"], config = "config", secrets = "secrets", port = 8080'
ENTRY = f'kind = "compose"\ncompose = {{ {TABLE} }}\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    endpoints = Endpoints(
        rehearsal=True,
        git_remote="",
        index_upload="",
        index_simple="",
        registry="127.0.0.1:1/mgit",
        forge_api="",
        forge_repo="acme/mgit",
        environments="environments.toml",
    )
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.toml").touch()
    (tmp_path / "secrets").mkdir()
    (tmp_path / "compose.yaml").touch()
    return Project(tmp_path, tmp_path / "out", endpoints, Shell(env=child_environment()))


def write(project: Project, text: str) -> None:
    (project.root / "environments.toml").write_text(text)


def test_the_only_environment_needs_no_name(project: Project) -> None:
    write(project, f"[one]\n{ENTRY}")
    assert find_environment(project, "").name == "one"
    found = find_environment(project, "one")
    assert found.kind == "compose"
    assert isinstance(found.place, ComposePlace)
    assert found.place.url("/readyz") == "http://127.0.0.1:8080/readyz"
    assert found.place.files == (project.root / "compose.yaml",)


def test_of_several_one_is_named(project: Project) -> None:
    write(project, f"[one]\n{ENTRY}\n[two]\n{ENTRY}")
    for name in ("", "three"):
        with pytest.raises(PipelineError) as refused:
            find_environment(project, name)
        assert refused.value.exit_code is Exit.USAGE
        assert refused.value.advice == "name one of: one, two"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[one]\nport = 1\n", "kind"),
        ("[one]\nkind = 'nomad'\n", "nomad"),
        ("[one]\nkind = 'swarm'\n", "swarm"),
        (f"[one]\n{ENTRY}colour = 'red'\n", "colour"),
        (f"[one]\n{ENTRY}gates = {{ patience = 1 }}\n", "patience"),
        (f"[one]\n{ENTRY}gates = {{ timeout = 0 }}\n", "not between"),
        (f"[one]\n{ENTRY}gates = {{ canary = '--all' }}\n", "nothing to sync"),
        (f"[one]\n{ENTRY}approval = 'maybe'\n", "maybe"),
        (f"[one]\n{ENTRY}context = '--tls=no'\n", "no context"),
        (f"[one]\n{ENTRY}".replace("port =", 'project = "../x", port ='), "no name"),
        (f'["ONE TWO"]\n{ENTRY}', "no name"),
        (f"[one]\n{ENTRY}".replace("8080", "99999"), "no port"),
        (f"[one]\n{ENTRY}".replace("port =", 'memory = "$HOME", port ='), "no limit"),
        ("[one", "environments.toml"),
    ],
)
def test_a_wrong_file_is_one_line_and_exit_4(project: Project, text: str, told: str) -> None:
    write(project, text)
    with pytest.raises(PipelineError) as refused:
        load_environments(project)
    assert told in refused.value.message
    assert "\n" not in refused.value.message
    assert refused.value.exit_code is Exit.ENVIRONMENT


def test_a_file_that_is_missing_matters_only_where_it_is_needed(project: Project) -> None:
    """Others can be listed from this machine though their secrets lie on another one."""
    write(project, f"[one]\n{ENTRY}\n[two]\n{ENTRY}".replace('"config"', '"absent"', 1))
    assert len(load_environments(project)) == 2
    assert find_environment(project, "two").name == "two"
    with pytest.raises(PipelineError, match=r"absent/config\.toml is not there") as refused:
        find_environment(project, "one")
    assert refused.value.exit_code is Exit.ENVIRONMENT


def test_no_file_is_told(project: Project) -> None:
    with pytest.raises(PipelineError, match="cannot read"):
        load_environments(project)


def test_the_file_of_this_repository_is_right(project: Project) -> None:
    here = replace(
        project, root=ROOT, endpoints=Endpoints(**{**_fields(project), "environments": _FILE})
    )
    kinds = {place.name: place.kind for place in load_environments(here)}
    assert kinds == {"development": "compose", "staging": "swarm", "production": "kubernetes"}


_FILE = "deploy/environments.toml"


def _fields(project: Project) -> dict[str, object]:
    return {name: getattr(project.endpoints, name) for name in Endpoints.__struct_fields__}


@pytest.mark.parametrize(
    "reference",
    [
        *("mgit", "mgit:latest", "--privileged@" + DIGEST, f"x@{DIGEST}0", "x@sha256:abc"),
        f"x@{DIGEST}\n",
        f"a b@{DIGEST}",
    ],
)
def test_only_a_digest_is_deployed(reference: str) -> None:
    with pytest.raises(PipelineError, match="not an image by digest"):
        check_reference(reference)


def test_a_digest_is_taken() -> None:
    check_reference(f"127.0.0.1:5000/acme/mgit@{DIGEST}")


def test_the_last_words_of_a_service_are_plain_text() -> None:
    assert (
        plain("\x1b[2K\x1b[31mmgit: please\u202e report it\x1b[0m\r\n") == "mgit: please report it"
    )
    assert len(plain("x" * 999)) == 200
