"""The private file with the secrets of webhooks."""

from __future__ import annotations

from pathlib import Path

import pytest

from mgit.credentials.hooks import LEAST_LENGTH, MOST_SECRETS, read_hook_secrets
from mgit.credentials.secret import Secret
from mgit.errors import ConfigurationError


def written(folder: Path, *lines: str, mode: int = 0o600) -> Path:
    file = folder / "hooks"
    file.write_text("\n".join(lines))
    file.chmod(mode)
    return file


def secret(number: int) -> str:
    return f"{number:0{LEAST_LENGTH}d}"


def refused(file: Path) -> tuple[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        read_hook_secrets(file)
    return caught.value.message, caught.value.advice


def test_one_a_line_and_two_while_one_is_replaced(tmp_path: Path) -> None:
    file = written(tmp_path, "", f"  {secret(1)} ", "", secret(2), "")
    assert read_hook_secrets(file) == (Secret(secret(1)), Secret(secret(2)))
    most = [secret(number) for number in range(MOST_SECRETS)]
    assert len(read_hook_secrets(written(tmp_path, *most))) == MOST_SECRETS


@pytest.mark.parametrize("count", [0, MOST_SECRETS + 1])
def test_none_or_too_many(tmp_path: Path, count: int) -> None:
    file = written(tmp_path, *(secret(number) for number in range(count)))
    assert refused(file) == (
        f"webhook secret file {file} holds {count} secrets, not 1 to 8",
        "write one secret a line, such as `openssl rand -hex 32` makes",
    )


def test_one_that_can_be_guessed(tmp_path: Path) -> None:
    file = written(tmp_path, secret(1), secret(2)[1:])
    assert refused(file) == (
        f"webhook secret file {file} holds a secret of fewer than 16 characters",
        "make a longer one, such as by `openssl rand -hex 32`",
    )


def test_something_that_is_no_secret(tmp_path: Path) -> None:
    file = written(tmp_path, f"{secret(1)}\x07")
    message, advice = refused(file)
    assert message == f"webhook secret file {file} holds something that is no secret"
    assert advice == "copy the token again, without the line break"
    file = written(tmp_path, "x" * 9000)
    assert refused(file) == (message, "write one secret a line")


def test_others_must_not_read_it_but_where_a_platform_decides(tmp_path: Path) -> None:
    file = written(tmp_path, secret(1), mode=0o644)
    assert refused(file)[0] == f"webhook secret file {file} can be read by other users"
    assert read_hook_secrets(file, trusted=(tmp_path,)) == (Secret(secret(1)),)
