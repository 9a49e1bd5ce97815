"""Why a program gave up, in its own words: the line that it printed just before abort() or its registers."""

from __future__ import annotations

import re
from itertools import islice

from espmon.records.event import LineView
from espmon.records.events.line_cleaning import clean, is_boot_banner, is_decoded
from espmon.records.events.panic_rows import is_cut_register, registers, stack_row, starts_with_pair

LINES = 5
"""Lines before a crash, blank ones included, in which the reason is looked for."""

MAX_REASON = 240
"""Characters of it kept."""

_LOG_HEAD = re.compile(r"(?:([EWIDV]) (?:\([\d:. -]+\) )?|\[ *\d*\]\[([EWIDVC])\]|\[([EWIDVC])\])")
_PROMPT = re.compile(r"[\w@:~/.()\[\]-]{0,32}[>$#%] ")
_FATAL = re.compile(
    r"(?<![A-Za-z0-9])(?:abort\w*|fatal|panic\w*|assert\w*|fail\w*|error|invalid|illegal|corrupt\w*|overflow\w*|violat\w+"
    r"|(?:must|should|can|may) ?not|cannot|unexpected|unrecoverable|pure virtual|terminat\w+|called from|out of memory"
    r"|exception|unhandled|FAULT)",
    re.IGNORECASE,
)
_NO_REASON = re.compile(
    r"Backtrace:|ELF file SHA256|Rebooting|CPU halted|Guru Medit|Core +\d|Stack memory|SP: |ets J|entry 0x|load:0x"
    r"|configsip|Returned from|[-=*_ ]*$"
)


def reason_before(line: LineView, *, certain: bool) -> str | None:
    """The reason that stands before `line`; None when what stands there is some other text.

    Args:
        line: where abort() is reported, or where registers or a backtrace begin without a banner.
        certain: a line without a log header is the reason whatever it says: nothing else is printed there.
    """
    for before in islice(line.recent.before(line.offset), LINES):
        text = clean(before.text)
        if not text:
            continue
        if _NO_REASON.match(text) or _PROMPT.match(text) or is_boot_banner(text) or is_decoded(text) or _is_row(text):
            return None
        if head := _LOG_HEAD.match(text):
            level = head[1] or head[2] or head[3]
            said = text[head.end() :].partition(": ")
            return f"{said[0]}: {said[2]}"[:MAX_REASON] if level == "E" and said[2] else None
        if certain or _FATAL.search(text):
            # Some of these words are also what a host program puts before a line.
            return before.text.strip()[:MAX_REASON] if before.text.lstrip().startswith("ERROR:") else text[:MAX_REASON]
        return None
    return None


def _is_row(text: str) -> bool:
    row = registers(text)
    return (
        (row is not None and bool(row.values))
        or is_cut_register(text)
        or stack_row(text, prefix="0x") is not None
        or starts_with_pair(text)
    )
