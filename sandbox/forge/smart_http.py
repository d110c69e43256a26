"""Smart HTTP by the real `git http-backend`: what git clients of the sandbox talk to.

Fetching only; protocol v2 is passed on. CGI as in RFC 3875 and git-http-backend(1).
"""

from __future__ import annotations

import subprocess

from sandbox.forge.git import git_environment
from sandbox.forge.store import RepoStore, SandboxRepo
from sandbox.forge.web import Answer, Request

_SECONDS = 120.0


def serve_git(
    store: RepoStore, repo: SandboxRepo, service: str, request: Request, *, newest: int = 2
) -> Answer:
    """Let `git http-backend` answer one request for a repository.

    Args:
        store: where the repository is.
        repo: which one.
        service: `info/refs` or `git-upload-pack`.
        request: as it came.
        newest: the newest version of the protocol that the forge speaks.
    """
    if service == "git-receive-pack" or "git-receive-pack" in request.query_string:
        return Answer(403, b"this sandbox is read-only\n", (("Content-Type", "text/plain"),))
    protocol = request.headers.get("Git-Protocol", "")
    environment = git_environment() | {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "GIT_PROJECT_ROOT": str(store.folder),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_PROTOCOL": protocol if newest >= 2 else "",
        "PATH_INFO": f"/{repo.id}.git/{service}",
        "QUERY_STRING": request.query_string,
        "REQUEST_METHOD": request.method,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(request.body)),
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "REMOTE_USER": "sandbox",
        "REMOTE_ADDR": "127.0.0.1",
        # As the large forges have it: partial clones, and commits that no ref names.
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "uploadpack.allowFilter",
        "GIT_CONFIG_VALUE_0": "true",
        "GIT_CONFIG_KEY_1": "uploadpack.allowAnySHA1InWant",
        "GIT_CONFIG_VALUE_1": "true",
    }
    done = subprocess.run(
        ["git", "http-backend"],
        input=request.body,
        capture_output=True,
        check=False,
        env=environment,
        timeout=_SECONDS,
    )
    if done.returncode and not done.stdout:
        return Answer(500, done.stderr, (("Content-Type", "text/plain"),))
    return _from_cgi(done.stdout)


def _from_cgi(output: bytes) -> Answer:
    head, _, body = output.partition(b"\r\n\r\n")
    status = 200
    headers: list[tuple[str, str]] = []
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers.append((name, value.strip()))
    return Answer(status, body, tuple(headers))
