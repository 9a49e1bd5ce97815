"""Why a program gave up, in its own words: the line that it printed just before abort() or its registers."""

from __future__ import annotations

import re
from itertools import islice

from espmon.records.event import LineView
from espmon.records.events.line_cleaning import clean, is_boot_banner, is_decoded
from espmon.records.events.panic_rows import is_cut_register, registers, stack_row, starts_with_pair

LINES = 6
"""Lines before a crash, blank ones included, in which the reason is looked for."""

MAX_REASON = 240
"""Characters of it kept."""

_LOG_HEAD = re.compile(r"(?:([EWIDV]) (?:\([\d:. -]+\) )?|\[ *\d*\]\[([EWIDVC])\]|\[([EWIDVC])\])")
_PROMPT = re.compile(r"[\w@:~/.()\[\]-]{0,32}[>$#%] ")
_FATAL = re.compile(
    r"(?<![A-Za-z0-9])(?:abort\w*|fatal|panic\w*|assert\w*|fail\w*|error|invalid|illegal|corrupt\w*|overflow\w*|violat\w+"
    r"|(?:must|should|can|may|is) ?not|cannot|unexpected|unrecoverable|pure virtual|terminat\w+|called from"
    r"|out of memory|exception|unhandled|FAULT)",
    re.IGNORECASE,
)
_NO_REASON = re.compile(
    r"Backtrace:|ELF file SHA256|Rebooting|CPU halted|Guru Medit|Core +\d|Stack memory|SP: |ets J|entry 0x|load:0x"
    r"|configsip|Returned from|[-=*_ ]*$"
)


def reason_before(line: LineView, *, certain: bool) -> str | None:
    """The reason that stands before `line`; None when what stands there is some other text.

    Lines of other tasks in between are passed over. A line without a log header that speaks of a failure is the reason
    before any other; else an error that was logged last.

    Args:
        line: where abort() is reported, or where registers or a backtrace begin without a banner.
        certain: the line straight before is the reason whatever it says: nothing else is printed there.
    """
    logged = plain = None
    nearest = True
    for before in islice(line.recent.before(line.offset), LINES):
        text = clean(before.text)
        if not text:
            continue
        if is_decoded(text):
            continue
        if _NO_REASON.match(text) or _PROMPT.match(text) or is_boot_banner(text) or _is_row(text):
            break
        if head := _LOG_HEAD.match(text):
            tag, _, words = text[head.end() :].partition(": ")
            if (head[1] or head[2] or head[3]) == "E" and words and logged is None:
                logged = f"{tag}: {words}"
        elif _FATAL.search(text):
            return _whole(before.text, text)[:MAX_REASON]
        elif certain and nearest:
            plain = text
        nearest = False
    found = plain or logged
    return found[:MAX_REASON] if found else None


def _whole(raw: str, text: str) -> str:
    """The line with a word that ESP-IDF begins it with, and that is also one of a host program's."""
    return f"ERROR: {text}" if raw[: raw.rfind(text)].rstrip().endswith("ERROR:") else text


def _is_row(text: str) -> bool:
    row = registers(text)
    return (
        (row is not None and bool(row.values))
        or is_cut_register(text)
        or stack_row(text, prefix="0x") is not None
        or starts_with_pair(text)
    )
