"""A million lines filtered and searched: seconds until all is known, processor time, and how long the loop was held up.

The lines are in memory as a session has them, in reads of a few lines each. A loop like the screen's asks for its turn
every 2 ms meanwhile; how much later than that it got it is its lag. Beside it stands what the program itself worked in
that time, which is what is left of the lag where nothing else runs. The limits: 150 ms, and 10 ms at p99.9.

python -m tests.benchmarks.log_search [--lines 1000000] [--read 4096] [--runs 3]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Mapping

from espmon.records.demux import Demultiplexer
from espmon.records.lines import LineBlock
from espmon.session.store import LogStore
from espmon.tui.host import SWITCH_SECONDS
from espmon.tui.log.history_scan import Scan, Scanner
from espmon.tui.log.level_index import LevelIndex
from espmon.tui.log.query import LEVELS, LineFilter, TextQuery
from espmon.tui.log.selector import Selector
from tests.benchmarks.tui_log_pane import lines

TICK = 0.002
EVERYTHING = LineFilter()


def selectors() -> Mapping[str, Selector]:
    """What is asked."""
    some = frozenset(LEVELS) - {"D", "V"}
    return {
        "levels E W I": Selector(LineFilter(some)),
        "tags wifi:I": Selector(LineFilter(printed="wifi:I")),
        "text, none has it": Selector(LineFilter(include=TextQuery("zebra"))),
        "text, 1 % have it": Selector(EVERYTHING, TextQuery("rssi -77")),
        "text, all have it": Selector(EVERYTHING, TextQuery("received")),
        "text not to have": Selector(LineFilter(exclude=TextQuery("rssi -77"))),
        "/rssi -[78]9$/": Selector(EVERYTHING, TextQuery("rssi -[78]9$", regex=True)),
        r"/packet\s+\d*777 /": Selector(EVERYTHING, TextQuery(r"packet\s+\d*777 ", regex=True)),
        r"/^E \(\d+0\)/": Selector(LineFilter(include=TextQuery(r"^E \(\d+0\)", regex=True, case=True))),
        "text in smart case": Selector(EVERYTHING, TextQuery("RSSI -77", case=True)),
        "text that may be colour": Selector(EVERYTHING, TextQuery("m the")),
        "a number, 9 % have it": Selector(EVERYTHING, TextQuery("77")),
        "tags and text": Selector(LineFilter(some, "wifi:I", TextQuery("rssi -7"), TextQuery("777"))),
        "1 % and 3 lines around": Selector(LineFilter(include=TextQuery("rssi -77"), context=3)),
        "levels and 3 lines around": Selector(LineFilter(some, context=3)),
        "/panic|abort|brownout/": Selector(EVERYTHING, TextQuery("panic|abort|brownout", regex=True)),
        r"/(rssi|noise) -7[0-5]\b/": Selector(EVERYTHING, TextQuery(r"(rssi|noise) -7[0-5]\b", regex=True)),
        r"/rssi -\d+$/, all have it": Selector(EVERYTHING, TextQuery(r"rssi -\d+$", regex=True)),
        "/wifi:.*-77/": Selector(EVERYTHING, TextQuery("wifi:.*-77", regex=True)),
        r"/\berror\b/": Selector(EVERYTHING, TextQuery(r"\berror\b", regex=True)),
        r"/\w+: packet/, all have it": Selector(EVERYTHING, TextQuery(r"\w+: packet", regex=True)),
        r"/(?:[0-9] )+received/": Selector(EVERYTHING, TextQuery("(?:[0-9] )+received", regex=True)),
        r"/[0-9]{3}7 received.*-8\d/": Selector(EVERYTHING, TextQuery(r"[0-9]{3}7 received.*-8\d", regex=True)),
    }


def filled(count: int, read: int) -> LogStore:
    """The log, and what the screen reads of it beside its frames."""
    store, demux = LogStore(), Demultiplexer()
    data = lines(min(count, 12_000))
    while len(store) < count:
        for at in range(0, len(data), read):
            for part in demux.feed(data[at : at + read], time.monotonic()).parts:
                if isinstance(part, LineBlock):
                    store.append(part)
    index = LevelIndex(store)
    while index.behind:
        index.read()
    return store


async def measure(store: LogStore, selector: Selector) -> tuple[float, float, list[tuple[float, float]], int]:
    """(Wall seconds, processor seconds, lags of the loop with the work done meanwhile, rows found)."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def deliver(generation: int, scan: Scan, finished: bool) -> None:
        if finished:
            loop.call_soon_threadsafe(done.set)

    scan, lags = Scan(store, selector), list[tuple[float, float]]()
    begun, cpu = time.perf_counter(), time.process_time()
    Scanner(deliver, "bench").start(scan)
    while not done.is_set():
        asked, worked = time.perf_counter(), time.process_time()
        await asyncio.sleep(TICK)
        lag = time.perf_counter() - asked - TICK
        lags.append((lag, min(lag, time.process_time() - worked)))
    return time.perf_counter() - begun, time.process_time() - cpu, lags, len(scan.ids)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--read", type=int, default=4096, help="bytes of a read")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    sys.setswitchinterval(SWITCH_SECONDS)
    store = filled(options.lines, options.read)
    print(f"{len(store):,} lines, {store.bytes:,} bytes, {len(store.segments()):,} pages")
    print(f"{'':30}{'wall ms':>8}{'CPU ms':>8}{'lag p50':>9}{'p99.9':>7}{'of work':>9}{'rows':>11}")
    for name, selector in selectors().items():
        runs = [asyncio.run(measure(store, selector)) for _ in range(options.runs)]
        wall, cpu = statistics.median(run[0] for run in runs), statistics.median(run[1] for run in runs)
        lags = sorted(lag for run in runs for lag, _ in run[2])
        worked = sorted(work for run in runs for _, work in run[2])
        rare = min(len(lags) - 1, int(len(lags) * 0.999))
        print(f"{name:30}{wall * 1e3:8.0f}{cpu * 1e3:8.0f}", end="")
        print(f"{lags[len(lags) // 2] * 1e3:9.1f}{lags[rare] * 1e3:7.1f}{worked[rare] * 1e3:9.1f}{runs[0][3]:11,}")


if __name__ == "__main__":
    main()
