"""Text: line ends, partial lines, bad bytes, the cap, and the heads of log lines."""

from __future__ import annotations

import pytest

from espmon.records import Demultiplexer, Limits, Line, LineBlock
from tests.records.streams import assert_tiles, records


def lines(data: bytes, demux: Demultiplexer | None = None) -> list[Line]:
    return [record for record in records(data, demux=demux) if isinstance(record, Line)]


@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r\r\n"])
def test_each_line_end_is_known(eol: str) -> None:
    found = lines(f"one{eol}two{eol}".encode())
    assert [(line.text, line.eol, line.partial) for line in found] == [("one", eol, False), ("two", eol, False)]


def test_a_progress_bar_gives_one_line_a_state() -> None:
    found = lines(b"10%\r20%\rdone\r\n")
    assert [(line.text, line.eol, line.partial, line.raw) for line in found] == [
        ("10%", "\r", False, b"10%\r"), ("20%", "\r", False, b"20%\r"), ("done", "\r\n", False, b"done\r\n"),
    ]  # fmt: skip


def test_a_cr_at_the_end_of_a_read_waits_for_its_lf() -> None:
    demux = Demultiplexer()
    assert not demux.feed(b"one\r")
    assert [record.to_json()["eol"] for record in demux.feed(b"\n")] == ["\r\n"]


def test_a_pause_ends_no_line_and_the_unfinished_line_can_be_seen() -> None:
    demux = Demultiplexer()
    assert not demux.feed(b"Connecting", 1.0)
    for second in range(2, 6):
        assert not demux.idle(second - 0.9)
        assert not demux.settle(second - 0.5)
        assert not demux.stall(time=second - 0.1)
        assert not demux.feed(b".", float(second))
    seen = demux.unfinished
    assert seen is not None
    assert (seen.data, seen.offset, seen.time, seen.partial) == (b"Connecting....", 0, 1.0, True)
    (line,) = demux.feed(b"\r\n", 9.0)
    assert isinstance(line, Line)
    assert (line.text, line.partial, line.time) == ("Connecting....", False, 1.0)
    assert demux.unfinished is None


def test_the_beginning_of_a_payload_waits_for_its_rest_however_long_that_takes() -> None:
    demux = Demultiplexer()
    demux.feed(b"esp> PNG_BEG")
    assert not demux.idle()
    assert not demux.stall()
    assert demux.capture is None
    assert not demux.feed(b"IN 5000")
    assert [record.to_json()["text"] for record in demux.feed(b"\n")] == ["esp> "]
    assert demux.capture is not None


@pytest.mark.parametrize("banner", [b"ESP-ROM:esp32s3-20210327\r\n", b"ets Jul 29 2019 12:21:46\r\n"])
def test_a_reset_ends_the_line_that_it_interrupts(banner: bytes) -> None:
    for prefix in (b"esp> ", b">>> ", b"\x1b[0;32mI (7) app: half a li"):
        for cut in range(len(prefix + banner)):
            data = prefix + banner
            found = [line for line in records(data, [cut]) if isinstance(line, Line)]
            assert [(line.raw, line.partial) for line in found] == [(prefix, True), (banner, False)]


QUOTES = [b"> ", b"  ", b"12:34:56.789 -> ", b"[2024-01-02 03:04:05] ", b"I (5) c3: ", b'[12:00:01][I][uart:15]: <<< "']


@pytest.mark.parametrize("prefix", QUOTES)
def test_a_banner_that_is_quoted_stays_in_its_line(prefix: bytes) -> None:
    assert len(lines(prefix + b"ESP-ROM:esp32c3-api1-20210207\r\n")) == 1


def test_bad_utf_8_is_shown() -> None:
    (line,) = lines(b"gr\xc3\xbc\xdfe \xff\n")
    assert line.text == "grü\\xdfe \\xff"


def test_colour_is_taken_out_of_the_text_and_kept_in_the_bytes() -> None:
    (line,) = lines(b"\x1b[0;32mI (5) boot: ok\x1b[0m\r\n")
    assert (line.text, line.ansi, line.level, line.tag) == ("I (5) boot: ok", True, "I", "boot")
    assert line.raw.startswith(b"\x1b[0;32m")


def test_a_line_above_the_cap_is_shown_whole_in_pieces() -> None:
    data = b"x" * 250 + b"\r\n"
    found = lines(data, Demultiplexer(Limits(line=100)))
    assert [(line.length, line.partial) for line in found] == [(100, True), (100, True), (52, False)]
    assert_tiles(found, len(data))


def test_a_megabyte_without_a_line_end_is_cut_at_64_kib() -> None:
    found = lines(b"x" * (1 << 20))
    assert {line.length for line in found} == {64 << 10}


def test_the_time_of_a_line_is_the_time_of_its_first_byte() -> None:
    demux = Demultiplexer()
    found = [*demux.feed(b"one", 1.0), *demux.feed(b"\ntwo\nthr", 2.0), *demux.feed(b"ee\r", 3.0)]
    found += [*demux.feed(b"four\r", 4.0), *demux.feed(b"\n", 5.0), *demux.feed(b"$T05", 6.0)]
    found += [*demux.feed(b" five\nsix", 7.0), *demux.flush(8.0)]
    assert [(record.to_json()["text"], record.time) for record in found] == [
        ("one", 1.0), ("two", 2.0), ("three", 2.0), ("four", 4.0), ("$T05 five", 6.0), ("six", 7.0),
    ]  # fmt: skip


def test_lines_that_a_payload_rejected_keep_their_times() -> None:
    demux = Demultiplexer()
    demux.feed(b"@ESPFRAME json 200 raw -\n", 1.0)
    demux.feed(b"one\ntw", 2.0)
    demux.feed(b"o\nthree\n", 3.0)
    found = [record for record in demux.stall(time=9.0) if isinstance(record, Line)]
    assert [(line.text, line.time) for line in found] == [("one", 2.0), ("two", 2.0), ("three", 3.0)]


HEADS = [
    (b"I (123) wifi: up", "I", "wifi", 123),
    (b"\x1b[0;31mE (4294967295) esp_core_dump_flash: x\x1b[0m", "E", "esp_core_dump_flash", 4294967295),
    (b"W (12:34:56.789) app: x", "W", "app", 45_296_789),
    (b"D (2024-01-31 12:34:56.789) app: x", "D", "app", 1_706_704_496_789),
    (b"V (24-01-31 12:34:56.789) app: x", "V", "app", 1_706_704_496_789),
    (b"I boot: no time", "I", "boot", None),
    (b"[  1234][E][WiFi.cpp:12] begin(): x", "E", "WiFi.cpp", 1234),
    (b"[E][main.c:3] f(): x", "E", "main.c", None),
    (b"[00:00:01.500,250] <wrn> net_config: x", "W", "net_config", 1500),
    (b"[1970-01-02T00:00:01,500000Z] <err> os: x", "E", "os", 86_401_500),
    (b"I (soc_init): ESP Simple boot", "I", "soc_init", None),
    (b"[C][wifi:600]: WiFi:", "I", "wifi", None),
    (b"[12:34:56][VV][scheduler:222]: x", "V", "scheduler", None),
    (b"[C][", None, None, None),
    (b"[esp32] [INF] Image index: 0", "I", "esp32", None),
    (b"[00:00:01.500,250] \x1b[1;33m<wrn> net_config: x", "W", "net_config", 1500),
    (b"\x1b[0m<inf> main: x", "I", "main", None),
    (b"2024-01-02T03:04:05.678Z I (7) a: x", "I", "a", 7),
    (b"[2024-01-02 03:04:05.678] I (7) a: x", "I", "a", 7),
    (b"2024-01-02 03:04:05,678 \x1b[0;31mE (7) a: x", "E", "a", 7),
    (b"12:34:56.789 W (7) a: x", "W", "a", 7),
    (b"[12:34:56][D][sensor:094]: x", "D", "sensor", None),
    (b"esp32> I (7) a: x", "I", "a", 7),
    (b"> \x1b[0;32mI (7) a: x", "I", "a", 7),
    (b"12:34:56 is the time: x", None, None, None),
    (b"INFO - hello", "I", None, None),
    (b"\x1b[33mWARN - careful", "W", None, None),
    (b"[INFO ] hello", "I", None, None),
    (b"[DEBUG esp_wifi::sta] hello", "D", "esp_wifi::sta", None),
    (b"12:34:56.789 -> I (123) wifi: up", "I", "wifi", 123),
    (b"12:34:56.789 > [    20][D][esp32-hal-cpu.c:244] x", "D", "esp32-hal-cpu.c", 20),
    (b"[12:34:56] E (7) app: x", "E", "app", 7),
    (b"ets Jul 29 2019 12:21:46", None, None, None),
    (b"I am a sentence: really", None, None, None),
    (b"ERROR something", "E", None, None),
    (b"ERROR", "E", None, None),
    (b"\x1b[31mWARNING: low\x1b[0m", "W", None, None),
    (b"WARN: low", "W", None, None),
    (b"ERRORS are counted", None, None, None),
    (b"ERROR-free", None, None, None),
    (b"Warning: low", "W", None, None),
    (b"error: no such file", "E", None, None),
    (b"errors: 5", None, None, None),
    (b"FATAL: out of memory", "E", None, None),
    (b"INFO: up", "I", None, None),
    (b"INFO something", None, None, None),
    (b"E: minimal", "E", None, None),
    (b"[    10][E][wifi.cpp:12] f(): x", "E", "wifi.cpp", 10),
    (b"[12:00:01][E][x:12]: y", "E", "x", None),
    (b"<err> os: y", "E", "os", None),
    (b"00:00:05.284-028 WIF: Connected", "I", "WIF", 5284),
    (b"00:00:00.001 HDW: ESP32-C3", "I", "HDW", 1),
    (b"12:34:56 MQT: Attempting", "I", "MQT", 45_296_000),
    (b"0.123456 INFO  defmt text", "I", None, 123),
    (b"12.000500 [ERROR] oh (app src/main.rs:10)", "E", None, 12_000),
    (b"ERROR esp_hal::uart: oh", "E", "esp_hal::uart", None),
    (b"2024-01-02T03:04:05.678Z  WARN app::net: slow", "W", "app::net", None),
    (b"[2024-01-02T03:04:05Z ERROR app::net] oh", "E", "app::net", None),
    (b"[ERROR] oh", "E", None, None),
    (b"[    0.100000] [ ERROR] init: oh", "E", "init", 100),
    (b"[    1.230000] [CPU0] [ 2] [  INFO] up", "I", None, 1230),
    (b"[NOTICE] nsh: up", "I", "nsh", None),
    (b"up_assert: ERROR: failed", "E", "up_assert", None),
    (b"ERROR:root:oh", "E", "root", None),
    (b"WARNING:app.net:slow", "W", "app.net", None),
    (b"Traceback (most recent call last):", "E", None, None),
    (b"OSError: [Errno 2] ENOENT", "E", None, None),
    (b"KeyboardInterrupt:", "E", None, None),
    (b'  File "main.py", line 5, in <module>', None, None, None),
    (b"INFO  hello", "I", None, None),
    (b"WARN  low", "W", None, None),
    (b"12 INFO  the twelfth", "I", None, None),
    (b"12:34:56.789 DEBUG x = 5", "D", None, 45_296_789),
    (b"(HOST) ERROR the program panicked", "E", None, None),
    (b"INFO (main): hi", "I", "main", None),
    (b"ERROR (app.net): oh", "E", "app.net", None),
    (b"up_assert: Assertion failed at file:up_hardfault.c line: 148", "E", "up_assert", None),
    (b"_assert: Current Version: NuttX", "E", "_assert", None),
    (b"INFO desk opened", None, None, None),
    (b"INFO   in a table", None, None, None),
    (b"100 INFO messages", None, None, None),
    (b"2 ERROR lines found", None, None, None),
    (b"INFO (see above): hi", None, None, None),
    (b"DEBUG build", None, None, None),
    (b"Erroneous: not one", None, None, None),
    (b"I: am", "I", None, None),
    (b"12.5 volts", None, None, None),
    (b"0.123 seconds INFO", None, None, None),
    (b"E (99999999999999999999999999) app: x", "E", "app", None),
    (b"", None, None, None),
]


@pytest.mark.parametrize(("body", "level", "tag", "device_ms"), HEADS)
def test_heads_give_level_tag_and_time(body: bytes, level: str | None, tag: str | None, device_ms: int | None) -> None:
    (line,) = lines(body + b"\r\n")
    assert (line.level, line.tag, line.device_ms) == (level, tag, device_ms)


def test_columns_of_a_block_can_be_filtered_without_records() -> None:
    (block,) = Demultiplexer().feed(b"E (1) a: x\r\nI (2) b: x\nplain\n").parts
    assert isinstance(block, LineBlock)
    assert block.levels == b"EI\0"
    assert list(block.tags) == ["a", "b", None]
    assert list(block.times) == [1, 2, None]
    assert [index for index, level in enumerate(block.levels) if level == ord("E")] == [0]


def test_a_part_of_a_block_is_a_block() -> None:
    (block,) = Demultiplexer().feed(b"one\ntwo\nthree\n").parts
    assert isinstance(block, LineBlock)
    part = block.part(1, 3)
    assert [line.text for line in part] == ["two", "three"]
    assert part.line_offset(0) == 4


def test_raw_bytes_are_part_of_the_stream_and_not_of_the_log() -> None:
    demux = Demultiplexer()
    demux.feed(b"half")
    found = [record.to_json() for record in [*demux.raw(b"\xc0\x01", "flash"), *demux.feed(b"on\n")]]
    assert [(record["type"], record["offset"], record["length"]) for record in found] == [
        ("line", 0, 4), ("raw", 4, 2), ("line", 6, 3),
    ]  # fmt: skip
    assert found[1]["bytes"] == "wAE="
