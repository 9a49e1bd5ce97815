"""`espmon coredump` and `espmon symbolize`, as users and scripts call them."""

from __future__ import annotations

import io
import json
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from espmon.cli import main
from espmon.postmortem import decode_core
from espmon.postmortem.rsp import encode
from espmon.session.coredump_decoders import OpinionTask, SecondOpinion
from espmon.session.elves import ElfLibrary
from espmon.session.reports import _save
from espmon.sim.simulated_panic import panic_text
from tests.inputs import SIMULATED_ELF
from tests.postmortem.made import (
    RISCV,
    ROM_FUNCTION,
    MadeTask,
    after_call,
    after_rom_call,
    elf_core,
    riscv_program,
    riscv_stack,
    rom_program,
    uart,
    wrap,
    xtensa_program,
)
from tests.postmortem.test_core_forms import riscv_task
from tests.session.archive.recordings import PANIC, made_session
from tests.tui.screens.crash_data import IMAGE, core_bytes

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "elf"
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def dump(tmp_path: Path) -> tuple[Path, Path]:
    elf = riscv_program(tmp_path / "app.elf")
    path = tmp_path / "log.txt"
    path.write_bytes(uart(wrap(13, 0x104, elf_core(RISCV, [riscv_task(0x3FC8_0000, "crasher")]))))
    return path, elf


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path


def test_the_report_is_text(dump: tuple[Path, Path], capsys: Captured) -> None:
    assert main(["coredump", str(dump[0]), "--elf", str(dump[1])]) == 0
    text = capsys.readouterr().out
    assert "crashed task:    crasher (0x3fc80000)" in text
    assert "reason:          Load access fault (5) at 0x00000010" in text
    assert "#1  0x42000054 in g1" in text


def test_with_json_it_is_one_object_on_stdout(dump: tuple[Path, Path], capsys: Captured) -> None:
    assert main(["coredump", str(dump[0]), "--elf", str(dump[1]), "--json"]) == 0
    output = capsys.readouterr()
    assert json.loads(output.out)["chip"] == "ESP32-C6"
    assert output.out.count("\n") == 1


def test_a_dump_that_cannot_be_used_is_one_line_and_code_2(
    tmp_path: Path, dump: tuple[Path, Path], capsys: Captured
) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(b"nothing here")
    assert main(["coredump", str(bad), "--elf", str(dump[1])]) == 2
    output = capsys.readouterr()
    assert (output.out, output.err.count("\n")) == ("", 1)
    assert "no core dump found" in output.err
    assert main(["coredump", str(tmp_path / "missing"), "--elf", str(dump[1])]) == 2
    assert main(["coredump", str(dump[0]), "--elf", str(bad)]) == 2
    assert main(["coredump"]) == 2


def test_the_wrong_elf_is_code_1_and_force_goes_on(tmp_path: Path, dump: tuple[Path, Path], capsys: Captured) -> None:
    path = tmp_path / "other.bin"
    path.write_bytes(wrap(13, 0x104, elf_core(RISCV, [riscv_task(0x3FC8_0000, "crasher")], sha="abcdef123")))
    assert main(["coredump", str(path), "--elf", str(dump[1])]) == 1
    assert "made by application abcdef123" in capsys.readouterr().err
    assert main(["coredump", str(path), "--elf", str(dump[1]), "--json", "--force"]) == 0
    assert json.loads(capsys.readouterr().out)["elf_match"] is False


def test_without_elf_the_build_that_fits_is_found(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    from hashlib import sha256

    build = home / "project" / "build"
    build.mkdir(parents=True)
    elf = riscv_program(build / "app.elf")
    (build / "project_description.json").write_text(json.dumps({"app_elf": "app.elf"}))
    core = elf_core(RISCV, [riscv_task(0x3FC8_0000, "crasher")], sha=sha256(elf.read_bytes()).hexdigest()[:9])
    (home / "dump.bin").write_bytes(wrap(13, 0x104, core))
    monkeypatch.chdir(home / "project")
    assert main(["coredump", str(home / "dump.bin"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["elf_match"] is True
    # Kept in the library, it is found when the build is gone.
    assert ElfLibrary().add(elf) is not None
    shutil.rmtree(build)
    assert main(["coredump", str(home / "dump.bin"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["elf_match"] is True


def test_without_any_elf_there_is_a_report_and_a_warning(
    home: Path, dump: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    (home / "empty").mkdir()
    monkeypatch.chdir(home / "empty")
    assert main(["coredump", str(dump[0])]) == 0
    shown = capsys.readouterr()
    assert "crasher" in shown.out
    assert "no ELF: there are no functions" in shown.out
    assert "give the application's with --elf" in shown.err


def test_a_dump_without_a_sha_is_not_decoded_with_a_build_for_another_processor(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    build = home / "project" / "build"
    build.mkdir(parents=True)
    xtensa_program(build / "app.elf")
    (build / "project_description.json").write_text(json.dumps({"app_elf": "app.elf"}))
    (home / "dump.bin").write_bytes(wrap(13, 0x104, elf_core(RISCV, [riscv_task(0x3FC8_0000, "crasher")])))
    monkeypatch.chdir(home / "project")
    assert main(["coredump", str(home / "dump.bin"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tasks"][0]["frames"][0]["function"] is None


def test_the_rom_elf_of_an_installed_toolchain_names_rom_frames(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    roms = home / ".espressif" / "tools" / "esp-rom-elfs" / "20240305"
    roms.mkdir(parents=True)
    rom_program(roms / "esp32c6_rev0_rom.elf", "rom_function")
    rom_program(roms / "esp32c6_rev500_rom.elf", "of_a_later_rom")
    stack, words = riscv_stack(0x3FC9_00A0, (after_rom_call(1), after_call(2)))
    task = MadeTask(0x3FC8_0000, "crasher", [ROM_FUNCTION, after_rom_call(1), stack, *[0] * 29], stack, words)
    (home / "dump.bin").write_bytes(wrap(13, 0x104, elf_core(RISCV, [task])))
    elf = riscv_program(home / "app.elf")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("ESP_ROM_ELF_DIR", raising=False)
    monkeypatch.delenv("IDF_TOOLS_PATH", raising=False)
    assert main(["coredump", str(home / "dump.bin"), "--elf", str(elf), "--json"]) == 0
    frames = json.loads(capsys.readouterr().out)["tasks"][0]["frames"]
    assert frames[0]["function"] == "rom_function"
    monkeypatch.setenv("ESP_ROM_ELF_DIR", str(home))
    rom_program(home / "esp32c6_rev0_rom.elf", "of_the_chosen_folder")
    assert main(["coredump", str(home / "dump.bin"), "--elf", str(elf), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tasks"][0]["frames"][0]["function"] == "of_the_chosen_folder"


def test_symbolize_prints_like_addr2line(capsys: Captured) -> None:
    assert main(["symbolize", str(FIXTURES / "dwarf5.elf"), "0x42000020", "40380000"]) == 0
    assert capsys.readouterr().out == "on_other_stack\n/fixture/start.S:24\n_start\n/fixture/start.S:9\n"


def test_symbolize_json_follows_the_contract(capsys: Captured) -> None:
    assert main(["symbolize", str(FIXTURES / "dwarf5.elf"), "0x42000020", "0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {
            "address": "0x42000020",
            "frames": [{"function": "on_other_stack", "file": "/fixture/start.S", "line": 24, "inlined": False}],
        },
        {"address": "0x00000000", "frames": []},
    ]


def test_symbolize_reads_addresses_from_stdin(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("0x42000020\n40380000\n"))
    assert main(["symbolize", str(FIXTURES / "dwarf5.elf")]) == 0
    assert capsys.readouterr().out.startswith("on_other_stack\n")


@pytest.mark.parametrize(
    "arguments", [["nowhere.elf", "0x1"], [str(FIXTURES / "dwarf5.elf"), "main"], [str(FIXTURES / "README.md"), "1"]]
)
def test_symbolize_refuses_with_one_line_and_code_2(arguments: list[str], capsys: Captured) -> None:
    assert main(["symbolize", *arguments]) == 2
    output = capsys.readouterr()
    assert (output.out, output.err.count("\n")) == ("", 1)


def test_more_than_is_read_is_a_limit_and_not_a_damaged_file(
    dump: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr("espmon.postmortem.core_input.MAX_INPUT", 10)
    assert main(["coredump", str(dump[0]), "--elf", str(dump[1])]) == 5
    assert "at most 10 are read" in capsys.readouterr().err


def test_the_dump_is_saved_as_an_elf_core_and_its_memory_shown(
    tmp_path: Path, dump: tuple[Path, Path], capsys: Captured
) -> None:
    saved = tmp_path / "core.elf"
    arguments = ["coredump", str(dump[0]), "--elf", str(dump[1]), "--save-core", str(saved), "--print-mem"]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert "= memory contents =" in text
    assert saved.read_bytes()[:4] == b"\x7fELF"
    assert main(["coredump", str(saved), "--elf", str(dump[1]), "--json", "--print-mem"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["tasks"][0]["name"] == "crasher"
    assert report["memory"][0]["start"] == "0x3fc80000"
    assert main(["coredump", str(dump[0]), "--save-core", str(tmp_path / "no" / "core.elf")]) == 2
    assert "core.elf" in capsys.readouterr().err


VALUES = Path(__file__).resolve().parents[1] / "fixtures" / "data" / "coredump" / "riscv" / "coredump.b64"


def test_variables_of_all_frames_are_printed_when_asked_for(capsys: Captured) -> None:
    arguments = ["coredump", str(VALUES), "--elf", str(SIMULATED_ELF)]
    assert main([*arguments, "--variables"]) == 0
    text = capsys.readouterr().out
    assert "= variables of task main (0x" in text
    assert "    details (const char *) = 0x" in text
    assert main([*arguments, "--variables", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [task["tcb"] for task in report["frame_variables"]] == [task["tcb"] for task in report["tasks"]]
    first = report["frame_variables"][0]["frames"][0]
    assert first["function"] == report["tasks"][0]["frames"][first["frame"]]["function"]
    assert {"name", "argument", "value"} == set(first["variables"][0])
    assert main([*arguments, "--json"]) == 0
    assert "frame_variables" not in json.loads(capsys.readouterr().out)


def test_globals_are_printed_by_path(capsys: Captured) -> None:
    arguments = ["coredump", str(VALUES), "--elf", str(SIMULATED_ELF), "--print-var"]
    assert main([*arguments, "commands[0].name"]) == 0
    assert "\ncommands[0].name (const char *) = " in capsys.readouterr().out
    assert main([*arguments, "commands[0].name", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["globals"]["commands[0].name"]["type"] == "const char *"
    assert main([*arguments, "nothing_of_it"]) == 2
    assert "no global variable nothing_of_it" in capsys.readouterr().err
    assert main(["coredump", str(VALUES), "--print-var", "commands"]) == 2
    assert "need the application's ELF" in capsys.readouterr().err


def test_what_tasks_wait_for_is_printed_when_asked_for(capsys: Captured) -> None:
    arguments = ["coredump", str(VALUES), "--elf", str(SIMULATED_ELF), "--rtos"]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert "= FreeRTOS =" in text
    assert "interrupts nested: not in this dump" in text
    assert main([*arguments, "--json"]) == 0
    state = json.loads(capsys.readouterr().out)["rtos"]
    assert len(state["tasks"]) == 5
    assert main(["coredump", str(VALUES), "--rtos", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rtos"] is None


def test_the_dump_is_served_on_a_port_until_it_is_stopped() -> None:
    arguments = [sys.executable, "-m", "espmon", "coredump", str(VALUES), "--elf", str(SIMULATED_ELF), "--listen", "0"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.fullmatch(r"target remote 127\.0\.0\.1:(\d+)\n", process.stdout.readline())
        assert found is not None
        with socket.create_connection(("127.0.0.1", int(found[1])), timeout=30) as connection:
            connection.sendall(encode(b"qC"))
            assert connection.recv(64).startswith(b"+")
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.parametrize("options", [["--listen", "x"], ["--listen", "70000"], ["--listen", "0", "--gdb"]])
def test_a_port_that_is_none_is_wrong_usage(options: list[str], capsys: Captured) -> None:
    assert main(["coredump", str(VALUES), *options]) == 2
    assert capsys.readouterr().out == ""


def test_a_debugger_gets_no_json(capsys: Captured) -> None:
    assert main(["coredump", str(VALUES), "--elf", str(SIMULATED_ELF), "--listen", "0", "--json"]) == 2
    assert "leave --json away" in capsys.readouterr().out


def test_no_debugger_on_this_computer_is_said(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("espmon.session.debug_lease.find_program", lambda name: None)
    assert main(["coredump", str(VALUES), "--elf", str(SIMULATED_ELF), "--gdb"]) == 1
    assert "No debugger is installed" in capsys.readouterr().err


def test_everything_at_once(capsys: Captured) -> None:
    arguments = ["coredump", str(VALUES), "--elf", str(SIMULATED_ELF), "--all"]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    for title in ("variables of task main", "FreeRTOS", "heaps"):
        assert f"= {title}" in text
    assert "the list of heaps: not in this dump" in text
    assert main([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {"frame_variables", "rtos", "heap"} <= set(report)
    assert report["heap"] == {"known": False, "heaps": [], "damage": []}
    assert report["heap_trace"] == {"known": False, "records": [], "damage": []}
    assert report["rtos"]["timers"] == []


def test_a_second_opinion_is_asked_and_its_differences_are_marked(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    opinion = SecondOpinion("acme", [OpinionTask(0x1234, "ghost", ())])
    monkeypatch.setattr("espmon.session.coredump_decoders.second_opinion", lambda *given: opinion)
    arguments = ["coredump", str(VALUES), "--elf", str(SIMULATED_ELF), "--decoder", "acme"]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert "second opinion of acme" in text
    assert "! task main: acme does not have it" in text
    assert main([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["second_opinion"]
    assert told["decoder"] == "acme"
    assert told["differences"][-1] == "task ghost: only acme has it"


def test_an_unknown_decoder_and_one_without_an_elf_are_wrong_usage(capsys: Captured) -> None:
    assert main(["coredump", str(VALUES), "--elf", str(SIMULATED_ELF), "--decoder", "nobody"]) == 2
    assert "no decoder is called nobody; there are: esp-coredump" in capsys.readouterr().err
    assert main(["coredump", str(VALUES), "--decoder", "esp-coredump"]) == 2
    assert "it needs the application's ELF" in capsys.readouterr().err


def test_two_dumps_are_compared(tmp_path: Path, capsys: Captured) -> None:
    first, second = tmp_path / "first.bin", tmp_path / "second.bin"
    first.write_bytes(core_bytes("abort"))
    second.write_bytes(core_bytes("panic"))
    elf = str(SIMULATED_ELF)
    assert main(["coredump", str(first), "--elf", elf, "--compare", str(second)]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"A: {first}\nB: {second}\n\nanother crash\n")
    assert "core dump report" not in text
    assert main(["coredump", str(first), "--elf", elf, "--compare", str(first), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["comparison"]
    assert (found["same_crash"], found["differences"]) == (True, [])
    assert main(["coredump", str(first), "--elf", elf, "--compare", str(first), "--compare-elf", elf, "--rtos"]) == 0
    assert "core dump report" in capsys.readouterr().out.lower()


def test_a_dump_of_another_build_is_compared_without_names(
    tmp_path: Path, dump: tuple[Path, Path], home: Path, capsys: Captured
) -> None:
    other = tmp_path / "other.bin"
    other.write_bytes(core_bytes("abort"))
    assert main(["coredump", str(dump[0]), "--elf", str(dump[1]), "--compare", str(other)]) == 0
    output = capsys.readouterr()
    assert "another crash" in output.out
    assert "--compare-elf" in output.err


def test_the_same_crash_of_past_sessions_is_found_by_its_functions(
    home: Path, tmp_path: Path, capsys: Captured
) -> None:
    sessions = home / "data" / "espmon" / "sessions"
    sessions.mkdir(parents=True)
    made_session(sessions, panic_text(IMAGE.snapshot("panic"), IMAGE.sha256).encode() + b"Rebooting...\r\n")
    made_session(sessions, PANIC)
    ElfLibrary(home / "data" / "espmon" / "elves").add(SIMULATED_ELF)
    path = tmp_path / "core.bin"
    path.write_bytes(core_bytes("panic"))
    assert main(["coredump", str(path), "--elf", str(SIMULATED_ELF), "--seen", "--json"]) == 0
    (group,) = json.loads(capsys.readouterr().out)["seen"]
    assert group["count"] == 1
    assert IMAGE.sha256.startswith(group["builds"][0])
    assert main(["coredump", str(path), "--elf", str(SIMULATED_ELF), "--seen"]) == 0
    assert "1 x in 1 session, " in capsys.readouterr().out
    path.write_bytes(core_bytes("stack"))
    assert main(["coredump", str(path), "--elf", str(SIMULATED_ELF), "--seen"]) == 0
    assert "not seen in the sessions that are kept" in capsys.readouterr().out


def test_the_same_crash_is_found_in_dumps_too_and_once_where_it_was_also_printed(
    home: Path, tmp_path: Path, capsys: Captured
) -> None:
    sessions = home / "data" / "espmon" / "sessions"
    sessions.mkdir(parents=True)
    report = decode_core(core_bytes("panic"), SIMULATED_ELF)
    silent = made_session(sessions, b"I (1) app: up\r\n", name="silent")
    printed = made_session(
        sessions, panic_text(IMAGE.snapshot("panic"), IMAGE.sha256).encode() + b"Rebooting...\r\n", name="printed"
    )
    for folder in (silent, printed):
        _save(folder, "coredump-3", report, 17)
    (silent / "coredump-4.json").write_text('{"tasks": [{"crashed": true, "frames": [7]}, 3], "kind": "abort"}')
    (silent / "coredump-5.json").write_text("[" * 100_000)
    (silent / "coredump-3-report.json").write_text(json.dumps(report.to_json() | {"kind": "exception"}))
    path = tmp_path / "core.bin"
    path.write_bytes(core_bytes("panic"))
    found = seen(path, capsys)
    assert sorted((group["count"], *group["sessions"]) for group in found) == [
        (1, printed.name), (1, silent.name),
    ]  # fmt: skip
    (dumped,) = (group for group in found if group["sessions"] == [silent.name])
    assert dumped["frames"] == ["read_register", "sensor_update", "command_panic", "console_dispatch"]
    assert dumped["builds"] == [report.app_sha256]
    assert dumped["title"] == report.sentence
    path.write_bytes(core_bytes("abort"))
    assert seen(path, capsys) == []


def seen(path: Path, capsys: Captured) -> Any:
    assert main(["coredump", str(path), "--elf", str(SIMULATED_ELF), "--seen", "--json"]) == 0
    return json.loads(capsys.readouterr().out)["seen"]


def test_a_path_through_what_the_dump_does_not_hold_says_so_and_costs_no_report(
    tmp_path: Path, capsys: Captured
) -> None:
    path = tmp_path / "core.bin"
    path.write_bytes(core_bytes("panic"))
    words = ["coredump", str(path), "--elf", str(SIMULATED_ELF), "--print-var", "temperature.registers->control"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "core dump report" in shown
    assert re.search(r"temperature\.registers->control .*: memory at 0x[0-9a-f]{8} is not in this dump>", shown)
    assert main([*words[:-1], "temperature.nothing"]) == 2
    assert "has no member nothing" in capsys.readouterr().err
