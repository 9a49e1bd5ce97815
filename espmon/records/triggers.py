"""Where in the text a span recognizer has to be asked."""

from __future__ import annotations

from collections.abc import Sequence

from espmon.records.anchors import anchor, anchored
from espmon.records.span import SpanRecognizer


class Triggers:
    """The triggers of all span recognizers, searched for at once."""

    def __init__(self, spans: Sequence[SpanRecognizer]) -> None:
        self.literals = [literal for span in spans for literal in span.triggers]
        triggers = [(literal, self._anchor(literal), span) for span in spans for literal in span.triggers]
        # One that holds another is found by that one, and asked first.
        self._triggers = sorted(triggers, key=lambda trigger: -len(trigger[0]))
        self._search = anchored(self.literals).search

    def _anchor(self, literal: bytes) -> int:
        held = [other for other in self.literals if other != literal and other in literal]
        return literal.index(held[0]) + anchor(held[0]) if held else anchor(literal)

    def find(self, data: bytes, at: int) -> tuple[SpanRecognizer, int, int] | None:
        """The next trigger at or after `at`: whose it is, where it begins (perhaps before `at`), where to go on."""
        hit = self._search(data, at)
        if hit is None:
            return None
        stands = hit.start()
        for literal, index, span in self._triggers:
            if stands >= index and data.startswith(literal, stands - index):
                return span, stands - index, hit.end()
        raise AssertionError("a search for triggers found something else")
