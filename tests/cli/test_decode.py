"""`espmon decode`: text and JSON, files and pipes, filter and colour, errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from espmon.cli.decode import main as decode_main
from espmon.records.baud_detector import typical_output
from espmon.records.uart import line_levels, received
from tests.inputs import dump_named
from tests.postmortem.made import ROM_FUNCTION, riscv_program, rom_program
from tests.records.defmt_wire import Firmware
from tests.records.streams import core_dump, frame, framed_png, png

COMMAND = (sys.executable, "-m", "espmon", "decode")


def run(*arguments: str | Path, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *map(str, arguments)], input=data, capture_output=True, timeout=60)


def objects(result: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    assert result.returncode == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_json_gives_one_record_a_line_from_stdin() -> None:
    found = objects(run("-", "--json", data=b"I (5) app: hi\r\n" + framed_png(png()) + frame(b"{}") + core_dump()))
    assert [record["type"] for record in found] == ["line", "png", "frame", "coredump"]
    assert found[0] == {
        "type": "line", "offset": 0, "length": 15, "time": None, "derived": False, "text": "I (5) app: hi",
        "level": "I", "tag": "app", "device_ms": 5, "eol": "\r\n", "partial": False, "ansi": False, "source": "text",
    }  # fmt: skip


def test_text_goes_through_byte_for_byte_with_remarks_between() -> None:
    result = run(data=b"one\r\n\xff\x00\n" + framed_png(png()) + b"last")
    assert result.returncode == 0
    head, _, tail = result.stdout.partition(b"--- ")
    assert head == b"one\r\n\xff\x00\n"
    assert tail.endswith(b"\nlast")
    assert b"4" in tail


@pytest.mark.parametrize(
    ("text", "expected"), [("", "in1f1"), ("*:V", "in1f1"), ("hello_world", "in1f2"), ("*:N", "in1f3")]
)
def test_the_print_filter_is_byte_exact(inputs: Path, text: str, expected: str) -> None:
    folder = inputs / "monitor"
    result = run(folder / "in1.txt", "--print-filter", text)
    assert result.stdout == (folder / f"{expected}.txt").read_bytes()


def test_colour_is_byte_exact(inputs: Path) -> None:
    folder = inputs / "monitor"
    result = run(folder / "color.txt", "--color", "always")
    assert result.stdout == (folder / "color_out.txt").read_bytes()


def test_a_binary_log_is_decoded_with_its_elves(inputs: Path) -> None:
    folder = inputs / "binlog"
    result = run(
        folder / "stream.bin", "--elf", folder / "log.elf", "--elf", folder / "bootloader.elf", "--color", "always",
        "--print-filter", "",
    )  # fmt: skip
    expected = (folder / "expected.txt").read_text()
    shown = [line for line in result.stdout.decode().splitlines() if not line.startswith("--- 0x")]
    assert shown == expected.splitlines()


def test_defmt_frames_are_decoded_with_the_elf(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    firmware = Firmware(crate="blinky")
    capture = tmp_path / "capture.bin"
    capture.write_bytes(b"ESP-ROM:esp32c3\r\n" + firmware.frame("led {=bool}", b"\x01", level="warn") + b"text\r\n")
    elf = firmware.elf(tmp_path / "blinky.elf")
    assert decode_main([str(capture), "--elf", str(elf), "--color", "never"]) == 0
    shown = capsysbinary.readouterr().out.replace(b"\r", b"").decode().splitlines()
    assert shown == ["ESP-ROM:esp32c3", "W (1.500000) blinky: led true", "text"]
    found = objects(run(capture, "--elf", elf, "--json"))
    assert [(line["level"], line["tag"], line["device_ms"], line["source"]) for line in found[1:2]] == [
        ("W", "blinky", 1500, "defmt")
    ]


def test_an_elf_whose_defmt_strings_cannot_be_read_says_why(tmp_path: Path) -> None:
    elf = Firmware(version="99").elf(tmp_path / "blinky.elf")
    result = run("--elf", elf, data=b"text\n")
    assert (result.returncode, result.stdout) == (2, b"")
    assert b"defmt version 99: 3 and 4 can be read" in result.stderr


def test_a_wrong_rate_is_told_when_the_rate_is_given(tmp_path: Path) -> None:
    garbage = received(line_levels(typical_output(200)), 115200 / 74880)
    (note,) = [record for record in objects(run("--json", "--baud", "115200", data=garbage)) if record["derived"]]
    assert (note["type"], note["kind"], note["offset"]) == ("note", "baud", 0)
    assert note["text"].startswith("this looks like 74880 baud read at 115200")
    assert b"--- this looks like 74880 baud" in run("--baud", "115200", data=garbage).stdout
    assert not [record for record in objects(run("--json", data=garbage)) if record["type"] == "note"]


@pytest.mark.parametrize("rate", ["fast", "0", "1e6", "99999999999"])
def test_a_rate_that_is_none_is_wrong_usage(rate: str) -> None:
    result = run("--baud", rate)
    assert (result.returncode, result.stdout) == (2, b"")
    assert b"--baud" in result.stderr
    assert b"Traceback" not in result.stderr


PANIC = (
    b"Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.\r\n"
    b"Core  0 register dump:\r\nPC      : 0x400d1234  PS      : 0x00060030\r\n"
    b"Backtrace: 0x400d1234:0x3ffb0000 0x400d2222:0x3ffb0020\r\n\r\nRebooting...\r\n"
)
OTHER_PANIC = PANIC.replace(b"LoadProhibited", b"StoreProhibited").replace(b"0x400d1234", b"0x400d4444")


def remarks(result: subprocess.CompletedProcess[bytes]) -> list[str]:
    return [line[4:] for line in result.stdout.decode().splitlines() if line.startswith("--- ")]


def test_equal_panics_fold_into_one_with_a_count() -> None:
    folded = [record for record in objects(run("--json", "--fold", data=PANIC * 5)) if record["type"] == "panic"]
    assert [record["count"] for record in folded] == [5]


def test_a_folded_log_tells_a_panic_when_it_comes_and_its_count_at_the_end() -> None:
    result = run("--fold", data=PANIC * 3 + OTHER_PANIC + PANIC * 7 + b"I (1) main: on\r\n")
    told = [line for line in remarks(result) if "Panic" in line]
    assert told == [
        "Panic: LoadProhibited on core 0",
        "Panic: StoreProhibited on core 0",
        "\u00d710 Panic: LoadProhibited on core 0 (first at byte 0, and the same panic 9 more times)",
    ]
    lines = result.stdout.splitlines()
    assert lines.index(b"--- " + told[0].encode()) < lines.index(b"Rebooting...") + 2
    assert lines[-1].decode() == f"--- {told[2]}"


def test_one_more_panic_is_one_more_time() -> None:
    assert remarks(run("--fold", data=PANIC * 2))[-1].endswith("the same panic 1 more time)")


def test_folding_leaves_the_log_lines_alone() -> None:
    lines = [line for line in run("--fold", data=PANIC * 3).stdout.splitlines(True) if not line.startswith(b"--- ")]
    assert b"".join(lines) == PANIC * 3


COLOURED = b"\x1b[0;31mE (1) wifi: no\x1b[0m\r\nplain\r\n\x1b[1mhalf"


def test_without_colour_the_devices_own_is_taken_out() -> None:
    assert run("--color", "never", data=COLOURED).stdout == b"E (1) wifi: no\r\nplain\r\nhalf"


def test_into_a_pipe_the_devices_colour_stays_unless_it_is_unwanted() -> None:
    assert run(data=COLOURED).stdout == COLOURED


@pytest.mark.parametrize("arguments", [["no-such-file"], ["."], ["--print-filter", "wifi:Q"], ["--elf", "no-such.elf"]])
def test_what_cannot_be_used_is_one_line_and_code_2(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert result.stdout == b""
    assert len(result.stderr.splitlines()) == 1
    assert b"Traceback" not in result.stderr


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"line\n" * 200_000)
    process = subprocess.Popen([*COMMAND, str(log)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.read(5) == b"line\n"
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()


def test_every_log_decodes_and_tiles(inputs: Path) -> None:
    for path in sorted((inputs / "logs").glob("*.log")):
        at = 0
        for record in objects(run(path, "--json")):
            if not record["derived"]:
                assert record["offset"] == at
                at += record["length"]
        assert at == path.stat().st_size


NULL_WRITE = b"""Guru Meditation Error: Core  0 panic'ed (StoreProhibited). Exception was unhandled.

Core  0 register dump:
PC      : 0x400d1234  PS      : 0x00060430  A0      : 0x800d5678  A1      : 0x3ffb0000
EXCCAUSE: 0x0000001d  EXCVADDR: 0x0000001c

Backtrace: 0x400d1231:0x3ffb0000 0x400d5675:0x3ffb0020

Rebooting...
"""


def test_a_crash_is_told_in_one_sentence_without_an_elf() -> None:
    sentence = "Core 0 wrote to address 0x0000001c (a null pointer plus 28)."
    assert f"---   {sentence}" in run(data=NULL_WRITE).stdout.decode().splitlines()
    (panic,) = [record for record in objects(run("--json", data=NULL_WRITE)) if record["type"] == "panic"]
    assert panic["sentence"] == sentence
    assert [frame["function"] for frame in panic["backtrace"]] == [None, None]


def printed_dump(name: str) -> bytes:
    dump = dump_named(name).text.replace(b"\n", b"\r\n")
    marks = [b"================= CORE DUMP %s =================\r\n" % word for word in (b"START", b"END")]
    return marks[0] + dump + marks[1]


def test_a_core_dump_without_an_elf_has_a_report_too(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(printed_dump("xtensa"))
    result = subprocess.run(
        [*COMMAND, str(log), "--json"],
        capture_output=True,
        timeout=60,
        cwd=tmp_path,
        env={**os.environ, **home(tmp_path)},
    )
    (record,) = [record for record in objects(result) if record["type"] == "coredump"]
    assert record["report"]["warnings"][0].startswith("no ELF: ")
    assert record["report"]["crashed"]["task"] == "main"


def test_the_rom_elf_is_used_once_the_log_has_named_the_chip(tmp_path: Path) -> None:
    app = riscv_program(tmp_path / "app.elf")
    rom_program(tmp_path / "esp32c3_rev3_rom.elf", "rom_function")
    boot = b"ESP-ROM:esp32c3-api1-20210207\r\nI (30) boot: chip revision: v0.4\r\n"
    boot += b"I (40) cpu_start: Project name:     app\r\n"
    line = f"stopped at 0x{ROM_FUNCTION:08x}\r\n".encode()
    result = subprocess.run(
        [*COMMAND, "-", "--elf", str(app)], input=line + boot + line * 80, capture_output=True, timeout=60,
        env={**os.environ, "ESP_ROM_ELF_DIR": str(tmp_path)},
    )  # fmt: skip
    assert b"rom_function" in result.stdout
    given = run("-", "--elf", app, "--rom-elf", tmp_path / "esp32c3_rev3_rom.elf", data=line)
    assert b"rom_function" in given.stdout


def home(folder: Path) -> dict[str, str]:
    """Where nothing is kept that an earlier run has found."""
    return {"XDG_DATA_HOME": str(folder / "data"), "HOME": str(folder)}


def test_payloads_are_saved_and_listed_and_the_records_name_the_files(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "artifacts"
    data = b"I (5) app: hi\r\n" + framed_png(png()) + frame(b"{}") + core_dump()
    found = objects(run("-", "--json", "--save", folder, data=data))
    index = json.loads((folder / "index.json").read_text())
    assert [row["type"] for row in index["artifacts"]] == ["png", "frame", "coredump"]
    for row, record in zip(index["artifacts"], found[1:], strict=True):
        file = folder / row["file"]
        assert record["path"] == str(file)
        assert (row["offset"], row["bytes"]) == (record["offset"], file.stat().st_size)
    assert (folder / index["artifacts"][0]["file"]).read_bytes() == png()


def test_a_saved_core_dump_stands_beside_its_elf_core_and_its_report(tmp_path: Path) -> None:
    run("-", "--save", tmp_path / "out", data=printed_dump("xtensa"))
    (row,) = json.loads((tmp_path / "out" / "index.json").read_text())["artifacts"]
    assert (tmp_path / "out" / row["elf"]).read_bytes().startswith(b"\x7fELF")
    assert "core dump report" in (tmp_path / "out" / row["report"]).read_text()


def test_a_name_of_the_device_s_never_leaves_the_folder(tmp_path: Path) -> None:
    hostile = frame(b"data", "file:../../../escaped")
    run("-", "--save", tmp_path / "out", data=hostile)
    assert {path.name for path in tmp_path.iterdir()} == {"out"}
    assert len([*(tmp_path / "out").iterdir()]) == 2


def test_a_folder_that_cannot_be_made_is_wrong_usage() -> None:
    assert run("-", "--save", "/dev/null/x", data=b"").returncode == 2
