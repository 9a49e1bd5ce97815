"""`espmon run --script FILE`: the steps of a script one after the other, on a thread of their own, beside the log."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import CancelledError, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from espmon.cli.command_runner import CommandError, Exit, fail, say
from espmon.cli.consent import require_consent
from espmon.cli.output_files import write_output
from espmon.port.port_error import PortError, PortErrorKind
from espmon.records.batch import Part
from espmon.records.lines import LineBlock
from espmon.session import LoopThread, Session, State
from espmon.session.action import ActionError
from espmon.session.expectations import Expectations, Verdict
from espmon.session.look_back import LookBack
from espmon.session.script import MAX_SCRIPT_BYTES, Consent, ScriptError, Step, parse_script
from espmon.session.session_events import FlashEvent, ProbeEvent

if TYPE_CHECKING:
    from espmon.session.flash_job import FlashJob
    from espmon.session.session_events import Failure

Result = TypeVar("Result")
EventType = TypeVar("EventType", ProbeEvent, FlashEvent)

LOOK_SECONDS = 0.1
"""Pause between two looks at whether the run has ended, while something else is waited for."""

READY_SECONDS = 30.0
"""For a port that is lost to come back before a step that needs it."""

PICTURE_SECONDS = 10.0
"""For a picture to begin."""

STDIN = "-"


def read_script(name: str) -> list[Step]:
    """The steps of a script file, of standard input for `-`; ends the command when it cannot be used."""
    from espmon.regular_file import read_regular

    try:
        if name == STDIN:
            return parse_script(sys.stdin.buffer.read(MAX_SCRIPT_BYTES + 1), "<stdin>")
        return parse_script(read_regular(name, MAX_SCRIPT_BYTES), name)
    except OSError as error:
        fail(Exit.USAGE, f"{name}: {error.strerror or error}")
    except ScriptError as error:
        for problem in error.problems[:-1]:
            say(problem)
        fail(Exit.USAGE, error.problems[-1])


def ask_for_script(steps: Sequence[Step], ports: str) -> None:
    """Ask before the first step when any of them needs it; ends the command when it is not agreed to."""
    wanted = [step for step in steps if step.consent is not Consent.NOTHING]
    if wanted:
        what = " and ".join(dict.fromkeys(step.consent.value for step in wanted))
        commands = ", ".join(dict.fromkeys(step.command for step in wanted))
        require_consent(f"The script ({commands}) {what}: {ports}.", doing=f"the script {what} ({commands})")


class ScriptedExpectations:
    """Expectations of the command line, and what the script waits for: both read everything."""

    reads_unfinished = True

    def __init__(self, expectations: Expectations, script: ScriptRun) -> None:
        self._expectations = expectations
        self._script = script

    def take(self, board: str, part: Part) -> Verdict | None:
        """See `Expectations.take`."""
        self._script.take(board, part)
        return self._expectations.take(board, part)

    def unfinished(self, board: str, block: LineBlock) -> Verdict | None:
        """See `Expectations.unfinished`."""
        self._script.unfinished(board, block)
        return self._expectations.unfinished(board, block)


@dataclass(frozen=True, slots=True)
class ScriptHost:
    """What a script acts on.

    Attributes:
        session: the board's.
        loop: the session's thread.
        ended: set when the run is over.
        eol: the line end that `send` adds.
        folder: where files go that have no name.
        switch: turns "output" or "timestamps" on or off, in its place among the lines.
        finish: the script is over: why, and whether it said so itself (`exit`).
        failed: a step failed: exit code, and why.
    """

    session: Session
    loop: LoopThread
    ended: threading.Event
    eol: bytes
    folder: Path
    switch: Callable[[str], object]
    finish: Callable[[str, bool], object]
    failed: Callable[[int, str], object]


class _Over(Exception):
    """The run has ended, or the script says `exit`."""


class ScriptRun:
    """Runs the steps.

    Args:
        steps: what to do.
        name: of the script, for messages.
    """

    def __init__(self, steps: Sequence[Step], name: str) -> None:
        self._steps = steps
        self._name = name
        self._look_back = LookBack()
        self._said = threading.Condition()
        self._host: ScriptHost
        self._actions: Mapping[str, Callable[[Step], None]] = {
            "reset": self._reset,
            "bootloader": self._bootloader,
            "flash": self._flash,
            "flash-all": self._flash,
            "app-flash": self._flash,
            "output": lambda step: self._switch("output"),
            "log": self._log,
            "timestamps": lambda step: self._switch("timestamps"),
            "send": self._send,
            "sleep": self._sleep,
            "expect": self._expect,
            "exit": self._exit,
            "probe": self._probe,
            "screenshot": self._screenshot,
            "coredump": self._coredump,
            "mark": lambda step: self._do(lambda: self._host.session.mark(step.text)),
        }

    def beside(self, expectations: Expectations) -> ScriptedExpectations:
        """What reads what boards say: the command line's expectations, and this script."""
        return ScriptedExpectations(expectations, self)

    # -- what boards say, on the outlet's thread ------------------------------------------------------------------

    def take(self, board: str, part: Part) -> None:
        """Lines or a record of a board."""
        with self._said:
            self._look_back.take(board, part)
            self._said.notify_all()

    def unfinished(self, board: str, block: LineBlock) -> None:
        """The line that a board has begun, as it stands."""
        with self._said:
            self._look_back.unfinished(board, block)
            self._said.notify_all()

    # -- the steps, on the script's thread ------------------------------------------------------------------------

    def start(self, host: ScriptHost) -> None:
        """Begin; the port is open."""
        self._host = host
        threading.Thread(target=self._main, name="espmon-script", daemon=True).start()

    def _main(self) -> None:
        for step in self._steps:
            if self._host.ended.is_set():
                return
            if step.command != "exit":  # the sentence that ends the run says it
                say(f"{self._name}:{step.line}: {step}")
            try:
                self._actions[step.command](step)
            except _Over:
                return
            except (CommandError, PortError, ActionError) as error:
                self._host.failed(_code(error), f"{self._name}:{step.line}: {step.command}: {error}")
                return
        self._host.finish(f"The script {self._name} has ended", False)

    def _do(self, work: Callable[[], Coroutine[object, None, Result]]) -> Result:
        """Do something on the session's thread, once its port is there."""

        async def when_ready() -> Result:
            await self._ready()
            return await work()

        future = self._host.loop.submit(when_ready())
        while not future.done():
            wait([future], LOOK_SECONDS)
            if self._host.ended.is_set():
                future.cancel()
                raise _Over
        try:
            return future.result()
        except CancelledError:
            raise _Over from None

    async def _ready(self) -> None:
        end = time.monotonic() + READY_SECONDS
        while self._host.session.state is not State.MONITORING:
            if time.monotonic() >= end:
                raise PortError(PortErrorKind.LOST, f"the port is {self._host.session.state.value}")
            await asyncio.sleep(LOOK_SECONDS)

    def _reset(self, step: Step) -> None:
        if (error := self._do(self._host.session.reset)) is not None:
            raise error

    def _bootloader(self, step: Step) -> None:
        if (error := self._do(self._host.session.reset_to_loader)) is not None:
            raise error

    def _send(self, step: Step) -> None:
        if (error := self._do(lambda: self._host.session.send(step.text.encode() + self._host.eol))) is not None:
            raise error

    def _sleep(self, step: Step) -> None:
        if self._host.ended.wait(step.seconds):
            raise _Over

    def _exit(self, step: Step) -> None:
        self._host.finish(f"{self._name}:{step.line}: exit", True)
        raise _Over

    def _expect(self, step: Step) -> None:
        assert step.pattern is not None
        end = None if step.seconds is None else time.monotonic() + step.seconds
        with self._said:
            self._look_back.expect(step.pattern)
            while self._look_back.waits:
                if self._host.ended.is_set():
                    raise _Over
                if step.pattern.off:
                    fail(Exit.FAILED, step.pattern.problem)
                left = LOOK_SECONDS if end is None else end - time.monotonic()
                if left <= 0:
                    fail(Exit.LIMIT, f"{step.seconds:g} s are over, and `{step.pattern.name}` did not come")
                self._said.wait(min(left, LOOK_SECONDS))

    def _switch(self, what: str) -> None:
        self._host.switch(what)

    def _log(self, step: Step) -> None:
        session = self._host.session
        if session.status.log is not None:
            self._do(lambda: session.set_log(None))
            return
        path = step.path or self._host.folder / time.strftime("log.%Y%m%d-%H%M%S.txt")
        self._do(lambda: session.set_log(path))
        if session.status.log is None:
            fail(Exit.FAILED, f"{path} cannot be written")

    def _probe(self, step: Step) -> None:
        _check(self._event(ProbeEvent, self._host.session.probe).failure)

    def _flash(self, step: Step) -> None:
        from espmon.session.flash_job import FlashJob
        from espmon.session.flash_plan import PlanError, from_project

        try:
            plan = from_project(step.path or Path())
            plan = plan.only("application") if step.command == "app-flash" else plan
        except PlanError as error:
            fail(Exit.USAGE, str(error))
        event = self._job(FlashJob("write", plan))
        if not event.right:
            fail(Exit.FAILED, event.title)

    def _coredump(self, step: Step) -> None:
        from espmon.rom.flash_regions import FlashOutcome
        from espmon.session.flash_job import FlashJob

        result = self._job(FlashJob("coredump")).result
        assert isinstance(result, FlashOutcome)
        self._write(step, f"coredump-{step.line}.bin", result.data)

    def _job(self, job: FlashJob) -> FlashEvent:
        event = self._event(FlashEvent, lambda: self._host.session.flash(job))
        _check(event.failure)
        return event

    def _event(self, kind: type[EventType], work: Callable[[], Coroutine[object, None, None]]) -> EventType:
        """The event that an action ends with."""
        before = self._newest(kind)
        self._do(work)
        event = self._newest(kind)
        if event is None or event is before:
            raise PortError(PortErrorKind.LOST, self._host.session.status.reason or "the port was lost")
        return event

    def _newest(self, kind: type[EventType]) -> EventType | None:
        for entry in reversed(self._host.session.events):
            if isinstance(entry.record, kind):
                return entry.record
        return None

    def _screenshot(self, step: Step) -> None:
        from espmon.session.picture_request import Picture, PictureRequest

        async def take() -> Picture:
            return await PictureRequest(self._host.session).take(PICTURE_SECONDS)

        self._write(step, f"screenshot-{step.line}.png", self._do(take).data)

    def _write(self, step: Step, name: str, data: bytes) -> None:
        path = step.path or self._host.folder / name
        write_output(path, data)
        say(f"{self._name}:{step.line}: {len(data):,} bytes: {path}")


def _check(failure: Failure | None) -> None:
    if failure is not None:
        fail(Exit.CHIP, failure.sentence, failure.hint)


def _code(error: CommandError | PortError | ActionError) -> int:
    """The exit code of a step that failed."""
    if isinstance(error, CommandError):
        return error.code
    if isinstance(error, ActionError):
        from espmon.session.picture_request import NoPicture

        return int(Exit.LIMIT if isinstance(error, NoPicture) else Exit.FAILED)
    return int(Exit.PORT)
