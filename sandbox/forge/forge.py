"""`SandboxForge`: a forge on this machine, over real repositories."""

from __future__ import annotations

import base64
import binascii
import hmac
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self, assert_never

from sandbox.forge.faults import Faults, Hold
from sandbox.forge.gitea import GiteaApi
from sandbox.forge.github import GitHubApi
from sandbox.forge.history import Change
from sandbox.forge.hooks import Delivery, Flavour, Hook, What, compose, send
from sandbox.forge.rest import Api
from sandbox.forge.smart_http import serve_git
from sandbox.forge.store import RepoStore, SandboxRepo
from sandbox.forge.web import Answer, Request, WebServer


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request as the forge saw it.

    Args:
        path: path and query as sent.
        status: what was answered; 0 where the connection was cut.
        authorised: whether it carried the right token.
        sent_credential: whether it carried any `Authorization` at all.
        is_api: whether it was for the REST API, and not for git.
    """

    method: str
    path: str
    status: int
    authorised: bool
    sent_credential: bool
    is_api: bool


class SandboxForge:
    """Serves REST and smart HTTP on loopback until it is closed; a context manager.

    Every request needs the token: REST as `Bearer` or `token`, git as the Basic password.

    Args:
        root: folder for its repositories; one that an earlier forge left is taken over.
        flavour: whose REST API it speaks.
        token: the one token that is accepted; `forge.token = …` replaces it.
        login: whose token it is.
        page_cap: largest page; None for what the real forge has.
        rate_limit: requests per hour that GitHub's flavour allows.
        host: address to bind to.
        port: 0 for a free one.
        tls: what a server needs to speak https (`sandbox.certificates`); None for http.
        public: the address that it gives as its own, where clients come by another way (a proxy,
            a name); None for `http://HOST:PORT`.
    """

    def __init__(
        self,
        root: Path,
        flavour: Flavour = "github",
        *,
        token: str = "sandbox-token",  # noqa: S107 - opens nothing but this sandbox
        login: str = "mona",
        page_cap: int | None = None,
        rate_limit: int = 5000,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        public: str | None = None,
    ) -> None:
        self.flavour: Flavour = flavour
        self.token = token
        self.login = login
        self.store = RepoStore(root)
        self.store.add_owner(login)
        self._hooks: list[Hook] = []
        self.deliveries: list[Delivery] = []
        self._faults = Faults()
        self._log: list[LoggedRequest] = []
        self._log_lock = threading.Lock()
        self._numbers = count(1)
        self._ready = threading.Event()  # the port is known before the API is
        self._web = WebServer(self._handle, host, port, tls)
        self.port = self._web.port
        scheme = "http" if tls is None else "https"
        self.url = public or f"{scheme}://{host}:{self.port}"
        self._api = self._make_api(page_cap, rate_limit)
        self.api_url = self.url + self._api.prefix
        self._ready.set()

    @property
    def requests(self) -> tuple[LoggedRequest, ...]:
        """All requests so far, in the order of their answers."""
        with self._log_lock:
            return tuple(self._log)

    def forget_requests(self) -> None:
        """Begin to count anew."""
        with self._log_lock:
            self._log.clear()

    def add_owner(self, owner: str) -> None:
        """Make an organisation without repositories."""
        self.store.add_owner(owner)

    def add_repo(
        self,
        owner: str,
        name: str,
        *,
        commits: int = 3,
        branches: tuple[str, ...] = ("develop",),
        tags: tuple[str, ...] = ("v1.0",),
        default_branch: str = "main",
        private: bool = False,
        archived: bool = False,
        fork: bool = False,
        topics: tuple[str, ...] = (),
        language: str | None = None,
        wiki: bool = False,
        disabled: bool = False,
        object_format: str = "sha1",
    ) -> SandboxRepo:
        """Make a repository with a real history; `commits=0` makes an empty one.

        With `wiki` a second repository of that name and `.wiki` is there for git, as on the
        forges; REST only says that there is one.
        """
        return self.store.add(
            owner,
            name,
            commits=commits,
            branches=branches,
            tags=tags,
            default_branch=default_branch,
            private=private,
            archived=archived,
            fork=fork,
            topics=topics,
            language=language,
            wiki=wiki,
            disabled=disabled,
            object_format=object_format,
        )

    def add_repos(self, owner: str, number: int) -> tuple[SandboxRepo, ...]:
        """Make many: `repo-001` and so on."""
        return tuple(self.add_repo(owner, f"repo-{n:03}") for n in range(1, number + 1))

    def push(
        self,
        owner: str,
        name: str,
        *,
        branch: str | None = None,
        files: Mapping[str, str] | None = None,
        message: str = "Change something",
        tag: str = "",
        rewrite: bool = False,
    ) -> str:
        """Add a commit as if somebody had pushed it; its id.

        Args:
            owner: whose repository.
            name: which one.
            branch: the default branch where none is named; a new one begins there.
            files: path -> text.
            message: subject of the commit.
            tag: lightweight tag to put on it.
            rewrite: replace the branch's history: a forced push.
        """
        repo = self.store.get(owner, name)
        change = Change(
            branch=branch or repo.default_branch,
            files=files or {},
            message=message,
            tag=tag,
            rewrite=rewrite,
            number=next(self._numbers),
        )
        oid = self.store.push(repo, change)
        self.announce("push", owner, name, oid)
        return oid

    def add_hook(self, url: str, secret: str, *, standard: bool = False) -> Hook:
        """Send what happens to this address from now on, as this flavour of forge does."""
        hook = Hook(url, secret, standard)
        self._hooks.append(hook)
        return hook

    def announce(self, what: What, owner: str, name: str, oid: str = "") -> None:
        """Send an event to all hooks; `deliveries` tells how that went."""
        for hook in self._hooks:
            event = compose(self.flavour, what, self.store.get(owner, name), hook, oid)
            self.deliveries.append(send(hook, event))

    def delete_ref(self, owner: str, name: str, ref: str) -> None:
        """Delete `refs/heads/…` or `refs/tags/…`."""
        self.store.delete_ref(self.store.get(owner, name), ref)

    def set_default_branch(self, owner: str, name: str, branch: str) -> None:
        self.store.set_default_branch(self.store.get(owner, name), branch)

    def rename(self, owner: str, name: str, new_name: str, *, new_owner: str | None = None) -> None:
        """Rename it, or transfer it to another owner; its id stays."""
        self.store.rename(self.store.get(owner, name), new_owner or owner, new_name)

    def archive(self, owner: str, name: str) -> None:
        repo = self.store.get(owner, name)
        self.store.change(repo, archived=True, private=repo.private)

    def share(self, owner: str, name: str, with_owner: str) -> None:
        """Let it appear in another owner's lists too, as GitLab's groups can."""
        self.store.share(self.store.get(owner, name), with_owner)

    def delete(self, owner: str, name: str) -> None:
        self.store.delete(self.store.get(owner, name))

    def refs(self, owner: str, name: str) -> dict[str, str]:
        """Ref name -> object id, as git itself tells it."""
        return self.store.refs(self.store.get(owner, name))

    def clone_url(self, owner: str, name: str) -> str:
        return self.url + self._api.clone_path(owner, name)

    def fail_next(
        self,
        pattern: str,
        status: int,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        times: int = 1,
        hang_up: bool = False,
    ) -> None:
        """Answer the next matching requests like this.

        Args:
            pattern: glob over path and query, for example `/api/v3/orgs/*/repos*page=2*`.
            status: of the answer.
            headers: of the answer.
            body: of the answer.
            times: how many requests are answered so.
            hang_up: cut the connection without a word.
        """
        self._faults.fail(pattern, status, headers or {}, body, times, hang_up=hang_up)

    def spoil_next(
        self, pattern: str, change: Callable[[Answer], Answer], *, times: int = 1
    ) -> None:
        """Change the right answers to the next matching requests, and only those with a token.

        Args:
            pattern: as `fail_next`.
            change: makes the answer that is sent out of the right one.
            times: how many requests are answered so.
        """
        self._faults.spoil(pattern, change, times)

    def heal(self) -> None:
        """Forget every fault that was asked for and has not come yet."""
        self._faults.forget()

    def dress_next(self, pattern: str, headers: Mapping[str, str], *, times: int = 1) -> None:
        """Answer the next matching requests rightly, and send these headers too.

        Azure DevOps asks for a pause in this way: `{"X-RateLimit-Delay": "1.5"}`.
        """
        self._faults.dress(pattern, headers, times)

    def hold(self, pattern: str) -> Hold:
        """Hold matching requests: `with forge.hold("*/git-upload-pack") as held:`.

        `held.arrived.wait()` returns when one is there; leaving the block lets it go on.
        """
        return self._faults.hold(pattern)

    def close(self) -> None:
        """Stop serving. The repositories stay where they are."""
        self._faults.release_all()
        self._web.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _make_api(self, page_cap: int | None, rate_limit: int) -> Api:
        match self.flavour:
            case "github":
                cap = page_cap or 100
                return GitHubApi(
                    self.store, self.url, self.login, page_cap=cap, rate_limit=rate_limit
                )
            case "gitlab":
                from sandbox.forge.gitlab import GitLabApi

                return GitLabApi(self.store, self.url, self.login, page_cap=page_cap or 100)
            case "azuredevops":
                from sandbox.forge.azuredevops import AzureDevOpsApi

                return AzureDevOpsApi(self.store, self.url, self.login)
            case "bitbucket":
                from sandbox.forge.bitbucket import BitbucketApi

                return BitbucketApi(self.store, self.url, self.login, page_cap=page_cap or 100)
            case "bitbucket-datacenter":
                from sandbox.forge.bitbucket_datacenter import BitbucketDataCenterApi

                cap = page_cap or 25
                return BitbucketDataCenterApi(self.store, self.url, self.login, page_cap=cap)
            case "gitea" | "forgejo":
                forgejo = self.flavour == "forgejo"
                cap = page_cap or 50
                return GiteaApi(self.store, self.url, self.login, page_cap=cap, forgejo=forgejo)
            case _:
                assert_never(self.flavour)

    def _handle(self, request: Request) -> Answer:
        self._ready.wait()
        header = request.headers.get("Authorization", "")
        authorised = hmac.compare_digest(_token_in(header).encode(), self.token.encode())
        self._faults.wait(request.target)
        answer = self._faults.take(request.target)
        if answer is None:
            right = self._right_answer(request, authorised=authorised, tried=bool(header))
            answer = self._faults.dressed(request.target, right)
        if authorised:
            answer = self._faults.spoiled(request.target, answer)
        status = 0 if answer.hang_up else answer.status
        is_api = self._api.serves(request.path)
        entry = LoggedRequest(
            request.method, request.target, status, authorised, bool(header), is_api
        )
        with self._log_lock:
            self._log.append(entry)
        return answer

    def _right_answer(self, request: Request, *, authorised: bool, tried: bool) -> Answer:
        if self._api.serves(request.path):
            if not authorised:
                return self._api.unauthorised(wrong=tried)
            return self._api.answer(request, request.path.removeprefix(self._api.prefix))
        parts = self._api.git_place(request.path)
        if parts is None:
            return Answer(404, b"not found\n", (("Content-Type", "text/plain"),))
        if not authorised:
            return self._api.git_unauthorised()
        owner, name, service = parts
        repo = self.store.find(owner, name)
        if repo is None or repo.disabled:
            return Answer(404, b"repository not found\n", (("Content-Type", "text/plain"),))
        return serve_git(self.store, repo, service, request, newest=self._api.git_protocol)


def _token_in(header: str) -> str:
    """The token of an `Authorization` header, empty where there is none to read."""
    scheme, _, value = header.partition(" ")
    match scheme.lower():
        case "bearer" | "token":
            return value.strip()
        case "basic":
            try:
                return base64.b64decode(value, validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                return ""
        case _:
            return ""
