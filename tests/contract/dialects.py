"""How the forges differ, for the one suite that runs over all of them.

A new forge is one more line in `DIALECTS`: how its sandbox shows a repository, where a repository's
name, URL, branch and id stand in that, how its lists go on, and what it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sandbox.forge import (
    SandboxForge,
    SandboxRepo,
    shapes_azuredevops,
    shapes_bitbucket,
    shapes_bitbucket_datacenter,
    shapes_gitea,
    shapes_github,
    shapes_gitlab,
)

Json = dict[str, object]
Headers = dict[str, str]
JSON: Headers = {"Content-Type": "application/json; charset=utf-8"}


def _site(forge: SandboxForge) -> str:
    return forge.url


def _bare_list(entries: list[object]) -> object:
    return entries


def _link(address: str) -> tuple[Headers, Json]:
    return {"Link": f'<{address}>; rel="next"'}, {}


def _default_branch(name: str) -> Json:
    return {"default_branch": name}


@dataclass(frozen=True, slots=True)
class Dialect:
    """What is special about one kind of forge.

    Args:
        entry: a repository as the forge's lists show it.
        listing: path below the API's base where the repositories of an owner are listed, with
            `{owner}`; with the part of its query that names the owner, if it does.
        query: what every request must have, with its question mark.
        whoami: path below the base that tells whose token it is, without a query.
        site: what a person writes as the `url` of the source.
        named: the members of an entry that give it another name.
        located: the members that give it another clone URL.
        branched: the members that give it another default branch; None where a list has none.
        identified: the members that give it another id.
        identity: the id that mgit keeps of a repository of the sandbox.
        other_id: an id that no repository of the sandbox has.
        bad_ids: ids that are refused.
        page: the body of a page.
        more: the head of a page that goes on at an address, and the members that its body has
            for that; None where the forge gives no addresses.
        second_page: pattern of the request for the second page; None where there are no pages.
        person: the account that the token belongs to, as an owner.
        prefix: what stands before every name, because the forge's url has it.
        archived: whether a list tells of it.
        fork: whether a list tells of it.
        pushed_at: whether a list tells of it.
        size: whether a list tells of it.
        topics: whether a list tells of them.
        tells_limit: whether the sandbox tells an allowance.
        signs_in: whether a sign-in page takes the place of a 401.
        users: whether an owner may be a person, listed elsewhere than an organisation.
        moves: whether each owner has a list of its own, that may move.
    """

    entry: Callable[[SandboxForge, SandboxRepo], Json]
    listing: str = "/orgs/{owner}/repos"
    query: str = ""
    whoami: str = "/user"
    site: Callable[[SandboxForge], str] = _site
    named: Callable[[str], Json] = field(default=lambda name: {"name": name})
    located: Callable[[str], Json] = field(default=lambda url: {"clone_url": url})
    branched: Callable[[str], Json] | None = _default_branch
    identified: Callable[[object], Json] = field(default=lambda value: {"id": value})
    identity: Callable[[SandboxRepo], str] = field(default=lambda repo: str(repo.id))
    other_id: object = 7
    bad_ids: tuple[object, ...] = (-1, "1")
    page: Callable[[list[object]], object] = _bare_list
    more: Callable[[str], tuple[Headers, Json]] | None = _link
    second_page: str | None = "*[?&]page=2*"
    person: str = "mona"
    prefix: str = ""
    archived: bool = True
    fork: bool = True
    pushed_at: bool = True
    size: bool = True
    topics: bool = True
    tells_limit: bool = False
    signs_in: bool = False
    users: bool = True
    moves: bool = True

    def answer(self, entries: list[object], address: str | None = None) -> tuple[Headers, object]:
        """Head and body of a page, and where it goes on."""
        body = self.page(entries)
        if address is None or self.more is None:
            return JSON, body
        head, members = self.more(address)
        if members and isinstance(body, dict):
            body = body | members
        return JSON | head, body

    def requests_for(self, repos: int, page: int = 2) -> int:
        """How many pages so many repositories need."""
        return 1 if self.second_page is None else max(1, -(-repos // page))


def _github(forge: SandboxForge, repo: SandboxRepo) -> Json:
    return shapes_github.repository(forge.api_url, forge.url, forge.store, repo, person=False)


def _gitea(forge: SandboxForge, repo: SandboxRepo) -> Json:
    forgejo = forge.flavour == "forgejo"
    return shapes_gitea.repository(forge.api_url, forge.url, forge.store, repo, forgejo=forgejo)


def _bitbucket(forge: SandboxForge, repo: SandboxRepo) -> Json:
    return shapes_bitbucket.repository(forge.api_url, forge.url, forge.store, repo, login="mona")


def _bitbucket_datacenter(forge: SandboxForge, repo: SandboxRepo) -> Json:
    path = forge.clone_url(repo.owner, repo.name).removeprefix(forge.url)
    return shapes_bitbucket_datacenter.repository(forge.url, repo, login="mona", clone_path=path)


def _clone_link(name: str) -> Callable[[str], Json]:
    return lambda url: {"links": {"clone": [{"href": url, "name": name}]}}


def _values(entries: list[object]) -> object:
    return {"values": entries}


def _azuredevops(forge: SandboxForge, repo: SandboxRepo) -> Json:
    return shapes_azuredevops.repository(forge.api_url, forge.store, repo, organization="contoso")


def _gitlab(forge: SandboxForge, repo: SandboxRepo) -> Json:
    return shapes_gitlab.repository(forge.api_url, forge.url, forge.store, repo)


def _gitlab_named(name: str) -> Json:
    return {"path": name, "path_with_namespace": f"acme/{name}"}


DIALECTS: Mapping[str, Dialect] = MappingProxyType(
    {
        "github": Dialect(_github, tells_limit=True),
        "gitlab": Dialect(
            _gitlab,
            listing="/groups/{owner}/projects",
            named=_gitlab_named,
            located=lambda url: {"http_url_to_repo": url},
            size=False,
        ),
        "azuredevops": Dialect(
            _azuredevops,
            listing="/{owner}/_apis/git/repositories",
            query="?api-version=7.1",
            whoami="/_apis/connectionData",
            site=lambda forge: forge.api_url,
            located=lambda url: {"remoteUrl": url},
            branched=lambda name: {"defaultBranch": f"refs/heads/{name}"},
            identity=lambda repo: shapes_azuredevops.guid("repository", repo.id),
            other_id="470c176d-3574-44ea-bb41-89e8638bcca4",
            bad_ids=(7, "7", "{470c176d-3574-44ea-bb41-89e8638bcca4}"),
            page=lambda entries: {"value": entries, "count": len(entries)},
            more=None,
            second_page=None,
            prefix="contoso/",
            archived=False,
            pushed_at=False,
            topics=False,
            signs_in=True,
            users=False,
        ),
        "gitea": Dialect(_gitea),
        "bitbucket": Dialect(
            _bitbucket,
            listing="/repositories/{owner}",
            named=lambda name: {"full_name": f"acme/{name}"},
            located=_clone_link("https"),
            branched=lambda name: {"mainbranch": {"type": "branch", "name": name}},
            identified=lambda value: {"uuid": value},
            identity=lambda repo: shapes_bitbucket.uuid_of("repository", repo.id),
            other_id="{470c176d-3574-44ea-bb41-89e8638bcca4}",
            bad_ids=(7, "7", "{}", "470c176d-3574-44ea-bb41-89e8638bcca4"),
            page=_values,
            more=lambda address: ({}, {"next": address}),
            archived=False,
            topics=False,
            users=False,
        ),
        "bitbucket-datacenter": Dialect(
            _bitbucket_datacenter,
            listing="/repos?projectkey={owner}",
            whoami="/profile/recent/repos",
            named=lambda name: {"slug": name},
            located=_clone_link("http"),
            branched=None,
            page=_values,
            more=None,
            second_page="*[?&]start=5*",
            moves=False,
            pushed_at=False,
            size=False,
            topics=False,
            users=False,
        ),
        "forgejo": Dialect(_gitea),
    }
)
