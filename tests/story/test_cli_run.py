"""`mgit run` from a person's seat."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path

import pytest

from sandbox.forge import SandboxForge
from tests.story.laptop import CANARY, Laptop


@pytest.fixture(scope="module")
def cloned(tmp_path_factory: pytest.TempPathFactory) -> Laptop:
    """A laptop with clones of four repositories, whose forge is gone."""
    folder = tmp_path_factory.mktemp("run")
    laptop = Laptop.new(folder)
    with SandboxForge(folder / "forge", token=CANARY) as forge:
        forge.add_owner("acme")
        for name in ("api", "app", "web"):
            forge.add_repo("acme", name)
        forge.add_repo("labs", "model")
        laptop.configure(f'[sources.work]\nforge = "github"\nurl = "{forge.api_url}"\n')
        ran = laptop.mgit("sync", env={"MGIT_TOKEN_WORK": CANARY})
        assert ran.code == 0, ran.err
    return laptop


def _blocks(out: str) -> dict[str, list[str]]:
    """What was printed for each clone."""
    blocks: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in out.splitlines():
        if line.startswith("  "):
            lines.append(line[2:])
        else:
            lines = blocks.setdefault(line, [])
    return blocks


def test_a_command_runs_everywhere_and_each_output_is_in_one_piece(cloned: Laptop) -> None:
    line = "for i in 1 2 3 4 5; do echo line $i; sleep 0.02; done; basename $PWD"
    ran = cloned.mgit("run", "--shell", line)
    assert ran.code == 0, ran.err
    lines = [f"line {number}" for number in range(1, 6)]
    assert _blocks(ran.out) == {
        "acme/api: ok": [*lines, "api"],
        "acme/app: ok": [*lines, "app"],
        "acme/web: ok": [*lines, "web"],
        "labs/model: ok": [*lines, "model"],
    }
    assert ran.last_line == "ran in 4: 4 ok"


def test_patterns_say_where_and_the_dashes_end_them(cloned: Laptop) -> None:
    ran = cloned.mgit("run", "acme/a*", "!acme/app", "--", "echo", "--quiet", "*", "$HOME")
    assert ran.code == 0, ran.err
    assert ran.out == "acme/api: ok\n  --quiet * $HOME\n"


def test_exit_codes_are_gathered_and_one_failure_fails_the_run(cloned: Laptop) -> None:
    line = "case $PWD in */api) exit 7;; */web) exit 127;; esac"
    ran = cloned.mgit("run", "acme/*", "--shell", line)
    assert ran.code == 1
    assert "ran in 3: 1 ok, 1 exit 127, 1 exit 7" in ran.err
    assert "to see one alone: mgit run acme/" in ran.last_line
    assert {"acme/api: exit 7", "acme/web: exit 127", "acme/app: ok"} == set(_blocks(ran.out))


def test_quiet_folds_what_went_well_to_a_line(cloned: Laptop) -> None:
    line = "echo said; case $PWD in */api) exit 7;; esac"
    ran = cloned.mgit("run", "--quiet", "acme/a*", "--shell", line)
    assert sorted(ran.out.splitlines()) == ["  said", "acme/api: exit 7", "acme/app: ok"]


def test_json_has_every_exit_code_and_output(cloned: Laptop) -> None:
    ran = cloned.mgit("run", "acme/a*", "--format", "json", "--", "printf", r"\377x")
    assert ran.code == 0, ran.err
    assert ran.json["summary"] == {"repositories": 2, "ok": 2, "failed": 0, "ended": 0}
    repositories = ran.json["repositories"]
    assert isinstance(repositories, list)
    assert [(one["path"], one["output"], one["encoding"]) for one in repositories] == [
        ("acme/api", "/3g=", "base64"),
        ("acme/app", "/3g=", "base64"),
    ]
    lines = cloned.mgit("run", "acme/a*", "--format", "jsonl", "--", "pwd").lines
    assert [line["schema"] for line in lines] == [
        "mgit.run.repository/1",
        "mgit.run.repository/1",
        "mgit.run.end/1",
    ]


def test_a_program_that_is_not_there_is_told_for_each_clone(cloned: Laptop) -> None:
    ran = cloned.mgit("run", "acme/*", "--", "no-such-program-at-all")
    assert ran.code == 1
    assert ran.err.count("ran in 3") == 1
    assert "no-such-program-at-all" in ran.out


def test_a_command_that_takes_too_long_is_ended(cloned: Laptop) -> None:
    began = time.monotonic()
    ran = cloned.mgit("run", "acme/api", "--timeout", "1s", "--", "sleep", "600")
    assert ran.code == 1
    assert "1 ended early" in ran.err
    assert time.monotonic() - began < 60


def test_fail_fast_stops_at_the_first_failure(cloned: Laptop) -> None:
    ran = cloned.mgit("run", "--fail-fast", "--concurrency", "1", "--", "false")
    assert ran.code == 1
    assert len(ran.out.splitlines()) == 1
    assert "stopped at the first failure" in ran.err


def test_no_token_reaches_the_command_and_no_escape_the_terminal(cloned: Laptop) -> None:
    ran = cloned.mgit(
        *("run", "acme/api", "--shell", "env; printf '\\033]0;evil\\007'"),
        env={"MGIT_TOKEN_WORK": CANARY},
    )
    assert ran.code == 0, ran.err
    assert CANARY not in ran.out
    assert "\x1b" not in ran.out
    assert "\\e]0;evil" in ran.out


def test_ctrl_c_ends_the_commands_too(cloned: Laptop, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    line = f"echo $$ >> {mark}; exec sleep 600"
    with cloned.start("run", "acme/api", "--shell", line) as running:
        for _ in range(600):
            if mark.exists() and mark.read_text().strip():
                break
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=30)
    assert running.returncode == 130
    pid = int(mark.read_text())
    assert not Path(f"/proc/{pid}").exists() or "sleep" not in _command(pid)


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run",), ("does not know what to run",)),
        (("run", "acme/*"), ("does not know what to run", "-- git status")),
        (("run", "--shell", "ls", "--", "ls"), ("one is possible",)),
        (("run", "--shell", " "), ("empty line",)),
        (("run", "nobody/*", "--", "ls"), ("no clone in", "nobody/*")),
        (("run", "--timeout", "soon", "--", "ls"), ("--timeout", "a duration")),
        (("run", "--concurrency", "0", "--", "ls"), ("a whole number",)),
    ],
)
def test_wrong_words_are_told(
    cloned: Laptop, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    ran = cloned.mgit(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert all(word in ran.err for word in words), ran.err


def test_one_source_or_what_a_condition_says(cloned: Laptop) -> None:
    text = cloned.config_file.read_text()
    other = cloned.home / "other.toml"
    other.write_text(f'{text}\n[sources.second]\nforge = "github"\nurl = "https://example.com"\n')
    words = ("--config", str(other), "run", "--quiet", "--source")
    assert len(cloned.mgit(*words, "work", "--", "true").out.splitlines()) == 4
    none = cloned.mgit(*words, "second", "--", "true")
    assert (none.code, none.out) == (2, "")
    assert "no clone" in none.err
    unknown = cloned.mgit("run", "--source", "wrok", "--", "true")
    assert "did you mean work?" in unknown.err


def test_run_below_another_root(cloned: Laptop, tmp_path: Path) -> None:
    shutil.copytree(cloned.root / "acme", tmp_path / "acme")
    ran = cloned.mgit("run", "--root", str(tmp_path), "--", "pwd")
    assert ran.code == 0, ran.err
    assert _blocks(ran.out)["acme/api: ok"] == [str(tmp_path / "acme/api")]
