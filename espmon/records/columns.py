"""Level, tag and device time of log lines, read for a whole block in one pass.

Forms known: ESP-IDF `I (123) tag: text` with ticks, system time or date, with or without colour, and without a time;
Arduino `[  123][E][file.c:12] function(): text`; ESPHome `[C][component:12]: text`; Zephyr
`[00:00:00.123,000] <inf> module: text`, also with a date, and `I (module): text`; MCUboot `[esp32] [INF] text`; Rust
`INFO - text` and `[INFO  target] text`; and those of `foreign_heads`. A prompt before the line and a host tool's time
(`12:34:56.789 -> `, `[12:34:56] `, ISO 8601) are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import compress
from operator import not_
from typing import NamedTuple

from espmon.records.foreign_heads import FOREIGN_HEAD, LEVEL_WORDS, read_foreign_head

LEVELS = b"EWIDV"
"""The level letters, most severe first. In `Columns.levels` 0 stands for a line without a level."""

CONFIGURATION = {b"C": 73}
"""A level that only ESPHome has -> the nearest ESP-IDF letter's code."""

HEADER = re.compile(
    rb"(?:\x1b\[[0-9;:]*m)*+"  # not to be given back: the same is read again behind a prompt and a time
    rb"(?:[\w-]{0,16}> )?"  # a prompt that the line was printed behind, or a quotation mark
    rb"(?:\[?(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d(?:[.,:]\d{1,6})?(?:Z|[+-]\d\d:?\d\d)?"
    rb"(?: -?> |\] ?(?=[^<\s])| (?=[EWIDV\[\x1b])))?"
    rb"(?:\x1b\[[0-9;:]*m)*+"
    rb"(?:"
    rb"([EWIDV]) (?:\(([\d:. -]+)\) ([^:\r\n\x1b]{1,64}):|([\w./-]{1,64}): "  # 1 level, 2 time, 3 tag, 4 tag
    rb"|\(([A-Za-z]\w{0,63})\): )"  # 5 tag
    rb"|\[ *(?:(\d+)\]\[)?([EWICD]|VV?)\]\[([^\]:\r\n]{1,64})(?::\d+)?\]"  # 6 ticks, 7 level, 8 file
    rb"|(?:\[([\d:.,T-]{8,26})Z?\] (?:\x1b\[[0-9;:]*m)*+)?"  # 9 time
    rb"<(err|wrn|inf|dbg)> ([^:\r\n]{1,64}):"  # 10 level, 11 tag
    rb"|\[(\w{1,16})\] \[(ERR|WRN|INF|DBG)\] "  # 12 image, 13 level
    rb"|\[?(ERROR|WARN|WARNING|INFO|DEBUG|TRACE)(?: +([\w:]{1,64}))? *(?:\]| - )"  # 14 level, 15 target
    rb")"
)
"""The head of a log line, in all forms. To be matched where a line begins."""

USUAL = re.compile(rb"(?:\x1b\[[0-9;:]*m)*+(?:([EWIDV]) \((\d{1,19})\) ([^:\r\n\x1b]{1,64}):)?+(?:[^\n]++\n?|\n)")
"""A whole line; its level, time and tag where its head is of the form that nearly all have: the first of `HEADER`."""

CODES = {b"": 0} | {bytes([code]): code for code in LEVELS}
"""Level as `USUAL` finds it -> its code."""

CLOCK = re.compile(rb"(?:(\d{2,4})-(\d\d)-(\d\d) )?(?:(\d+):)?(\d\d):(\d\d)(?:[.:](\d{1,6}))?")
"""A time of day, with or without a date."""


class HeadParts(NamedTuple):
    """Where the parts of a head stand in a line, as (start, end) in bytes."""

    level: str
    """E, W, I, D or V."""

    word: tuple[int, int]
    """The letter or word that says so."""

    time: tuple[int, int] | None
    tag: tuple[int, int] | None


_WORDS, _TIMES, _TAGS = (1, 7, 10, 13, 14), (2, 6, 9), (3, 4, 5, 8, 11, 12, 15)
"""Groups of `HEADER`."""

_FOREIGN_WORDS = (
    "rust",
    "defmt",
    "padded",
    "host",
    "before_task",
    "nuttx",
    "logger",
    "word",
    "letter",
    "plain",
    "coded",
    "raised",
    "tasmota",
)
_FOREIGN_TIMES = ("tasmota_time", "seconds", "nuttx_time")
_FOREIGN_TAGS = ("target", "nuttx_tag", "name", "function", "tasmota", "task", "asserting")
"""Groups of `FOREIGN_HEAD`."""


class Columns:
    """What the lines of one block say in their heads.

    Attributes:
        levels: one byte a line: the code of E, W, I, D or V, or 0.
        tags: one entry a line: the tag, or None.
        times: one entry a line: device milliseconds, or None.
    """

    __slots__ = ("levels", "tags", "times")

    def __init__(self, levels: bytes, tags: list[str | None], times: list[int | None]) -> None:
        self.levels = levels
        self.tags = tags
        self.times = times


def device_time(text: bytes) -> int | None:
    """Milliseconds of a head's time: ticks as they are, a time of day since midnight, a date since 1970 (UTC)."""
    if text.isdigit():
        return int(text) if len(text) < 20 else None
    text = text.replace(b"T", b" ").replace(b",", b".") if b"T" in text else text.replace(b",", b"")
    match = CLOCK.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hours, minutes, seconds, fraction = match.groups()
    total = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
    ms = total * 1000 + int((fraction or b"0").ljust(3, b"0")[:3])
    if year is None:
        return ms
    from datetime import UTC, datetime  # few logs have dates

    try:
        date = datetime(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day), tzinfo=UTC)
    except ValueError:
        return None
    return int(date.timestamp()) * 1000 + ms


def read_columns(data: bytes, starts: Sequence[int]) -> Columns:
    """Read the columns of the lines that begin at `starts` (the last entry is the end of the data)."""
    count = len(starts) - 1
    levels, tags, times = _usual_columns(data, count)
    names: dict[bytes, str] = {}
    match, foreign = HEADER.match, FOREIGN_HEAD.match
    for index in compress(range(count), map(not_, levels)) if 0 in levels else ():
        hit = match(data, starts[index], starts[index + 1])
        if hit is not None:
            levels[index], name, times[index] = read_head(hit)
        elif (hit := foreign(data, starts[index], starts[index + 1])) is not None:
            levels[index], name, time = read_foreign_head(hit)
            times[index] = None if time is None else foreign_time(time)
        else:
            continue
        if name is not None:
            tag = names.get(name)
            if tag is None:
                tag = names[name] = name.decode("utf-8", "backslashreplace")
            tags[index] = tag
    return Columns(bytes(levels), tags, times)


def _usual_columns(data: bytes, count: int) -> tuple[bytearray, list[str | None], list[int | None]]:
    """Levels, tags and times of the lines of the usual form, at the speed of C; 0 and None of all others."""
    if not count or data.count(b"\n") != count:  # a line without an LF goes on, for `USUAL`, in the next
        return bytearray(count), [None] * count, [None] * count
    levels, times, tags = zip(*USUAL.findall(data), strict=True)
    names: dict[bytes, str | None] = {tag: tag.decode("utf-8", "backslashreplace") or None for tag in set(tags)}
    return (
        bytearray(map(CODES.__getitem__, levels)),
        list(map(names.__getitem__, tags)),
        [int(time) if time else None for time in times],
    )


def head_parts(body: bytes) -> HeadParts | None:
    """What the head of one line says, and where; None for a line without a level."""
    if (hit := HEADER.match(body)) is not None:
        level = read_head(hit)[0]
        word, time, tag = (_span(hit, groups) for groups in (_WORDS, _TIMES, _TAGS))
    elif (hit := FOREIGN_HEAD.match(body)) is not None:
        level = read_foreign_head(hit)[0]
        word, time, tag = (_span(hit, groups) for groups in (_FOREIGN_WORDS, _FOREIGN_TIMES, _FOREIGN_TAGS))
    else:
        return None
    return HeadParts(chr(level), word or hit.span(), time, tag)


def _span(hit: re.Match[bytes], groups: Sequence[int | str]) -> tuple[int, int] | None:
    """Where the one of `groups` stands that took part."""
    return next((hit.span(group) for group in groups if hit[group] is not None), None)


def foreign_time(text: bytes) -> int | None:
    """Milliseconds of seconds with a fraction, or of a time of day."""
    if b":" in text:
        return device_time(text)
    seconds, _, fraction = text.partition(b".")
    return int(seconds) * 1000 + int(fraction.ljust(3, b"0")[:3])


def read_head(hit: re.Match[bytes]) -> tuple[int, bytes | None, int | None]:
    """Level code, tag and time of one matched head."""
    level, time, tag, bare = hit.group(1, 2, 3, 4)
    if level is not None:
        if time is None:
            return level[0], bare or hit[5], None
        return level[0], tag, int(time) if len(time) < 20 and time.isdigit() else device_time(time)
    ticks, level, file, clock, short, module, image, word, name, target = hit.group(6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
    if level is not None:
        # ESPHome's level for what it is configured to do, C, lies between information and debugging.
        return CONFIGURATION.get(level, level[0]), file, device_time(ticks) if ticks is not None else None
    if short is not None:
        return LEVEL_WORDS[short.upper()], module, None if clock is None else device_time(clock)
    if word is not None:
        return LEVEL_WORDS[word], image, None
    return LEVEL_WORDS[name], target, None
