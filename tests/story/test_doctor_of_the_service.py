"""`mgit doctor` looks at the files of the service before the service does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.certificates import Authority, Pair
from sandbox.forge import SandboxForge
from tests.story.laptop import Laptop
from tests.story.serving import write_secret

SECRET = "a-secret-that-two-sides-know"
TOKEN = "token-of-the-status-page-1"


@pytest.fixture
def secret_file(work: Laptop, forge: SandboxForge) -> Path:
    forge.add_repo("acme", "tool")
    path = work.home / "hook-secret"
    write_secret(path, SECRET)
    before = work.config_file.read_text()
    named = f'[sources.work]\nwebhook_secret_file = "{path}"'
    work.config_file.write_text(before.replace("[sources.work]", named))
    return path


@pytest.fixture
def token_file(work: Laptop) -> Path:
    path = work.home / "web-tokens"
    write_secret(path, TOKEN)
    return path


def served(tokens: Path, pair: Pair | None = None, **more: str) -> dict[str, str]:
    """The variables of a service."""
    files = (
        {}
        if pair is None
        else {"MGIT_WEB_TLS_CERT": pair.certificate, "MGIT_WEB_TLS_KEY": pair.key}
    )
    words = {name: str(path) for name, path in files.items()}
    return {"MGIT_WEB": "127.0.0.1:0", "MGIT_WEB_TOKEN_FILE": str(tokens), **words, **more}


def found(work: Laptop, env: dict[str, str], code: int = 0) -> dict[str, list[dict[str, Any]]]:
    ran = work.mgit("doctor", "--format", "json", env=env)
    assert ran.code == code, ran.err + ran.out
    assert SECRET not in ran.out + ran.err
    assert TOKEN not in ran.out + ran.err
    checks: dict[str, list[dict[str, Any]]] = {}
    for check in ran.json["checks"]:  # type: ignore[attr-defined]
        checks.setdefault(check["name"], []).append(check)
    return checks


def test_all_is_well(work: Laptop, secret_file: Path, token_file: Path, tmp_path: Path) -> None:
    pair = Authority(tmp_path / "ca").server("localhost", days=90)
    checks = found(work, served(token_file, pair))
    assert [one["state"] for one in checks["web tokens"]] == ["ok"]
    assert checks["web tokens"][0]["message"] == f"1 token in {token_file}"
    assert [one["message"] for one in checks["webhook work"]] == [f"1 secret in {secret_file}"]
    assert [one["state"] for one in checks["tls"]] == ["ok", "ok"]
    assert "are good until 2" in checks["tls"][1]["message"]


def test_without_a_page_there_are_no_webhooks(work: Laptop, secret_file: Path) -> None:
    _, warning = found(work, {})["webhook work"]
    assert warning["state"] == "warning"
    assert "MGIT_WEB" in warning["advice"]
    assert "tls" not in found(work, {})
    assert secret_file.exists()


@pytest.mark.parametrize("fault", ["gone", "shared", "empty", "short"])
def test_a_file_that_cannot_be_used_is_told_with_what_to_do(
    work: Laptop, secret_file: Path, token_file: Path, fault: str
) -> None:
    words = {
        "gone": ("cannot be read: No such file or directory", "check its path and its owner"),
        "shared": ("can be read by other users", "chmod 600"),
        "empty": ("holds 0", "openssl rand"),
        "short": ("characters", "openssl rand"),
    }
    for path in (secret_file, token_file):
        match fault:
            case "gone":
                path.unlink()
            case "shared":
                path.chmod(0o644)
            case "empty":
                path.write_text("\n")
            case _:
                path.write_text("short\n")
    checks = found(work, served(token_file), code=2)
    for name in ("webhook work", "web tokens"):
        (check,) = checks[name]
        assert check["state"] == "failed"
        assert words[fault][0] in check["message"]
        assert words[fault][1] in check["advice"]


def test_certificates_that_end(
    work: Laptop, secret_file: Path, token_file: Path, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "ca")
    soon, over = authority.server("localhost", days=5), authority.server("localhost", days=-1)
    warning = found(work, served(token_file, soon))["tls"][1]
    assert (warning["state"], "expires on" in warning["message"]) == ("warning", True)
    assert "no restart" in warning["advice"]
    checks = found(work, served(token_file, over), code=2)
    expired = checks["tls"][1]
    assert (expired["state"], "expired on" in expired["message"]) == ("failed", True)
    clients = found(work, served(token_file, soon, MGIT_WEB_CLIENT_CA=str(authority.file)))["tls"]
    assert [one["state"] for one in clients] == ["ok", "warning", "warning"]
    assert str(authority.file) in clients[2]["message"]
    assert secret_file.exists()


def test_a_key_that_others_read_or_that_does_not_fit(
    work: Laptop, secret_file: Path, token_file: Path, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "ca")
    one, other = authority.server("localhost", days=90), authority.server("localhost", days=90)
    one.key.chmod(0o640)
    warning = found(work, served(token_file, one))["tls"][1]
    assert (warning["state"], warning["advice"]) == ("warning", f"run `chmod 600 {one.key}`")
    (check,) = found(work, served(token_file, Pair(one.certificate, other.key)), code=2)["tls"]
    assert (check["state"], "does not fit" in check["message"]) == ("failed", True)
    assert secret_file.exists()
