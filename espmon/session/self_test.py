"""Does all of it work with this board, this cable, this system? Steps over one session, each with its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from espmon.port import PortError
from espmon.records.batch import Part
from espmon.records.events.reset_record import Reset
from espmon.session.flash_job import FlashJob
from espmon.session.session_events import FlashEvent, LinkEvent, LinkState, ProbeEvent
from espmon.session.state import State
from espmon.text import counted

if TYPE_CHECKING:
    from espmon.rom import ProbeResult
    from espmon.rom.flash_regions import FlashOutcome
    from espmon.session.lease import Lease
    from espmon.session.reporter import Reporter
    from espmon.session.session import Session
    from espmon.session.status import OpenRequest

EventType = TypeVar("EventType", ProbeEvent, FlashEvent)

RATES = (115200, 230400, 460800, 921600)
"""Rates in baud that the loader is talked to at."""

RATE_ADDRESS, RATE_BYTES = 0x8000, 0xC00
"""What is read at each rate: the partition table's place."""

LISTEN_SECONDS = 2.0
"""After opening: whether that reset the board."""

BOOT_SECONDS = 5.0
"""For a boot message after a reset, and for the port after an action."""

UNPLUG_SECONDS = 60.0
"""For the user to pull the plug, and again to put it back."""

LOOK_SECONDS = 0.02


class StepOutcome(StrEnum):
    """What came of a step."""

    WORKED = "worked"
    FAILED = "did not work"
    SKIPPED = "skipped"


class StepResult(NamedTuple):
    """One step of the self test."""

    name: str
    outcome: StepOutcome
    seconds: float
    detail: str
    """One line: what was seen, or why not."""

    @property
    def failed(self) -> bool:
        """It did not work."""
        return self.outcome is StepOutcome.FAILED


class _Failed(Exception):
    """The step did not work; the message says why."""


class _Skipped(Exception):
    """The step cannot be tried here; the message says why."""


class _PauseAction:
    """Holds the port for a while without reading it."""

    name = "pause"

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def run(self, lease: Lease, reporter: Reporter) -> bytes:
        """See `Action.run`."""
        await asyncio.sleep(self._seconds)
        return b""


class SelfTest:
    """Runs the steps in a session that nobody has opened. Lives on the session's loop; the user has agreed.

    Args:
        session: freshly made.
        request: what to open.
        pause: seconds in which the port is not read.
        tell: called before each step, and with what the user has to do.
        unplug: ask the user to pull the plug.
        use_stub: a stub may read what a ROM cannot, or is too slow for.

    Attributes:
        probe: what the probe found, None when it did not.
        warnings: what was remarked on the way.
    """

    def __init__(
        self,
        session: Session,
        request: OpenRequest,
        *,
        pause: float,
        tell: Callable[[str], object],
        unplug: bool = False,
        use_stub: bool = True,
    ) -> None:
        self._session = session
        self._request = request
        self._pause_seconds = pause
        self._tell = tell
        self._unplug_wanted = unplug
        self._use_stub = use_stub
        self._resets = 0
        self._loop = asyncio.get_running_loop()
        self.probe: ProbeResult | None = None
        self.warnings: list[str] = []
        session.pipeline.sinks.append(self._take)

    async def run(self) -> list[StepResult]:
        """All steps, and the port closed. A port that cannot be opened leaves one step."""
        steps: Sequence[tuple[str, Callable[[], Awaitable[str]]]] = [
            ("open", self._open),
            ("reset lines", self._reset),
            ("probe", self._probe),
            *((f"rate {rate}", lambda rate=rate: self._rate(rate)) for rate in RATES),
            ("images in flash", self._images),
            ("pause", self._pause),
            ("unplug", self._unplug),
        ]
        results: list[StepResult] = []
        for name, work in steps:
            results.append(await self._step(name, work))
            if name == "open" and results[0].failed:
                return results
        results.append(await self._step("close", self._close))
        return results

    async def _step(self, name: str, work: Callable[[], Awaitable[str]]) -> StepResult:
        self._tell(name)
        began = self._loop.time()
        outcome = StepOutcome.WORKED
        try:
            if name not in ("open", "close"):
                await self._until(
                    lambda: self._session.state is State.MONITORING, BOOT_SECONDS, "the port is not there"
                )
            detail = await work()
        except _Skipped as skipped:
            outcome, detail = StepOutcome.SKIPPED, str(skipped)
        except (_Failed, PortError) as failed:
            outcome, detail = StepOutcome.FAILED, str(failed)
        return StepResult(name, outcome, self._loop.time() - began, detail)

    def _monitors(self) -> bool:
        return self._session.state is State.MONITORING

    def _take(self, part: Part, entry: int | None) -> None:
        """See `Sink`."""
        if isinstance(part, Reset):
            self._resets += 1

    async def _until(self, condition: Callable[[], bool], seconds: float, otherwise: str) -> None:
        end = self._loop.time() + seconds
        while not condition():
            if self._loop.time() >= end:
                raise _Failed(otherwise)
            await asyncio.sleep(LOOK_SECONDS)

    @property
    def _received(self) -> int:
        return self._session.connection.link.received

    # -- the steps ------------------------------------------------------------------------------------------------

    async def _open(self) -> str:
        session = self._session
        await session.open(self._request)
        status = session.status
        if session.state is State.CLOSED:
            raise _Failed(f"{status.reason}. {status.hint}".rstrip(". "))
        await asyncio.sleep(LISTEN_SECONDS)
        what = f"{'a' if self._resets else 'no'} boot was seen after opening"
        usb = "no USB ids" if status.usb is None else f"USB {status.usb[0]:04X}:{status.usb[1]:04X}"
        return f"{usb}; {'DTR and RTS' if status.has_modem_lines else 'no DTR and RTS'}; {what}"

    async def _reset(self) -> str:
        if not self._session.status.has_modem_lines:
            raise _Skipped("this port has no DTR and RTS")
        before, resets, began = self._received, self._resets, self._loop.time()
        if (error := await self._session.reset()) is not None:
            raise error
        await self._until(lambda: self._received > before, BOOT_SECONDS, f"nothing came within {BOOT_SECONDS:g} s")
        first = self._loop.time() - began
        await self._until(lambda: self._resets > resets, BOOT_SECONDS, "bytes came, and none of them told of a reset")
        return f"first byte after {first:.2f} s, boot message after {self._loop.time() - began:.2f} s"

    async def _probe(self) -> str:
        event = await self._event(ProbeEvent, self._session.probe)
        if event.failure is not None:
            raise _Failed(f"{event.failure.sentence}. {event.failure.hint}".rstrip(". "))
        result = self.probe = self._session.status.probe
        assert result is not None
        self.warnings += result.warnings
        if result.after != "application":
            raise _Failed(f"{result.description}; afterwards it is in: {result.after}")
        return f"{result.description}, {result.elapsed:.2f} s; afterwards in its application"

    async def _rate(self, rate: int) -> str:
        if self.probe is None:
            raise _Skipped("the probe did not work")
        if self.probe.secure_download:
            raise _Skipped("secure download mode forbids reading flash")
        if self._session.status.usb is not None and (self.probe.usb_mode or "").lower().startswith("usb"):
            raise _Skipped("USB has no rate")
        use_stub = self._needs_stub(self.probe)
        if use_stub and rate != self._request.baud:
            raise _Skipped("the ROM of this chip cannot change its rate")
        outcome = await self._job(FlashJob("read", address=RATE_ADDRESS, size=RATE_BYTES, use_stub=use_stub, baud=rate))
        slow = [warning for warning in outcome.warnings if "baud" in warning]
        if slow:
            raise _Failed(slow[0])
        return f"{RATE_BYTES:,} bytes read and verified, with entering and leaving in {outcome.elapsed:.2f} s"

    def _needs_stub(self, found: ProbeResult) -> bool:
        """Whether the chip's ROM cannot read flash; a stub can, where one may be used."""
        from espmon.rom.chips import load_chips

        chip = load_chips().chips.get(found.key)
        needed = chip is not None and chip.basic_rom
        if needed and not self._use_stub:
            raise _Skipped("the ROM of this chip cannot read flash, and there is no stub, or none may be used")
        return needed

    async def _images(self) -> str:
        if self.probe is None:
            raise _Skipped("the probe did not work")
        self._needs_stub(self.probe)
        outcome = await self._job(FlashJob("check", use_stub=self._use_stub))
        self.warnings += outcome.warnings
        if not outcome.regions:
            raise _Skipped("; ".join(outcome.warnings) or "there is no image to compare")
        wrong = [region.file for region in outcome.regions if not region.ok]
        if wrong:
            raise _Failed(f"the SHA-256 of {', '.join(wrong)} does not fit")
        names = ", ".join(f"{region.file} ({region.size:,} bytes)" for region in outcome.regions)
        return f"{names}: as built, through the {outcome.loader.replace('rom', 'ROM')}"

    async def _pause(self) -> str:
        await self._session.run(_PauseAction(self._pause_seconds))
        before = self._received
        if self._session.state is not State.MONITORING:
            raise _Failed(self._session.status.reason)
        await asyncio.sleep(LISTEN_SECONDS)
        came = self._received - before
        self._session.connection.tell_warnings()
        return f"{self._pause_seconds:g} s not read; {counted(came, 'byte')} in the {LISTEN_SECONDS:g} s after it"

    async def _unplug(self) -> str:
        if not self._unplug_wanted:
            raise _Skipped("--unplug asks for it")
        before = len(self._links(LinkState.LOST))
        self._tell("pull the board's plug now")
        await self._until(lambda: len(self._links(LinkState.LOST)) > before, UNPLUG_SECONDS, "no unplug was seen")
        self._tell("plug it in again")
        await self._until(self._monitors, UNPLUG_SECONDS, "it did not come back")
        return f"seen, and open again {self._links(LinkState.REOPENED)[-1].gap or 0.0:.2f} s later"

    def _links(self, state: LinkState) -> list[LinkEvent]:
        records = [entry.record for entry in self._session.events]
        return [record for record in records if isinstance(record, LinkEvent) and record.state is state]

    async def _close(self) -> str:
        await self._session.close()
        return "the port is closed"

    # -- actions --------------------------------------------------------------------------------------------------

    async def _job(self, job: FlashJob) -> FlashOutcome:
        event = await self._event(FlashEvent, lambda: self._session.flash(job))
        if event.failure is not None:
            raise _Failed(f"{event.failure.sentence}. {event.failure.hint}".rstrip(". "))
        from espmon.rom.flash_regions import FlashOutcome

        assert isinstance(event.result, FlashOutcome)
        if event.result.after != "application":
            raise _Failed(f"afterwards the board is in: {event.result.after}")
        return event.result

    async def _event(self, kind: type[EventType], act: Callable[[], Awaitable[None]]) -> EventType:
        """The event that an action ends with."""
        before = self._newest(kind)
        await act()
        event = self._newest(kind)
        if event is None or event is before:
            raise _Failed(self._session.status.reason or "the port was lost")
        return event

    def _newest(self, kind: type[EventType]) -> EventType | None:
        for entry in reversed(self._session.events):
            if isinstance(entry.record, kind):
                return entry.record
        return None
