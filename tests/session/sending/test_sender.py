"""What was sent is seen: in the log, in the recording, and by whoever listens."""

from __future__ import annotations

import base64

import pytest

from espmon.session.sent import MAX_MARKED_LINES, MAX_RECORDED, LocalEcho, SentBy, shown_lines
from espmon.session.settings import Settings, settings_from
from espmon.session.status import SentToBoard
from tests.session.fakes import shown
from tests.session.sending.conftest import Make


async def test_a_sent_line_stands_in_the_log_between_what_came_before_and_after(make: Make) -> None:
    case = await make()
    await case.says(b"before\n")
    await case.session.send(b"help\r")
    await case.says(b"after\n")
    assert shown(case.session.store) == ["before", "→ help", "after"]


async def test_a_line_sent_at_a_prompt_leaves_the_prompt_whole(make: Make) -> None:
    case = await make()
    await case.says(b"esp> ")
    await case.session.send(b"help\r")
    await case.says(b"help\r\nok\r\n")
    assert shown(case.session.store) == ["→ help", "esp> help", "ok"]


async def test_the_recording_has_the_bytes_and_both_times(make: Make) -> None:
    case = await make()
    await case.says(b"before\n")
    await case.session.send(b"help\r")
    (row,) = await case.recorded()
    assert base64.b64decode(row["data"]) == b"help\r"
    assert (row["by"], row["bytes"], row["offset"], row["length"], row["derived"]) == ("line", 5, 7, 0, True)
    assert row["t"] > 1e9 > row["m"] >= 0


async def test_keys_are_recorded_and_leave_the_log_to_the_boards_echo(make: Make) -> None:
    case = await make()
    await case.session.send(b"a", SentBy.KEYS)
    assert case.marks == []
    assert [row["by"] for row in await case.recorded()] == ["keys"]


async def test_without_local_echo_the_log_has_no_sent_lines_and_the_recording_has(make: Make) -> None:
    case = await make(Settings(local_echo="off"))
    await case.session.send(b"one\r")
    case.session.outgoing.set_local_echo(LocalEcho.LINES)
    await case.session.send(b"two\r")
    assert case.marks == ["→ two"]
    assert len(await case.recorded()) == 2


async def test_what_could_not_be_sent_is_not_said_to_be(make: Make) -> None:
    case = await make()
    await case.session.close()
    await case.session.send(b"help\r")
    assert case.marks == []
    assert not any(isinstance(change, SentToBoard) for change in case.watch.changes)
    assert case.notices[-1].startswith("Not sent")


@pytest.mark.parametrize(
    ("data", "by", "lines"),
    [
        (b"help\r", SentBy.LINE, ["help"]),
        (b"a\r\nb\r\n", SentBy.LINE, ["a", "b"]),
        (b"\r", SentBy.LINE, ["↵"]),
        (b"\x03", SentBy.LINE, ["␃"]),
        (b"\x1b[2J", SentBy.MACRO, ["␛[2J"]),
        (b"\xff\x00", SentBy.LINE, ["\\xff␀"]),
        (b"Hel", SentBy.BYTES, ["48 65 6c"]),
    ],
)
def test_sent_lines_are_safe_to_show(data: bytes, by: SentBy, lines: list[str]) -> None:
    assert list(shown_lines(data, by)) == lines


async def test_a_long_piece_is_cut_in_the_log_and_counted_in_the_recording(make: Make) -> None:
    case = await make()
    await case.session.send(b"x\r" * 10_000)
    assert len(case.marks) == MAX_MARKED_LINES + 1
    assert case.marks[-1] == f"→ … and {10_000 - MAX_MARKED_LINES:,} more lines"
    (row,) = await case.recorded()
    assert row["bytes"] == 20_000
    assert len(base64.b64decode(row["data"])) == MAX_RECORDED


def test_the_setting_is_one_of_three_words() -> None:
    settings, problems = settings_from({"local_echo": "loud"}, "config.toml")
    assert settings.local_echo == "lines"
    assert problems == ["config.toml: local_echo = 'loud' should be one of off, lines, keys; the default is used"]
