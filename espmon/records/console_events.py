"""Lines with which the firmware talks to the monitor: its capabilities, and the prompt before a core dump."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from espmon.records.event import LineView
from espmon.records.notes import Caps, Note
from espmon.records.record import Record
from espmon.records.values import json_value

CAPS_QUERY = b"@ESPCAPS?\r\n"
"""Asks the firmware for its capabilities."""

CAPS = re.compile(r"(?:[\w@:~/.()\[\] -]{0,64}[>$#%] ?)?@ESPCAPS (\{.*)")
PROMPT = b"Press Enter to print core dump to UART"


class CapsRecognizer:
    """Reads `@ESPCAPS {json}` at the start of a line or behind a prompt."""

    needles: Sequence[bytes] = (b"@ESPCAPS ",)
    attentive: bool = False

    def line(self, line: LineView) -> Iterable[Record]:
        """Yield a `caps` event."""
        match = CAPS.fullmatch(line.text.strip())
        if match is None:
            return
        value, error = None, None
        try:
            value = json_value(match[1].encode("utf-8", "surrogatepass"))
        except ValueError as wrong:
            error = str(wrong)
        if value is not None and not isinstance(value, dict):
            value, error = None, "not an object"
        yield Caps(line.offset, line.length, line.time, value=value, error=error)

    def span(self, record: Record) -> Iterable[Record]:
        """Other payloads say nothing about capabilities."""
        return ()

    def end(self) -> Iterable[Record]:
        """Nothing is ever open."""
        return ()


class CoredumpPrompt:
    """Sees the board wait for Enter before it prints a core dump."""

    needles: Sequence[bytes] = (PROMPT,)
    attentive: bool = False

    def line(self, line: LineView) -> Iterable[Record]:
        """Yield a `note` that asks for Enter."""
        return self.quiet(line)

    def quiet(self, line: LineView) -> Iterable[Record]:
        """The board prints it, and then it waits: there is no line end before the answer."""
        at = line.raw.find(PROMPT)
        if at >= 0:
            yield Note(
                line.offset + at, len(PROMPT), line.time, kind="prompt", action="enter",
                text="The board waits for Enter before it prints its core dump.",
            )  # fmt: skip

    def span(self, record: Record) -> Iterable[Record]:
        """Other payloads are no prompts."""
        return ()

    def end(self) -> Iterable[Record]:
        """Nothing is ever open."""
        return ()
