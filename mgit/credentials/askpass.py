"""Hands secrets to git: one small program and one private file for each origin.

git and git-lfs run the program in `GIT_ASKPASS` and read its answer. Ours answers only the exact
questions of the two for its own origin and user (and git's for the proxy on the way there), so
that a redirect or a rewritten URL gets nothing. The secret is in no argument, no environment and
no configuration; the program reads it from a file that only this user can read and that goes away
with the run.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass
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
{cases}*) exit 1 ;;
esac
"""
_SHELL_ANSWER = """\
{prompts})
  IFS= read -r answer <{file} || exit 1
  printf '%s\\n' "$answer" ;;
"""
_SHELL_NAME = "{prompts}) printf '%s\\n' {username} ;;\n"

_PYTHON_SCRIPT = """\
#!{python} -IS
import sys
prompt = sys.argv[1] if len(sys.argv) > 1 else ""
files, names = {files!r}, {names!r}
if prompt in files:
    with open(files[prompt], encoding="utf-8") as file:
        answer = file.read()
elif prompt in names:
    answer = names[prompt] + "\\n"
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


@dataclass(frozen=True, slots=True)
class _Answers:
    """What one credential answers, and where its secret lies."""

    username: str
    file: Path
    password_prompts: tuple[str, ...]
    username_prompts: tuple[str, ...] = ()


class Askpass:
    """Programs that answer git, for as long as this context is open.

    Args:
        book: the credentials to answer with.
        folders: where to work, best first (the session's runtime folder, then the temporary
            folder, then mgit's own). Secrets go into the first that can be written, programs
            into the first that is not mounted `noexec`.
        proxy: the account at the proxy; every program answers for it as well.
        shell: the shell for the programs (about 1 ms each); where there is none, as in mgit's
            container, Python runs them (about 11 ms).

    Raises:
        ConfigurationError: none of the folders can be used.
    """

    def __init__(
        self,
        book: CredentialBook,
        folders: Iterable[Path],
        *,
        proxy: Credential | None = None,
        shell: Path = _SHELL,
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
            through = () if proxy is None else (_keep_proxy(proxy, private.path / "proxy"),)
            for number, credential in enumerate(book):
                kept = _keep(credential, private.path / f"secret-{number}")
                program = self._write(f"askpass-{number}", (kept, *through))
                self._programs[credential.origin] = program
            # For origins that want nobody's name, when the way there does.
            self._other = self._write("askpass-proxy", through) if through else None
        except BaseException:
            self.close()
            raise

    def program_for(self, origin: Origin | None) -> Path | None:
        """What to set `GIT_ASKPASS` to; None when there is nothing to say on the way there."""
        return None if origin is None else self._programs.get(origin, self._other)

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

    def _write(self, name: str, answers: Iterable[_Answers]) -> Path:
        return self._write_program(
            name, _shell_program(answers) if self._use_shell else _python_program(answers)
        )

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


def _keep(credential: Credential, file: Path) -> _Answers:
    write_private(file, credential.secret.reveal().encode() + b"\n")
    shown = f"{credential.origin.scheme}://{{}}@{credential.origin.authority}"
    prompts = _password_prompts(credential, shown)
    user = quote(credential.username, safe="$&+,;=")  # as Go's net/url writes it
    prompts += (f'Password for "{shown.format(user)}"',)
    names = (f"Username for '{credential.origin}': ", f'Username for "{credential.origin}"')
    return _Answers(credential.username, file, tuple(dict.fromkeys(prompts)), names)


def _keep_proxy(credential: Credential, file: Path) -> _Answers:
    """The proxy's port is always said, and so is its user: git only asks for the password."""
    write_private(file, credential.secret.reveal().encode() + b"\n")
    host = (
        f"[{credential.origin.host}]" if ":" in credential.origin.host else credential.origin.host
    )
    shown = f"http://{{}}@{host}:{credential.origin.port}"
    return _Answers(credential.username, file, _password_prompts(credential, shown))


def _shell_program(answers: Iterable[_Answers]) -> str:
    cases = ""
    for one in answers:
        prompts = "|".join(shlex.quote(prompt) for prompt in one.password_prompts)
        cases += _SHELL_ANSWER.format(prompts=prompts, file=shlex.quote(str(one.file)))
        if one.username_prompts:
            cases += _SHELL_NAME.format(
                prompts="|".join(shlex.quote(prompt) for prompt in one.username_prompts),
                username=shlex.quote(one.username),
            )
    return _SHELL_SCRIPT.format(cases=cases)


def _python_program(answers: Iterable[_Answers]) -> str:
    kept = tuple(answers)
    return _PYTHON_SCRIPT.format(
        python=sys.executable,
        files={prompt: str(one.file) for one in kept for prompt in one.password_prompts},
        names={prompt: one.username for one in kept for prompt in one.username_prompts},
    )


def _password_prompts(credential: Credential, shown: str) -> tuple[str, ...]:
    """Before 2.46 git showed the user as it is, later ones percent-encode it."""
    users = dict.fromkeys((credential.username, quote(credential.username, safe="")))
    return tuple(f"Password for '{shown.format(user)}': " for user in users)
