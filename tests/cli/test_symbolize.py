"""`espmon symbolize`: addresses as words or on stdin, never a silent wait."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from espmon.cli import symbolize
from espmon.sim.firmware_image import ELF
from tests.rom.server import terminal

APP_MAIN = "app_main"


def entry() -> str:
    """The address of `app_main` in the demo's ELF."""
    with ELF.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        symbols = table.get_symbol_by_name(APP_MAIN)
        assert symbols
        return f"0x{symbols[0]['st_value']:08x}"


def test_an_address_may_be_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert symbolize.main([str(ELF), entry()]) == 0
    assert capsys.readouterr().out.startswith(f"{APP_MAIN}\n/espmon-demo/")


def test_without_one_they_come_from_stdin(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{entry()}\n{entry()[2:]} 0\n"))
    assert symbolize.main([str(ELF), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["address"] for row in rows] == [entry(), entry(), "0x00000000"]


def test_no_address_anywhere_is_exit_code_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert symbolize.main([str(ELF)]) == 2
    assert "no address" in capsys.readouterr().err


def test_on_a_terminal_it_does_not_wait_for_words_that_nobody_announced() -> None:
    with terminal() as (_, theirs):
        command = [sys.executable, "-m", "espmon", "symbolize", str(ELF)]
        result = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=30)
    assert result.returncode == 2
    assert "pipe them in" in result.stderr


def test_the_usage_says_that_addresses_may_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert symbolize.main(["--help"]) == 0
    out = capsys.readouterr().out
    assert "ELF [ADDR ...]" in out
    assert "stdin" in out


def test_addresses_head_their_rows_only_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert symbolize.main([str(ELF), entry(), "10"]) == 0
    assert "0x" not in capsys.readouterr().out
    assert symbolize.main([str(ELF), "-a", entry(), "10"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [entry(), APP_MAIN]
    assert lines[-3:] == ["0x00000010", "??", "??:?"]


def test_options_may_stand_between_the_elf_and_the_addresses(capsys: pytest.CaptureFixture[str]) -> None:
    assert symbolize.main([str(ELF), "--json", entry()]) == 0
    assert [row["address"] for row in json.loads(capsys.readouterr().out)] == [entry()]
