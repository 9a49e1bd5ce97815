"""The port of a session through its life: opened once, noticed when it is gone, opened again when it is back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from espmon.port import (
    TO_ACT_ON,
    USUAL,
    Handle,
    PortError,
    PortErrorKind,
    PortIdentity,
    PortWarning,
    PortWarningKind,
    device_key,
    identify,
    is_chip_usb,
    usb_words,
    wait_for_port,
)
from espmon.session.borrowed_place import BorrowedPlace
from espmon.session.link_flaps import LinkFlaps
from espmon.session.pipeline import Pipeline
from espmon.session.port_link import Link
from espmon.session.port_lookup import looked_up, open_to_monitor, port_of, remember_chip
from espmon.session.recorder import Recorder
from espmon.session.reporter import Reporter
from espmon.session.session_events import LinkEvent, LinkState, SessionNote
from espmon.session.state import Lifecycle, State, Trigger
from espmon.session.status import WAITS, Activity, OpenRequest, Severity
from espmon.session.tasks import BackgroundTasks, stop_tasks
from espmon.session.transports import transport_of
from espmon.text import plain

if TYPE_CHECKING:
    from espmon.rom import ProbeResult

OPEN_STATES = (State.MONITORING, State.LEASED, State.PROBING, State.AWAITING_CONSENT)
"""States with an open port."""

EAGER_SECONDS = 30.0
"""Time for which a lost remote port is tried as often as it costs nothing; boards and their servers restart in it."""

REOPEN_FIRST_SECONDS, MAX_REOPEN_SECONDS = 0.05, 2.0
"""First and longest pause between tries to reopen."""


class Opener(Protocol):
    """How a port is opened; `open_to_monitor` unless a test brings its own."""

    def __call__(self, url: str, *, baud: int, no_reset: bool) -> Awaitable[Handle]:
        """Open `url`. Raises `PortError`."""


@dataclass(frozen=True, slots=True)
class PortAccess:
    """How a session reaches ports, and what is remembered of them. Tests bring their own."""

    opener: Opener = open_to_monitor
    waiter: Callable[[PortIdentity], Awaitable[str]] = wait_for_port
    """Returns the URL of a lost port when it is back."""

    identifier: Callable[[str], PortIdentity] = identify
    """What a port is recognised by when it comes back; runs in a thread."""

    resolver: Callable[[str], str] = port_of
    """Turns what the user typed (a nickname) into a URL; runs in a thread."""

    remember: Callable[[PortIdentity, str, str], None] = remember_chip
    """Keeps what a probe found (identity, chip, MAC); runs in a thread."""


class Connection:
    """Owns the link to the board, and moves the lifecycle as the port comes and goes.

    Args:
        access: how ports are reached.
        pipeline: what reads the port.
        recorder: records what is received.
        lifecycle: the session's state.
        reporter: the session's voice.
        tasks: where losing and remembering run.
        reconnect: wait for a lost port, and open it again.
    """

    def __init__(
        self,
        access: PortAccess,
        pipeline: Pipeline,
        recorder: Recorder,
        lifecycle: Lifecycle,
        reporter: Reporter,
        tasks: BackgroundTasks,
        *,
        reconnect: bool,
    ) -> None:
        self._access = access
        self._pipeline = pipeline
        self._lifecycle = lifecycle
        self._reporter = reporter
        self._tasks = tasks
        self._reconnect = reconnect
        self._request = OpenRequest("")
        self._losing = False
        self._opening: asyncio.Task[None] | None = None
        self._reopening: asyncio.Task[None] | None = None
        self._warned: set[PortWarning] = set()
        self.link = Link(pipeline, recorder, reporter.clock, self)
        self.identity = self._seen = PortIdentity("")
        self._place = BorrowedPlace(reporter)
        self._remote = False
        self._flaps = LinkFlaps()
        self.opens = 0
        """How often a port was opened; one a session, unless it was lost."""

        self.lost_at: float | None = None
        """When the port went, in host time; None while it is there, or nobody wants it."""

    async def open(self, request: OpenRequest) -> Handle | None:
        """Open the port, without reading it yet. None when it cannot be: state, reason and hint say so."""
        self._lifecycle.fire(Trigger.OPEN)
        self._request = request
        self._reporter.publish(
            replace(
                self._reporter.status,
                url=request.url,
                name=request.name or request.url,
                baud=request.baud,
                line=request.line,
                hint="",
                chip=None,
                chip_key=None,
                probe=None,
                activity=Activity.RUNNING,
                unfinished=(),
            )
        )
        self._opening = asyncio.current_task()
        try:
            url = await looked_up(lambda: self._access.resolver(request.url))
            self.identity = self._seen = await looked_up(lambda: self._access.identifier(url))
            self._place.use(url, agreed=request.acquire)
            known = device_key(self.identity.serial_number, self.identity.location)
            self._reporter.publish(replace(self._reporter.status, device=known or url))
            return await self._opened(url, request.baud)
        except PortError as error:
            await self._place.give_back()
            self._reporter.publish(replace(self._reporter.status, hint=error.hint))
            self._lifecycle.fire(Trigger.OPEN_FAILED, error.message)
            return None
        finally:
            self._opening = None

    async def _opened(self, url: str, baud: int) -> Handle:
        """Open, and set the line as it was asked for; a port that cannot do that is used as it is, and that is said."""
        request, line = self._request, self._reporter.status.line
        url = await self._place.port_url(url)
        handle = await self._access.opener(url, baud=baud, no_reset=request.no_reset)
        try:
            if line != USUAL:
                await handle.set_format(line)
            if request.dtr is not None or request.rts is not None:
                await handle.set_lines(dtr=request.dtr, rts=request.rts)
        except PortError as error:
            if error.kind is not PortErrorKind.UNSUPPORTED:
                await handle.close()
                raise
            self._reporter.notify(str(error), Severity.WARNING)
            line_id = self._reporter.mark(error.message)
            self._reporter.list_event(SessionNote(*self._reporter.here, error.message), line_id)
        except BaseException:
            await handle.close()
            raise
        return handle

    def begin(self, handle: Handle) -> None:
        """Read a port that was just opened, and let the lifecycle go on."""
        self._attach(handle)
        self._lifecycle.fire(Trigger.OPENED_ASK if self._request.probe else Trigger.OPENED)
        if not handle.recorded:
            self._reporter.list_event(LinkEvent(*self._reporter.here, LinkState.OPENED))

    def _attach(self, handle: Handle) -> None:
        self.opens += 1
        self.lost_at = None
        self._remote = handle.remote
        status = replace(
            self._reporter.status,
            usb=handle.usb,
            has_modem_lines=handle.has_modem_lines,
            has_rate=handle.has_rate and not is_chip_usb(handle.usb),
            waiting=False,
            lost_for=None,
        )
        if status.activity is not Activity.IN_LOADER:
            status = replace(status, activity=Activity.RUNNING, unfinished=())
        self._reporter.publish(status)
        self._warn_of(handle)
        self._pipeline.set_rate(handle.baud)
        self.link.attach(handle)

    def tell_warnings(self) -> None:
        """What the open port warns of, once each: a line of the log and an event, and a toast to act on."""
        if self.link.attached is not None:
            self._warn_of(self.link.attached)

    def _warn_of(self, handle: Handle) -> None:
        reporter = self._reporter
        for warning in handle.warnings:
            if warning in self._warned:
                continue
            self._warned.add(warning)
            line = reporter.mark(warning.text)
            reporter.list_event(SessionNote(*reporter.here, warning.text), line)
            if warning.kind in TO_ACT_ON:
                reporter.notify(warning.text, Severity.WARNING)

    async def close(self) -> None:
        """Close the port, also one that is being opened or waited for; bounded."""
        await self.link.detach()
        await self._place.give_back()
        self.lost_at = None
        if self._lifecycle.state is not State.CLOSED:
            reporter = self._reporter
            reporter.publish(
                replace(
                    reporter.status, waiting=False, activity=Activity.RUNNING, unfinished=(), quiet=0, lost_for=None
                )
            )
            self._lifecycle.fire(Trigger.CLOSE)

    async def stop(self) -> None:
        """Do not open or wait for anything any longer."""
        if self._opening is not None and self._opening is not asyncio.current_task():
            self._opening.cancel()
        await stop_tasks(self._reopening)

    # -- losing and finding again -------------------------------------------------------------------------------

    def lose(self, error: PortError) -> None:
        """Whoever reads found the port gone."""
        self._tasks.spawn(self.lost(error))

    async def lost(self, error: PortError) -> None:
        """The port is gone: say so, and wait for it where that is wanted."""
        if self._losing or self._lifecycle.state not in OPEN_STATES:
            return
        reporter, now = self._reporter, self._reporter.clock()
        self._losing = True  # the reader and a lease may both find the port gone
        try:
            await self.link.detach()
        finally:
            self._losing = False
        if self._lifecycle.state not in OPEN_STATES:  # closed by the user meanwhile
            return
        if reporter.status.activity is not Activity.IN_LOADER:  # a port that goes does not start an application
            reporter.publish(replace(reporter.status, activity=Activity.RUNNING))
        self.lost_at = now
        self._lifecycle.fire(Trigger.LOSE, error.message)
        event = LinkEvent(reporter.here[0], now, LinkState.LOST, error.message)
        if self._flaps.lose(now):
            self._tell_lost(event)
        else:
            self._pipeline.record_event(event, now)
        if self._reconnect:
            self.wait_for_return(now)

    def _tell_lost(self, event: LinkEvent) -> None:
        """The port is gone: a line, an event, a toast."""
        reporter = self._reporter
        reporter.list_event(event, reporter.mark(event.log_text))
        # What the board's transport means for its port says nothing of a network between.
        transport = None if self._remote else transport_of(reporter.status.capabilities)
        told = [f"Port lost: {event.reason}"]
        told += [transport.when_lost] if transport is not None else []
        told += [WAITS] if self._reconnect else []
        reporter.notify(". ".join(told), Severity.WARNING, "link")

    def wait_for_return(self, since: float) -> None:
        """Open the port again when it is back; `since`, in host time, is when it went."""
        self.lost_at = since
        self._reporter.publish(replace(self._reporter.status, waiting=True))
        self._reopening = self._tasks.spawn(self._reopen(since), name="espmon-reopen")

    async def _reopen(self, since: float) -> None:
        pause, reporter = REOPEN_FIRST_SECONDS, self._reporter
        unclear = ""
        while True:
            try:
                url = await self._access.waiter(self._seen)
            except (
                PortError
            ) as error:  # several may be it: once the others are gone, or it is in its socket, it is clear
                if error.message != unclear:
                    unclear = error.message
                    reporter.publish(replace(reporter.status, hint=error.hint))
                    reporter.notify(str(error), Severity.WARNING, "link")
                await asyncio.sleep(MAX_REOPEN_SECONDS)
                continue
            # A remote port is not seen to come back: until somebody accepts, it is lost.
            seen = not self._remote
            if seen:
                self._lifecycle.fire(Trigger.REAPPEAR)
            known = await self._recognised(url) if seen else self._seen
            try:
                handle = await self._opened(url, reporter.status.baud)
            except PortError as error:
                reporter.publish(replace(reporter.status, hint=error.hint))
                if seen:
                    self._lifecycle.fire(Trigger.REOPEN_FAILED, error.message)
                if seen or reporter.clock() - since > EAGER_SECONDS:
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, MAX_REOPEN_SECONDS)
                continue
            if not seen:
                self._lifecycle.fire(Trigger.REAPPEAR)
            now = reporter.clock()
            gap, was = now - since, reporter.status.usb
            self._flaps.come_back(now, gap)
            event = LinkEvent(*reporter.here, LinkState.REOPENED, self._how_back(url, handle), round(gap, 3))
            self._seen, folded, line = known, self._flaps.folded, None
            if not folded:
                line = reporter.mark(event.log_text)
            self._attach(handle)
            self._lifecycle.fire(Trigger.OPENED)
            if folded:
                self._pipeline.record_event(event, now)
            else:
                reporter.list_event(event, line)
                reporter.notify("Port is back", about="link")
                self._tell_product(was, handle.usb)
            return

    def _how_back(self, url: str, handle: Handle) -> str:
        """What is other than it was: its name, and perhaps the board's run."""
        how = [] if url == self._seen.url else [f"now as {plain(url)}"]
        if any(warning.kind is PortWarningKind.MAY_RESET for warning in handle.warnings):
            how.append("which may have reset the board")
        return ", ".join(how)

    async def _recognised(self, url: str) -> PortIdentity:
        """What the port is now: the board may be another product, in another socket, and is known by that next time."""
        try:
            found = await looked_up(lambda: self._access.identifier(url))
        except PortError:
            return self._seen  # the list is not to be had
        known = self._seen.serial_number or self._seen.location
        return self._seen if known and not (found.serial_number or found.location) else found

    def _tell_product(self, was: tuple[int, int] | None, now: tuple[int, int] | None) -> None:
        """The same board may come back as another USB device: its ROM loader, or what its program makes of its USB."""
        if was is not None and now is not None and was != now:
            text = f"The board came back as another USB device: {usb_words(*now)}; it was {usb_words(*was)}"
            self._reporter.list_event(SessionNote(*self._reporter.here, text), self._reporter.mark(text))

    def tell_flaps(self) -> None:
        """A port that went and came all the time has stayed for a while: say how often."""
        told = self._flaps.calm(self._reporter.clock(), there=self.link.attached is not None)
        if told is not None:
            line = self._reporter.mark(told.text)
            self._reporter.list_event(SessionNote(*self._reporter.here, told.text), line)

    # -- whose port it is ---------------------------------------------------------------------------------------

    def remember(self, result: ProbeResult) -> None:
        """Keep what a probe found for the next time."""
        self._tasks.spawn(self._remember(result))

    async def _remember(self, result: ProbeResult) -> None:
        try:
            await asyncio.to_thread(self._access.remember, self.identity, result.chip, result.mac or "")
        except PortError as error:
            self._reporter.notify(f"The board is not remembered: {error}", Severity.WARNING)
