"""What goes to the board as text: written, marked in the log where that is wanted, and always recorded."""

from __future__ import annotations

from dataclasses import replace

from espmon.port import PortError, PortErrorKind
from espmon.session.controls import Controls
from espmon.session.pipeline import Pipeline
from espmon.session.recorder import Recorder
from espmon.session.replayed import Send
from espmon.session.reporter import Reporter
from espmon.session.sent import ARROW, LocalEcho, SentBy, SentEvent, shown_lines
from espmon.session.status import SentToBoard, Severity


class Sender:
    """Sends, and says so.

    Args:
        controls: writes to the port.
        pipeline: where the log's marks go.
        recorder: where the events go.
        reporter: the session's voice.
        echo: what is shown of what is sent.
        elsewhere: sends, and says so, in place of the port.
    """

    def __init__(
        self,
        controls: Controls,
        pipeline: Pipeline,
        recorder: Recorder,
        reporter: Reporter,
        echo: LocalEcho,
        elsewhere: Send | None = None,
    ) -> None:
        self._elsewhere = elsewhere
        self._controls = controls
        self._pipeline = pipeline
        self._recorder = recorder
        self._reporter = reporter
        self.set_echo(echo)

    def set_echo(self, echo: LocalEcho) -> None:
        """Show this of what is sent from now on."""
        self._reporter.publish(replace(self._reporter.status, local_echo=echo))

    async def send(self, data: bytes, by: SentBy, rule: str = "") -> PortError | None:
        """Send bytes as they are; a `rule` may wish it. Returns why they were not sent, which the user was told."""
        if self._elsewhere is not None:
            return await self._elsewhere(data, by)
        error = await self._controls.send(data)
        if error is None:
            self.sent(data, by, rule=rule)
        return error

    def refusal(self) -> PortError | None:
        """Why the user of this side cannot send, which is told; None while nobody else writes."""
        writer = self._reporter.status.sharing.writer
        if not writer:
            return None
        self._reporter.notify(text := f"Not sent: {writer} writes now", Severity.WARNING)
        return PortError(PortErrorKind.BUSY, text)

    def sent(self, data: bytes, by: SentBy, *, marked: bool = True, rule: str = "") -> None:
        """These bytes have just been written; `marked`: the log may show them."""
        offset, now = self._reporter.here
        event = SentEvent(offset, now, by, data, rule)
        self._recorder.event(event.to_json(), now)
        if marked and by is not SentBy.KEYS and self._reporter.status.local_echo is not LocalEcho.OFF:
            for line in shown_lines(data, by):
                self._pipeline.sent(f"{ARROW} {line}{event.who}", now)
        self._reporter.emit(SentToBoard(event))
