"""The lines that open a crash report, as a table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from espmon.records.line_shapes import LineNeedle


@dataclass(frozen=True, slots=True)
class Starter:
    """One way a crash report begins.

    Attributes:
        name: what the line is, for the assembly.
        needle: bytes that every such line contains; empty when it only ever follows another starter.
        pattern: decides; its named groups are read by the assembly.
        kind: the panic kind that it proves, "" when it proves none.
        group: "message" (text before the banner), "banner", "dump" (registers follow), "trace".
    """

    name: str
    needle: bytes
    pattern: str
    kind: str
    group: str


LINE_SHAPES = {"chain": b"xxxx"}
"""Starter -> what is left in the shape of its lines, where the needle alone leaves less: four numbers, at least."""


def _s(name: str, needle: str, pattern: str, kind: str, group: str = "message") -> Starter:
    shape = LINE_SHAPES.get(name)
    sought = needle.encode() if shape is None else LineNeedle(needle.encode(), shape)
    return Starter(name, sought, pattern, kind, group)


_PAIR = r"0x[48c][0-9a-fA-F]{7}:0x3[0-9a-fA-F]{7}"
"""An address in code and one on a stack."""

STARTERS = (
    _s("lp_banner", "panic", r"Guru Meditation.?Error:? *LP Core panic'ed (?P<cause>.*\S)", "", "banner"),
    _s("banner", "panic",
       r"(?:Guru Meditation.?Error:? *)?(?:Core\s+(?P<core>\S+)\s+)?panic'ed \((?P<cause>[^()]*?)"
       r"(?P<close>\)|(?=Guru Meditation|\(|$))", "", "banner"),
    _s("banner", "Guru Meditation",
       r"Guru Meditation Error of type (?P<cause>\w*) occurred on core\s+(?P<core>\d)(?P<close>\.?)", "", "banner"),
    _s("banner", "Guru Meditation", r"Guru Meditation.?Error(?=:|\W*Core|\W*$)(?P<close>)(?P<core>)(?P<cause>)", "",
       "banner"),
    _s("dump", "egister dump:", r"(?:[Cc]ore\s+(?P<core>\d+)\s+)?[Rr]?egister dump:", "", "dump"),
    _s("abort", "abort() was called",
       r"abort\(\) was called at PC (?:0x)?(?P<pc>[0-9a-fA-F]+)(?: on core (?P<core>\d))?", "abort"),
    _s("assert", "ssert failed", r"(?P<message>assert failed: .+)", "assert"),
    _s("assert", "ssert failed", r"(?P<message>Assert failed in [^\s,]+, \S+:\d+ \(.*)", "assert"),
    _s("assert", 'ssertion "', r'(?P<message>assertion "(?:(?!assertion ").)*" failed.*)', "assert"),
    _s("assert", "ssert failed", r"(?P<message>(?<!\S)\S+:\d+ \([^()]+\)- assert failed!.*)", "assert"),
    _s("zephyr_assert", "ASSERTION FAIL [",
       r"(?P<message>ASSERTION FAIL \[(?:(?!ASSERTION FAIL \[).)*\] @ .+)", "assert"),
    _s("error_check", "ESP_ERROR_CHECK failed", r"(?P<message>ESP_ERROR_CHECK failed: .*)", "abort"),
    _s("overflow", "***ERROR*** A stack overflow",
       r"(?P<message>\*\*\*ERROR\*\*\* A stack overflow in task (?P<task>.*?)(?: has been detected.*)?)$",
       "stack_overflow"),
    _s("smash", "Stack smashing protect f", r"(?P<message>Stack smashing protect f.*)", "stack_smash"),
    _s("kasan", "KASAN error: ", r"(?P<message>KASAN error: .*)", "abort"),
    _s("heap", "CORRUPT HEAP: ", r"(?P<message>CORRUPT HEAP: .*)", "heap"),
    _s("ubsan", "Undefined behavior of type", r"(?P<message>Undefined behavior of type (?P<cause>\S+).*)", "other"),
    _s("task_wdt", "Task watchdog got triggered",
       r"(?P<message>Task watchdog got triggered.*?(?:in time:|$))", "task_wdt"),
    _s("wdt_row", "task_wdt: ", r"task_wdt: +(?:Tasks currently running:|Print CPU \d|CPU \d: \S|- \S)", "task_wdt"),
    _s("brownout", "Brownout detector was triggered", r"(?P<message>Brownout detector was triggered)", "brownout"),
    _s("terminate", "terminate called", r"(?P<message>terminate called (?:after|without|recurs).*)", "abort"),
    _s("exception8266", "xception ", r"^(?:Fatal )?[Ee]xception \((?P<number>\d{1,2})\):", "exception"),
    _s("exception8266", "xception ", r"Fatal exception (?P<number>\d{1,2})\(\w+\):", "exception"),
    _s("abort8266", "ort called", r"^Abort called$", "abort"),
    _s("user8266", "xception ", r"User exception \((?P<cause>panic/abort/assert)\)", "abort"),
    _s("soft_wdt", "Soft WDT reset", r"^(?P<cause>Soft WDT reset)$", "task_wdt"),
    _s("panic8266", "", r"^(?P<message>Panic \S+:\d+ ?\S*)", "abort"),
    _s("stack8266", ">>>stack>>>", r">>>stack>>>", "", "dump"),
    _s("rust_exception", "xception ",
       r"Exception occurr?ed(?: on (?P<cpu>\w+))?:? '(?P<cause>[A-Z]\w*)'?", "exception", "banner"),
    _s("rust_exception", "xception ",
       r"(?:\[(?P<cpu>\w+)\] )?Exception '(?P<cause>[^']+)',? mepc=", "exception", "banner"),
    _s("rust", "panic", r"(?P<message>panicked at .*)", "rust"),
    _s("rust", "panic", r"(?P<message>A panic occured in .*)", "rust"),
    _s("zephyr", "FATAL E", r"\*\* FATAL EXCEPTION", "exception", "banner"),
    _s("zephyr_riscv", "mcause: ", r"^(?:[E<].*?: *)?mcause: *(?P<number>\d+), *(?P<cause>.+)$", "exception", "banner"),
    _s("zephyr_error", "FATAL E",
       r"(?P<message>ZEPHYR FATAL ERROR (?P<number>\d+): (?P<cause>.*?))(?: on CPU (?P<core>\d+))?$", "exception"),
    _s("nuttx_exception", "panic",
       r"(?:\[CPU(?P<core>\d)\] )?\b\w++: User Exception: EXCCAUSE=(?P<number>[0-9a-fA-F]{4})(?: +task: (?P<task>.+))?",
       "exception"),
    _s("nuttx_exception", "_exception: E",
       r"(?:\[CPU(?P<core>\d)\] )?\briscv_\w++: EXCEPTION: (?P<cause>[^.]{1,80})\. MCAUSE: ", "exception"),
    _s("nuttx", "ssertion failed",
       r"(?P<message>Assertion failed (?:(?!Assertion failed ).)*?at file: ?\S+.*)", "assert"),
    _s("trace", "Backtrace:", r"Backtrace:", "", "trace"),
    _s("chain", ":0x3", rf"^(?P<chain>{_PAIR}(?: +{_PAIR})+(?: *\|?<-\w+)?)$", "", "trace"),
)  # fmt: skip
"""In the order tried: the first that matches decides."""

NEEDLES = tuple(dict.fromkeys(starter.needle for starter in STARTERS if starter.needle))
"""Kept few, long and rare on purpose: every byte that a board sends is searched for each of them. One whose rarest
byte is no other's costs as much as several others (`espmon.records.anchors`)."""

_ANY = re.compile("|".join(re.escape(needle.decode()) for needle in (*NEEDLES, b"Panic ")))
_QUOTED = re.compile(r"Panic reason:|panic details|ESP_ERROR_CHECK_WITHOUT_ABORT|\(details=")

_QUOTING = re.compile(r"[EWIDV] \([^)]+\) .*[:=] ?[\"']?")
_NEVER_LOGGED = frozenset({"banner", "abort", "assert", "error_check", "overflow", "smash"})
"""What the system prints raw. Behind a log header and a colon it is a program that talks about an earlier crash."""


@cache
def _compiled_starters() -> tuple[tuple[Starter, re.Pattern[str]], ...]:
    """Compiled when the first line may open a report: not at each start of a program."""
    return tuple((starter, re.compile(starter.pattern)) for starter in STARTERS)


def find_starter(text: str) -> tuple[Starter, re.Match[str], bool] | None:
    """The starter in this line, if any, and whether the line only seems to talk about an earlier crash.

    Another task's header may stand before a report of this moment, too: what follows tells the two apart.
    """
    if _ANY.search(text) is None or _QUOTED.search(text):
        return None
    for starter, pattern in _compiled_starters():
        if match := pattern.search(text):
            quoted = starter.name in _NEVER_LOGGED and _QUOTING.fullmatch(text, 0, match.start()) is not None
            return starter, match, quoted
    return None
