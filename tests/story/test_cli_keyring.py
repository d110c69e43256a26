"""A laptop with a keyring: the token goes there and nowhere else; what breaks there is survived.

The keyring is the real package with a backend of ours, chosen as a person would choose one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.forge import SandboxForge
from tests.story.laptop import CANARY, REPOSITORY, Laptop

_BACKEND = """
import json, os
from pathlib import Path
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError, PasswordSetError

FILE = Path(os.environ["KEYRING_FILE"])

class Backend(KeyringBackend):
    priority = 5
    def _all(self):
        if os.environ.get("KEYRING_MOOD") == "locked":
            raise KeyringLocked("nobody typed the phrase")
        return json.loads(FILE.read_text()) if FILE.exists() else {}
    def get_password(self, service, username):
        return self._all().get(f"{service} {username}")
    def set_password(self, service, username, password):
        if os.environ.get("KEYRING_MOOD") == "full":
            raise PasswordSetError("no room")
        FILE.write_text(json.dumps({**self._all(), f"{service} {username}": password}))
    def delete_password(self, service, username):
        raise PasswordDeleteError("not today")
"""


@pytest.fixture
def desktop(laptop: Laptop) -> Laptop:
    place = laptop.home / "packages"
    place.mkdir()
    (place / "home_keyring.py").write_text(_BACKEND)
    variables = {
        "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{place}",
        "PYTHON_KEYRING_BACKEND": "home_keyring.Backend",
        "KEYRING_FILE": str(place / "keyring.json"),
    }
    return replace(laptop, variables=variables)


def _with(laptop: Laptop, mood: str) -> Laptop:
    return replace(laptop, variables={**laptop.variables, "KEYRING_MOOD": mood})


def _login(forge: SandboxForge) -> tuple[str, ...]:
    url = ("--url", forge.api_url)
    return ("login", "work", "--forge", "github", *url, "--owner", "acme", "--stdin")


def _store(laptop: Laptop) -> str:
    (store,) = laptop.home.rglob("credentials.json")
    return store.read_text()


def test_the_token_is_in_the_keyring_alone(desktop: Laptop, forge: SandboxForge) -> None:
    forge.add_repo("acme", "api")
    ran = desktop.mgit(*_login(forge), stdin=f"{CANARY}\n")
    assert ran.code == 0, ran.err
    kept = json.loads((desktop.home / "packages" / "keyring.json").read_text())
    assert list(kept.values()) == [CANARY]
    assert CANARY not in _store(desktop)
    assert "acme/api" in desktop.mgit("list").out

    locked = _with(desktop, "locked").mgit("list")
    assert locked.code != 0
    assert CANARY not in locked.out + locked.err


def test_a_keyring_that_refuses_leaves_the_token_in_the_private_file(
    desktop: Laptop, forge: SandboxForge
) -> None:
    forge.add_repo("acme", "api")
    full = _with(desktop, "full")
    assert full.mgit(*_login(forge), stdin=f"{CANARY}\n").code == 0
    assert CANARY in _store(full)
    assert "acme/api" in full.mgit("list").out


def test_a_token_that_a_person_put_into_the_keyring_is_found(
    desktop: Laptop, forge: SandboxForge
) -> None:
    forge.add_repo("acme", "api")
    origin = forge.api_url.removesuffix("/api/v3")
    desktop.configure(
        f'[sources.work]\nforge = "github"\nurl = "{forge.api_url}"\nowners = ["acme"]\n'
    )
    kept = {f"mgit {origin}": CANARY}
    (desktop.home / "packages" / "keyring.json").write_text(json.dumps(kept))
    assert "acme/api" in desktop.mgit("list").out
    assert "keyring" in desktop.mgit("doctor").out


def test_what_is_no_text_is_no_token(laptop: Laptop, forge: SandboxForge) -> None:
    forge.add_owner("acme")
    ran = subprocess.run(
        [sys.executable, "-m", "mgit", *_login(forge)],
        input=b"\xff\xfe\x00",
        env={**laptop.environment, "PYTHONIOENCODING": "utf-8:strict"},
        cwd=Path(laptop.home),
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 2
    assert b"is not text" in ran.stderr
    assert b"Traceback" not in ran.stderr
