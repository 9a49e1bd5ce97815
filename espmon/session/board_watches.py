"""All that watches the stream for what the board does, can and offers, and for what is worth a word to its user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from espmon.session.activity_watch import ActivityWatch
from espmon.session.capability_watch import CapabilityWatch
from espmon.session.config_advice import ConfigAdvice
from espmon.session.help_watch import HelpWatch
from espmon.session.long_lines import LongLineWatch
from espmon.session.sent import SentBy
from espmon.session.settings import limits_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from espmon.port import PortError
    from espmon.records.demux import Demultiplexer
    from espmon.session.activity_watch import Sender
    from espmon.session.pipeline import Sink
    from espmon.session.publisher import Publisher
    from espmon.session.replayed import Replayed
    from espmon.session.reporter import Reporter
    from espmon.session.sending.sender import Sender as QuestionSender
    from espmon.session.settings import Settings
    from espmon.session.tasks import BackgroundTasks


class BoardWatches:
    """Makes the watches that a session wants.

    Args:
        settings: what is asked and answered by itself.
        demux: what is received.
        publisher: holds the status.
        reporter: tells the user.
        tasks: where questions to the board run.
        enter: sends the answer to a board that waits for Enter, where one may write at all.
        questions: sends what a board is asked by itself.
        free: nobody else answers the board's questions.
        replayed: of a session that replays: nobody waits for an answer, and what was told may stand in the recording.

    Attributes:
        sinks: where everything that is received goes.
    """

    def __init__(
        self,
        settings: Settings,
        demux: Demultiplexer,
        publisher: Publisher,
        reporter: Reporter,
        tasks: BackgroundTasks,
        *,
        enter: Sender,
        questions: QuestionSender,
        free: Callable[[], bool],
        replayed: Replayed | None,
    ) -> None:
        async def ask(data: bytes) -> PortError | None:
            return await questions.send(data, SentBy.REPLY)

        capabilities = CapabilityWatch(demux, publisher, ask, free, tasks, ask=settings.ask_capabilities)
        console = HelpWatch(demux, publisher, tasks)
        publisher.subscribe(capabilities.listen)
        publisher.subscribe(console.listen)
        self.sinks: list[Sink] = [capabilities.take, console.take]
        if replayed is None:
            activity = ActivityWatch(publisher, enter, tasks, answer_prompt=settings.answer_coredump_prompt)
            self.sinks.insert(0, activity.take)
        if replayed is None or not replayed.told:
            self.sinks += [ConfigAdvice(reporter).take, LongLineWatch(reporter, limits_of(settings).line).take]
