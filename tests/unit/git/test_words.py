"""What git says decides what kind of failure it is, and what the person is told."""

from __future__ import annotations

import pytest

from mgit.credentials import Redactor
from mgit.errors import AuthenticationError, ExitCode, GitError, MgitError, NetworkError, NotFound
from mgit.git.words import clean_messages, failure, last_words

NO_ACCESS = "fatal: unable to access 'https://x/': "
SSH_END = "\nfatal: Could not read from remote repository."


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("fatal: Authentication failed for 'https://x/'", AuthenticationError),
        ("fatal: could not read Username for 'https://x'", AuthenticationError),
        (f"{NO_ACCESS}The requested URL returned error: 403", AuthenticationError),
        (f"git@x: Permission denied (publickey).{SSH_END}", AuthenticationError),
        (f"Host key verification failed.{SSH_END}", AuthenticationError),
        ("remote: Repository not found.\nfatal: repository 'https://x/' not found", NotFound),
        (f"{NO_ACCESS}Could not resolve host: x", NetworkError),
        (f"{NO_ACCESS}The requested URL returned error: 502", NetworkError),
        ("error: RPC failed; curl 18 transfer closed\nfatal: early EOF", NetworkError),
        (f"{NO_ACCESS}server certificate verification failed", NetworkError),
        ("fatal: write error: No space left on device", GitError),
        ("error: object 1: hasDotgit\nfatal: fsck error in packed object", GitError),
        ("fatal: detected dubious ownership in repository at '/x'", GitError),
        ("", GitError),
    ],
)
def test_kinds_of_failure(said: str, kind: type[MgitError]) -> None:
    error = failure("git fetch", said, 128)
    assert type(error) is kind
    assert error.message.startswith("git fetch failed: ")
    assert error.advice
    assert "\n" not in error.message
    if kind is AuthenticationError:
        assert error.exit_code is ExitCode.AUTHENTICATION


def test_only_the_lines_that_tell_something_are_shown() -> None:
    said = "Cloning into 'x'...\nwarning: odd\nremote: counting\nhint: try this\nfatal: broken"
    assert last_words(said) == "counting; broken"
    assert last_words("usage: git fetch") == "usage: git fetch"
    assert len(last_words("fatal: " + "x" * 5000)) == 400


def test_progress_is_reduced_to_its_last_state() -> None:
    raw = b"Receiving: 1%\rReceiving: 50%\rReceiving: done.\nfatal: no\r\n"
    assert clean_messages(raw, Redactor()) == "Receiving: done.\nfatal: no"


def test_a_signal_is_named() -> None:
    assert failure("git gc", "", -9).message == "git gc failed: ended by signal 9"
