"""Whatever is typed or pasted into a field is answered in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from espmon.port.opening import MAX_BAUD
from espmon.tui import user_input
from espmon.tui.screens.picker import PickerScreen
from espmon.tui.screens.prompt import TextPrompt
from espmon.tui.user_input import baud_of, elf_problem, path_of
from tests.tui.running import running

NOBODY = "~nobody-has-this-name/app.elf"


@pytest.mark.parametrize(("text", "baud"), [("115200", 115200), (" 9600 ", 9600), (str(MAX_BAUD), MAX_BAUD)])
def test_a_rate_is_a_number(text: str, baud: int) -> None:
    assert baud_of(text) == baud


@pytest.mark.parametrize("text", ["", "fast", "-1", "0", "1.5", "٣", str(MAX_BAUD + 1), "9" * 5000])
def test_anything_else_is_no_rate(text: str) -> None:
    assert baud_of(text) is None


def test_the_home_folder_of_a_user_who_is_not_there_stays_as_typed() -> None:
    assert path_of(NOBODY) == Path(NOBODY)
    assert path_of("~/x") == Path.home() / "x"


def test_an_elf_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "app.elf").write_bytes(b"\x7fELF...")
    (tmp_path / "app.bin").write_bytes(b"\xe9")
    assert elf_problem(str(tmp_path / "app.elf")) == ""
    assert elf_problem(str(tmp_path / "app.bin")) == "This is no ELF file"
    for missing in (NOBODY, str(tmp_path), str(tmp_path / "app.bin" / "x"), "a\0b", ""):
        assert elf_problem(missing) == "There is no such file"


def test_an_elf_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    path = tmp_path / "app.elf"
    path.write_bytes(b"\x7fELF")
    monkeypatch.setattr(user_input, "open_regular", refuse)
    assert elf_problem(str(path)) == "It cannot be read: Permission denied"


async def test_the_elf_question_survives_the_home_of_nobody() -> None:
    async with running() as case:
        await case.press("E")
        await case.until(lambda: isinstance(case.app.screen, TextPrompt))
        await case.press("ctrl+u", *NOBODY, "enter")
        assert "There is no such file" in case.text()


async def test_the_list_of_ports_survives_the_home_of_nobody() -> None:
    async with running(request=None) as case:
        picker = case.app.screen
        assert isinstance(picker, PickerScreen)
        picker.query_one("#url").value = "socket://127.0.0.1:1"  # type: ignore[attr-defined]
        picker.query_one("#elf").value = NOBODY  # type: ignore[attr-defined]
        picker.query_one("#url").focus()
        await case.press("enter")
        assert f"There is no ELF file {NOBODY}" in case.text()


async def test_a_log_that_could_not_be_begun_is_asked_for_again() -> None:
    async with running() as case:
        await case.press("ctrl+t", "l")
        await case.until(lambda: isinstance(case.app.screen, TextPrompt))
        await case.press("enter")
        await case.until(lambda: case.session.calls[-1:] == ["set_log"])
        case.session.set(log=None)
        await case.press("ctrl+t", "l")
        await case.until(lambda: isinstance(case.app.screen, TextPrompt))
        assert "set_log off" not in case.session.calls
