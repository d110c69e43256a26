"""A quick pass and wikis, at a forge that has both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mgit.config import load_settings
from mgit.config.environ import Environment
from mgit.errors import ExitCode
from mgit.fleet import SyncRequest, open_fleet
from mgit.model import Clone, Outcome, Reason, Result
from mgit.plan.select import Selection
from sandbox.forge import SandboxForge
from tests.story.laptop import CANARY, Laptop

RECENT = SyncRequest(recent=True)


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[SandboxForge]:
    with SandboxForge(tmp_path / "gitlab", "gitlab", token=CANARY) as running:
        running.add_owner("acme")
        yield running


@pytest.fixture
def there(laptop: Laptop, gitlab: SandboxForge) -> Laptop:
    """A laptop with a GitLab source and a policy that sets aside what is gone."""
    token = laptop.home / "token"
    token.write_text(CANARY)
    token.chmod(0o600)
    laptop.configure(
        f'[defaults]\ngone = "archive"\n'
        f'[sources.lab]\nforge = "gitlab"\nurl = "{gitlab.url}"\nowners = ["acme"]\n'
        f'token_file = "{token}"\n'
    )
    return laptop


def opened(laptop: Laptop):
    return open_fleet(load_settings(environment=Environment(laptop.environment)))


def sync(laptop: Laptop, *patterns: str, request: SyncRequest | None = None) -> list[Outcome]:
    with opened(laptop) as fleet:
        plan = fleet.plan(Selection.parse(patterns), request=request or SyncRequest())
        return list(fleet.apply(plan))


def results(outcomes: list[Outcome]) -> Counter[Result]:
    return Counter(outcome.result for outcome in outcomes)


def was_listed_whole(forge: SandboxForge) -> bool:
    return not any("last_activity" in one.path for one in forge.requests if one.is_api)


def test_a_quick_pass_asks_for_news_and_fetches_them(there: Laptop, gitlab: SandboxForge) -> None:
    gitlab.add_repos("acme", 3)
    sync(there)
    gitlab.push("acme", "repo-002")
    gitlab.forget_requests()
    found = results(sync(there, request=RECENT))
    assert found[Result.FAST_FORWARDED] == 1
    assert not was_listed_whole(gitlab)


def test_before_the_first_complete_run_there_is_no_quick_pass(
    there: Laptop, gitlab: SandboxForge
) -> None:
    gitlab.add_repos("acme", 2)
    assert results(sync(there, "repo-001")) == {Result.CLONED: 1}  # not all of it
    gitlab.forget_requests()
    assert results(sync(there, request=RECENT))[Result.CLONED] == 1
    assert was_listed_whole(gitlab)


def test_a_quick_pass_neither_removes_nor_moves_nor_clones(
    there: Laptop, gitlab: SandboxForge
) -> None:
    gitlab.add_repos("acme", 3)
    sync(there)
    gitlab.delete("acme", "repo-001")
    gitlab.rename("acme", "repo-002", "renamed")
    gitlab.add_repo("acme", "fresh")
    with opened(there) as fleet:
        plan = fleet.plan(request=RECENT)
        assert results(list(fleet.apply(plan))) == {Result.CURRENT: 1}
        assert any("2 new or renamed" in words for words in fleet.notices)
        assert fleet.code is ExitCode.OK
    assert results(sync(there))[Result.MOVED] == 1


def test_what_could_not_be_reached_is_asked_again(there: Laptop, gitlab: SandboxForge) -> None:
    gitlab.add_repos("acme", 2)
    sync(there)
    gitlab.fail_next("*repo-001.git/*", 500, {}, b"", times=50)
    assert results(sync(there))[Result.FAILED] == 1
    with opened(there) as fleet:
        since = fleet._kit.state.remembered.complete_since(fleet.root)["lab"]
    gitlab.push("acme", "repo-001")
    assert results(sync(there, request=RECENT))[Result.FAILED] == 1
    with opened(there) as fleet:
        again = fleet._kit.state.remembered.complete_since(fleet.root)["lab"]
    assert since == again


def wikis_wanted(laptop: Laptop, wanted: str) -> None:
    text = laptop.config_file.read_text()
    text = text.replace("wikis = true\n", "").replace("wikis = false\n", "")
    laptop.config_file.write_text(text.replace("[defaults]\n", f"[defaults]\nwikis = {wanted}\n"))


def test_wikis_are_cloned_beside_their_repositories_where_there_are_some(
    there: Laptop, gitlab: SandboxForge
) -> None:
    gitlab.add_repo("acme", "documented", wiki=True)
    gitlab.add_repo("acme", "plain")
    wikis_wanted(there, "true")
    assert results(sync(there)) == {Result.CLONED: 3}
    assert (there.root / "acme" / "documented.wiki").is_dir()
    assert results(sync(there)) == {Result.CURRENT: 3}


def test_a_wiki_that_nobody_wrote_is_no_failure(there: Laptop, gitlab: SandboxForge) -> None:
    gitlab.add_repo("acme", "documented", wiki=True)
    wikis_wanted(there, "true")
    gitlab.fail_next("*documented.wiki.git/*", 404, {}, b"", times=50)
    with opened(there) as fleet:
        plan = fleet.plan()
        assert [type(one) for one in plan.actions].count(Clone) == 1
        outcomes = list(fleet.apply(plan))
        assert fleet.code is ExitCode.OK
    assert {one.reason for one in outcomes} == {None, Reason.NO_WIKI}


def test_a_wiki_that_is_no_longer_wanted_stays_and_is_kept_current(
    there: Laptop, gitlab: SandboxForge
) -> None:
    gitlab.add_repo("acme", "documented", wiki=True)
    wikis_wanted(there, "true")
    sync(there)
    wikis_wanted(there, "false")
    assert results(sync(there)) == {Result.CURRENT: 2}
    assert (there.root / "acme" / "documented.wiki").is_dir()


def test_conditions_on_clones_are_judged_by_the_last_listing(
    there: Laptop, gitlab: SandboxForge
) -> None:
    gitlab.add_repo("acme", "tagged", topics=("python",))
    gitlab.add_repo("acme", "plain")
    sync(there)
    gitlab.forget_requests()
    with opened(there) as fleet:
        ran = list(fleet.run(["true"], Selection.parse((), ["topic=python"])))
    assert [one.local.folder for one in ran] == ["acme/tagged"]
    assert gitlab.requests == ()
