"""Every command goes through the same runner: wrong words are 2, help is 0, a failure is one line."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path

import pytest

from espmon.cli import COMMANDS, main
from espmon.cli.flash import ACTIONS, action_parser
from espmon.cli.help_texts import SUMMARIES
from espmon.sim import BoardThread, SimulatedBoard
from espmon.sim.firmware_image import ELF, TCB_BYTES, Image
from espmon.sim.simulated_dump import pieces

NAMES = sorted(COMMANDS)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("words", [[], *([name] for name in NAMES)], ids=["espmon", *NAMES])
def test_wrong_words_are_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--no-such-option"]) == 2
    assert "usage: espmon" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], *([name] for name in NAMES)], ids=["espmon", *NAMES])
def test_help_is_done(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--help"]) == 0
    assert capsys.readouterr().out.startswith(" ".join(["usage: espmon", *words]))


def test_a_defect_of_the_screen_is_one_line_and_a_traceback_only_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> str:
        raise ZeroDivisionError("nothing to divide")

    monkeypatch.setattr("espmon.cli.monitor.screen_problem", broken)
    assert main(["/dev/ttyUSB0"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "internal error: ZeroDivisionError" in error
    assert main(["/dev/ttyUSB0", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


FAILING = [
    (["run", "/dev/nonexistent", "--json", "--expect", "("], 2, "usage"),
    (["run", "--json"], 2, "usage"),
    (["run", "--json", "--script", "/dev/nonexistent", "--check"], 2, "usage"),
    (["scan", "--json", "--bogus"], 2, "usage"),
    (["share", "/dev/nonexistent", "--listen", "0.0.0.0:1", "--json"], 2, "usage"),
    (["probe", "/dev/nonexistent", "--yes", "--json"], 3, "port"),
    (["probe", "socket://127.0.0.1:1", "--json"], 2, "usage"),
    *((["flash", action, "/dev/nonexistent", *words, "--yes", "--json"], 3, "port") for action, words in (
        ("info", []), ("read", ["0", "1", "/tmp/x"]), ("erase", ["--all"]),
        ("verify", ["0", __file__]), ("write", ["0", __file__]),
    )),
    (["flash", "--json"], 2, "usage"),
    (["decode", "/dev/nonexistent", "--json"], 2, "usage"),
    (["coredump", "/dev/nonexistent", "--json"], 2, "usage"),
    (["coredump", "--port", "/dev/nonexistent", "--yes", "--json"], 3, "port"),
    (["screenshot", "/dev/nonexistent", "-o", "/tmp/x.png", "--json"], 3, "port"),
    (["selftest", "/dev/nonexistent", "--yes", "--json"], 3, "port"),
    (["symbolize", "/dev/nonexistent", "0x42000000", "--json"], 2, "usage"),
    (["devices", "list", "--json", "--bogus"], 2, "usage"),
    (["devices", "set", "serial:1", "--baud", "fast", "--json"], 2, "usage"),
    (["devices", "remove", "nobody", "--json"], 2, "usage"),
    (["devices", "path", "--json", "--bogus"], 2, "usage"),
    (["firmware", "--lang", "c", __file__, "--json"], 2, "usage"),
    (["sessions", "list", "--json", "--bogus"], 2, "usage"),
    *((["sessions", action, *words, "--json"], 2, "usage") for action, words in (
        ("show", ["nobody"]), ("export", ["nobody"]), ("import", [__file__]), ("remove", ["nobody"]),
        ("delete", ["nobody"]), ("diff", ["nobody", "else"]),
    )),
    (["crashes", "nobody", "--json"], 2, "usage"),
    (["config", "--json", "--bogus"], 2, "usage"),
]  # fmt: skip
"""Command lines that fail, their exit code, and the `kind` of the failure."""

PORT, FOLDER, DUMP, CAPTURE, ELF_FILE, BINARY, SCRIPT = (
    "{port}",
    "{folder}",
    "{dump}",
    "{capture}",
    "{elf}",
    "{bin}",
    "{s}",
)

WORKING = [
    ["run", "--check", "--script", SCRIPT, "--json"],
    ["scan", "--json"],
    ["probe", PORT, "--yes", "--json"],
    ["flash", "info", PORT, "--yes", "--json"],
    ["flash", "write", PORT, "0x9000", BINARY, "--yes", "--json"],
    ["flash", "verify", PORT, "0x9000", BINARY, "--yes", "--json"],
    ["flash", "read", PORT, "0x9000", "64", FOLDER + "/read.bin", "--yes", "--json"],
    ["flash", "erase", PORT, "0x9000", "0x1000", "--yes", "--json"],
    ["coredump", DUMP, "--json"],
    ["screenshot", PORT, "-o", FOLDER + "/x.png", "--timeout", "60", "--json"],
    ["symbolize", ELF_FILE, "0x42000000", "--json"],
    ["devices", "set", "serial:1", "--nickname", "lab-1", "--json"],
    ["devices", "list", "--json"],
    ["devices", "path", "--json"],
    ["devices", "remove", "lab-1", "--json"],
    ["firmware", "--lang", "c", FOLDER + "/firmware", "--json"],
    ["decode", CAPTURE, "--json"],
    ["sessions", "list", "--json"],
    ["crashes", "--json"],
    ["config", "--json"],
]
"""Command lines that work, each on what the ones before it left. The others of `ELSEWHERE` have tests of their own;
of streams, which `decode` and `run` print, every line is an object."""

ELSEWHERE = frozenset(
    {"selftest", "share", *(f"sessions {word}" for word in ("show", "export", "import", "remove", "delete", "diff"))}
)


def with_json() -> set[str]:
    """Commands, with their actions, that take --json."""
    found = set()
    for name, module in COMMANDS.items():
        whole = import_module(module).parser()
        below = {f"flash {action}": action_parser(action) for action in ACTIONS} if name == "flash" else {name: whole}
        for action in whole._actions:
            if name != "flash" and isinstance(action.choices, dict):
                below |= {f"{name} {word}": parser for word, parser in action.choices.items()}
        found |= {words for words, parser in below.items() if "--json" in getattr(parser, "_option_string_actions", ())}
    return found


def test_the_tables_have_every_command_that_takes_json() -> None:
    wanted = with_json()
    assert {"run", "flash read", "devices set", "screenshot"} <= wanted
    failing, working = ({" ".join(words[:count]) for words in table for count in (1, 2)} for table in (
        [words for words, _, _ in FAILING], WORKING,
    ))  # fmt: skip
    assert wanted - failing == set()
    assert wanted - working - ELSEWHERE == set()


@pytest.mark.usefixtures("home")
def test_what_works_is_one_object_on_stdout_with_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = Image()
    dump, capture, binary, script = (tmp_path / name for name in ("d.bin", "c.log", "b.bin", "s.txt"))
    dump.write_bytes(b"".join(pieces(image.snapshot("panic"), image.sha256, 5, TCB_BYTES)))
    capture.write_bytes(b"I (1) app: hi\n")
    binary.write_bytes(bytes(range(200)))
    script.write_text("expect ready\n")
    with BoardThread(lambda: SimulatedBoard("esp32c3", "quiet")) as server:
        places = {
            PORT: server.url, FOLDER: str(tmp_path), DUMP: str(dump), CAPTURE: str(capture), ELF_FILE: str(ELF),
            BINARY: str(binary), SCRIPT: str(script),
        }  # fmt: skip
        for line in WORKING:
            words = line
            for name, place in places.items():
                words = [word.replace(name, place) for word in words]
            code = main(words)
            shown = capsys.readouterr()
            assert code == 0, (words, shown.err)
            (row,) = shown.out.splitlines()
            value = json.loads(row)
            if words[0] == "symbolize":  # the one that the contract says prints a list
                assert isinstance(value, list)
            else:
                assert isinstance(value, dict), words
                assert value.get("ok", True) is True


@pytest.mark.parametrize(("words", "code", "kind"), FAILING, ids=[" ".join(words[:4]) for words, _, _ in FAILING])
@pytest.mark.usefixtures("home")
def test_a_failure_is_one_object_on_stdout_with_json(
    words: list[str], code: int, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == code
    shown = capsys.readouterr()
    (line,) = shown.out.splitlines()
    value = json.loads(line)
    assert value["ok"] is False
    assert value["error"].keys() == {"kind", "message", "hint"}
    assert value["error"]["kind"] == kind
    assert value["error"]["message"]
    assert shown.err


def test_the_nicknames_that_cannot_be_read_are_a_failure_in_json_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def broken() -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setattr("espmon.cli.devices.DeviceRegistry", broken)
    assert main(["devices", "list", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "failed"


def test_an_interrupted_command_says_so_in_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("espmon.cli.scan.DeviceRegistry", interrupted)
    assert main(["scan", "--json"]) == 130
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "interrupted"


@pytest.mark.parametrize("words", [[], *([name] for name in NAMES), *(["flash", action] for action in ACTIONS)])
def test_the_help_shows_examples_that_are_command_lines(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--help"]) == 0
    shown = capsys.readouterr().out
    examples = shown.partition("\nexamples:\n")[2].splitlines()
    assert examples
    assert [row for row in examples if not re.search(rf"\b{' '.join(['espmon', *words])}\b", row)] == [
        row for row in examples if "espmon lab-3" in row and words == ["devices"]
    ]


def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    shown = capsys.readouterr().out
    assert [name for name in COMMANDS if f"\n  {name} " not in shown] == []
    assert set(SUMMARIES) == set(COMMANDS)


def test_wrong_words_are_told_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices", "set", "--json"]) == 2
    failure = json.loads(capsys.readouterr().out)["error"]
    assert failure["message"] == "the following arguments are required: DEVICE"
    assert failure["hint"] == "espmon devices --help"
