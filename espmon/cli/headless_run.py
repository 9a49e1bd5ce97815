"""A run of one or more boards without a screen: sessions on a thread of their own, stdout, and the end."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from espmon.cli.board_input import InputLines, forward_input, reads_input
from espmon.cli.command_runner import CommandError, Exit, clean, failure_json, say, silence_output
from espmon.cli.elf_help import ElfHelp
from espmon.cli.outlet import EncodedStream, Outlet, PrefixedStream, StandardOutput
from espmon.cli.port_options import choice_for, print_filter_of, request_for
from espmon.cli.record_output import JsonOutput, LogOutput, Output, SwitchedOutput
from espmon.cli.run_board import LOOK_ON_SECONDS, RunBoard, look_on_at, request_to_look_on
from espmon.cli.run_end import End, RunEnd
from espmon.cli.run_files import RunFiles
from espmon.records.lines import LineBlock
from espmon.records.print_filter import PrintFilter
from espmon.session import LoopThread, Session, State
from espmon.session.expectations import EndCause, Expectations, Goals, Outcome, Verdict
from espmon.session.settings import LINE_ENDS
from espmon.session.settings_sources import effective_settings
from espmon.session.share_state import Grants

if TYPE_CHECKING:
    from espmon.cli.script_run import ScriptRun
    from espmon.session.viewing.looking_on import LookingOn

STORE_BYTES = 4 << 20
"""Log kept in memory: nobody scrolls back, and the recording has everything."""

LOOK_SECONDS = 0.05
"""Pause between two looks at what ends a run by time."""

CLOSE_SECONDS = 10.0
"""For closing the ports and writing what waits; then what can be saved is saved."""

OUTPUT_SECONDS = 2.0
"""For a reader of the output to take what waits, at the end."""

SEND_SECONDS = 30.0
"""For the board to take a piece of the input."""

OUTCOME_CODES = {Outcome.PASSED: Exit.DONE, Outcome.FAILED: Exit.FAILED, Outcome.LIMIT: Exit.LIMIT}

GONE = frozenset({State.CLOSED, State.LOST, State.REOPENING})
"""States without an open port."""

SIGNALS = {"SIGINT": "Interrupted", "SIGTERM": "Ended by SIGTERM", "SIGHUP": "The terminal is gone"}
"""Signals that end a run; a name that a platform does not have is passed over."""


class HeadlessRun:
    """Everything between the command line and the exit code.

    Args:
        options: see `espmon.cli.run.parser`.
        goals: what the run waits for.
        shown: the lines to print.
        script: what to do meanwhile, with one port.
    """

    def __init__(
        self, options: argparse.Namespace, goals: Goals, shown: PrintFilter, script: ScriptRun | None = None
    ) -> None:
        self._options = options
        self._shown = shown
        self._expectations = Expectations(goals, self._reply)
        self._goals = goals
        self._script = script
        judge = self._expectations if script is None else script.beside(self._expectations)
        self.outlet = Outlet(judge, self._decided, self._not_printed)
        self._ended = RunEnd()
        self._boards: dict[str, RunBoard] = {}
        self._looked_at: dict[str, LookingOn] = {}
        self._begun = self._active = float("inf")  # until the ports are open
        self._received = 0
        found = effective_settings()
        settings = found.settings
        for problem in found.problems:
            say(f"espmon: {problem}")
        self.reconnects = settings.reconnect and not options.no_reconnect
        otlp = settings.otlp or options.otlp
        self._settings = replace(settings, store_bytes=STORE_BYTES, reconnect=self.reconnects, otlp=otlp)
        self._eol = LINE_ENDS[settings.eol]
        self._prefixed: list[PrefixedStream] = []
        self._log: LogOutput | None = None
        self._printed: list[SwitchedOutput] = []
        self._live: dict[str, Callable[[LineBlock], object]] = {}
        self._files = RunFiles(options)
        self._loop: LoopThread | None = None

    # -- the end ------------------------------------------------------------------------------------------------

    def end(self, end: End) -> None:
        """The run is over; the first reason counts. From any thread, and from a signal handler."""
        self._ended.come(end)

    def wrong_elf(self, sentence: str) -> None:
        """The ELF does not fit the board."""
        verdict = self._expectations.wrong_elf(sentence)
        if verdict is not None:
            self._decided(verdict)

    def _decided(self, verdict: Verdict) -> None:
        self.end(End(OUTCOME_CODES[verdict.outcome], verdict.sentence))

    def _not_printed(self, error: Exception) -> None:
        if isinstance(error, BrokenPipeError):
            self.end(End(Exit.DONE, ""))
        elif isinstance(error, OSError):
            self.end(End(Exit.FAILED, f"The output cannot be written: {error.strerror or error}"))
        elif isinstance(error, CommandError):
            self.end(End(error.code, error.message))
        else:
            self.end(End(Exit.FAILED, f"internal error: {type(error).__name__}: {error}"))

    def look_at_bytes(self) -> None:
        """Count what came. On the sessions' thread."""
        received = sum(board.received for board in self._boards.values())
        if received == self._received:
            return
        self._received, self._active = received, time.monotonic()
        limit = self._options.max_bytes
        if limit is not None and received >= limit:
            self._reached(EndCause.BYTES, f"{received:,} bytes came, the limit is {limit:,}")

    def _reached(self, cause: EndCause, sentence: str) -> None:
        """End by a limit, on any thread: what came before it is judged first."""
        self.outlet.put("", lambda: self._judge(cause, sentence))

    def _judge(self, cause: EndCause, sentence: str) -> None:
        verdict = self._expectations.end(cause, sentence)
        gone = [board.session.status for board in self._boards.values() if board.session.state in GONE]
        if gone and verdict.outcome is not Outcome.PASSED:
            self.end(End(Exit.PORT, f"{verdict.sentence}; the port {gone[0].name} is lost: {gone[0].reason}"))
        else:
            self._decided(verdict)

    # -- the run ------------------------------------------------------------------------------------------------

    def run(self) -> int:
        """Monitor until something ends it; returns the exit code."""
        stdout = self._stdout = StandardOutput(sys.stdout.fileno())
        with self._signals(), LoopThread("espmon-run") as loop:
            self._loop = loop
            outputs = self._make_boards(loop, stdout)
            self.outlet.start(outputs, stdout.drain, self._live)
            opening = loop.submit(self._open())
            try:
                self._wait()
            finally:
                opening.cancel()
                self._close(loop)
        return self._leave()

    def _make_boards(self, loop: LoopThread, stdout: StandardOutput) -> dict[str, Output]:
        outputs: dict[str, Output] = {}
        names = board_names(self._options.port)
        for port, name in zip(self._options.port, names, strict=True):
            elf = ElfHelp([*choice_for(self._options, port, self._settings.elf).elf], self._options.rom_elf)
            session = self._make_session(loop, port)
            self._boards[name] = RunBoard(self, name, session, elf, len(names))
            board = name if len(names) > 1 else None
            output = self._output(stdout, elf, board)
            if isinstance(output, LogOutput) and board is None:
                self._log = output
                if sys.stdout.isatty() or self._options.interactive:
                    self._live[name] = output.show_unfinished
            if self._script is not None:
                output = SwitchedOutput(output)
                self._printed.append(output)
            outputs[name] = self._files.beside(output, elf, name, named=board is not None)
        return outputs

    def _make_session(self, loop: LoopThread, port: str) -> Session:
        """The session of a port; of one that another espmon holds, one that looks on at it."""
        if self._options.look_on:
            looking = self._looked_at[port] = loop.submit(look_on_at(port, self._settings)).result(LOOK_ON_SECONDS)
            return looking.session
        shared = Grants.NEVER if self._settings.share else None
        return loop.make(lambda: Session(settings=self._settings, scrolled=False, shared=shared))

    def _output(self, stdout: StandardOutput, elf: ElfHelp, name: str | None) -> Output:
        options = self._options
        if options.json:
            return JsonOutput(EncodedStream(stdout), self._shown, elf, fold=False, board=name)
        terminal = sys.stdout.isatty()
        stream = stdout if name is None else PrefixedStream(stdout, clean(name))
        if isinstance(stream, PrefixedStream):
            self._prefixed.append(stream)
        return LogOutput(
            stream, self._shown, elf, colour=options.color == "always" or (options.color == "auto" and terminal),
            terminal=terminal, fold=False, remarks=not print_filter_of(options), strip=options.color == "never",
        )  # fmt: skip

    async def _open(self) -> None:
        """Open every port, reset and send as asked. On the sessions' thread."""
        options = self._options
        for port, board in zip(options.port, self._boards.values(), strict=True):
            session = board.session
            request = replace(request_for(options, port, self._settings.elf), acquire=port in options.places)
            if port in self._looked_at:
                request = request_to_look_on(self._looked_at[port], request)
            await session.open(request)
            if session.state is State.CLOSED:
                status = session.status
                self.end(End(Exit.PORT, status.reason, status.hint))
                return
            if options.share is not None and (problem := await options.share(session)):
                self.end(End(Exit.FAILED, problem))
        self._begun = self._active = time.monotonic()
        for board in self._boards.values():
            if options.reset:
                if not board.session.status.has_modem_lines:
                    self.end(End(Exit.PORT, f"{board.name} has no DTR/RTS to reset the board with"))
                    return
                await board.session.reset()
        for text in options.send:
            await self._send(text.encode() + self._eol)
        if self._script is not None:
            self._start_script(self._script)
        if reads_input(options):
            lines = InputLines(None if options.raw_stdin else self._eol)
            forward_input(sys.stdin.fileno(), lines, self._forward)

    def _start_script(self, script: ScriptRun) -> None:
        from espmon.cli.script_run import ScriptHost

        assert self._loop is not None
        (board,) = self._boards.values()
        script.start(
            ScriptHost(
                session=board.session,
                loop=self._loop,
                ended=self._ended.over,
                eol=self._eol,
                folder=self._options.save or Path(),
                switch=lambda what: self.outlet.put("", lambda: self._switch(what)),
                finish=self._script_over,
                failed=lambda code, sentence: self.end(End(code, sentence)),
            )
        )

    def _switch(self, what: str) -> None:
        """On the outlet's thread: "output" or "timestamps", in turn."""
        if what == "output":
            for output in self._printed:
                output.on = not output.on
        elif self._log is not None:
            self._log.time_format = "" if self._log.time_format else self._settings.timestamp_format

    def _script_over(self, sentence: str, said: bool) -> None:
        """A script that ends without `exit` ends a run that waits for nothing else."""
        if said or not (self._expectations.open or self._goals.boots):
            self._reached(EndCause.SCRIPT, sentence)

    async def _send(self, data: bytes) -> None:
        for board in self._boards.values():
            await board.session.send(data)

    def _forward(self, data: bytes) -> None:
        """On the thread that reads standard input: as fast as the boards take it."""
        assert self._loop is not None
        with suppress(TimeoutError, CancelledError):  # a board that takes nothing; the run ends
            self._loop.submit(self._send(data)).result(SEND_SECONDS)

    def _reply(self, board: str, text: str) -> None:
        """On the outlet's thread."""
        assert self._loop is not None
        self._loop.submit(self._boards[board].session.send(text.encode() + self._eol))

    def _wait(self) -> None:
        """Until something ends the run; time is looked at here."""
        whole, idle = self._options.timeout, self._options.idle_timeout
        while not self._ended.wait(LOOK_SECONDS):
            now = time.monotonic()
            if whole is not None and now - self._begun >= whole:
                self._out_of_time(EndCause.TIMEOUT, f"{whole:g} s are over")
            elif idle is not None and now - self._active >= idle:
                self._out_of_time(EndCause.IDLE, f"Nothing came for {idle:g} s")

    def _out_of_time(self, cause: EndCause, sentence: str) -> None:
        """What came before is judged first; an outlet that is stuck is not waited for."""
        self._reached(cause, sentence)
        if not self._ended.wait(OUTPUT_SECONDS):
            self._judge(cause, sentence)

    def _close(self, loop: LoopThread) -> None:
        async def close() -> None:
            await asyncio.gather(*(board.session.close() for board in self._boards.values()))

        closing = loop.submit(close())
        try:
            closing.result(CLOSE_SECONDS)
        except TimeoutError:
            for board in self._boards.values():
                board.session.salvage()

    def _leave(self) -> int:
        """Print what waits, and why the run ended."""
        for stream in self._prefixed:
            self.outlet.put("", stream.finish)
        end = self._ended.reason
        if self._options.json and end.code:
            row = json.dumps(failure_json(end.code, end.sentence, end.hint)) + "\n"
            self.outlet.put("", lambda: self._stdout.write(row.encode("ascii")))
        printed = self.outlet.finish(OUTPUT_SECONDS)
        end = self._write_reports(end)
        if end.sentence:
            say(f"espmon: {end.told}" if end.code else end.told)
        if not printed:
            sys.stderr.flush()
            os._exit(end.code)  # the reader of the output takes nothing, and never will
        if not end.sentence and end.code == Exit.DONE:
            silence_output()
        return int(end.code)

    def _write_reports(self, end: End) -> End:
        """What a CI page shows; a file that cannot be written fails the run."""
        seconds = max(0.0, time.monotonic() - self._begun)
        try:
            self._files.write(end.code, end.told, seconds, self._received)
        except CommandError as error:
            return End(end.code or Exit.FAILED, f"{end.told}; {error.message}")
        return end

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """A signal ends the run in order, a second one at once."""
        seen: list[int] = []

        def received(number: int, frame: FrameType | None) -> None:
            if number == signal.SIGINT and getattr(self._options.share, "has_terminal", False):
                return  # Ctrl-C is meant for gdb, which has the terminal
            seen.append(number)
            if len(seen) > 1:
                os._exit(128 + number)
            self.end(End(128 + number, f"{SIGNALS[signal.Signals(number).name]}."))

        before: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}
        for name in SIGNALS:
            if hasattr(signal, name):
                number = getattr(signal, name)
                before[number] = signal.signal(number, received)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def board_names(ports: list[str]) -> list[str]:
    """A short name for each port: its last part, or where that is not the only one of its kind, all of it."""
    short = [port.rstrip("/").rsplit("/", 1)[-1] for port in ports]
    return short if len(set(short)) == len(short) else ports
