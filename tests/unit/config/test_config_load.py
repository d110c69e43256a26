"""Settings: what wins, where it came from, and what a wrong file is told."""

from __future__ import annotations

from pathlib import Path

import pytest

import mgit.forges
from mgit.config import Environment, find_paths, load_settings
from mgit.config.keys import FORGES, GLOBAL_KEYS, SELECTION_KEYS, SOURCE_KEYS
from mgit.config.pace import Pace, pace_of
from mgit.config.settings import SelectionSettings, WebSettings, origins
from mgit.config.sources import DEFAULT_URLS
from mgit.errors import ConfigurationError
from mgit.model import CopyKind, CopyOptions, Shard

from .conftest import Load

WORK = 'version = 1\n[sources.work]\nforge = "github"\n'


def test_without_anything_there_are_defaults(load: Load, tmp_path: Path) -> None:
    settings = load()
    assert settings.root == tmp_path / "home" / "src"
    assert (settings.layout, settings.kind, settings.gone) == ("owner", CopyKind.WORKTREE, "keep")
    assert (settings.concurrency, settings.serve.interval) == (8, 900.0)
    assert set(origins(settings).values()) == {"default"}


def test_a_flag_outranks_a_variable_and_a_variable_the_file(load: Load, config_file: Path) -> None:
    text = 'version = 1\n[defaults]\nconcurrency = 2\nkind = "mirror"\nlayout = "flat"\n'
    settings = load(
        text,
        {"MGIT_CONCURRENCY": "3", "MGIT_KIND": "worktree"},
        {"defaults.concurrency": "4"},
    )
    assert (settings.concurrency, settings.kind, settings.layout) == (4, "worktree", "flat")
    found = origins(settings)
    assert found["defaults.concurrency"] == "--concurrency"
    assert found["defaults.kind"] == "MGIT_KIND"
    assert found["defaults.layout"] == str(config_file)
    assert found["defaults.root"] == "default"


def test_a_source_knows_its_forge_owners_and_where_its_token_is(load: Load) -> None:
    text = """
version = 1
[sources.work]
forge = "gitea"
url = "https://git.example.com/"
owners = ["acme", "labs"]
include = ["acme/*", "!acme/legacy-*"]
token_command = ["pass", "show", "git"]
[sources.list]
forge = "manifest"
file = "repos.toml"
"""
    settings = load(text)
    work, manifest = settings.sources
    assert (work.name, work.forge, work.url) == ("work", "gitea", "https://git.example.com")
    assert work.owners == ("acme", "labs")
    assert work.include == ("acme/*", "!acme/legacy-*")
    assert work.token_command == ("pass", "show", "git")
    assert work.token_env == "MGIT_TOKEN_WORK"
    assert manifest.file == settings.paths.config_file.parent / "repos.toml"


def test_a_source_may_keep_another_kind_unless_a_flag_says_otherwise(load: Load) -> None:
    text = WORK + 'kind = "mirror"\n'
    assert load(text).sources[0].kind is CopyKind.MIRROR
    flagged = load(text, flags={"defaults.kind": "worktree"})
    assert (flagged.kind, flagged.sources[0].kind) == (CopyKind.WORKTREE, None)


def test_a_forge_with_a_well_known_home_needs_no_address(load: Load) -> None:
    settings = load(WORK)
    assert settings.sources[0].url == "https://api.github.com"
    assert origins(settings)["sources.work.url"] == "default"
    homes = {name: kind.default_url for name, kind in mgit.forges.FORGES.items()}
    assert {name: url for name, url in homes.items() if url} == DEFAULT_URLS


KEEP = """
version = 1
[defaults]
depth = 50
blobs = "1m"
lfs = true
wikis = true
gone = "delete"
gone_limit = "5%"
heal = "all"
[network]
client_cert = "me.pem"
client_key = "me.key"
[sources.work]
forge = "bitbucket"
user = "mona@example.com"
filter = ["!archived"]
depth = "all"
blobs = "none"
wikis = false
[sources.plain]
forge = "github"
[selections.backend]
include = ["acme/*"]
filter = ["topic=backend"]
sources = ["work"]
"""


def test_how_much_is_kept_in_common_and_of_a_source(load: Load, config_file: Path) -> None:
    settings = load(KEEP)
    assert settings.options == CopyOptions(50, "blob:limit=1m", lfs=True)
    assert (settings.wikis, settings.heal) == (True, "all")
    assert (settings.gone, settings.gone_limit) == ("delete", 0.05)
    assert settings.network.client_cert == config_file.parent / "me.pem"
    assert settings.network.client_key == config_file.parent / "me.key"
    work, plain = settings.sources
    assert work.options == CopyOptions(None, "blob:none", lfs=True)
    assert (work.wikis, work.user, work.filter) == (False, "mona@example.com", ("!archived",))
    assert (plain.options, plain.wikis) == (None, None)
    assert settings.selections["backend"] == SelectionSettings(
        "backend", ("acme/*",), ("topic=backend",), ("work",)
    )
    shown = {one.key: one.value for one in settings.values}
    assert shown["defaults.gone_limit"] == "5%"
    assert (shown["defaults.depth"], shown["sources.work.depth"]) == ("50", "all")
    assert (shown["defaults.lfs"], shown["selections.backend.filter"]) == ("true", "topic=backend")


def test_a_flag_for_the_run_outranks_what_a_source_says(load: Load) -> None:
    flags = {"defaults.depth": "1", "defaults.blobs": "all", "defaults.wikis": "true"}
    work = load(KEEP, flags=flags).sources[0]
    assert work.options is None, "the same as everywhere"
    assert work.wikis is None
    variable = load(KEEP, {"MGIT_DEPTH": "7", "MGIT_WIKIS": "no"})
    assert (variable.options.depth, variable.wikis) == (7, False)
    assert variable.sources[0].options == CopyOptions(None, "blob:none", lfs=True)


def test_a_shard_may_stand_anywhere_and_is_nowhere_by_default(load: Load) -> None:
    assert load().serve.shard is None
    text = 'version = 1\n[serve]\nshard = "0/3"\n'
    assert load(text).serve.shard == Shard(0, 3)
    assert load(text, {"MGIT_SHARD": "1/3"}).serve.shard == Shard(1, 3)
    assert load(text, {"MGIT_SHARD": "1/3"}, {"serve.shard": "2/3"}).serve.shard == Shard(2, 3)


def test_a_shard_that_is_none_is_refused_with_advice(load: Load) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(flags={"serve.shard": "3/3"})
    assert caught.value.message == (
        "--shard: serve.shard must be from 0/3 to 2/3, for shards are counted from 0"
    )
    assert caught.value.advice
    assert caught.value.exit_code == 2


def test_a_source_may_have_an_interval_of_its_own_unless_a_flag_says_otherwise(load: Load) -> None:
    text = """
        version = 1
        [serve]
        interval = "1h"
        [sources.work]
        forge = "github"
        interval = "5m"
        [sources.home]
        forge = "github"
    """
    assert [one.interval for one in load(text).sources] == [300.0, None]
    assert [one.interval for one in load(text, {"MGIT_INTERVAL": "2h"}).sources] == [300.0, None]
    flagged = load(text, flags={"serve.interval": "1m"})
    assert [one.interval for one in flagged.sources] == [None, None]
    with pytest.raises(ConfigurationError, match=r"sources\.work\.interval must be a duration"):
        load(text.replace('"5m"', '"0s"'))


def test_mirrors_with_submodules_are_told_who_said_what(load: Load) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load("version = 1\n", {"MGIT_SUBMODULES": "1"}, {"defaults.kind": "mirror"})
    assert "(--kind)" in caught.value.message
    assert "(MGIT_SUBMODULES)" in caught.value.message


def test_the_variable_of_a_source_outranks_what_the_file_names(load: Load, tmp_path: Path) -> None:
    text = WORK + 'token_env = "GH_TOKEN"\ntoken_file = "/run/secrets/a"\n'
    named = load(text, {"GH_TOKEN": "one"})
    assert named.token_from_environment(named.sources[0]) == "one"
    given = {"GH_TOKEN": "one", "MGIT_TOKEN_WORK": "two", "MGIT_TOKEN_WORK_FILE": "/run/secrets/b"}
    own = load(text, given)
    assert own.token_from_environment(own.sources[0]) == "two"
    assert own.sources[0].token_file == Path("/run/secrets/b")


def test_settings_never_show_what_the_environment_holds(load: Load) -> None:
    settings = load(WORK, {"MGIT_TOKEN_WORK": "canary-4711", "HTTPS_PROXY": "http://u:pw-4711@p"})
    assert "4711" not in repr(settings)
    assert "4711" not in "".join(shown.value for shown in settings.values)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "does not say which version"),
        ("version = 2", "has version 2, and this mgit knows version 1"),
        ("version = true", "has version True"),
        ("version = ", "is not valid TOML"),
        ("version = 1\nroot = '/'", "unknown table or key root"),
        ("version = 1\n[default]", "unknown table or key default; did you mean defaults?"),
        ("version = 1\n[defaults]\nrooot = '/'", "[defaults] has an unknown key rooot; did you"),
        ("version = 1\ndefaults = 1", "defaults must be a table"),
        ("version = 1\n[defaults]\nkind = 'bare'", "defaults.kind must be one of worktree, mirror"),
        ("version = 1\n[serve]\ninterval = 15", "serve.interval must be a duration"),
        ("version = 1\n[serve]\nlisten = '8080'", "serve.listen must be HOST:PORT"),
        ("version = 1\nsources = 1", "sources must be tables"),
        ("version = 1\n[sources]\nforge = 'github'", "sources.forge must be a table"),
        ("version = 1\n[sources.'A B']", "cannot name a source"),
        ("version = 1\n[sources.a]", "does not say which forge it is"),
        ("version = 1\n[sources.a]\nforge = 'svn'", "must be one of github, gitlab"),
        ("version = 1\n[sources.a]\nforge = 'gitea'", "is a gitea without an address"),
        ("version = 1\n[sources.a]\nforge = 'manifest'", "is a manifest without a file"),
        (WORK + "file = 'x'", "names a file, which only a manifest has"),
        (WORK + "owners = 'acme'", 'sources.work.owners must be a list of texts, such as ["acme"]'),
        (WORK + "token = 'canary'", "[sources.work] holds a token"),
        (WORK + "token_env = 'ghp-canary'", "sources.work.token_env must be the NAME"),
        (WORK + "depth = 0", "sources.work.depth must be all, or a whole number from 1"),
        (WORK + "blobs = 'some'", "sources.work.blobs must be all, none, or a size"),
        (WORK + "lfs = 'maybe'", "sources.work.lfs must be true or false"),
        (WORK + "kind = 'mirror'\nsubmodules = true", "wants mirrors with submodules"),
        ("version = 1\n[defaults]\nkind = 'mirror'\nsubmodules = true", "and submodules too"),
        ("version = 1\n[defaults]\ngone_limit = 0.2", "defaults.gone_limit must be a share"),
        ("version = 1\n[defaults]\ngone_limit = '120%'", "must be a share from 0% to 100%"),
        ("version = 1\n[defaults]\nheal = true", "defaults.heal must be one of off, mirrors, all"),
        ("version = 1\n[network]\nclient_key = 'key.pem'", "is the key of no certificate"),
        (
            "version = 1\n[sources.a]\nforge = 'manifest'\nfile = 'x'\nwikis = true",
            "no owners and no wikis",
        ),
        ("version = 1\nselections = 1", "selections must be tables"),
        ("version = 1\n[selections.'A B']", "cannot name a selection"),
        ("version = 1\n[selections.a]\nfilters = []", "unknown key filters; did you mean filter?"),
        (WORK + "[selections.a]\nsources = ['wrok']", "not there; did you mean work?"),
        ("version = 1\n[selections.a]\ninclude = ['!@b']", "names another selection"),
        (
            "version = 1\n[sources.a-b]\nforge = 'github'\n[sources.a_b]\nforge = 'github'",
            "would share the variable MGIT_TOKEN_A_B",
        ),
    ],
)
def test_a_wrong_file_is_told_what_is_wrong(
    load: Load, config_file: Path, text: str, says: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(text)
    error = caught.value
    assert says in error.message
    assert str(config_file) in error.message
    assert error.advice
    assert "\n" not in error.message + error.advice
    assert "canary" not in error.message + error.advice


def test_a_wrong_variable_is_named_without_its_value(load: Load) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(WORK, {"MGIT_INTERVAL": "canary"})
    assert caught.value.message.startswith("MGIT_INTERVAL: serve.interval must be a duration")
    assert "canary" not in caught.value.message


def test_a_variable_that_means_nothing_is_a_warning(load: Load) -> None:
    settings = load(WORK, {"MGIT_INTERVALL": "1m", "MGIT_TOKEN_WORK": "x", "MGIT_ZZ": "x"})
    known, unknown = settings.warnings
    assert known.endswith("MGIT_INTERVALL means nothing to mgit; did you mean MGIT_INTERVAL?")
    assert unknown.endswith("MGIT_ZZ means nothing to mgit")


def test_a_file_that_somebody_named_must_be_there(load: Load, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read the configuration"):
        load(None, {"MGIT_CONFIG": str(tmp_path / "absent.toml")})


def test_without_a_source_the_next_step_is_named(load: Load) -> None:
    with pytest.raises(ConfigurationError, match="does not exist") as caught:
        load().require_sources()
    assert "mgit login" in caught.value.advice
    with pytest.raises(ConfigurationError, match="names no source"):
        load("version = 1").require_sources()


def test_a_mistyped_source_gets_a_guess(load: Load) -> None:
    with pytest.raises(ConfigurationError, match="did you mean work"):
        load(WORK).source("wrok")


def test_folders_follow_xdg_and_the_platform() -> None:
    plain = Environment({"HOME": "/home/mona"})
    linux = find_paths(plain, platform="linux")
    assert linux.config_file == Path("/home/mona/.config/mgit/config.toml")
    assert linux.state_dir == Path("/home/mona/.local/state/mgit")
    mac = find_paths(plain, platform="darwin")
    assert mac.data_dir == Path("/home/mona/Library/Application Support/mgit")
    xdg = Environment({"HOME": "/home/mona", "XDG_STATE_HOME": "/s", "XDG_DATA_HOME": "relative"})
    assert find_paths(xdg, platform="linux").state_dir == Path("/s/mgit")
    assert find_paths(xdg, platform="linux").data_dir == Path("/home/mona/.local/share/mgit")


def test_a_container_without_a_home_keeps_its_state_below_the_root() -> None:
    bare = Environment({"HOME": "/", "MGIT_ROOT": "/data", "MGIT_CONFIG": "/etc/mgit/config.toml"})
    paths = find_paths(bare)
    assert paths.state_dir == paths.data_dir == Path("/data/.mgit/state")
    with pytest.raises(ConfigurationError, match="no home folder to keep the state in"):
        find_paths(Environment({"MGIT_CONFIG": "/etc/mgit/config.toml"}))
    with pytest.raises(ConfigurationError, match="no home folder to look for the configuration"):
        find_paths(Environment({"MGIT_STATE_DIR": "/state"}))


def test_a_file_that_is_too_large_or_not_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    environment = Environment({"HOME": str(tmp_path)})
    file.write_bytes(b"#" * (1 << 20 | 1))
    with pytest.raises(ConfigurationError, match="larger than 1 MiB"):
        load_settings(environment=environment, config_file=file)
    file.write_bytes(b"version = 1 # \xff")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        load_settings(environment=environment, config_file=file)


def test_the_documentation_names_every_key_variable_and_default() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs/configuration.md").read_text("utf-8")
    for key in GLOBAL_KEYS:
        row = next(line for line in text.splitlines() if line.startswith(f"| `{key.path}` |"))
        assert f"`{key.env}`" in row
        assert key.default is None or f"`{key.default}`" in row
    for name in (key.name for key in (*SOURCE_KEYS, *SELECTION_KEYS)):
        assert f"\n| `{name}` |" in text


def test_the_forges_of_the_configuration_are_those_that_mgit_speaks_to() -> None:
    assert set(FORGES) == set(mgit.forges.FORGES)


def test_the_example_of_the_documentation_is_sound(load: Load) -> None:
    text = (Path(__file__).resolve().parents[3] / "docs/configuration.md").read_text("utf-8")
    settings = load(text.partition("```toml\n")[2].partition("```")[0])
    assert [source.name for source in settings.sources] == ["work", "git", "vendored"]


def test_the_pace_of_a_source_is_its_interval_unless_bounds_are_set(load: Load) -> None:
    def paces(text: str, **flags: str) -> list[Pace]:
        settings = load(text, flags={f"serve.{name}": value for name, value in flags.items()})
        return [pace_of(settings.serve, one) for one in settings.sources]

    assert paces(WORK) == [Pace(900.0, 900.0, 900.0)]
    wide = f'{WORK}[serve]\nmin_interval = "1m"\nmax_interval = "6h"\n'
    assert paces(wide) == [Pace(900.0, 60.0, 21600.0)]
    # A source that is asked more often than that anyway is asked as often as it says.
    assert paces(wide.replace("[serve]", 'interval = "30s"\n[serve]')) == [
        Pace(30.0, 30.0, 21600.0)
    ]
    own = wide.replace("[serve]", 'max_interval = "1h"\nmin_interval = "2m"\n[serve]')
    assert paces(own) == [Pace(900.0, 120.0, 3600.0)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[serve]\nmin_interval = "1h"\n', "min_interval 1h is longer than the interval 15m"),
        ('[serve]\nmax_interval = "1m"\n', "max_interval 1m is shorter than the interval 15m"),
        ('max_interval = "1m"\n', "[sources.work]: max_interval 1m is shorter"),
        ("[serve]\nasks_per_minute = 0\n", "asks_per_minute must be a whole number"),
    ],
)
def test_bounds_that_make_no_sense_are_refused(load: Load, text: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(WORK + text)
    assert words in caught.value.message
    assert caught.value.exit_code == 2


def test_webhooks_that_nobody_could_send_are_told_of(load: Load) -> None:
    hook = f'{WORK}webhook_secret_file = "hook"\n'
    (warning,) = load(hook).warnings
    assert "no webhook comes in without `web` in [serve]" in warning
    settings = load(hook, {"MGIT_WEB": "127.0.0.1:0"})
    assert settings.warnings == ()
    assert settings.sources[0].webhook_secret_file == settings.paths.config_file.parent / "hook"
    manifest = '\n[sources.list]\nforge = "manifest"\nfile = "f"\nwebhook_secret_file = "hook"\n'
    with pytest.raises(ConfigurationError, match="sends no webhooks"):
        load(WORK + manifest)


def test_the_status_page_is_off_and_never_open_to_others_by_accident(load: Load) -> None:
    assert load().serve.web == WebSettings()
    text = 'version = 1\n[serve]\nweb = "0.0.0.0:8081"\n'
    with pytest.raises(ConfigurationError, match="asks nobody for a token") as caught:
        load(text)
    assert "MGIT_WEB_TOKEN_FILE" in caught.value.advice
    web = load(text, {"MGIT_WEB_TOKEN_FILE": "/run/secrets/web"}).serve.web
    assert web.token_file == Path("/run/secrets/web")
    assert web.asks
    for home in ("127.0.0.1:8081", "[::1]:8081", "localhost:8081"):
        assert load("version = 1\n", {"MGIT_WEB": home}).serve.web.listen is not None
    for elsewhere in ("[::]:8081", "mgit.example.com:8081", "192.0.2.1:8081"):
        with pytest.raises(ConfigurationError, match="asks nobody"):
            load("version = 1\n", {"MGIT_WEB": elsewhere})


@pytest.mark.parametrize("variable", ["MGIT_WEB_TLS_KEY", "MGIT_WEB_CLIENT_CA"])
def test_a_key_or_authority_of_no_certificate_is_an_error(load: Load, variable: str) -> None:
    with pytest.raises(ConfigurationError, match="needs a certificate"):
        load("version = 1\n", {variable: "/etc/x.pem", "MGIT_WEB": "0.0.0.0:8081"})
