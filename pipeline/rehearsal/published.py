"""What the world can see after a release, looked at from outside and held against the tag."""

from __future__ import annotations

from pathlib import Path

from pipeline.git import Git
from pipeline.project import Endpoints
from pipeline.publishing import index
from pipeline.publishing.places import DISTRIBUTION, registry_of, releases_of
from pipeline.publishing.referrers import CYCLONEDX, IN_TOTO, files_beside, is_list
from pipeline.publishing.registry import Registry
from pipeline.rehearsal.world import World
from pipeline.report import Proof
from pipeline.shell import Shell
from pipeline.signing.beside import all_of, is_beside
from pipeline.signing.cosign import Cosign
from pipeline.signing.documents import CHECKSUMS, SIGNATURE, asset_of, envelope_name
from pipeline.signing.rekor import Log
from pipeline.signing.stranger import Stranger
from pipeline.step import PipelineError
from pipeline.versioning.claims import Claims, read_claims
from pipeline.versioning.versions import tag_of

_DISTRIBUTIONS = (".whl", ".tar.gz")


def claims_at_remote(shell: Shell, world: World, version: str) -> Claims:
    """What the tag on the remote says.

    Raises:
        PipelineError: the tag is not there, or says something else than a release's does.
    """
    git = Git(shell, world.places.remote)
    return read_claims(git.out("cat-file", "tag", tag_of(version)).partition("\n\n")[2])


def stopped_in_the_middle(world: World, version: str) -> Proof:
    """After the kill: one of two files is on the index, nothing else is out."""
    files = sorted(index.files(world.endpoints.index_simple, DISTRIBUTION))
    registry = registry_of(world.endpoints)
    release = releases_of(world.endpoints).find(tag_of(version))
    draft = release is not None and release.draft
    tags = [tag for tag in registry.tags() if is_name(tag)]
    detail = f"{len(files)} of 2 files on the index, {len(tags)} tags on the image, " + (
        "the release is a draft" if draft else "the release is no draft"
    )
    ok = len(files) == 1 and not tags and draft
    return Proof("killed while publishing, it stopped half way", ok, detail)


def published_as_tagged(world: World, claims: Claims) -> tuple[Proof, ...]:
    """Index, registry and forge have what the tag claims, all of it, and once."""
    endpoints = world.endpoints
    wanted = {each.name: each.digest for each in claims.artifacts}
    uploads = world.index.uploads
    return (
        _index(endpoints, wanted),
        _image(endpoints, claims),
        _release(endpoints, claims.version, wanted),
        found_from_the_digest(registry_of(endpoints), claims),
        Proof(
            "nothing was published twice",
            ok=uploads == [200, 200],
            detail=f"the index answered its uploads with {', '.join(map(str, uploads))}",
        ),
    )


def signed_tag(shell: Shell, world: World, version: str) -> Proof:
    """The tag on the remote carries a good signature by the rehearsal's key and no other."""
    name = "the tag is signed by the key of this release"
    key = world.places.key
    if not key.exists():
        return Proof(name, ok=False, detail="there is no key: is openssh-client installed?")
    signers = world.places.root / "allowed-signers"
    public = key.with_name(f"{key.name}.pub").read_text(encoding="utf-8")
    signers.write_text(f'rehearsal namespaces="git" {public}', encoding="utf-8")
    trust = ("-c", f"gpg.ssh.allowedSignersFile={signers}")
    ran = Git(shell, world.places.remote).run(*trust, "verify-tag", tag_of(version), check=False)
    said = (ran.stderr.strip().splitlines() or ["git says nothing"])[0]
    return Proof(name, ok=ran.ok and "Good" in said, detail=said)


def signed_release(shell: Shell, world: World, claims: Claims) -> Proof:
    """Checksums, provenance and image carry good signatures by the rehearsal's cosign key."""
    name = "checksums, provenance and image are signed by the key of this release"
    endpoints = world.endpoints
    if not endpoints.cosign_public_file:
        return Proof(name, ok=False, detail="there is no key: is cosign installed?")
    cosign = Cosign(shell, Path(endpoints.cosign_public_file))
    releases, registry = releases_of(endpoints), registry_of(endpoints)
    release = releases.find(tag_of(claims.version))
    if release is None:
        raise PipelineError(f"there is no release {tag_of(claims.version)}")
    stranger = Stranger(cosign, releases, registry, endpoints.registry_insecure)
    try:
        stranger.files(release, claims.version)
        stranger.image(claims.image_digest)
    except PipelineError as error:
        return Proof(name, ok=False, detail=error.message)
    count = sum(is_beside(tag) for tag in registry.tags())
    return Proof(name, ok=True, detail=f"2 signed files, {count} signatures beside the image")


def logged(world: World, version: str) -> Proof:
    """The signature of the checksums is in the transparency log, and nothing else is."""
    releases = releases_of(world.endpoints)
    release = releases.find(tag_of(version))
    checksums = asset_of(releases, release, CHECKSUMS)
    signature = asset_of(releases, release, SIGNATURE).decode().strip()
    there = Log(world.endpoints.log_url).has(checksums, signature)
    count = sum(len(entries) for entries in world.log.entries.values())
    return Proof(
        "the signature is in the transparency log, once",
        ok=there and count == 1,
        detail=f"{count} entries, {'one' if there else 'none'} with the signature of {CHECKSUMS}",
    )


def is_name(tag: str) -> bool:
    """Whether a tag is a name for people, and not of something beside the image."""
    return not is_beside(tag) and not is_list(tag)


def found_from_the_digest(registry: Registry, claims: Claims) -> Proof:
    """Who has only the image finds its parts, for each platform, and its origin."""
    index, *platforms = all_of(registry, claims.image_digest) or ("",)
    ours = {each.digest for each in claims.artifacts}

    def has(subject: str, kind: str) -> bool:
        return any(k == kind and digest in ours for k, digest in files_beside(registry, subject))

    parts = sum(has(each, CYCLONEDX) for each in platforms)
    origin = bool(index) and has(index, IN_TOTO)
    return Proof(
        "bills of materials and provenance are found from the image's digest",
        ok=origin and bool(platforms) and parts == len(platforms),
        detail=f"parts of {parts} of {len(platforms)} platforms, "
        f"{'the' if origin else 'no'} provenance of the image",
    )


def _index(endpoints: Endpoints, wanted: dict[str, str]) -> Proof:
    dists = {name: digest for name, digest in wanted.items() if name.endswith(_DISTRIBUTIONS)}
    found = index.files(endpoints.index_simple, DISTRIBUTION)
    there = {name: index.digest(file) for name, file in found.items()}
    return Proof(
        "the index has the files of the tag, byte by byte",
        ok=bool(dists) and there == dists,
        detail=", ".join(sorted(there)) or "nothing",
    )


def _image(endpoints: Endpoints, claims: Claims) -> Proof:
    registry = registry_of(endpoints)
    tags = (tag for tag in registry.tags() if is_name(tag))
    pointing = {tag: registry.digest(tag) for tag in tags}
    names = ", ".join(sorted(pointing)) or "no tag"
    ok = {claims.version, "latest"} <= pointing.keys() and set(pointing.values()) == {
        claims.image_digest
    }
    return Proof("the image's tags are the digest of the tag", ok, f"{names}: one digest")


def _release(endpoints: Endpoints, version: str, wanted: dict[str, str]) -> Proof:
    releases = releases_of(endpoints)
    release = releases.find(tag_of(version))
    if release is None:
        raise PipelineError(f"there is no release {tag_of(version)}")
    signatures = {SIGNATURE, envelope_name(version)}
    assets = [asset for asset in release.assets if asset.name not in signatures]
    there = {asset.name: releases.digest(asset) for asset in assets}
    return Proof(
        "the release is published with the files of the tag",
        ok=there == wanted and not release.draft and releases.latest() == tag_of(version),
        detail=f"{len(there)} assets, {'a draft' if release.draft else 'published, the latest'}",
    )
