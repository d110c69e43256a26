"""Hands secrets to git: one small program and one private file for each origin.

git runs the program in `GIT_ASKPASS` and reads its answer. Ours answers only the exact question
for its own origin and user, so that a redirect or a rewritten URL gets nothing. The secret is in
no argument, no environment and no configuration; the program reads it from a file that only this
user can read and that goes away with the run.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from mgit.address import Origin
from mgit.credentials.files import write_private
from mgit.credentials.runtime import RuntimeFolder
from mgit.credentials.secret import Credential, CredentialBook
from mgit.errors import ConfigurationError

_SHELL = Path("/bin/sh")

# Built-ins only: `cat` would be one more process, and `echo` mangles backslashes.
_SHELL_SCRIPT = """\
#!/bin/sh
case $1 in
{password_prompts})
  IFS= read -r answer <{file} || exit 1
  printf '%s\\n' "$answer" ;;
{username_prompts}) printf '%s\\n' {username} ;;
*) exit 1 ;;
esac
"""

_PYTHON_SCRIPT = """\
#!{python} -IS
import sys
prompt = sys.argv[1] if len(sys.argv) > 1 else ""
if prompt in {password_prompts!r}:
    with open({file!r}, encoding="utf-8") as file:
        answer = file.read()
elif prompt in {username_prompts!r}:
    answer = {username!r} + "\\n"
else:
    sys.exit(1)
sys.stdout.buffer.write(answer.encode())
"""

# ssh must not ask, and must not leave a master behind that keeps our pipes open.
_SSH_OPTIONS = ("-o", "BatchMode=yes", "-o", "ControlMaster=no", "-o", "ConnectTimeout=30")
_SHELL_SSH = '#!/bin/sh\nexec ssh {options} "$@"\n'
_PYTHON_SSH = (
    '#!{python} -IS\nimport os, sys\nos.execvp("ssh", ["ssh", *{options!r}, *sys.argv[1:]])\n'
)


class Askpass:
    """Programs that answer git, for as long as this context is open.

    Args:
        book: the credentials to answer with.
        folders: where to work, best first (the session's runtime folder, then the temporary
            folder, then mgit's own). Secrets go into the first that can be written, programs
            into the first that is not mounted `noexec`.
        shell: the shell for the programs (about 1 ms each); where there is none, as in mgit's
            container, Python runs them (about 11 ms).

    Raises:
        ConfigurationError: none of the folders can be used.
    """

    def __init__(
        self, book: CredentialBook, folders: Iterable[Path], *, shell: Path = _SHELL
    ) -> None:
        self._made: list[RuntimeFolder] = []
        self._use_shell = shell.exists()
        self._programs: dict[Origin, Path] = {}
        candidates = tuple(dict.fromkeys(folders))
        try:
            private = self._make_folder(candidates, executable=False)
            programs = private
            if not private.may_execute:
                programs = self._make_folder(candidates, executable=True)
            self._bin = programs.path
            self.ssh = self._write_ssh()
            for number, credential in enumerate(book):
                program = self._write(credential, private.path / f"secret-{number}", number)
                self._programs[credential.origin] = program
        except BaseException:
            self.close()
            raise

    def program_for(self, origin: Origin | None) -> Path | None:
        """What to set `GIT_ASKPASS` to; None when there is no credential for this origin."""
        return None if origin is None else self._programs.get(origin)

    def close(self) -> None:
        """Remove every program and every secret file; a second time is no error."""
        while self._made:
            self._made.pop().remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _make_folder(self, candidates: Iterable[Path], *, executable: bool) -> RuntimeFolder:
        for parent in candidates:
            try:
                folder = RuntimeFolder(parent)
            except OSError:
                continue
            self._made.append(folder)
            if not executable or folder.may_execute:
                return folder
        need = "programs may be executed" if executable else "files may be written"
        raise ConfigurationError(
            f"there is no folder where {need}, to hand git its credentials",
            advice="set TMPDIR or XDG_RUNTIME_DIR to a private folder that is not mounted noexec",
        )

    def _write(self, credential: Credential, secret_file: Path, number: int) -> Path:
        write_private(secret_file, credential.secret.reveal().encode() + b"\n")
        if self._use_shell:
            text = _shell_program(credential, secret_file)
        else:
            text = _PYTHON_SCRIPT.format(
                python=sys.executable,
                file=str(secret_file),
                username=credential.username,
                password_prompts=_password_prompts(credential),
                username_prompts=_username_prompts(credential),
            )
        return self._write_program(f"askpass-{number}", text)

    def _write_ssh(self) -> Path:
        if self._use_shell:
            return self._write_program("ssh", _SHELL_SSH.format(options=shlex.join(_SSH_OPTIONS)))
        text = _PYTHON_SSH.format(python=sys.executable, options=_SSH_OPTIONS)
        return self._write_program("ssh", text)

    def _write_program(self, name: str, text: str) -> Path:
        path = self._bin / name
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o700)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        return path


def _shell_program(credential: Credential, secret_file: Path) -> str:
    return _SHELL_SCRIPT.format(
        file=shlex.quote(str(secret_file)),
        username=shlex.quote(credential.username),
        password_prompts="|".join(shlex.quote(p) for p in _password_prompts(credential)),
        username_prompts="|".join(shlex.quote(p) for p in _username_prompts(credential)),
    )


def _password_prompts(credential: Credential) -> tuple[str, ...]:
    """Before 2.46 git showed the user as it is, later ones percent-encode it."""
    origin = credential.origin
    users = dict.fromkeys((credential.username, quote(credential.username, safe="")))
    return tuple(f"Password for '{origin.scheme}://{user}@{origin.authority}': " for user in users)


def _username_prompts(credential: Credential) -> tuple[str, ...]:
    return (f"Username for '{credential.origin}': ",)
