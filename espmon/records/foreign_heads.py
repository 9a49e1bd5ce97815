"""Heads of log lines of systems that are not ESP-IDF, each form with what it says.

Tasmota `00:00:05.284-028 WIF: text`; defmt `0.123456 INFO  text`, without a time `INFO  text` (padded to five: behind
one space it is prose), behind a counter `12 INFO  text`, and of its host `(HOST) INFO  text`; Rust's tracing
`ERROR target: text`; NuttX `[    0.100000] [ ERROR] tag: text`, `up_assert: ERROR: text` and what else its assertions
print; MicroPython's tracebacks and its logging `ERROR:name:text`; `INFO (name): text`; Zephyr's minimal `E: text`; and
a plain `ERROR` or `WARN` at the beginning.
"""

from __future__ import annotations

import re

ERROR, WARNING, INFORMATION, DEBUG, VERBOSE = b"EWIDV"

LEVEL_WORDS = {
    b"EMERG": ERROR, b"ALERT": ERROR, b"CRIT": ERROR, b"CRITICAL": ERROR, b"FATAL": ERROR, b"ERROR": ERROR,
    b"ERR": ERROR, b"WARN": WARNING, b"WARNING": WARNING, b"WRN": WARNING, b"NOTICE": INFORMATION,
    b"INFO": INFORMATION, b"INF": INFORMATION, b"DEBUG": DEBUG, b"DBG": DEBUG, b"TRACE": VERBOSE, b"VERBOSE": VERBOSE,
}  # fmt: skip
"""Level words of other log systems -> the ESP-IDF letter's code."""

FOREIGN_HEAD = re.compile(
    rb"(?:\x1b\[[0-9;:]*m)*+"
    rb"(?:"
    rb"(?P<tasmota_time>\d\d:\d\d:\d\d(?:\.\d{3})?)(?:-\d{3})? (?P<tasmota>[A-Z]{3}): "
    rb"|(?:\d{4}-\d\d-\d\dT[\d:.]{8,18}Z? {1,2})?"
    rb"(?P<rust>ERROR|WARN|INFO|DEBUG|TRACE) {1,2}(?P<target>\w{1,32}+(?:::\w{1,32}+){0,8}+): "
    rb"|(?P<seconds>\d{1,9}\.\d{3,9}|\d\d:\d\d:\d\d\.\d{3}) \[?(?P<defmt>ERROR|WARN|INFO|DEBUG|TRACE)(?: *+\] | )"
    rb"|(?:\d{1,12} )?(?P<padded>INFO|WARN)  (?=[^ ])"
    rb"|\(HOST\) (?P<host>ERROR|WARN|INFO|DEBUG|TRACE) "
    rb"|(?P<before_task>ERROR|WARNING|WARN|INFO|DEBUG|TRACE) \((?P<task>[\w.:-]{1,64}+)\): "
    rb"|(?:\[ *+(?P<nuttx_time>\d{1,9}\.\d{2,9})\] ?)?(?:\[ ?[\w ]{1,32}\] ?){0,2}"
    rb"\[ *+(?P<nuttx>EMERG|ALERT|CRIT|ERROR|WARN|NOTICE|INFO|DEBUG)\] (?:(?P<nuttx_tag>[\w.-]{1,64}+): )?"
    rb"|(?P<logger>CRITICAL|ERROR|WARNING|INFO|DEBUG):(?P<name>[\w.]{1,64}+):"
    rb"|(?P<function>[\w.-]{1,64}+): (?P<word>ERROR|WARNING|WARN): "
    rb"|(?P<asserting>up_assert|_assert): "
    rb"|(?P<raised>Traceback \(most recent call last\):|[A-Z]\w{0,40}(?:Error|Exception|Interrupt)(?::|[\r\n]|\Z))"
    rb"|(?P<letter>[EWID]): "
    rb"|(?P<plain>CRITICAL|FATAL|ERROR|WARNING|WARN)(?![\w-])"
    rb"|(?P<coded>[Ee]rror|[Ww]arning|NOTICE|INFO|DEBUG|TRACE|Info|Debug): "
    rb")"
)
"""To be matched where a line begins and `HEADER` does not match."""

_TASMOTA = {b"ERR": ERROR}
"""What three letters of Tasmota say about the level; the others are tags of information."""


def read_foreign_head(hit: re.Match[bytes]) -> tuple[int, bytes | None, bytes | None]:
    """Level code, tag, and device time as printed (seconds with a fraction, or a time of day)."""
    group = hit.groupdict()
    if tag := group["tasmota"]:
        return _TASMOTA.get(tag, INFORMATION), tag, group["tasmota_time"]
    if word := group["rust"] or group["defmt"] or group["padded"] or group["host"]:
        return LEVEL_WORDS[word], group["target"], group["seconds"]
    if word := group["before_task"]:
        return LEVEL_WORDS[word], group["task"], None
    if word := group["nuttx"]:
        return LEVEL_WORDS[word], group["nuttx_tag"], group["nuttx_time"]
    if word := group["logger"]:
        return LEVEL_WORDS[word], group["name"], None
    if word := group["word"]:
        return LEVEL_WORDS[word], group["function"], None
    if group["raised"] or group["asserting"]:
        return ERROR, group["asserting"], None
    word = group["letter"] or group["plain"] or group["coded"]
    return LEVEL_WORDS.get(word.upper(), word[0]), None, None
