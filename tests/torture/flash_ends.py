"""Ends a flash at each call of its channel, by Ctrl-C and by a lost port, and compares what is said with the board.

    python -m tests.torture.flash_ends

The board is virtual and knows where it is; what the user reads must fit, name a way back, and claim no reset that
nobody saw.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from espmon.port import PortError, PortErrorKind
from espmon.session.flash_job import FlashCancelled, FlashError, FlashJob, run_flash
from espmon.session.flash_plan import FlashPlan, Region
from tests.rom.flash_board import FlashBoard
from tests.rom.flash_boards import application, run

PLAN = FlashPlan(
    (
        Region(0x10000, application(9_000), Path("app.bin"), "application"),
        Region(0x80000, b"more", Path("data.bin"), ""),
    ),
    None,
    "test",
)
JOBS = {
    "write": FlashJob("write", PLAN, use_stub=False),
    "verify": FlashJob("verify", PLAN, use_stub=False),
    "erase": FlashJob("erase", address=0x10000, size=0x2000, use_stub=False),
    "write, no reset": FlashJob("write", PLAN, use_stub=False, reset=False),
}
"""Name -> job."""


class Ended(FlashBoard):
    """Something happens at the n-th call of the channel, counted from 0."""

    def __init__(self, at: int, happens: Callable[[], None], **options: Any) -> None:
        super().__init__(**options)
        self.calls = 0
        self._moment = at
        self._happens = happens
        self.moved = False
        """Its lines were moved."""

    async def _called(self) -> None:
        self.calls += 1
        if self.calls - 1 == self._moment:
            self._happens()
        if self._lost:
            raise PortError(PortErrorKind.LOST, "/dev/ttyUSB0 was unplugged")
        await asyncio.sleep(0)  # a cancellation arrives here

    async def read(self, timeout: float | None = None) -> bytes:
        await self._called()
        return await super().read(timeout)

    async def write(self, data: bytes, timeout: float = 5.0) -> None:
        await self._called()
        await super().write(data, timeout)

    async def run_sequence(self, sequence: Any) -> None:
        await self._called()
        self.moved = True
        await super().run_sequence(sequence)

    async def set_baud(self, baud: int) -> None:
        await self._called()
        await super().set_baud(baud)


class Outcome:
    """What the user read, and what is so."""

    def __init__(self, board: Ended, said: str, after: str) -> None:
        self.board = board
        self.said = said
        self.after = after

    def fault(self) -> str:
        """What is wrong about it, "" when nothing is."""
        board, said = self.board, self.said
        if self.after == "application" and board.in_loader:
            return "the board is in its loader"
        if self.after == "download mode" and not board.in_loader:
            return "the board is not in its loader"
        if "was reset" in said and "being reset" not in said and (board.in_loader or "hard" not in board.played):
            return "nobody reset it"
        if board.in_loader and not any(word in said for word in ("download mode", "EN (RST)", "flash it again")):
            return "nothing says that it waits in its loader, or how to bring it back"
        if self.after in ("application", "download mode") and not board.moved:
            return "nobody has moved a line"
        return ""


def end_at(job: FlashJob, at: int, how: str) -> Outcome:
    """Run a job that ends at a call."""

    async def work() -> Outcome:
        def happens() -> None:
            if how == "cancel":
                task.cancel()
            else:
                board._lost = True

        board = Ended(at, happens)
        task = asyncio.ensure_future(run_flash(board, job, lambda step, done, total: None))
        try:
            end = await task
        except FlashCancelled as cancelled:
            return Outcome(board, cancelled.message, cancelled.after)
        except FlashError as error:
            return Outcome(board, str(error), error.after)
        except PortError as error:
            return Outcome(board, str(error), getattr(error, "after", ""))
        except asyncio.CancelledError:
            return Outcome(board, "", "")
        return Outcome(board, " ".join([*end.outcome.warnings, end.outcome.after]), end.outcome.after)

    return run(work())


def schedule(name: str, how: str, step: int = 1) -> tuple[int, list[str]]:
    """End a job at each `step`-th call; returns how many were tried, and what was wrong."""
    whole = end_at(JOBS[name], -1, how)
    faults = []
    calls = range(0, whole.board.calls, step)
    for at in calls:
        outcome = end_at(JOBS[name], at, how)
        if fault := outcome.fault():
            faults.append(f"{name}, {how} at call {at}: {fault}: {outcome.said!r} ({outcome.after})")
    return len(calls), faults


def main() -> int:
    """Run all; the exit code says whether everything held."""
    tried, wrong = 0, 0
    for name in JOBS:
        for how in ("cancel", "lost"):
            count, faults = schedule(name, how)
            tried, wrong = tried + count, wrong + len(faults)
            print(f"{name:<16} {how:<7} tried {count}, held {count - len(faults)}")
            for fault in faults:
                print(f"  {fault}")
    print(f"tried {tried}, held {tried - wrong}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
