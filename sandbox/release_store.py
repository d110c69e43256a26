"""The releases that the sandbox keeps: drafts that may change, and published ones that may not.

A published release is immutable, as GitHub's immutable releases are: no asset comes, changes or
goes. State is kept in a folder, so a service that comes back goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from pathlib import Path
from typing import Any

Record = dict[str, Any]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")


class Refused(Exception):
    """The API says no.

    Args:
        status: HTTP status.
        message: what GitHub's `message` would say.
        code: GitHub's `errors[].code`, empty for none.
    """

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code

    def as_json(self) -> Record:
        """The answer's body."""
        errors = [{"resource": "Release", "code": self.code}] if self.code else []
        return {"message": self.message, "errors": errors, "status": str(self.status)}


class Store:
    """The releases of any number of repositories, one JSON file and one file per asset.

    Args:
        root: folder of the state; made where it is missing.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._file = root / "releases.json"
        self._lock = threading.Lock()
        (root / "assets").mkdir(parents=True, exist_ok=True)
        self._state: dict[str, Any] = {"next_id": 1, "repos": {}}
        if self._file.exists():
            self._state = json.loads(self._file.read_bytes())

    def _save(self) -> None:
        aside = self._file.with_suffix(".new")
        aside.write_text(json.dumps(self._state, indent=1), encoding="utf-8")
        aside.replace(self._file)

    def _new_id(self) -> int:
        number: int = self._state["next_id"]
        self._state["next_id"] = number + 1
        return number

    def list(self, repo: str) -> list[Record]:
        """All releases of a repository, newest first, drafts included."""
        with self._lock:
            return list(reversed(self._state["repos"].get(repo, [])))

    def get(self, repo: str, release_id: int) -> Record:
        """One release by its id."""
        for release in self.list(repo):
            if release["id"] == release_id:
                return release
        raise Refused(404, "Not Found")

    def by_tag(self, repo: str, tag: str) -> Record:
        """The published release of a tag; a draft has no tag yet."""
        for release in self.list(repo):
            if release["tag_name"] == tag and not release["draft"]:
                return release
        raise Refused(404, "Not Found")

    def latest(self, repo: str) -> Record:
        """The newest published release that is no pre-release and was not kept from being it."""
        for release in self.list(repo):
            passed_over = release["prerelease"] or release.get("make_latest") == "false"
            if not release["draft"] and not passed_over:
                return release
        raise Refused(404, "Not Found")

    def create(self, repo: str, given: Record) -> Record:
        """Make a release, as a draft or published."""
        tag = given.get("tag_name")
        if not isinstance(tag, str) or not tag:
            raise Refused(422, "Validation Failed", "missing_field")
        with self._lock:
            releases = self._state["repos"].setdefault(repo, [])
            if any(entry["tag_name"] == tag and not entry["draft"] for entry in releases):
                raise Refused(422, "Validation Failed", "already_exists")
            release: Record = {
                "id": self._new_id(),
                "tag_name": tag,
                "target_commitish": str(given.get("target_commitish") or "main"),
                "name": str(given.get("name") or tag),
                "body": str(given.get("body") or ""),
                "draft": bool(given.get("draft")),
                "prerelease": bool(given.get("prerelease")),
                "assets": [],
            }
            releases.append(release)
            self._save()
            return release

    def change(self, repo: str, release_id: int, given: Record) -> Record:
        """Change a draft, or publish it; of a published one only name and text."""
        release = self.get(repo, release_id)
        fixed = {"tag_name", "target_commitish", "draft"}
        if not release["draft"] and any(
            key in given and given[key] != release[key] for key in fixed
        ):
            raise Refused(422, "Cannot change an immutable release")
        if given.get("draft") is False and any(
            entry["tag_name"] == release["tag_name"] and not entry["draft"]
            for entry in self.list(repo)
            if entry["id"] != release_id
        ):
            raise Refused(422, "Validation Failed", "already_exists")
        with self._lock:
            known = (*fixed, "name", "body", "prerelease", "make_latest")
            release.update({key: given[key] for key in known if key in given})
            self._save()
        return release

    def delete(self, repo: str, release_id: int) -> None:
        """Take a draft away with its assets."""
        release = self.get(repo, release_id)
        if not release["draft"]:
            raise Refused(422, "Cannot delete an immutable release")
        with self._lock:
            self._state["repos"][repo].remove(release)
            for asset in release["assets"]:
                self._path(asset["id"]).unlink(missing_ok=True)
            self._save()

    def upload(self, repo: str, release_id: int, name: str, content: bytes, kind: str) -> Record:
        """Add an asset to a draft."""
        release = self.get(repo, release_id)
        if not release["draft"]:
            raise Refused(422, "Cannot upload assets to an immutable release")
        if not _NAME.fullmatch(name):
            raise Refused(422, "Validation Failed", "invalid")
        if any(asset["name"] == name for asset in release["assets"]):
            raise Refused(422, "Validation Failed", "already_exists")
        with self._lock:
            asset: Record = {
                "id": self._new_id(),
                "name": name,
                "state": "uploaded",
                "content_type": kind,
                "size": len(content),
                "digest": f"sha256:{hashlib.sha256(content).hexdigest()}",
            }
            self._path(asset["id"]).write_bytes(content)
            release["assets"].append(asset)
            self._save()
            return asset

    def asset(self, repo: str, asset_id: int) -> tuple[Record, Record]:
        """A release and one of its assets."""
        for release in self.list(repo):
            for asset in release["assets"]:
                if asset["id"] == asset_id:
                    return release, asset
        raise Refused(404, "Not Found")

    def content(self, asset_id: int) -> bytes:
        """The bytes of an asset."""
        return self._path(asset_id).read_bytes()

    def delete_asset(self, repo: str, asset_id: int) -> None:
        """Take an asset away from a draft."""
        release, asset = self.asset(repo, asset_id)
        if not release["draft"]:
            raise Refused(422, "Cannot delete assets of an immutable release")
        with self._lock:
            release["assets"].remove(asset)
            self._path(asset_id).unlink(missing_ok=True)
            self._save()

    def _path(self, asset_id: int) -> Path:
        return self._root / "assets" / str(asset_id)
