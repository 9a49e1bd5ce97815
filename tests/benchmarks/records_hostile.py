"""The longest time that one line can cost: lines near the cap, made to send every pattern back and forth.

Run: python -m tests.benchmarks.records_hostile

Each line that starts a crash report, a boot or a payload is followed by 60 kB of one short text; each open report meets
such a line too. Printed are the slowest. At 115200 baud a line of that size takes five seconds to arrive.
"""

from __future__ import annotations

import time

from espmon.records import Demultiplexer
from tests.records.test_hostile_numbers import BANNER, DUMP, FORMS, RISCV, ROM, WATCHDOG

FILLS = (
    " ", "a", "0", "0x400d1234 ", "0x400d1234:0x3ffb0000 ", ": ", "I (1) ", '"', ")", "(", "[", "  : 0x", "f", "\t",
    "' ", "=", "<", "\\n", "\\x1b[0m", "\x1b[0m", "12:34:56 ", "> ", "PC: 0x1 ", "- ", "CPU 0: ", "a: ", "A0 : ",
    "panic", "Backtrace:", "ssert", "rst:0x1 ", "#", "$T", "PNG_BEGIN ", "@ESPFRAME ", "/", ".", ",", "{", "_",
    "\x01\x0c\x14",
)  # fmt: skip
OPEN = (
    "", BANNER, DUMP, RISCV, WATCHDOG, ROM, "Exception (28):\r\n", ">>>stack>>>\r\n", "ESP32 CORE DUMP START\r\n",
    "I (29) boot: ESP-IDF v5.1 2nd stage bootloader\r\n", "panicked at src/main.rs:1:1:\r\n",
    "<err> os:  ** FATAL EXCEPTION\r\n",
)  # fmt: skip
SIZE = 60_000


def main() -> None:
    """Measure and print."""
    begins = [(form.split("{}")[0].rpartition("\r\n")[2], "") for form in FORMS] + [("", before) for before in OPEN]
    slowest = []
    for begin, before in begins:
        for fill in FILLS:
            demux = Demultiplexer()
            demux.feed(before.encode())
            line = (begin + fill * (SIZE // len(fill)) + "\r\n").encode()
            started = time.process_time()
            for _ in demux.feed(line):
                pass
            for _ in demux.flush():
                pass
            slowest.append((time.process_time() - started, before[:30], begin[:30], fill))
    slowest.sort(reverse=True)
    for seconds, before, begin, fill in slowest[:5]:
        print(f"{seconds * 1000:7.1f} ms for a line of 60 kB: {begin!r} and then {fill!r}, after {before!r}")


if __name__ == "__main__":
    main()
