"""Commands that touch a board end in order, whoever ends them: Ctrl-C, TERM and HUP cancel what runs."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from espmon.cli.command_runner import say

Result = TypeVar("Result")

SIGNALS = ("SIGTERM", "SIGHUP")
"""Signals that cancel, beside SIGINT; a name that a platform does not have is passed over."""


@contextmanager
def say_cancelled() -> Iterator[None]:
    """What is cancelled in this block has not touched the board; say so."""
    try:
        yield
    except asyncio.CancelledError:
        say("espmon: Cancelled. The board was not touched.")
        raise


def run_interruptible(work: Coroutine[Any, Any, Result]) -> Result:
    """Run `work`; a signal cancels it, and the program leaves with the shell's exit code for it when it has ended.

    Raises:
        KeyboardInterrupt: Ctrl-C.
        SystemExit: another signal.
    """
    received: list[int] = []

    async def main() -> Result:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()

        def cancel(number: int) -> None:
            received.append(number)
            task.cancel()

        for name in SIGNALS:
            if hasattr(signal, name):
                number = getattr(signal, name)
                try:
                    loop.add_signal_handler(number, cancel, number)
                except NotImplementedError:  # loops that know no signals; the system ends the program then
                    break
        return await work

    try:
        return asyncio.run(main())
    except asyncio.CancelledError:
        if received:
            raise SystemExit(128 + received[0]) from None
        raise KeyboardInterrupt from None
