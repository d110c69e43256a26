"""`mgit config import`: what a person has of mgit 0.x is taken over, and nothing is lost."""

from __future__ import annotations

import json
import stat
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from sandbox.forge import SandboxForge
from tests.story.laptop import CANARY, REPOSITORY, Laptop

OLD = f"""\
global: {{default_provider: work, default_concurrency: 10, default_update_mode: pull, color: blue}}
providers:
  work:      {{url: "https://api.github.com", user: me, token: "${{GITHUB_TOKEN}}", workspace: ""}}
  azure:     {{url: "https://dev.azure.com/myorg", user: "", token: "{CANARY}-azure"}}
  azure_two: {{url: "https://dev.azure.com/${{ORG}}", token: "{CANARY}-two"}}
  bitbucket:
    {{url: "https://api.bitbucket.org/2.0", user: me, token: "{CANARY}-bb", workspace: acme}}
  Big Server: {{url: "https://ghe.example.com/api/v3", token: ~, workspace: labs, pages: [1, 2]}}
"""


@pytest.fixture
def old(laptop: Laptop) -> Path:
    file = laptop.home / ".config" / "mgit" / "config.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(OLD, encoding="utf-8")
    return file


def configured(laptop: Laptop) -> dict[str, dict[str, object]]:
    return tomllib.loads(laptop.config_file.read_text())


def stored(laptop: Laptop) -> dict[str, str]:
    text = (laptop.home / ".local/share/mgit/credentials.json").read_text()
    return {entry["origin"]: entry["secret"] for entry in json.loads(text)["entries"]}


def keep(laptop: Laptop, **secrets: str) -> None:
    """Tokens in the store, by host."""
    store = laptop.home / ".local/share/mgit"
    store.mkdir(parents=True, exist_ok=True)
    entries = [
        {"origin": f"https://{host.replace('_', '.')}", "username": "mgit", "secret": secret}
        for host, secret in secrets.items()
    ]
    file = store / "credentials.json"
    file.write_text(json.dumps({"version": 1, "entries": entries}))
    file.chmod(0o600)
    store.chmod(0o700)


def test_all_that_can_be_taken_over_is(laptop: Laptop, old: Path) -> None:
    ran = laptop.mgit("config", "import")
    assert ran.code == 1, "one provider names a variable that is not set"
    assert "azure_two: the variable ORG is not set" in ran.err
    assert "'global.color' has no place today" in ran.err
    assert "'pages' has no place today" in ran.err
    assert "its token is in the variable GITHUB_TOKEN, which is not set now" in ran.err
    assert "app passwords are gone" in ran.err
    assert "next: mgit doctor" in ran.err
    assert CANARY not in ran.out + ran.err
    document = configured(laptop)
    assert document["defaults"] == {"concurrency": 10}
    assert document["sources"] == {
        "work": {"forge": "github", "token_env": "GITHUB_TOKEN"},
        "azure": {"forge": "azuredevops", "url": "https://dev.azure.com/myorg"},
        "bitbucket": {"forge": "bitbucket", "owners": ["acme"], "user": "me"},
        "big-server": {
            "forge": "github",
            "url": "https://ghe.example.com/api/v3",
            "owners": ["labs"],
        },
    }
    assert stored(laptop) == {
        "https://dev.azure.com": f"{CANARY}-azure",
        "https://api.bitbucket.org": f"{CANARY}-bb",
    }
    assert stat.S_IMODE(laptop.config_file.stat().st_mode) == 0o600
    assert old.read_text() == OLD, "the old file stays as it is"
    assert laptop.mgit("config", "check").code == 0


def test_a_second_import_changes_nothing(laptop: Laptop, old: Path) -> None:
    variables = {"ORG": "other", "GITHUB_TOKEN": "x"}
    first = laptop.mgit("config", "import", str(old), env=variables)
    assert first.code == 0, first.err
    assert "still holds tokens as plain text" in first.last_line
    before = {
        path: path.read_bytes()
        for path in laptop.home.rglob("*")
        if path.is_file() and path.parent.name in ("mgit", "tokens")
    }
    ran = laptop.mgit("config", "import", "--format", "json", env=variables)
    assert ran.code == 0
    assert {one["result"] for one in ran.json["providers"]} == {"there"}  # type: ignore[attr-defined]
    assert {path: path.read_bytes() for path in before} == before


def test_two_organizations_on_one_host_keep_their_tokens_apart(laptop: Laptop, old: Path) -> None:
    laptop.mgit("config", "import", env={"ORG": "other"})
    sources = configured(laptop)["sources"]
    for name, token in (("azure", "azure"), ("azure_two", "two")):
        file = Path(str(sources[name]["token_file"]))  # type: ignore[index]
        assert file.read_text() == f"{CANARY}-{token}\n"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "https://dev.azure.com" not in stored(laptop)
    assert old.exists()


def test_a_dry_run_shows_and_writes_nothing(laptop: Laptop, old: Path) -> None:
    ran = laptop.mgit("config", "import", "--dry-run", env={"ORG": "other"})
    assert ran.code == 0
    assert "[sources.azure]" in ran.out
    assert "next: the same without --dry-run" in ran.err
    assert CANARY not in ran.out + ran.err
    assert [path.name for path in old.parent.iterdir()] == ["config.yaml"]
    assert not (laptop.home / ".local").exists()


def test_what_is_configured_already_stays(laptop: Laptop, old: Path) -> None:
    mine = '# mine\n[defaults] # all\nroot = "~/code"\n[sources.work]\nforge = "gitlab"\n'
    laptop.configure(mine)
    laptop.mgit("config", "import")
    text = laptop.config_file.read_text()
    assert "# mine\n[defaults] # all\nconcurrency = 10\n" in text
    document = tomllib.loads(text)
    assert document["defaults"] == {"root": "~/code", "concurrency": 10}
    assert document["sources"]["work"] == {"forge": "gitlab"}
    assert document["sources"]["work-2"] == {"forge": "github", "token_env": "GITHUB_TOKEN"}
    again = laptop.mgit("config", "import")
    assert laptop.config_file.read_text() == text
    assert "source work-2 is the same already" in again.err
    assert old.exists()


def test_a_newer_token_is_not_replaced_by_an_old_one(laptop: Laptop, old: Path) -> None:
    keep(laptop, dev_azure_com="newer")
    laptop.mgit("config", "import")
    assert stored(laptop)["https://dev.azure.com"] == "newer"
    kept = Path(str(configured(laptop)["sources"]["azure"]["token_file"]))  # type: ignore[index]
    assert kept.read_text() == f"{CANARY}-azure\n"
    assert old.exists()


def test_a_token_that_is_stored_already_is_not_stored_twice(laptop: Laptop, old: Path) -> None:
    keep(laptop, api_bitbucket_org=f"{CANARY}-bb")
    laptop.mgit("config", "import")
    assert stored(laptop)["https://api.bitbucket.org"] == f"{CANARY}-bb"
    assert "token_file" not in configured(laptop)["sources"]["bitbucket"]  # type: ignore[operator]


def test_a_stored_token_that_hides_a_variable_is_told(laptop: Laptop, old: Path) -> None:
    keep(laptop, api_github_com="newer")
    ran = laptop.mgit("config", "import", env={"GITHUB_TOKEN": "x"})
    assert "stored for https://api.github.com comes before its variable" in ran.err


def test_a_source_that_is_there_without_a_token_gets_it(laptop: Laptop, old: Path) -> None:
    laptop.configure('[sources.bitbucket]\nforge = "bitbucket"\nowners = ["acme"]\nuser = "me"\n')
    before = laptop.config_file.read_text()
    ran = laptop.mgit("config", "import")
    assert "source bitbucket is the same already and stays as it is" in ran.err
    assert before in laptop.config_file.read_text()
    assert stored(laptop)["https://api.bitbucket.org"] == f"{CANARY}-bb"


def test_a_concurrency_that_a_person_chose_stays(laptop: Laptop, old: Path) -> None:
    laptop.configure("[defaults]\nconcurrency = 3\n")
    ran = laptop.mgit("config", "import")
    assert "concurrency stays 3, as the configuration says; it was 10" in ran.err
    assert configured(laptop)["defaults"] == {"concurrency": 3}


def test_the_document_is_as_its_schema_says(laptop: Laptop, old: Path) -> None:
    schema = json.loads((REPOSITORY / "docs/schemas/config.json").read_text("utf-8"))
    for more in (["--dry-run"], []):
        ran = laptop.mgit("config", "import", "--format", "json", *more)
        Draft202012Validator(schema).validate(ran.json)
        assert set(ran.json) == set(schema["$defs"]["import"]["required"])
        assert ran.json["file"] == str(old)
        assert CANARY not in ran.out


def test_an_imported_source_works(laptop: Laptop, forge: SandboxForge) -> None:
    forge.add_owner("acme")
    forge.add_repo("acme", "app")
    file = laptop.home / "old.yaml"
    entry = f"{{url: '{forge.api_url}', type: github, token: '{CANARY}', workspace: acme}}"
    file.write_text(f"providers:\n  here: {entry}\n")
    assert laptop.mgit("config", "import", str(file)).code == 0
    listed = laptop.mgit("list", "--format", "jsonl")
    assert listed.code == 0, listed.err
    assert "acme/app" in listed.out


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: &x [1]\nb: *x\n", "line 2: there is an alias"),
        ("a: 1\na: 2\n", "line 2: there is a key that is no word or stands twice"),
        (f"a: {CANARY}: b\n", "line 1: there is no valid YAML"),
        ("- a\n", "there is no keys at its top"),
        ("[" * 2000, "there is"),
        ("a: " + "[" * 100 + "]" * 100, "too many levels"),
        ("? [a]\n: b\n", "a key that is no word"),
        ("providers: [a]\nx: !!python/object/apply:os.system ['id']\n", ""),
        ("#" * (1 << 20 | 1), "larger than 1 MiB"),
    ],
)
def test_a_file_that_is_none_changes_nothing(laptop: Laptop, text: str, says: str) -> None:
    file = laptop.home / "old.yaml"
    file.write_text(text)
    ran = laptop.mgit("config", "import", str(file))
    assert ran.code == (2 if says else 0)
    assert says in ran.err
    assert "Traceback" not in ran.err
    assert CANARY not in ran.err
    assert not laptop.config_file.exists()


def test_without_an_old_file_the_next_step_is_named(laptop: Laptop) -> None:
    ran = laptop.mgit("config", "import")
    assert ran.code == 2
    assert "no configuration of mgit 0.x was found" in ran.err
    assert "mgit login" in ran.last_line
    assert laptop.mgit("config", "show", "some.yaml").code == 2
