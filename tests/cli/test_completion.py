"""`espmon completion`: bash completes with what it prints; every command and option is in every shell's script."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from espmon.cli import COMMANDS, main
from espmon.cli.completion import SHELLS
from espmon.cli.flash import ACTIONS

ASK = """
source "$1"
shift
complete_function=$(complete -p espmon | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
COMP_LINE="$*"
COMP_POINT=${#COMP_LINE}
"$complete_function" espmon "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


needs_bash = pytest.mark.skipif(os.name != "posix" or shutil.which("bash") is None, reason="no bash")


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What bash reads."""
    path = tmp_path_factory.mktemp("completion") / "espmon.bash"
    path.write_text(printed("bash"))
    return path


def printed(shell: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(["completion", shell]) == 0
    return out.getvalue()


def completed(script: Path, *words: str, folder: Path | None = None) -> set[str]:
    """What bash offers for the last word."""
    bash = shutil.which("bash")
    assert bash is not None
    result = subprocess.run(
        [bash, "--norc", "-c", ASK, "bash", str(script), "espmon", *words],
        capture_output=True, text=True, timeout=60, check=True, cwd=folder,
    )  # fmt: skip
    assert result.stderr == ""
    return {word.strip() for word in result.stdout.split("\n")} - {""}


@needs_bash
def test_bash_completes_commands_actions_options_and_choices(script: Path) -> None:
    assert set(COMMANDS) <= completed(script, "")
    assert completed(script, "sc") == {"scan", "screenshot"}
    assert set(ACTIONS) <= completed(script, "flash", "")
    assert completed(script, "run", "--fail") == {"--fail-on"}
    assert completed(script, "flash", "write", "--app") == {"--app-only"}
    assert {"auto", "always", "never"} <= completed(script, "decode", "--color", "")
    assert {"--baud", "--elf"} <= completed(script, "--")


@needs_bash
def test_bash_completes_files_and_folders(script: Path, tmp_path: Path) -> None:
    (tmp_path / "capture.log").write_bytes(b"")
    (tmp_path / "captures").mkdir()
    found = completed(script, "decode", "capt", folder=tmp_path)
    assert {name.rstrip("/") for name in found} == {"capture.log", "captures"}
    folders = completed(script, "run", "/dev/ttyUSB0", "--save", "capt", folder=tmp_path)
    assert {name.rstrip("/") for name in folders} == {"captures"}


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_is_in_the_script(shell: str) -> None:
    text = printed(shell)
    assert [name for name in COMMANDS if name not in text] == []
    assert "espmon_ports" in text


def test_another_shell_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "cmd"]) == 2
    assert "fish" in capsys.readouterr().err


@pytest.mark.parametrize("how", ['source "$1"', 'eval "$(cat "$1")"'], ids=["source", "eval"])
def test_zsh_takes_it_from_a_file_and_from_the_command(tmp_path: Path, how: str) -> None:
    text = printed("zsh")
    assert "== (eval|file) ]]" in text
    (tmp_path / "_espmon").write_text(text)
    if zsh := shutil.which("zsh"):
        script = f"autoload -Uz compinit; compinit -u -D; {how}; echo ${{_comps[espmon]}}"
        result = subprocess.run(
            [zsh, "-fc", script, "zsh", str(tmp_path / "_espmon")],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert (result.stdout, result.stderr) == ("_shtab_espmon\n", "")
