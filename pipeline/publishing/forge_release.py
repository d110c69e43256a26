"""Releases of a forge, in the REST API that GitHub has (version 2022-11-28).

A release is made as a draft, gets its assets, is read back, and only then published: after that it
may be immutable.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from urllib.parse import quote, urlsplit

import msgspec

from pipeline.publishing import http
from pipeline.step import Exit, PipelineError

_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_BINARY = "application/octet-stream"
_NEXT = re.compile(r'<([^>]+)>\s*;\s*rel="next"')
_MAX_PAGES = 50
_MAX_ASSET = 512 * 1024 * 1024


class Asset(msgspec.Struct, frozen=True):
    """A file of a release.

    Args:
        id: number that the forge gave it.
        name: file name.
        size: bytes.
        url: its address in the API.
        state: `uploaded`, or `starter` for one whose upload broke off.
        digest: `sha256:…` where the forge says it.
    """

    id: int
    name: str
    size: int
    url: str
    state: str = "uploaded"
    digest: str | None = None


class Release(msgspec.Struct, frozen=True):
    """A release as the forge has it.

    Args:
        id: number that the forge gave it.
        tag_name: its tag.
        draft: True until it is published.
        upload_url: where assets go, as a URI template.
        url: its address in the API.
        body: the notes.
        prerelease: True where the forge does not offer it as the latest.
        assets: its files.
    """

    id: int
    tag_name: str
    draft: bool
    upload_url: str
    url: str
    body: str | None = ""
    prerelease: bool = False
    assets: tuple[Asset, ...] = ()

    def asset(self, name: str) -> Asset | None:
        """The asset of that name."""
        return next((each for each in self.assets if each.name == name), None)


class ForgeReleases:
    """The releases of one repository.

    Args:
        api: base URL of the REST API.
        repo: `owner/name`.
        token: sent to that API and to its own upload host, nowhere else.
    """

    def __init__(self, api: str, repo: str, token: str) -> None:
        self._api = api.rstrip("/")
        self._base = f"{self._api}/repos/{quote(repo)}/releases"
        self._token = token

    def find(self, tag: str) -> Release | None:
        """The release of a tag, draft or published; a draft is found by listing only.

        Raises:
            PipelineError: CONFLICT when there are two of them.
        """
        found = [release for release in self._list() if release.tag_name == tag]
        if len(found) > 1:
            raise PipelineError(
                f"there are {len(found)} releases for {tag}",
                exit_code=Exit.CONFLICT,
                advice="delete the drafts that nobody needs, then run it again",
            )
        return found[0] if found else None

    def latest(self) -> str:
        """The tag of the newest published release, empty for none."""
        answer = self._ask("GET", f"{self._base}/latest")
        return "" if answer.status == 404 else http.decode(answer, Release).tag_name

    def create_draft(self, tag: str, commit: str, notes: str, *, prerelease: bool) -> Release:
        """Make a draft."""
        return http.decode(
            self._send(
                "POST",
                self._base,
                {
                    "tag_name": tag,
                    "target_commitish": commit,
                    "name": tag,
                    "body": notes,
                    "draft": True,
                    "prerelease": prerelease,
                },
            ),
            Release,
        )

    def upload(self, release: Release, file: Path) -> Asset:
        """Add a file to a draft."""
        place = release.upload_url.partition("{")[0]
        if not self._trusted(place):
            raise PipelineError(
                f"the forge wants assets at {http.shown(place)}, which is not its own host",
                exit_code=Exit.ENVIRONMENT,
            )
        answer = self._ask("POST", f"{place}?name={quote(file.name)}", file)
        return http.decode(answer, Asset)

    def publish(self, release: Release, *, latest: bool) -> Release:
        """Publish a draft."""
        value = {"draft": False, "make_latest": "true" if latest else "false"}
        return http.decode(self._send("PATCH", release.url, value), Release)

    def set_aside(self, release: Release, body: str) -> Release:
        """Give a published release another text, and never offer it as the latest again."""
        value = {"body": body, "prerelease": True}
        return http.decode(self._send("PATCH", release.url, value), Release)

    def may_write(self) -> bool:
        """Whether the token may make releases; asked with one that lacks its tag, so none is made.

        Raises:
            PipelineError: the answer is neither "this lacks something" nor "you may not".
        """
        answer = self._send("POST", self._base, {})
        if answer.status in {400, 422}:
            return True
        if answer.status in {401, 403, 404}:
            return False
        raise http.refused(answer, "asking for the right to release")

    def delete(self, release: Release) -> None:
        """Take a draft away; gone already is fine."""
        answer = self._ask("DELETE", release.url)
        if answer.status not in {204, 404}:
            raise http.refused(answer, "deleting a draft")

    def delete_asset(self, asset: Asset) -> None:
        """Take an asset of a draft away; gone already is fine."""
        answer = self._ask("DELETE", asset.url)
        if answer.status not in {204, 404}:
            raise http.refused(answer, "deleting an asset")

    def digest(self, asset: Asset) -> str:
        """The digest of an asset's bytes as the forge hands them out."""
        return f"sha256:{hashlib.sha256(self.content(asset)).hexdigest()}"

    def content(self, asset: Asset) -> bytes:
        """An asset's bytes as the forge hands them out."""
        headers = {**_HEADERS, "Accept": _BINARY}
        answer = http.request(
            "GET", self._own(asset.url), headers=headers, token=self._token, limit=_MAX_ASSET
        )
        if not answer.ok:
            raise http.refused(answer, f"reading {asset.name} back")
        return answer.body

    def _list(self) -> list[Release]:
        found: list[Release] = []
        url = f"{self._base}?per_page=100"
        for _ in range(_MAX_PAGES):
            answer = self._ask("GET", url)
            found += http.decode(answer, list[Release])
            following = _NEXT.search(answer.headers.get("link", ""))
            if following is None:
                return found
            url = following[1]
        raise PipelineError(
            f"{http.shown(self._base)} has more pages than it should", exit_code=Exit.ENVIRONMENT
        )

    def _send(self, method: str, url: str, value: object) -> http.Answer:
        return self._ask(method, url, msgspec.json.encode(value), "application/json")

    def _ask(
        self, method: str, url: str, body: bytes | Path | None = None, kind: str = _BINARY
    ) -> http.Answer:
        headers = dict(_HEADERS)
        if body is not None:
            headers["Content-Type"] = kind
        url = url if self._trusted(url) else self._own(url)
        return http.request(method, url, headers=headers, body=body, token=self._token, timeout=120)

    def _own(self, url: str) -> str:
        """A URL of this API; anything else would be handed the token."""
        if http.origin(url) != http.origin(self._api):
            raise PipelineError(
                f"the forge points to {http.shown(url)}, which is not its own host",
                exit_code=Exit.ENVIRONMENT,
            )
        return url

    def _trusted(self, url: str) -> bool:
        """Whether a URL is of the API, or of the upload host beside it (`api.` -> `uploads.`)."""
        if http.origin(url) == http.origin(self._api):
            return True
        host, beside = urlsplit(self._api).hostname or "", urlsplit(url)
        return (
            host.startswith("api.")
            and beside.scheme == "https"
            and beside.hostname == f"uploads.{host.removeprefix('api.')}"
        )
