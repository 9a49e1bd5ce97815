"""A picture asked for without a screen: the board is asked once it is ready to hear, and the next picture is taken."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from espmon.port import PortError, PortErrorKind
from espmon.records.batch import Part
from espmon.records.events.reset_record import Reset
from espmon.records.record import PayloadRecord
from espmon.session.action import ActionError
from espmon.session.state import State
from espmon.session.status import Change, LinesAppended, TailChanged

if TYPE_CHECKING:
    from espmon.session.session import Session

QUIET_SECONDS = 0.4
"""A board that said nothing for so long has booted, and reads its console."""

READY_SECONDS = 4.0
"""A board that never stops talking is asked so long after it was opened or has reset."""

LOOK_SECONDS = 0.05
"""Time between two looks at whether it is quiet."""

MAX_ASKED = 3
"""A board that resets instead of answering is asked so often."""

HINT = "The application has to answer the setting screenshot_trigger with PNG_BEGIN or an @ESPFRAME of kind png"


class NoPicture(ActionError):
    """No picture came in time."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A whole picture."""

    record: PayloadRecord
    """The `Png`, or the `Frame` of kind png; its payload may be gone once a recording has it."""

    data: bytes
    """The PNG file."""


class PictureRequest:
    """Asks one session for one picture. Lives on the session's loop.

    Args:
        session: monitors a board.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._came: asyncio.Future[Picture] = self._loop.create_future()
        self._asked = 0
        self._restarted = True
        self._since = self._heard = self._loop.time()

    async def take(self, seconds: float) -> Picture:
        """Ask, and wait until a picture begins for at most `seconds`; one that has begun ends by itself.

        Raises:
            NoPicture: none came.
            ActionError: a damaged one.
            PortError: the port was lost.
        """
        session = self._session
        session.pipeline.sinks.append(self._take)
        unsubscribe = session.subscribe(self._changed)
        try:
            return await self._wait(seconds)
        finally:
            unsubscribe()
            session.pipeline.sinks.remove(self._take)

    async def _wait(self, seconds: float) -> Picture:
        deadline = float("inf")
        while True:
            await asyncio.wait([self._came], timeout=LOOK_SECONDS)
            if self._came.done():
                return self._came.result()
            status, now = self._session.status, self._loop.time()
            if status.state in (State.LOST, State.CLOSED):
                raise PortError(PortErrorKind.LOST, f"The port was lost: {status.reason}")
            if status.capture is not None:
                deadline = now + seconds
            elif now >= deadline:
                raise NoPicture(f"No picture came within {seconds:g} s", HINT)
            elif self._restarted and self._asked < MAX_ASKED and self._ready(now):
                self._restarted = False
                self._asked += 1
                deadline = now + seconds
                await self._session.screenshot()

    def _ready(self, now: float) -> bool:
        return now - self._heard >= QUIET_SECONDS or now - self._since >= READY_SECONDS

    def _changed(self, change: Change) -> None:
        if isinstance(change, TailChanged | LinesAppended):
            self._heard = self._loop.time()

    def _take(self, part: Part, entry: int | None) -> None:
        """See `Sink`."""
        if isinstance(part, Reset):
            self._restarted, self._since = True, self._loop.time()
        elif isinstance(part, PayloadRecord) and part.pixels is not None:
            self._picture(part)

    def _picture(self, record: PayloadRecord) -> None:
        if self._came.done() or not self._asked:  # one that nobody asked for here is another one
            return
        if record.complete and record.payload:
            self._came.set_result(Picture(record, record.payload))
        else:
            self._came.set_exception(ActionError(f"The picture is damaged: {record.error or 'it has no bytes'}"))
