"""Times since a boot and since a mark, and how long it was silent."""

from __future__ import annotations

from espmon.records.events.reset_record import Reset
from espmon.session.mark_block import MarkBlock
from espmon.tui.log.line_times import SAID, Timestamps, span_text
from espmon.tui.widgets.status_bar import StatusBar
from tests.tui.fake_session import block_of
from tests.tui.running import numbered, running


def test_lengths_of_time_as_people_read_them() -> None:
    assert [span_text(seconds) for seconds in (0.04, 59.94, 60, 3599, 7500)] == [
        "0.0 s",
        "59.9 s",
        "1 min 0 s",
        "59 min 59 s",
        "2 h 5 min",
    ]


async def test_times_count_from_the_boot_or_the_mark_before() -> None:
    async with running(size=(80, 24)) as case:
        for number in range(6):
            case.session.clock = 1_700_000_000.0 + 10 * number
            await case.feed(b"line %d\n" % number)
        case.session.add_event("reset", "Power on", line=2, boot=1)
        await case.until(lambda: len(case.pane.drawing.marks) == 1)
        case.pane.set_timestamps(Timestamps.BOOT)
        rows = [row.split() for row in case.rows() if " line " in row]
        assert [row[0] for row in rows] == ["+0.000", "+10.000", "+0.000", "+10.000", "+20.000", "+30.000"]
        await case.press("m")
        case.pane.set_timestamps(Timestamps.MARK)
        rows = [row.split() for row in case.rows() if " line " in row]
        assert [row[0] for row in rows] == ["-50.000", "-40.000", "-30.000", "-20.000", "-10.000", "+0.000"]


async def test_the_status_row_says_which_times_stand_before_the_lines() -> None:
    async with running(size=(100, 24)) as case:
        await case.feed(numbered(6))
        await case.press("m")
        said = []
        for _ in Timestamps:
            await case.press("t")
            await case.until(lambda: not case.screen.query_one(StatusBar).waits)
            row = case.text().splitlines()[-2]
            said.append(next((name for name in SAID.values() if name and name in row), ""))
        assert said == [
            "", "device times", "times between lines", "times since boot", "times since mark", "line numbers", "",
        ]  # fmt: skip
        await case.press(*"t" * (len(Timestamps) - 1))
        assert case.rows()[0].split() == ["1", "line", "0"]
        assert case.rows()[4].split() == ["5", "line", "4"]


async def test_where_nobody_noted_when_lines_came_times_of_the_host_take_no_room() -> None:
    async with running(size=(80, 24)) as case:
        case.session.store.append(block_of(b"I (12) app: one\nI (34) app: two\n", 0, None))
        case.pane.sync()
        case.pane.set_timestamps(Timestamps.HOST)
        assert case.rows()[0] == "I (12) app: one"
        case.pane.set_timestamps(Timestamps.DEVICE)
        assert case.rows()[0] == "      0.012 I (12) app: one"


async def test_in_a_plain_log_file_times_between_lines_and_since_marks_are_the_devices_own() -> None:
    async with running(size=(80, 24)) as case:
        lines = b"rst:0x1\nI (100) app: a\nI (350) app: b\nrst:0x3\nI (40) app: c\nI (9050) app: d\n"
        case.session.store.append(block_of(lines, 0, None))
        case.pane.sync()
        for number, line in ((1, 0), (2, 3)):
            case.session.happen(Reset(0, 0, None, code=1, reason="POWERON", chip="esp32"), line=line, boot=number)
        await case.until(lambda: len(case.pane.drawing.marks) == 2)

        def stamps(kind: Timestamps) -> list[str]:
            case.pane.set_timestamps(kind)
            return [row.split()[0] for row in case.rows() if " app: " in row]

        assert stamps(Timestamps.DELTA) == ["I", "+0.250", "I", "+9.010"]
        assert stamps(Timestamps.BOOT) == ["+0.100", "+0.350", "+0.040", "+9.050"]
        case.screen.walking.mark_again([4])
        assert stamps(Timestamps.MARK) == ["I", "I", "+0.000", "+9.010"]
        assert case.screen.boots.words(1) == "POWERON · 0.3 s"
        assert case.screen.boots.words(2) == "POWERON · 9.1 s"
        case.pane.set_timestamps(Timestamps.OFF)
        await case.press("t")
        assert case.pane.drawing.timestamps is Timestamps.DEVICE, "no host times are offered where there are none"


async def test_silence_before_a_boot_or_a_remark_says_how_long_it_was() -> None:
    async with running(size=(100, 24)) as case:
        await case.feed(numbered(3))
        case.session.clock += 75
        await case.feed(b"rst:0x5\n")
        case.session.add_event("reset", "Woke up", line=3, boot=1)
        case.session.clock += 4
        case.session.store.append(MarkBlock("── flash write done ──", case.session.offset, case.session.clock))
        case.session.clock += 9
        case.session.store.append(
            MarkBlock("── port reopened after 9.00 s; what was sent ──", case.session.offset, case.session.clock)
        )
        await case.feed(numbered(2))
        assert any("boot 1 · Woke up · after 1 min 15 s of silence" in row for row in case.rows())
        assert any("flash write done · 4.0 s without a line" in row for row in case.rows())
        assert any("port reopened after 9.00 s; what was sent ─" in row for row in case.rows())
