"""The OCI registry: pushing by digest, tags, deletion, and how it is shown a credential."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from pipeline.publishing.push import Around, delete_image, missing, push_layout
from pipeline.publishing.registry import Registry
from pipeline.step import Exit, PipelineError
from sandbox.registry import open_registry
from sandbox.serving import LOOPBACK, Handler, Server, bound, running

from .conftest import make_layout


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with open_registry(tmp_path / "registry") as running_registry:
        yield Registry(f"{running_registry.host}/acme/mgit", insecure=True)


def noting(sent: list[str]) -> Around:
    """Notes each digest after it was sent."""

    @contextmanager
    def around(digest: str) -> Iterator[None]:
        yield
        sent.append(digest)

    return around


@pytest.mark.needs("docker-registry")
def test_an_image_is_pushed_by_digest_and_has_no_tag(registry: Registry, tmp_path: Path) -> None:
    digest = make_layout(tmp_path / "layout")
    assert missing(registry, digest) == (digest,)
    sent: list[str] = []

    push_layout(registry, tmp_path / "layout", digest, around=noting(sent))

    assert missing(registry, digest) == ()
    assert sent[-1] == digest, "the index goes last"
    assert registry.tags() == ()
    again: list[str] = []
    push_layout(registry, tmp_path / "layout", digest, around=noting(again))
    assert again == [], "what is there is not sent again"


@pytest.mark.needs("docker-registry")
def test_a_broken_push_goes_on_where_it_stopped(registry: Registry, tmp_path: Path) -> None:
    digest = make_layout(tmp_path / "layout")
    sent: list[str] = []

    @contextmanager
    def stop_after_two(each: str) -> Iterator[None]:
        yield
        sent.append(each)
        if len(sent) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        push_layout(registry, tmp_path / "layout", digest, around=stop_after_two)
    rest: list[str] = []
    push_layout(registry, tmp_path / "layout", digest, around=noting(rest))
    assert not set(sent) & set(rest)
    assert missing(registry, digest) == ()


@pytest.mark.needs("docker-registry")
def test_a_tag_points_where_it_is_told_and_goes_with_the_image(
    registry: Registry, tmp_path: Path
) -> None:
    digest = make_layout(tmp_path / "layout")
    push_layout(registry, tmp_path / "layout", digest)
    manifest = registry.manifest(digest)
    assert manifest is not None
    registry.put_manifest("1.0.0", manifest.media_type, manifest.body)
    assert registry.digest("1.0.0") == digest
    assert registry.tags() == ("1.0.0",)

    delete_image(registry, digest)
    delete_image(registry, digest)

    assert registry.digest("1.0.0") == ""
    assert missing(registry, digest) == (digest,)


@pytest.mark.needs("docker-registry")
def test_a_changed_blob_is_never_sent(registry: Registry, tmp_path: Path) -> None:
    digest = make_layout(tmp_path / "layout")
    blob = tmp_path / "layout" / "blobs" / "sha256" / digest.removeprefix("sha256:")
    blob.write_bytes(blob.read_bytes() + b" ")
    with pytest.raises(PipelineError) as conflict:
        push_layout(registry, tmp_path / "layout", digest)
    assert conflict.value.exit_code is Exit.CONFLICT


@pytest.mark.parametrize("name", ["mgit", "https://host/mgit", "host/mgit@sha256:0", "host/"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(PipelineError) as refused:
        Registry(name)
    assert refused.value.exit_code is Exit.USAGE


class Guarded(Handler):
    """A registry that wants a credential, and the token service beside it."""

    seen: list[tuple[str, str]]
    scheme: str

    def serve(self) -> None:
        given = self.headers.get("Authorization", "")
        self.seen.append((self.path, given))
        if self.path.startswith("/token"):
            asked = parse_qs(urlsplit(self.path).query)
            self.answer(200, {"token": "short-lived"} if asked["service"] == ["here"] else {})
        elif given in ("Bearer short-lived", f"Basic {_encoded('me:canary')}"):
            self.send(200, b'{"tags": ["1.0.0"]}', "application/json")
        else:
            realm = f"http://{self.headers['Host']}/token"
            challenge = f'{self.scheme} realm="{realm}",service="here",scope="repository:x:pull"'
            self.answer(401, {"errors": []}, {"WWW-Authenticate": challenge})


def _encoded(pair: str) -> str:
    return base64.b64encode(pair.encode()).decode()


@pytest.mark.parametrize("scheme", ["Bearer", "Basic"])
def test_a_credential_is_sent_only_when_asked_for(scheme: str) -> None:
    seen: list[tuple[str, str]] = []
    server = Server((LOOPBACK, 0), bound(Guarded, Guarded.serve, seen=seen, scheme=scheme))
    with running(server):
        name = f"{LOOPBACK}:{server.server_port}/acme/mgit"
        registry = Registry(name, insecure=True, user="me", token="canary")
        assert registry.tags() == ("1.0.0",)
        assert registry.tags() == ("1.0.0",)
    assert seen[0][1] == "", "nothing is shown before it is asked for"
    assert [given for path, given in seen if path.startswith("/token")] == (
        [f"Basic {_encoded('me:canary')}"] if scheme == "Bearer" else []
    )
    assert len([1 for path, given in seen if not given]) == 1, "what was learnt is kept"


def test_a_registry_that_asks_for_what_there_is_not_says_so() -> None:
    server = Server((LOOPBACK, 0), bound(Guarded, Guarded.serve, seen=[], scheme="Basic"))
    with running(server):
        registry = Registry(f"{LOOPBACK}:{server.server_port}/acme/mgit", insecure=True)
        with pytest.raises(PipelineError) as refused:
            registry.tags()
    assert refused.value.exit_code is Exit.ENVIRONMENT
    assert refused.value.advice


class Redirecting(Handler):
    """Takes the upload at another origin, as registries with a store of blobs do."""

    elsewhere: str
    seen: list[tuple[str, str]]

    def serve(self) -> None:
        body = b"" if self.command in ("GET", "HEAD") else self.body()
        assert body is not None
        self.seen.append((self.command, self.headers.get("Authorization", "")))
        if self.command == "HEAD":
            self.send(404, b"", "text/plain")
        elif self.command == "POST" and not self.headers.get("Authorization"):
            self.answer(401, {}, {"WWW-Authenticate": 'Basic realm="x"'})
        elif self.command == "POST":
            self.answer(202, {}, {"Location": f"{self.elsewhere}/upload?state=1"})
        else:
            self.answer(201, {})


def test_the_credential_stays_when_the_upload_goes_elsewhere(tmp_path: Path) -> None:
    here: list[tuple[str, str]] = []
    there: list[tuple[str, str]] = []
    blob = tmp_path / "blob"
    blob.write_bytes(b"bytes")
    store = Server((LOOPBACK, 0), bound(Redirecting, Redirecting.serve, seen=there, elsewhere=""))
    with running(store):
        front = Server(
            (LOOPBACK, 0), bound(Redirecting, Redirecting.serve, seen=here, elsewhere=store.url)
        )
        with running(front):
            name = f"{LOOPBACK}:{front.server_port}/acme/mgit"
            registry = Registry(name, insecure=True, user="me", token="canary")
            assert registry.put_blob(f"sha256:{'0' * 64}", blob)
    assert ("POST", f"Basic {_encoded('me:canary')}") in here
    assert there == [("PUT", "")]


@pytest.mark.needs("docker-registry")
def test_the_sandbox_registry_ends_with_its_block(tmp_path: Path) -> None:
    before = threading.active_count()
    with open_registry(tmp_path / "registry") as first:
        port = int(first.host.rpartition(":")[2])
    with open_registry(tmp_path / "registry", port=port) as second:
        assert second.host == first.host, "it comes back at its old port"
    assert threading.active_count() == before
