"""What a recorded session said itself, said again: marks in the log, and events."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from espmon.records.record import JsonObject
from espmon.session.pipeline import Pipeline
from espmon.session.sent import ARROW, SentBy, SentEvent, shown_lines
from espmon.session.session_events import LinkEvent, LinkState, SessionNote
from espmon.text import plain

MAX_TEXT = 2000
"""Characters of one remark."""


def text_of(fields: JsonObject, *names: str) -> str:
    """The first of these fields that is a text, safe to show; "" when there is none."""
    return next((plain(value[:MAX_TEXT]) for name in names if isinstance(value := fields.get(name), str) and value), "")


def replay_event(fields: JsonObject, pipeline: Pipeline, now: float) -> None:
    """Enter one line of a sidecar into the log and the events, as the session did then."""
    kind = fields.get("type")
    if kind == "sent":
        _sent(fields, pipeline, now)
    elif kind == "link":
        _link(fields, pipeline, now)
    elif kind == "note" and "evidence" in fields:
        told = fields.get("evidence")
        evidence = [plain(item[:MAX_TEXT]) for item in told if isinstance(item, str)] if isinstance(told, list) else []
        remark(text_of(fields, "text"), pipeline, now, evidence, marked=bool(fields.get("marked", True)))
    elif kind == "probe":
        remark(f"Probe: {text_of(fields, 'description', 'chip', 'error', 'cancelled')}", pipeline, now)
    elif kind == "flash":
        remark(text_of(fields, "summary", "error", "cancelled") or "Flash", pipeline, now)
    elif fields.get("event") == "damaged":
        pipeline.flush(now)  # the line before it is torn
        remark(text_of(fields, "text"), pipeline, now)
    elif fields.get("event") == "rotated":
        pipeline.flush(now)
        remark("another file has this name now: it goes on with that one", pipeline, now)
    elif fields.get("event") == "gap":
        remark(f"not recorded: {_count(fields, 'length')} bytes {text_of(fields, 'reason')}".rstrip(), pipeline, now)
    elif fields.get("event") == "end" and _count(fields, "unwritten") != "0":
        remark(f"{_count(fields, 'unwritten')} bytes were not recorded", pipeline, now)


def _count(fields: JsonObject, name: str) -> str:
    value = fields.get(name)
    return f"{value:,}" if isinstance(value, int) else "0"


def remark(text: str, pipeline: Pipeline, now: float, evidence: Sequence[str] = (), *, marked: bool = True) -> None:
    """A line in the log, where it was `marked`, and an event."""
    if text:
        line = pipeline.mark(f"── {text} ──", now) if marked else None
        pipeline.list_event(SessionNote(pipeline.demux.offset, pipeline.time(now), text, evidence), now, line)


def _sent(fields: JsonObject, pipeline: Pipeline, now: float) -> None:
    try:
        data = base64.b64decode(str(fields.get("data", "")), validate=True)
        by = SentBy(str(fields.get("by")))
    except ValueError:
        remark("something was sent that the sidecar does not say", pipeline, now)
        return
    rule = text_of(fields, "rule")
    event = SentEvent(pipeline.demux.offset, now, by, data, rule)
    if by is not SentBy.KEYS:
        for text in shown_lines(data, by):
            pipeline.sent(f"{ARROW} {text}{event.who}", now)


def _link(fields: JsonObject, pipeline: Pipeline, now: float) -> None:
    try:
        state = LinkState(str(fields.get("state")))
    except ValueError:
        return
    reason, gap = text_of(fields, "reason"), fields.get("gap")
    gap = float(gap) if isinstance(gap, int | float) and gap >= 0 else None
    if state is LinkState.LOST:
        pipeline.flush(now)
    else:
        pipeline.restarted()
    event = LinkEvent(pipeline.demux.offset, now, state, reason, gap)
    if fields.get("marked", True):
        line = pipeline.mark(f"── {event.log_text} ──", now) if event.log_text else None
        pipeline.list_event(event, now, line)
    elif state is LinkState.OPENED:
        pipeline.list_event(event, now)
