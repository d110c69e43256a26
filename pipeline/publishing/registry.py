"""An OCI registry: what a tag points at, and how an image gets there by digest.

Protocol: OCI Distribution Specification 1.1. A credential is sent only after the registry asks for
one, and only to the place it names over https (or on this machine).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode, urljoin

import msgspec

from pipeline.publishing import http
from pipeline.step import Exit, PipelineError

MANIFEST_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_BINARY = {"Content-Type": "application/octet-stream"}
# Blobs are tens of megabytes; a slow line must not break the one that matters.
_BLOB_TIMEOUT = 600.0


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or an index as the registry has it.

    Args:
        digest: of `body`.
        media_type: what the registry calls it.
        body: its bytes.
    """

    digest: str
    media_type: str
    body: bytes = field(repr=False)


class _Token(msgspec.Struct):
    token: str = ""
    access_token: str = ""


class _Tags(msgspec.Struct):
    tags: list[str] | None = None


class Registry:
    """One repository of images.

    Args:
        name: `HOST/NAME`, without a tag.
        insecure: plain http; loopback only.
        user: user name that goes with the token.
        token: password or token; empty where the registry asks for none.
    """

    def __init__(
        self, name: str, *, insecure: bool = False, user: str = "", token: str = ""
    ) -> None:
        host, slash, path = name.partition("/")
        if not slash or not path or "@" in name or "://" in name:
            raise PipelineError(
                f"{name!a} is no image name: HOST/NAME is wanted", exit_code=Exit.USAGE
            )
        self.name = name
        self._path = path
        self._base = f"{'http' if insecure else 'https'}://{host}/v2/{path}"
        self._user = user
        self._token = token
        self._authorization = ""

    def manifest(self, reference: str) -> Manifest | None:
        """What a tag or digest stands for; None where there is no such thing.

        Raises:
            PipelineError: the registry refuses or does not answer.
        """
        answer = self._ask(
            "GET", f"/manifests/{quote(reference, safe=':')}", {"Accept": ", ".join(MANIFEST_TYPES)}
        )
        if answer.status == 404:
            return None
        if not answer.ok:
            raise http.refused(answer, "reading a manifest")
        kind = answer.headers.get("content-type", "").partition(";")[0].strip()
        return Manifest(sha256(answer.body), kind, answer.body)

    def digest(self, reference: str) -> str:
        """The digest that a tag points at, read from the manifest itself; empty for none."""
        found = self.manifest(reference)
        return found.digest if found else ""

    def tags(self) -> tuple[str, ...]:
        """The tags of the repository; none where it does not exist yet."""
        answer = self._ask("GET", "/tags/list?n=1000")
        if answer.status == 404:
            return ()
        return tuple(http.decode(answer, _Tags).tags or ())

    def has_blob(self, digest: str) -> bool:
        """Whether the repository holds a blob."""
        answer = self._ask("HEAD", f"/blobs/{digest}")
        if answer.status in {200, 404}:
            return answer.status == 200
        raise http.refused(answer, "looking for a blob")

    def put_blob(self, digest: str, content: Path) -> bool:
        """Send a blob unless it is there.

        Returns:
            whether it had to be sent.

        Raises:
            PipelineError: the registry refuses it or does not answer.
        """
        if self.has_blob(digest):
            return False
        begun = self._ask("POST", "/blobs/uploads/", _BINARY, b"")
        if begun.status != 202 or not begun.headers.get("location"):
            raise http.refused(begun, "beginning an upload")
        place = urljoin(begun.url, begun.headers["location"])
        joint = "&" if "?" in place else "?"
        target = f"{place}{joint}{urlencode({'digest': digest})}"
        sent = self._ask("PUT", target, _BINARY, content)
        if sent.status != 201:
            raise http.refused(sent, "sending a blob")
        return True

    def may_push(self) -> bool:
        """Whether this credential may push: an upload is begun, called off, and nothing was sent.

        Raises:
            PipelineError: the registry answers neither yes nor no.
        """
        begun = self._ask("POST", "/blobs/uploads/", _BINARY, b"")
        if begun.status in {401, 403, 404}:
            return False
        if begun.status != 202:
            raise http.refused(begun, "asking for the right to push")
        if place := begun.headers.get("location"):
            self._ask("DELETE", urljoin(begun.url, place))
        return True

    def put_manifest(self, reference: str, media_type: str, body: bytes) -> None:
        """Store a manifest under a digest or a tag, and read it back.

        Raises:
            PipelineError: the registry refuses it, or answers with something else afterwards.
        """
        path = f"/manifests/{quote(reference, safe=':')}"
        answer = self._ask("PUT", path, {"Content-Type": media_type}, body)
        if answer.status != 201:
            raise http.refused(answer, "storing a manifest")
        if self.digest(reference) != sha256(body):
            raise PipelineError(f"{self.name} does not give back what was stored as {reference}")

    def referrers(self, digest: str) -> bytes | None:
        """The index of what refers to a manifest; None where this registry keeps no such list.

        Raises:
            PipelineError: the registry refuses or does not answer.
        """
        answer = self._ask("GET", f"/referrers/{digest}")
        if answer.status == 404:
            return None
        if not answer.ok:
            raise http.refused(answer, "asking what refers to an image")
        return answer.body

    def delete(self, digest: str) -> None:
        """Take a manifest away, and with it every tag on it; gone already is fine."""
        answer = self._ask("DELETE", f"/manifests/{digest}")
        if answer.status not in {202, 404}:
            raise http.refused(answer, "deleting a manifest")

    def _ask(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | Path | None = None,
    ) -> http.Answer:
        url = target if "://" in target else self._base + target

        def send() -> http.Answer:
            sent = dict(headers or {})
            # An upload may be sent on to a store of blobs; the credential stays here.
            if self._authorization and http.origin(url) == http.origin(self._base):
                sent["Authorization"] = self._authorization
            timeout = _BLOB_TIMEOUT if isinstance(body, Path) else 30.0
            return http.request(method, url, headers=sent, body=body, timeout=timeout)

        answer = send()
        challenge = answer.headers.get("www-authenticate", "")
        if answer.status == 401 and challenge and http.origin(url) == http.origin(self._base):
            self._authorization = self._answer_to(challenge)
            answer = send()
        return answer

    def _answer_to(self, challenge: str) -> str:
        """What the registry wants to see, from what it asks for."""
        scheme, _, rest = challenge.partition(" ")
        basic = base64.b64encode(f"{self._user}:{self._token}".encode()).decode()
        if scheme.lower() == "basic" and self._token:
            return f"Basic {basic}"
        asked = dict(_PARAMETER.findall(rest))
        if scheme.lower() != "bearer" or "realm" not in asked:
            raise PipelineError(
                f"{self.name} asks for a credential, and there is none",
                exit_code=Exit.ENVIRONMENT,
                advice="set the token file in the endpoints",
            )
        scope = f"repository:{self._path}:pull,push" if self._token else asked.get("scope", "")
        query = urlencode({"service": asked.get("service", ""), "scope": scope})
        headers = {"Authorization": f"Basic {basic}"} if self._token else {}
        answer = http.request("GET", f"{asked['realm']}?{query}", headers=headers)
        given = http.decode(answer, _Token)
        return f"Bearer {given.token or given.access_token}"


def sha256(body: bytes) -> str:
    """The digest of some bytes, as OCI writes it."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def is_digest(text: str) -> bool:
    """Whether a text is a digest that can be used in an address."""
    return _DIGEST.fullmatch(text) is not None
