"""Webhooks of the sandbox: what a forge sends when somebody pushes, signed as it signs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import time
import uuid
from dataclasses import dataclass, field, replace
from typing import Literal, assert_never
from urllib.parse import urlsplit

from sandbox.forge.shapes_azuredevops import guid
from sandbox.forge.shapes_bitbucket import uuid_of
from sandbox.forge.store import SandboxRepo

Flavour = Literal[
    "github", "gitlab", "azuredevops", "bitbucket", "bitbucket-datacenter", "gitea", "forgejo"
]
What = Literal["push", "renamed", "created", "ping"]
Json = dict[str, object]
PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Hook:
    """Where events are sent.

    Args:
        url: http on loopback.
        secret: that both sides know.
        standard: sign as the Standard Webhooks specification has it (GitLab's signing token).
    """

    url: str
    secret: str = field(repr=False)
    standard: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event as it was sent.

    Args:
        headers: all that the forge wrote.
        body: byte for byte.
        status: what was answered; 0 where nobody did.
    """

    headers: dict[str, str]
    body: bytes = field(repr=False)
    status: int = 0


def compose(flavour: Flavour, what: What, repo: SandboxRepo, hook: Hook, oid: str = "") -> Delivery:
    """An event, ready to be sent.

    Args:
        flavour: who sends it.
        what: happened.
        repo: to which repository.
        hook: whose secret signs it.
        oid: the branch's new commit.
    """
    number = str(uuid.uuid4())
    headers, shown = _shown(flavour, what, repo, number, oid or "1" * 40)
    body = json.dumps(shown).encode()
    headers["Content-Type"] = "application/json"
    return Delivery(headers | _proof(flavour, hook, body, number), body)


def send(hook: Hook, delivery: Delivery) -> Delivery:
    """Send it; sent again it is a redelivery, or what a thief would do."""
    address = urlsplit(hook.url)
    connection = http.client.HTTPConnection(
        address.hostname or "", address.port, timeout=PATIENCE_SECONDS
    )
    try:
        connection.request("POST", address.path, body=delivery.body, headers=delivery.headers)
        status = connection.getresponse().status
    except OSError:
        status = 0
    finally:
        connection.close()
    return replace(delivery, status=status)


def _proof(flavour: Flavour, hook: Hook, body: bytes, number: str) -> dict[str, str]:
    key = hook.secret.encode()
    mac = hmac.new(key, body, hashlib.sha256).hexdigest()
    match flavour:
        case "github":
            old = hmac.new(key, body, hashlib.sha1).hexdigest()  # GitHub still sends both
            return {"X-Hub-Signature-256": f"sha256={mac}", "X-Hub-Signature": f"sha1={old}"}
        case "gitlab":
            return (
                _standard(hook, body, number) if hook.standard else {"X-Gitlab-Token": hook.secret}
            )
        case "azuredevops":
            pair = base64.b64encode(f"hooks:{hook.secret}".encode()).decode()
            return {"Authorization": f"Basic {pair}"}
        case "bitbucket" | "bitbucket-datacenter":
            return {"X-Hub-Signature": f"sha256={mac}"}
        case "gitea":
            return {"X-Gitea-Signature": mac, "X-Hub-Signature-256": f"sha256={mac}"}
        case "forgejo":
            return {"X-Forgejo-Signature": mac, "X-Gitea-Signature": mac}
        case _:
            assert_never(flavour)


def _standard(hook: Hook, body: bytes, number: str) -> dict[str, str]:
    moment = str(int(time.time()))
    key = base64.b64decode(hook.secret.removeprefix("whsec_"))
    signed = f"{number}.{moment}.".encode() + body
    mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": number,
        "webhook-timestamp": moment,
        "webhook-signature": f"v1,{mac}",
    }


def _shown(
    flavour: Flavour, what: What, repo: SandboxRepo, number: str, oid: str
) -> tuple[dict[str, str], Json]:
    match flavour:
        case "github":
            return _github(what, repo, number, oid)
        case "gitlab":
            return _gitlab(what, repo, number, oid)
        case "azuredevops":
            return {}, _azuredevops(what, repo, number, oid)
        case "bitbucket":
            return _bitbucket(what, repo, number, oid)
        case "bitbucket-datacenter":
            return _datacenter(what, repo, number, oid)
        case "gitea" | "forgejo":
            headers, shown = _github(what, repo, number, oid)
            named = {name.replace("GitHub", "Gitea"): value for name, value in headers.items()}
            if flavour == "forgejo":
                own = {name.replace("GitHub", "Forgejo"): one for name, one in headers.items()}
                named |= own
            return headers | named, shown
        case _:
            assert_never(flavour)


def _github(what: What, repo: SandboxRepo, number: str, oid: str) -> tuple[dict[str, str], Json]:
    shown: Json = {"id": repo.id, "name": repo.name, "full_name": repo.full_name}
    if what == "push":
        body: Json = {"ref": f"refs/heads/{repo.default_branch}", "after": oid, "commits": []}
    elif what == "ping":
        body = {"zen": "Keep it logically awesome.", "hook_id": 1}
    else:
        body = {"action": what}
    event = what if what in ("push", "ping") else "repository"
    return {"X-GitHub-Event": event, "X-GitHub-Delivery": number}, {**body, "repository": shown}


def _gitlab(what: What, repo: SandboxRepo, number: str, oid: str) -> tuple[dict[str, str], Json]:
    if what == "push":
        event, body = "Push Hook", {"object_kind": "push", "event_name": "push", "after": oid}
    else:
        words = {"renamed": "project_rename", "created": "project_create"}
        event, body = "System Hook", {"event_name": words.get(what, "ping")}
    project = {"id": repo.id, "path_with_namespace": repo.full_name}
    headers = {"X-Gitlab-Event": event, "X-Gitlab-Event-UUID": number, "Idempotency-Key": number}
    return headers, {**body, "project_id": repo.id, "project": project}


def _azuredevops(what: What, repo: SandboxRepo, number: str, oid: str) -> Json:
    words = {"push": "git.push", "renamed": "git.repo.renamed", "created": "git.repo.created"}
    resource: Json = {
        "repository": {
            "id": guid("repository", repo.id),
            "name": repo.name,
            "project": {"name": repo.owner},
        },
        "refUpdates": [{"name": f"refs/heads/{repo.default_branch}", "newObjectId": oid}],
    }
    return {"id": number, "eventType": words.get(what, "workitem.created"), "resource": resource}


def _bitbucket(what: What, repo: SandboxRepo, number: str, oid: str) -> tuple[dict[str, str], Json]:
    words = {"push": "repo:push", "renamed": "repo:updated", "created": "repo:created"}
    change = {"new": {"name": repo.default_branch, "target": {"hash": oid}}}
    shown: Json = {
        "repository": {"uuid": uuid_of("repository", repo.id), "full_name": repo.full_name},
        "push": {"changes": [change]},
    }
    headers = {"X-Event-Key": words.get(what, "issue:created"), "X-Request-UUID": number}
    return headers | {"X-Hook-UUID": str(uuid.uuid4()), "X-Attempt-Number": "1"}, shown


def _datacenter(
    what: What, repo: SandboxRepo, number: str, oid: str
) -> tuple[dict[str, str], Json]:
    words = {"push": "repo:refs_changed", "ping": "diagnostics:ping"}
    headers = {"X-Event-Key": words.get(what, "repo:modified"), "X-Request-Id": number}
    if what == "ping":
        return headers, {"test": True}
    shown = {"id": repo.id, "slug": repo.name, "project": {"key": repo.owner.upper()}}
    key = "repository" if what == "push" else "new"
    change = {"refId": f"refs/heads/{repo.default_branch}", "toHash": oid, "type": "UPDATE"}
    return headers, {"eventKey": headers["X-Event-Key"], key: shown, "changes": [change]}
