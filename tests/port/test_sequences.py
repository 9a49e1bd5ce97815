"""Reset sequences: the built-in tables, custom strings, and the files they come from."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espmon.port import CustomSequences, PortError, PortErrorKind, ResetSequence, load_sequences, parse_sequence
from espmon.port.sequences import hard_reset_sequence, loader_entries
from espmon.testing.handles import MemoryHandle

NO_ENVIRONMENT: dict[str, str] = {}


def board(moves: list[tuple[bool | None, bool | None]]) -> list[tuple[int, int]]:
    """(EN, IO0) levels that a board with the usual two transistors sees, from released lines."""
    dtr = rts = False
    seen = [(1, 1)]
    for new_dtr, new_rts in moves:
        dtr = dtr if new_dtr is None else new_dtr
        rts = rts if new_rts is None else new_rts
        pins = (0 if rts and not dtr else 1, 0 if dtr and not rts else 1)
        if pins != seen[-1]:
            seen.append(pins)
    return seen


def test_local_ports_try_the_tight_sequences_before_the_classic_ones() -> None:
    names = [entry.name for entry in loader_entries(None, atomic=True)]
    assert names == ["tight 0.05 s", "tight 0.55 s", "classic 0.05 s", "classic 0.55 s"]


def test_ports_whose_lines_move_singly_try_only_the_classic_ones() -> None:
    assert [entry.name for entry in loader_entries(None, atomic=False)] == ["classic 0.05 s", "classic 0.55 s"]


def test_the_usb_serial_jtag_port_has_its_own_sequence_alone() -> None:
    (entry,) = loader_entries((0x303A, 0x1001), atomic=True)
    assert entry.steps == (
        (None, 0, 0.0),
        (0, None, 0.1),
        (1, None, 0.0),
        (None, 0, 0.1),
        (None, 1, 0.0),
        (0, None, 0.0),
        (None, 1, 0.1),
        (0, None, 0.0),
        (None, 0, 0.0),
    )


def test_the_tight_sequence_is_atomic_and_has_the_documented_steps() -> None:
    entry = loader_entries(None, atomic=True)[1]
    assert entry.atomic
    assert entry.steps == ((0, 0, 0.0), (1, 1, 0.0), (0, 1, 0.1), (1, 0, 0.55), (0, 0, 0.0), (0, None, 0.0))


def test_hard_resets_are_by_kind_of_port() -> None:
    assert hard_reset_sequence(None, dtr=False).steps == ((None, 1, 0.1), (None, 0, 0.0))
    assert hard_reset_sequence((0x303A, 0x1001), dtr=False).steps == ((None, 1, 0.2), (None, 0, 0.2))
    flow_control = hard_reset_sequence((0x10C4, 0xEA64), dtr=True)
    assert flow_control.steps == ((0, None, 0.0), (None, 1, 0.1), (1, None, 0.1), (None, 0, 0.0))


async def instant(handle: MemoryHandle, sequence: ResetSequence) -> None:
    await handle.run_sequence(
        ResetSequence(
            sequence.name,
            tuple((dtr, rts, 0.0) for dtr, rts, _ in sequence.steps),
            sequence.atomic,
            sequence.rewrite_dtr,
        )
    )


@pytest.mark.parametrize("index", [0, 1, 2, 3])
def settled(sequence: ResetSequence) -> list[tuple[int, int]]:
    """The levels that last: EN follows with a delay, so what no sleep follows does not reach it."""
    moves: list[tuple[bool | None, bool | None]] = []
    lasting = []
    for dtr, rts, seconds in sequence.steps:
        moves.append((None if dtr is None else bool(dtr), None if rts is None else bool(rts)))
        if seconds:
            lasting.append(board(moves)[-1])
    return lasting


@pytest.mark.parametrize("index", [0, 1, 2, 3])
def test_every_loader_entry_holds_the_chip_in_reset_and_then_lets_it_start_with_io0_low(index: int) -> None:
    entry = MemoryHandle().loader_entries()[index]
    assert settled(entry) == [(0, 1), (1, 0)]
    assert [seconds for _, _, seconds in entry.steps if seconds] == [0.1, (0.05, 0.55)[index % 2]]


@pytest.mark.parametrize("usb", [None, (0x303A, 0x1001), (0x10C4, 0xEA64)])
async def test_a_hard_reset_pulls_en_low_and_leaves_io0_high_even_with_both_lines_asserted(
    usb: tuple[int, int] | None,
) -> None:
    handle = MemoryHandle(usb=usb)
    await handle.set_lines(dtr=True, rts=True)
    sequence = handle.hard_reset_sequence()
    assert sequence is not None
    await instant(handle, sequence)
    pins = board(handle.moves)
    assert (0, 1) in pins
    assert pins[-1][0] == 1
    at = pins.index((0, 1))
    assert pins[at + 1] == (1, 1)


async def test_an_atomic_sequence_is_refused_where_lines_move_singly() -> None:
    handle = MemoryHandle(atomic=False)
    with pytest.raises(PortError) as caught:
        await handle.run_sequence(parse_sequence("U1,0|W0"))
    assert caught.value.kind is PortErrorKind.UNSUPPORTED
    assert handle.moves == []


async def test_custom_sequences_replace_the_built_in_ones() -> None:
    handle = MemoryHandle()
    handle.custom = CustomSequences(parse_sequence("D0|R1"), parse_sequence("R1|W0|R0"))
    assert [entry.name for entry in handle.loader_entries()] == ["custom"]
    hard = handle.hard_reset_sequence()
    assert hard is not None
    assert hard.steps == ((None, 1, 0.0), (None, 0, 0.0))


def test_a_custom_sequence_is_read_as_other_tools_write_it() -> None:
    sequence = parse_sequence("D0|R1|W0.1|D1|R0|W0.05|D0")
    assert sequence.steps == ((0, None, 0.0), (None, 1, 0.1), (1, None, 0.0), (None, 0, 0.05), (0, None, 0.0))
    assert not sequence.atomic


def test_an_atomic_step_sets_both_lines_at_once() -> None:
    sequence = parse_sequence(" W0.2 | U1,0 | w1 ")
    assert sequence.steps == ((None, None, 0.2), (1, 0, 1.0))
    assert sequence.atomic


@pytest.mark.parametrize(
    "text",
    ["", "X1", "D2", "D", "R1|", "U1", "U1,2", "Wx", "W-1", "W11", "Wnan", "Winf", "D0;R1", "|".join(["D0"] * 65)],
)
def test_a_bad_sequence_is_one_clear_line(text: str) -> None:
    with pytest.raises(PortError) as caught:
        parse_sequence(text, "custom_reset_sequence in esptool.cfg")
    assert caught.value.kind is PortErrorKind.UNSUPPORTED
    assert "custom_reset_sequence in esptool.cfg" in caught.value.message
    assert "\n" not in str(caught.value)


@given(st.text(alphabet="DRUW01.,| eE-+x\n", max_size=30))
def test_no_text_fails_in_any_other_way(text: str) -> None:
    try:
        sequence = parse_sequence(text)
    except PortError:
        return
    assert 1 <= len(sequence.steps) <= 64


def test_without_any_file_nothing_is_custom(tmp_path: Path) -> None:
    assert load_sequences(tmp_path, tmp_path, NO_ENVIRONMENT) == CustomSequences()


@pytest.mark.parametrize("name", ["esp-idf-monitor.cfg", "config.cfg", "tox.ini"])
@pytest.mark.parametrize("place", ["here", "home/.config/esp-idf-monitor", "home"])
def test_the_monitors_file_is_found_where_that_tool_looks(tmp_path: Path, name: str, place: str) -> None:
    (tmp_path / "here").mkdir()
    folder = tmp_path / place
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("[esp-idf-monitor]\ncustom_reset_sequence = D0|R1|W0.1|R0\n")
    found = load_sequences(tmp_path / "here", tmp_path / "home", NO_ENVIRONMENT)
    assert found.reset is not None
    assert found.reset.steps == ((0, None, 0.0), (None, 1, 0.1), (None, 0, 0.0))
    assert found.hard_reset is None
    assert found.source == str(folder / name)


@pytest.mark.parametrize("name", ["esptool.cfg", "setup.cfg", "tox.ini"])
def test_the_flashers_file_is_read_too(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("[esptool]\ncustom_hard_reset_sequence = R1|W0.2|R0\n")
    found = load_sequences(tmp_path, tmp_path, NO_ENVIRONMENT)
    assert found.hard_reset is not None
    assert found.hard_reset.steps == ((None, 1, 0.2), (None, 0, 0.0))


def test_the_monitors_section_wins_and_keys_are_looked_up_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "esp-idf-monitor.cfg").write_text(
        "[esptool]\ncustom_reset_sequence = D1\ncustom_hard_reset_sequence = R1\n"
        "[esp-idf-monitor]\ncustom_reset_sequence = D0\nmenu_key = 100%\n"
    )
    (tmp_path / "esptool.cfg").write_text("[esptool]\ncustom_reset_sequence = R0\n")
    found = load_sequences(tmp_path, tmp_path, NO_ENVIRONMENT)
    assert found.reset is not None
    assert found.hard_reset is not None
    assert found.reset.steps == ((0, None, 0.0),)
    assert found.hard_reset.steps == ((None, 1, 0.0),)


@pytest.mark.parametrize(
    ("variable", "section"), [("ESP_IDF_MONITOR_CFGFILE", "esp-idf-monitor"), ("ESPTOOL_CFGFILE", "esptool")]
)
def test_a_variable_names_the_file_instead(tmp_path: Path, variable: str, section: str) -> None:
    named = tmp_path / "mine.ini"
    named.write_text(f"[{section}]\ncustom_reset_sequence = D1\n")
    found = load_sequences(tmp_path, tmp_path, {variable: str(named)})
    assert found.reset is not None
    assert found.source == str(named)


def test_a_variable_that_names_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(PortError) as caught:
        load_sequences(tmp_path, tmp_path, {"ESPTOOL_CFGFILE": str(tmp_path / "gone.cfg")})
    assert caught.value.kind is PortErrorKind.MISSING
    assert "ESPTOOL_CFGFILE" in caught.value.message


def test_a_bad_sequence_in_a_file_names_file_and_key(tmp_path: Path) -> None:
    (tmp_path / "esptool.cfg").write_text("[esptool]\ncustom_reset_sequence = D0|Q7\n")
    with pytest.raises(PortError) as caught:
        load_sequences(tmp_path, tmp_path, NO_ENVIRONMENT)
    assert "custom_reset_sequence" in caught.value.message
    assert "esptool.cfg" in caught.value.message
    assert "'Q7'" in caught.value.message


def test_files_that_are_not_configuration_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "config.cfg").write_bytes(b"\xff\x00 not = [ini\n=\n")
    (tmp_path / "tox.ini").write_text("[tox]\nenvlist = py311\n")
    assert load_sequences(tmp_path, tmp_path, NO_ENVIRONMENT) == CustomSequences()
