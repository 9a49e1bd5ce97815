"""Several boards at once in one program: processor time, keys, what reaches the terminal, and that nothing is lost.

Four pseudo-terminals stand for the ports, each fed at a steady rate; another one is the terminal. One run looks at the
first board (the others are counted and recorded), one at the timeline of all. Keys are characters that no log has:
typed into the input line, and in the timeline into the search field, where each also begins a search over all of it.
A key counts as answered when its character is painted. At the end every recording is compared with what was sent.

With `--crashes` each board crashes and starts over so many times a second: what is folded in the timeline has lines of
all the others in it.

python -m tests.benchmarks.boards_together [--boards 4] [--rate 1000000] [--seconds 10] [--size 120x40] [--crashes 2]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.session_follow import feed
from tests.benchmarks.terminal_bytes import log
from tests.benchmarks.tui_terminal import Terminal
from tests.tui.crash_text import CRASH, RESET

UNUSUAL = "§¶†‡•‰‹›€™ŒœŠšŽžŸ¡¢£¥¦¨©ª«¬®¯±²³´¸¹º»¼½¾¿×÷ØøĐđĦħŁłŊŋŦŧ"
"""Characters that are typed; no log here has any of them."""

KEY_SECONDS = 0.15
"""Between two keys."""

LIMIT = 5.0
"""Seconds after which a key counts as not answered."""

MAX_KEY_SECONDS, MAX_BYTES_PER_BYTE = 0.1, 4.0
"""What is wanted: keys p95, and bytes to the terminal a byte of log."""


@dataclass(frozen=True)
class Together:
    """What one run showed."""

    share: float
    """Processor seconds over seconds while the streams ran."""

    painted: float
    """Bytes to the terminal a byte of log, of all boards."""

    keys: list[float]
    """Seconds from each key to its character."""

    work: list[float]
    """Processor seconds of the whole program in that time: what a key takes where nothing else runs is not more."""

    late: float
    """Seconds that the slowest stream took longer than its rate says."""

    lost: int
    """Bytes that the recordings lack (or that differ: then all of a board's)."""


def crashing(data: bytes, times: int) -> bytes:
    """A log whose board crashes and starts over so many times in it."""
    lines = data.splitlines(keepends=True)
    step = len(lines) // (times + 1)
    parts = [b"".join(lines[at : at + step]) for at in range(0, len(lines), max(1, step))]
    return (CRASH + RESET).join(parts)


def run(
    boards: int, rate: int, seconds: float, size: tuple[int, int], *, timeline: bool, crashes: float = 0.0
) -> Together:
    """One run of the program on so many boards."""
    data = [log(int(rate * seconds)) for _ in range(boards)]
    if crashes:
        data = [crashing(piece, int(crashes * seconds)) for piece in data]
    with ExitStack() as stack, tempfile.TemporaryDirectory() as home:
        feeds = [stack.enter_context(feed()) for _ in range(boards)]
        environment = {"XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home, "XDG_STATE_HOME": home}
        environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
        command = [sys.executable, "-m", "espmon", *(one.path for one in feeds)]
        terminal = stack.enter_context(Terminal(command, columns=size[0], rows=size[1], environment=environment))
        terminal.wait_for(b"rec")
        # A port that is opened while bytes wait in it drops them, and may leave whoever writes there waiting for ever.
        while len(list(Path(home).rglob("stream.bin"))) < boards:
            terminal.drain(0.1)
        terminal.drain(2.0)
        if timeline:
            terminal.press(b"\x1b")
            terminal.drain(0.5)
            terminal.press(b"0")
            terminal.drain(1.5)
            terminal.press(b"/")
            terminal.drain(0.5)
        before, start = terminal.cpu(), time.perf_counter()
        senders = [one.send(piece, rate) for one, piece in zip(feeds, data, strict=True)]
        painted, keys, work, typed = 0, list[float](), list[float](), iter(UNUSUAL)
        while any(sender.is_alive() for sender in senders):
            if terminal.process.poll() is not None:
                raise RuntimeError(f"the program has ended: {bytes(terminal.output[-4000:]).decode(errors='replace')}")
            key = next(typed, None)
            if key is None or time.perf_counter() - start > seconds:
                painted += terminal.drain(0.1)
                continue
            worked = terminal.worked()
            took, count = _answered(terminal, key.encode())
            keys.append(took)
            work.append(max(0.0, terminal.worked() - worked))
            painted += count + terminal.drain(max(0.01, KEY_SECONDS - took))
        share = (terminal.cpu() - before) / (time.perf_counter() - start)
        terminal.drain(1.5)
        terminal.press(b"\x1d")
        end = time.perf_counter() + 20
        while terminal.process.poll() is None and time.perf_counter() < end:
            terminal.read(0.05)
        recorded = [path.read_bytes() for path in Path(home).rglob("stream.bin")]
        lost = sum(min((len(piece) - len(one) for one in recorded if piece.startswith(one)), default=len(piece))
                   for piece in data)  # fmt: skip
        late = max(one.late for one in feeds)
    return Together(share, painted / sum(map(len, data)), keys, work, late, lost)


def _answered(terminal: Terminal, key: bytes) -> tuple[float, int]:
    """Press a key; seconds until its character was painted, and the bytes painted meanwhile."""
    pressed = time.perf_counter()
    terminal.press(key)
    seen, count = b"", 0
    while key not in seen and time.perf_counter() - pressed < LIMIT:
        new = terminal.read(0.05)
        count += len(new)
        seen = seen[-8:] + new
    return time.perf_counter() - pressed, count


def main() -> None:
    """Measure both ways of looking, and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boards", type=int, default=4)
    parser.add_argument("--rate", type=int, default=1_000_000, help="bytes a second, of each (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--crashes", type=float, default=0.0, help="a second, of each board (default: none)")
    parser.add_argument("--size", default="120x40", metavar="COLUMNSxROWS")
    options = parser.parse_args()
    columns, rows = (int(number) for number in options.size.split("x"))
    print(f"{options.boards} boards at {options.rate:,} bytes/s each, {options.seconds:g} s, {columns}x{rows}")
    for name, timeline in (("first board", False), ("timeline", True)):
        found = run(
            options.boards, options.rate, options.seconds, (columns, rows), timeline=timeline, crashes=options.crashes
        )
        p50, p95, work = (
            statistics.median(found.keys),
            statistics.quantiles(found.keys, n=20)[-1],
            statistics.quantiles(found.work, n=20)[-1],
        )
        print(
            f"{name:12} {found.share:.0%} of a core, {found.painted:.2f} bytes a byte, {len(found.keys)} keys: median "
            f"{p50 * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms ({work * 1000:.0f} of work), "
            f"{found.late:.1f} s late, {found.lost:,} bytes lost"
        )
    print(
        f"wanted: keys p95 {MAX_KEY_SECONDS * 1000:.0f} ms, at most {MAX_BYTES_PER_BYTE:g} bytes a byte, nothing lost"
    )


if __name__ == "__main__":
    main()
