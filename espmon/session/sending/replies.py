"""What is sent because of what the board says: the user's own `[replies]`, and nothing else.

    [replies.login]
    regex = "login: $"
    send = "root"

The text is the settings' and never made of what matched. Expressions are searched for beside the reading loop, also in
the line that is still being received; one line gives at most one reply a rule. A board that echoes the reply, or says
the same again and again, ends at the rule's rate: then the rule is switched off, and that is said.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from espmon.records.batch import Part
from espmon.records.demux import Demultiplexer
from espmon.records.events.reset_record import Reset
from espmon.session.publisher import Publisher
from espmon.session.sending.heard_lines import HeardLine, HeardLines, finds
from espmon.session.sending.sender import Sender
from espmon.session.sent import SentBy
from espmon.session.settings import LINE_ENDS, Settings
from espmon.session.state import State
from espmon.session.status import Change, LinesAppended, Severity, TailChanged
from espmon.session.store import LogStore
from espmon.session.tasks import BackgroundTasks, Newest
from espmon.text import plain
from espmon.user_pattern import UserPattern

if TYPE_CHECKING:
    from espmon.session.line_rules import ReplyRule

MAX_REPLIES: tuple[tuple[int, float, str], ...] = ((10, 1.0, "second"), (100, 60.0, "minute"))
"""(replies, seconds, the seconds in a word): as many replies of one rule in so long are allowed."""

HELD_SECONDS = 5.0
"""A reset may be told so long behind the prompt of its boot; a rule of once a boot waits for that."""

_MAX_SENT_TIMES = max(replies for replies, *_ in MAX_REPLIES)


class _Rule:
    """One rule, and what has become of it."""

    def __init__(self, rule: ReplyRule, line_end: bytes) -> None:
        self.name = f"replies.{plain(rule.name)}"
        self.pattern = UserPattern(self.name, rule.regex)
        self.data = rule.send.encode() + (line_end if rule.line_end else b"")
        self.once = rule.once
        self.off = False
        self.told = False
        """The user knows that the expression is too slow."""

        self.answered = -1
        """Where the last line with a reply begins in the stream."""

        self._held: tuple[HeardLine, float] | None = None
        """A line that gets a reply only if it is of another boot than the last one with a reply, and when it came."""

        self._sent: deque[float] = deque(maxlen=_MAX_SENT_TIMES)

    @property
    def waits(self) -> bool:
        """Whether its expression is searched for."""
        return not self.off and not self.pattern.off

    def due(self, line: HeardLine, boot: int, now: float) -> bool:
        """Whether this line, which has the expression, gets a reply; `boot`: where the last boot began."""
        if line.offset <= self.answered:
            return False
        if not self.once or self.answered < 0 or self.answered < boot <= line.offset:
            return True
        self._held = line, now
        return False

    def held(self, boot: int, now: float) -> HeardLine | None:
        """The line that has waited to be of a new boot, and is."""
        if self._held is None or not self.answered < boot <= self._held[0].offset:
            return None
        (line, since), self._held = self._held, None
        return line if now - since < HELD_SECONDS else None

    def exceeded(self, now: float) -> str:
        """Which rate one more reply would exceed, "" when none."""
        for replies, seconds, word in MAX_REPLIES:
            if len(self._sent) >= replies and now - self._sent[-replies] < seconds:
                return f"{replies} replies a {word}"
        return ""

    def replied(self, line: HeardLine, now: float) -> None:
        """This line gets its reply now."""
        self.answered, self._held = line.offset, None
        self._sent.append(now)

    def again(self) -> None:
        """The user has switched replies on: the rate begins anew."""
        self.off = False
        self._sent.clear()


class Replies:
    """Follows the log from the session's start, and replies. Belongs to the session's loop.

    Args:
        settings: the rules, and the line end.
        demux: says whether a payload is being received.
        store: the log.
        sender: sends, and says what and why.
        publisher: the session's status and changes, and whom to tell.
        tasks: where it is looked for matches.
        clock: session time in seconds.
    """

    def __init__(
        self,
        settings: Settings,
        demux: Demultiplexer,
        store: LogStore,
        sender: Sender,
        publisher: Publisher,
        tasks: BackgroundTasks,
        clock: Callable[[], float],
    ) -> None:
        self._rules = [_Rule(rule, LINE_ENDS[settings.eol]) for rule in settings.replies]
        self._demux = demux
        self._heard = HeardLines(store, demux.offset)
        self._sender = sender
        self._publisher = publisher
        self._clock = clock
        self._boot = 0
        self._newest = self._passed = -1
        """Where the newest line that was looked at begins, and the newest one that gets no reply any more."""

        self._looks = Newest[None](tasks, self._look)
        if self._rules:
            publisher.subscribe(self._listen)

    @property
    def on(self) -> bool:
        """False once the user has switched all of them off."""
        return self._publisher.status.replies

    def switch(self, on: bool) -> None:
        """Reply from now on, or no more. Rules that a rate has switched off begin anew."""
        if on and not self.on:
            for rule in self._rules:
                rule.again()
        self._publisher.publish(replace(self._publisher.status, replies=on))

    def take(self, part: Part, entry: int | None) -> None:
        """See `Sink`."""
        if isinstance(part, Reset):
            self._boot = max(self._boot, part.offset)
            if self._rules:
                self._looks.ask(None)

    def _listen(self, change: Change) -> None:
        if isinstance(change, LinesAppended | TailChanged) and self._publisher.status.state is not State.CLOSED:
            self._looks.ask(None)

    @property
    def _free(self) -> bool:
        """Whether bytes may be sent that no user typed."""
        status = self._publisher.status
        return status.replies and status.state is State.MONITORING and self._demux.capture is None

    async def _look(self, wish: None) -> None:
        wanted = self._free
        matches = await asyncio.to_thread(self._matches, wanted)
        if not (wanted and self._free):
            # What comes while nothing may be sent is passed over, also when its end comes later: it would be too late.
            self._passed = self._newest
        now = self._clock()
        held = [(line, rule) for rule in self._rules if (line := rule.held(self._boot, now)) is not None]
        for line, rule in (*held, *matches):
            if self._free and line.offset > self._passed and rule.waits and rule.due(line, self._boot, now):
                await self._reply(rule, line)
        for rule in self._rules:
            if rule.pattern.off and not rule.told:
                rule.told = True
                self._publisher.notify(rule.pattern.problem, Severity.WARNING)

    def _matches(self, wanted: bool) -> list[tuple[HeardLine, _Rule]]:
        """What has come since the last look and has an expression. On a thread: the user's expression may be slow."""
        lines = self._heard.take()
        self._newest = max(self._newest, *(line.offset for line in lines)) if lines else self._newest
        return [
            (line, rule)
            for line in (lines if wanted else ())
            for rule in self._rules
            if rule.waits and line.offset > rule.answered and finds(rule.pattern, line.text)
        ]

    async def _reply(self, rule: _Rule, line: HeardLine) -> None:
        now = self._clock()
        if rate := rule.exceeded(now):
            rule.off = True
            self._publisher.notify(
                f"{rule.name} is switched off: more than {rate} are no conversation. "
                "It begins anew when replies are switched off and on",
                Severity.WARNING,
            )
            return
        rule.replied(line, now)
        await self._sender.send(rule.data, SentBy.REPLY, rule.name)
