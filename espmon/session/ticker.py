"""What a session does a few times a second: counters, rate and capture progress are published, clocks looked at."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from espmon.session.clock import SessionClock
from espmon.session.connection import Connection
from espmon.session.event_log import EventLog
from espmon.session.pipeline import Pipeline
from espmon.session.publisher import Publisher
from espmon.session.recorder import Recorder
from espmon.session.reporter import Reporter
from espmon.session.session_events import SessionNote
from espmon.session.vitals import Vitals

TICK_SECONDS = 0.25
"""How often counters, rate and capture progress are published."""


class Ticker:
    """Publishes what only time tells.

    Args:
        clock: the session's time.
        publisher: who is told of the new status.
        pipeline: asked for the capture and the rate that seems wrong.
        connection: asked for its warnings, its flaps and when it was lost.
        recorder: asked to follow, and to try a disk again.
        event_log: asked for boots, crashes and loops.
        reporter: told where the computer's clock was set.
    """

    def __init__(
        self,
        clock: SessionClock,
        publisher: Publisher,
        pipeline: Pipeline,
        connection: Connection,
        recorder: Recorder,
        event_log: EventLog,
        reporter: Reporter,
    ) -> None:
        self._clock = clock
        self._publisher = publisher
        self._pipeline = pipeline
        self._connection = connection
        self._recorder = recorder
        self._event_log = event_log
        self._reporter = reporter

    async def run(self) -> None:
        """Tick until cancelled."""
        connection = self._connection
        vitals = Vitals(self._clock, lambda: connection.link.received)
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = self._clock()
            connection.tell_warnings()
            connection.tell_flaps()
            self._look_at_clocks()
            self._recorder.follow()
            await self._recorder.try_again()
            self._publisher.publish(
                replace(
                    vitals.look(self._publisher.status, connection.lost_at),
                    capture=self._pipeline.capture(now),
                    boot=self._event_log.boot,
                    crashes=self._event_log.crashes,
                    loop=self._event_log.loop(now),
                    wrong_rate=self._pipeline.wrong_rate,
                )
            )

    def _look_at_clocks(self) -> None:
        """Mark where the computer's clock was set, or where the computer slept: times after it are another clock's."""
        step = self._clock.look()
        if step:
            way = "forward" if step > 0 else "back"
            text = f"The computer's clock went {way} by {abs(step):,.1f} s: it was set, or the computer slept"
            self._recorder.clock_step(step)
            offset, now = self._reporter.here
            self._reporter.list_event(SessionNote(offset, now, text), self._reporter.mark(text))
