"""Signatures by our own key: made once, pushed beside what they sign, and nothing else passes."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from pipeline.abort import leftovers
from pipeline.artifacts import provenance
from pipeline.git import Git
from pipeline.project import Project
from pipeline.publishing.places import registry_of, releases_of
from pipeline.shell import Shell
from pipeline.signing import documents, identity
from pipeline.signing.beside import all_of, is_beside, signatures_in, tag_beside
from pipeline.signing.cosign import Cosign
from pipeline.signing.envelope import Envelope, seal, to_sign, unseal
from pipeline.signing.stranger import tag_is_signed
from pipeline.step import Artifact, Blocked, Done, Exit, Facts, PipelineError, Step, Todo
from pipeline.steps import confirm, log, promote, sign, stage, verify
from pipeline.versioning.claims import claims_of, write_claims

from .conftest import World, artifact

pytestmark = pytest.mark.needs("cosign", "docker-registry")

# Put together here, so that no scanner takes it for a real one.
PASSWORD = "canary-of-" + "the-signing-key"
ROOT = Path(__file__).resolve().parents[3]
STEPS = (stage.STEP, sign.STEP, promote.STEP)


def make_pair(folder: Path, name: str = "cosign") -> tuple[Path, Path]:
    """A key pair that is thrown away with the test: private file, public file."""
    if (folder / f"{name}.key").exists():
        return folder / f"{name}.key", folder / f"{name}.pub"
    argv = ("cosign", "generate-key-pair", "--output-key-prefix", name)
    subprocess.run(argv, cwd=folder, input=PASSWORD, text=True, check=True, capture_output=True)
    return folder / f"{name}.key", folder / f"{name}.pub"


@pytest.fixture
def signing(world: World, tmp_path: Path) -> World:
    """A world whose release has checksums and provenance, and a key to sign them with."""
    folder = world.project.out / "artifacts"
    name = documents.provenance_name(world.facts.version)
    stated = provenance.statement(world.facts, world.facts.artifacts, "debian", ())
    (folder / name).write_bytes(stated)
    files = (*world.facts.artifacts, artifact(folder / name))
    (folder / documents.CHECKSUMS).write_bytes(provenance.checksums(files))
    private, public = make_pair(tmp_path)
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n")
    endpoints = msgspec.structs.replace(
        world.project.endpoints,
        cosign_public_file=str(public),
        cosign_key_file=str(private),
        cosign_password_file=str(secret),
    )
    shell = replace(world.project.shell, log=world.project.out / "log.txt")
    return replace(
        world,
        project=replace(world.project, endpoints=endpoints, shell=shell),
        facts=replace(world.facts, artifacts=(*files, artifact(folder / documents.CHECKSUMS))),
    )


def do(step: Step, world: World) -> None:
    """As the runner does: look, act where there is something to do, look again."""
    if isinstance(step.check(world.project, world.facts), Todo):
        step.run(world.project, world.facts)
    assert step.check(world.project, world.facts) == Done(world.facts)


def publish_all(world: World) -> None:
    for step in STEPS:
        step.run(world.project, world.facts)


def asset(world: World, name: str) -> bytes:
    releases = releases_of(world.project.endpoints)
    return documents.asset_of(releases, releases.find("v0.1.0"), name)


def beside(world: World) -> dict[str, object]:
    registry = registry_of(world.project.endpoints)
    return {tag: signatures_in(registry, tag) for tag in registry.tags() if is_beside(tag)}


def tamper(world: World, name: str, body: bytes) -> None:
    """What an intruder at the forge would do: other bytes under a published name."""
    folder = world.project.root / "releases" / "assets"
    old = asset(world, name)
    (stored,) = (path for path in folder.iterdir() if path.read_bytes() == old)
    stored.write_bytes(body)


def refused(world: World) -> str:
    """What verify says to a stranger who is shown this world."""
    with pytest.raises(PipelineError) as caught:
        verify.check_signatures(world.project, world.facts)
    assert caught.value.exit_code is Exit.CONFLICT
    return caught.value.message


def test_all_that_is_published_is_signed_and_a_stranger_can_tell(signing: World) -> None:
    publish_all(signing)
    verify.check_signatures(signing.project, signing.facts)
    registry = registry_of(signing.project.endpoints)
    digests = all_of(registry, signing.facts.image_digest)
    assert len(digests) == 3, "the index and both platforms"
    assert beside(signing).keys() == {
        *(tag_beside(digest, "sig") for digest in digests),
        tag_beside(signing.facts.image_digest, "att"),
    }
    before = beside(signing)
    with pytest.raises(PipelineError) as caught:
        sign.undo(signing.project, signing.facts)
    assert caught.value.exit_code is Exit.CONFLICT
    assert beside(signing) == before, "what is published stays signed"


def test_what_is_signed_is_not_signed_again(signing: World) -> None:
    """On an empty machine, without a journal: the public places are all there is to ask."""
    do(stage.STEP, signing)
    do(sign.STEP, signing)
    names = (documents.SIGNATURE, documents.envelope_name("0.1.0"))
    before = beside(signing), [asset(signing, name) for name in names]
    do(sign.STEP, signing)
    sign.run(signing.project, signing.facts)
    assert (beside(signing), [asset(signing, name) for name in names]) == before
    said = (signing.project.out / "log.txt").read_text()
    assert said.count("cosign sign-blob") == 5, "checksums, provenance, image, two platforms"
    files = [path for path in signing.project.out.rglob("*") if path.is_file()]
    assert not [path for path in files if PASSWORD.encode() in path.read_bytes()]


def test_a_broken_signature_in_a_draft_is_mended(signing: World) -> None:
    do(stage.STEP, signing)
    do(sign.STEP, signing)
    tamper(signing, documents.SIGNATURE, b"bm8gc2lnbmF0dXJl\n")
    verdict = sign.check(signing.project, signing.facts)
    assert verdict == Todo((f"sign and upload {documents.SIGNATURE}",))
    do(sign.STEP, signing)


def test_what_others_put_beside_the_image_stays(signing: World, tmp_path: Path) -> None:
    do(stage.STEP, signing)
    private, _ = make_pair(tmp_path, "theirs")
    registry = registry_of(signing.project.endpoints)
    reference = f"{registry.name}@{signing.facts.image_digest}"
    subprocess.run(
        ("cosign", "sign", "--yes", "--tlog-upload=false", "--key", str(private), reference),
        input=PASSWORD,
        text=True,
        check=True,
        capture_output=True,
    )
    do(sign.STEP, signing)
    assert len(signatures_in(registry, tag_beside(signing.facts.image_digest, "sig"))) == 2


def test_signatures_beside_the_image_can_be_taken_back(signing: World) -> None:
    do(stage.STEP, signing)
    do(sign.STEP, signing)
    nameless = replace(signing.facts, tag_object="")
    first, *others = leftovers(signing.project, nameless)
    assert first.words == "delete the signatures beside the image"
    for _ in range(2):
        first.take_back(signing.project, nameless)
    assert beside(signing) == {}
    for other in others:
        other.take_back(signing.project, nameless)
    assert leftovers(signing.project, nameless) == ()


def test_a_release_published_without_signature_is_a_conflict(signing: World) -> None:
    for step in (stage.STEP, promote.STEP):
        step.run(signing.project, signing.facts)
    verdict = sign.check(signing.project, signing.facts)
    assert isinstance(verdict, Blocked)
    assert verdict.exit_code is Exit.CONFLICT


def test_whatever_is_changed_in_public_is_caught(signing: World, tmp_path: Path) -> None:
    """One release, and all that an intruder at the forge could do to it, one after the other."""
    publish_all(signing)
    wheel, sums = signing.facts.artifacts[0].name, documents.CHECKSUMS
    name, real = documents.envelope_name("0.1.0"), documents.provenance_name("0.1.0")
    envelope = unseal(asset(signing, name))
    assert envelope is not None
    lie = envelope.statement.replace(b"urn:mgit-fleet:pipeline", b"urn:somewhere:else")
    other = theirs(signing, tmp_path, to_sign(envelope.statement))
    no_sums = "SHA256SUMS of v0.1.0 has no good signature"
    changes = (
        (wheel, b"not built", f"{wheel} of v0.1.0 is not what the signed SHA256SUMS names"),
        (sums, asset(signing, sums).replace(b"0", b"1"), no_sums),
        (documents.SIGNATURE, b"bm8gc2lnbmF0dXJl", no_sums),
        (documents.SIGNATURE, theirs(signing, tmp_path, asset(signing, sums)).encode(), no_sums),
        (real, lie, "is not the one that the checksums name"),
        (name, seal(Envelope(lie, envelope.signature)), "is not the one that the checksums name"),
        (name, seal(Envelope(envelope.statement, other)), "provenance does not speak of"),
    )
    for changed, body, expected in changes:
        before = asset(signing, changed)
        tamper(signing, changed, body)
        assert expected in refused(signing)
        tamper(signing, changed, before)
    verify.check_signatures(signing.project, signing.facts)


def theirs(world: World, folder: Path, body: bytes) -> str:
    """A signature by another key."""
    private, public = make_pair(folder, "theirs")
    password = world.project.endpoints.cosign_password_file
    return Cosign(world.project.shell, public, str(private), password).sign(body)


def test_an_image_without_our_signature_or_provenance_is_caught(
    signing: World, tmp_path: Path
) -> None:
    publish_all(signing)
    _, other = make_pair(tmp_path, "other")
    endpoints = msgspec.structs.replace(signing.project.endpoints, cosign_public_file=str(other))
    stranger = replace(signing, project=replace(signing.project, endpoints=endpoints))
    assert "no good signature" in refused(stranger)
    registry = registry_of(signing.project.endpoints)
    for end, expected in (
        ("att", "no good provenance lies beside"),
        ("sig", "has no good signature"),
    ):
        registry.delete(registry.digest(tag_beside(signing.facts.image_digest, end)))
        assert expected in refused(signing)


def test_a_wrong_password_and_a_wrong_half_are_said(signing: World, tmp_path: Path) -> None:
    do(stage.STEP, signing)
    (tmp_path / "password").write_text("another\n")
    with pytest.raises(PipelineError, match="decryption failed") as wrong:
        sign.run(signing.project, signing.facts)
    assert wrong.value.exit_code is Exit.ENVIRONMENT
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    private, _ = make_pair(tmp_path, "other")
    endpoints = msgspec.structs.replace(signing.project.endpoints, cosign_key_file=str(private))
    with pytest.raises(PipelineError, match="is not the private half"):
        sign.run(replace(signing.project, endpoints=endpoints), signing.facts)


def test_without_cosign_the_release_stops_with_4(signing: World, tmp_path: Path) -> None:
    do(stage.STEP, signing)
    bare = replace(signing.project, shell=Shell(env={"PATH": str(tmp_path / "nothing")}))
    with pytest.raises(PipelineError, match="cosign is not installed") as missing:
        sign.run(bare, signing.facts)
    assert missing.value.exit_code is Exit.ENVIRONMENT
    assert "--provision" in missing.value.advice


def test_without_a_key_nothing_is_signed_and_the_report_says_so(world: World) -> None:
    verdict = sign.check(world.project, world.facts)
    assert isinstance(verdict, Done)
    assert verdict.facts.skipped[0].startswith("signatures: ")
    again = sign.check(world.project, verdict.facts)
    assert again == verdict, "told once"
    verify.check_signatures(world.project, world.facts)


# --- the transparency log


@dataclass
class Rekor:
    """The two calls of the log that are used, over a dictionary."""

    url: str = ""
    entries: dict[str, dict[str, object]] = field(default_factory=dict)
    away: bool = False

    def answer(self, path: str, value: dict[str, object]) -> tuple[int, object]:
        if self.away:
            return 503, {}
        if path == "/api/v1/index/retrieve":
            return 200, [name for name, one in self.entries.items() if value["hash"] in str(one)]
        if path == "/api/v1/log/entries":
            body = base64.b64encode(json.dumps(value).encode()).decode()
            name = hashlib.sha256(body.encode()).hexdigest()
            digest = value["spec"]["data"]["hash"]["value"]  # type: ignore[index]
            self.entries[name] = {"body": body, "about": f"sha256:{digest}"}
            return 201, {name: {"body": body}}
        name = path.rpartition("/")[2]
        return 200, {name: {"body": self.entries[name]["body"]}}


@contextmanager
def serving(rekor: Rekor) -> Iterator[Rekor]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.tell({})

        def do_POST(self) -> None:
            self.tell(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def tell(self, value: dict[str, object]) -> None:
            status, said = rekor.answer(self.path, value)
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    rekor.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield rekor
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def logging(world: World, url: str) -> Project:
    endpoints = msgspec.structs.replace(world.project.endpoints, log_url=url)
    return replace(world.project, endpoints=endpoints)


def test_the_signature_is_logged_once_and_a_log_that_is_away_stops_nothing(signing: World) -> None:
    publish_all(signing)
    with serving(Rekor(away=True)) as rekor:
        project = logging(signing, rekor.url)
        facts = log.run(project, signing.facts)
        (told,) = facts.skipped
        assert told.startswith("transparency log: ")
        assert "run the CI half again" in told
        rekor.away = False
        for _ in range(2):
            assert isinstance(log.check(project, facts), Todo)
            facts = log.run(project, facts)
        assert facts == signing.facts, "the note is gone with its reason"
        assert len(rekor.entries) == 1


def test_without_a_log_nothing_is_logged_and_the_report_says_so(signing: World) -> None:
    verdict = log.check(signing.project, signing.facts)
    assert isinstance(verdict, Done)
    assert verdict.facts.skipped == ("transparency log: nothing was logged: no log_url is set",)


# --- CI's identity


def stand_in(folder: Path) -> Shell:
    """A cosign that writes down how it was called, and what it could see."""
    folder.mkdir()
    program = folder / "cosign"
    program.write_text(
        f"#!/bin/sh\nprintf '%s\\n' \"$*\" > {folder}/argv\nenv > {folder}/env\n"
        f'ls -l "$4" | cut -c1-10 > {folder}/mode\ncat "$4" > {folder}/token\n'
        'echo bundle > "$6"\n'
    )
    program.chmod(0o755)
    return Shell(env={"PATH": f"{folder}:/usr/bin:/bin"}, log=folder / "log.txt")


def test_cis_identity_reaches_cosign_in_a_file_and_nowhere_else(tmp_path: Path) -> None:
    """Against a stand-in for cosign: the real exchange needs the real CI."""
    folder, secret = tmp_path / "bin", "canary-" + "identity"
    asked: list[str] = []

    def identify(audience: str) -> str:
        asked.append(audience)
        return secret

    assert identity.sign_as_ci(stand_in(folder), b"sums", identify) == b"bundle\n"
    assert asked == ["sigstore"]
    assert (folder / "token").read_text() == secret
    assert (folder / "mode").read_text().startswith("-rw-------")
    for name in ("argv", "env", "log.txt"):
        assert secret not in (folder / name).read_text()


def test_without_an_identity_nothing_is_signed_with_one(
    signing: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PipelineError, match="no identity") as caught:
        identity.sign_as_ci(stand_in(tmp_path / "bin"), b"sums", lambda _audience: None)
    assert caught.value.exit_code is Exit.ENVIRONMENT
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", "https://ci.invalid")
    assert not identity.offered(signing.project.endpoints), "a rehearsal never leaves the machine"
    real = msgspec.structs.replace(signing.project.endpoints, rehearsal=False)
    assert identity.offered(real)


# --- the tag


@pytest.mark.needs("ssh-keygen")
@pytest.mark.parametrize("who", ["the maintainer", "somebody else", "nobody"])
def test_ci_publishes_only_tags_of_those_who_may_release(
    world: World, tmp_path: Path, who: str
) -> None:
    for name in ("mine", "other"):
        argv = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name))
        subprocess.run(argv, check=True)
    public = (tmp_path / "mine.pub").read_text()
    (tmp_path / "signers").write_text(f'release namespaces="git" {public}')
    key = tmp_path / {"the maintainer": "mine"}.get(who, "other")
    facts = tagged(world, who != "nobody", key)
    endpoints = msgspec.structs.replace(world.project.endpoints, tag_signers_file="signers")
    project = replace(world.project, endpoints=endpoints)
    verdict = confirm.check(project, facts)
    git = Git(project.shell, project.root)
    good = tag_is_signed(git, "v0.1.0", tmp_path / "signers")
    assert good is (who == "the maintainer")
    if good:
        assert verdict == Done(facts)
    else:
        assert isinstance(verdict, Blocked)
        assert verdict.exit_code is Exit.CONFLICT
        assert "not signed by anybody who may release" in verdict.reason


def tagged(world: World, signed: bool, key: Path) -> Facts:
    """A repository whose tag carries the claims."""

    def git(*words: str) -> str:
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.invalid")
        signer = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={key}")
        argv = ["git", "-C", str(world.project.root), *identity, *signer, *words]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q", "-b", "main")
    git("commit", "-q", "--allow-empty", "-m", "x")
    facts = replace(world.facts, commit=git("rev-parse", "HEAD"))
    git("tag", "-s" if signed else "-a", "-m", write_claims(claims_of(facts)), "v0.1.0")
    return facts


def test_the_claims_of_a_tag_hold_no_signature(signing: World) -> None:
    """ECDSA differs each time: a digest of a signature in the tag could never be met again."""
    names = {each.name for each in claims_of(signing.facts).artifacts}
    assert names == {
        *(each.name for each in signing.facts.artifacts[:2]),
        documents.provenance_name("0.1.0"),
        documents.CHECKSUMS,
    }
    assert all(isinstance(each, Artifact) for each in signing.facts.artifacts)


# --- the page for strangers


def commands(page: str) -> list[str]:
    return [block.partition("```")[0] for block in page.split("```sh\n")[1:]]


@pytest.mark.needs("ssh-keygen", "sha256sum", "bash")
def test_the_commands_of_the_page_for_strangers_work(signing: World, tmp_path: Path) -> None:
    publish_all(signing)
    key = tmp_path / "mine"
    subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)), check=True)
    signers = tmp_path / "signers"
    signers.write_text(f'release namespaces="git" {key.with_suffix(".pub").read_text()}')
    tagged(signing, True, key)
    assets = tmp_path / "downloaded"
    assets.mkdir()
    release = releases_of(signing.project.endpoints).find("v0.1.0")
    assert release is not None
    for each in release.assets:
        (assets / each.name).write_bytes(asset(signing, each.name))
    env = {
        **signing.project.shell.env,
        "KEY": signing.project.endpoints.cosign_public_file,
        "SIGNERS": str(signers),
        "VERSION": "0.1.0",
        "IMAGE": signing.project.endpoints.registry,
        "DIGEST": signing.facts.image_digest,
    }

    def run(block: str, where: Path) -> tuple[bool, str]:
        argv = ("bash", "-euo", "pipefail", "-c", block)
        ran = subprocess.run(argv, cwd=where, env=env, capture_output=True, text=True, check=False)
        return ran.returncode == 0, ran.stdout + ran.stderr

    blocks = commands((ROOT / "docs" / "security" / "verifying.md").read_text())
    places = (signing.project.root, assets, assets, assets)
    for block, where in zip(blocks, places, strict=True):
        good, said = run(block, where)
        assert good, said
    for name in (documents.CHECKSUMS, signing.facts.artifacts[0].name):
        (assets / name).write_bytes((assets / name).read_bytes() + b"!")
        assert not run(blocks[1], assets)[0]
    assert not run(blocks[2], assets)[0]
