"""What a terminal sends, cut into keys, whole sequences and pastes; no byte of it can do harm.

Textual's own parser takes it from here. It sees one whole sequence at a time, and never what it stumbles over: bytes
that are not UTF-8, numbers that are no characters, and answers of any length to questions that nobody asked.
"""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

MAX_PASTE = 8 << 20
"""Bytes of one paste that are kept."""

MAX_SEQUENCE = 64
"""Bytes of the longest sequence that is a key, a mouse event or a short answer; longer ones mean nothing here."""

MAX_REISSUED = 8
"""Bytes of an unfinished answer that may have been keys: Alt-] begins like one."""

STRING_SECONDS = 1.0
"""Quiet after which the end of an answer (OSC, DCS) is not waited for any longer."""

PASTE_SECONDS = 2.0
"""Quiet after which the end of a paste is not waited for any longer."""

ESC = 0x1B
PASTE_BEGIN, PASTE_END = b"\x1b[200~", b"\x1b[201~"
STRING_INTRODUCERS = frozenset(b"]P_^X")
"""After ESC: OSC, DCS, APC, PM and SOS, which go on until ST."""

OSC_BEGINS = frozenset(b"0123456789lLI\x07\x1b")
"""What comes after ESC ] in an answer: a number, a letter of a title's report, or its end."""

_NUMBER = re.compile(r"\d+")
_KEY = re.compile(r"\x1b\[([\d:]*)(?:;([\d:]*))?((?:;[\d:]*)?[u~ABCDEFHPQRS])")
"""A key in the kitty protocol: its code and alternatives, modifiers and what happened, the text it makes."""

_NOT_UTF8 = {0xDC00 + byte: chr(byte) if byte >= 0xA0 else None for byte in range(0x80, 0x100)}
"""A byte that is not UTF-8 is Latin-1 (an old terminal, or Alt as the eighth bit); there, C1 controls are no keys."""


@dataclass(frozen=True, slots=True)
class Typed:
    """Text as typed, or one whole escape sequence."""

    text: str


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The beginning of a sequence that did not go on: the Esc key, or Alt and another."""

    text: str


@dataclass(frozen=True, slots=True)
class Pasted:
    """A whole paste."""

    text: str

    cut: bool
    """It was longer than `MAX_PASTE`."""


Token = Typed | Unfinished | Pasted


class _State(Enum):
    GROUND = "text"
    ESCAPE = "after ESC"
    CSI = "in a control sequence"
    SS3 = "after ESC O"
    MOUSE = "the three bytes of a legacy mouse event"
    STRING = "in an answer"
    STRING_ESCAPE = "after ESC in an answer"
    PASTE = "in a paste"


class KeyInput:
    """Cuts input into tokens. `feed` never raises, and any cut of the same bytes gives the same tokens."""

    def __init__(self) -> None:
        self._state = _State.GROUND
        self._sequence = bytearray()
        self._skipped = 0
        self._paste = bytearray()
        self._paste_cut = False
        self._decoder = getincrementaldecoder("utf-8")("surrogateescape")

    @property
    def waits(self) -> bool:
        """Whether `quiet` has something to give up."""
        return self._state is not _State.GROUND or bool(self._decoder.getstate()[0])

    def feed(self, data: bytes) -> Iterator[Token]:
        """The tokens that end in `data`."""
        position = 0
        while position < len(data):
            token, position = self.take(data, position)
            if token is not None:
                yield token

    def take(self, data: bytes, position: int = 0) -> tuple[Token | None, int]:
        """The first token that ends in `data[position:]`, and where it ends: what comes next may be another's.

        Text comes a character at a time, and with it what was no UTF-8 before it. None: the rest begins something.
        """
        while position < len(data):
            if self._state is _State.PASTE:
                position, pasted = self._in_paste(data, position)
                if pasted is not None:
                    return pasted, position
            elif self._state is _State.STRING:
                if self._sequence == b"\x1b]" and data[position] not in OSC_BEGINS:
                    return self._give_up(), position
                position = self._in_string(data, position)
            elif self._state is _State.GROUND:
                escape = data[position] == ESC
                text = self._text(b"" if escape else data[position : position + 1], final=escape)
                position += 1
                if escape:
                    self._begin(_State.ESCAPE)
                if text:
                    return Typed(text), position
            else:
                used, token = self._in_sequence(data[position])
                position += used
                if token is not None:
                    return token, position
        return None, position

    def quiet(self, seconds: float) -> Iterator[Token]:
        """Nothing came for `seconds`: what did not go on ends here."""
        if self._state is _State.GROUND:
            if text := self._text(b"", final=True):
                yield Typed(text)
        elif self._state is _State.PASTE:
            if seconds >= PASTE_SECONDS:
                yield self._end_paste()
        elif self._state in (_State.STRING, _State.STRING_ESCAPE) and self._skipped:
            if seconds >= STRING_SECONDS:
                token = self._give_up()
                if self._skipped <= MAX_REISSUED:
                    yield token
        elif self._state is _State.MOUSE:
            self._state = _State.GROUND
        else:
            yield self._give_up()

    # -- text ---------------------------------------------------------------------------------------------------

    def _text(self, data: bytes, *, final: bool) -> str:
        return self._decoder.decode(data, final).translate(_NOT_UTF8)

    # -- sequences ----------------------------------------------------------------------------------------------

    def _begin(self, state: _State) -> None:
        self._state = state
        self._sequence[:] = b"\x1b"
        self._skipped = 0

    def _give_up(self) -> Unfinished:
        self._state = _State.GROUND
        return Unfinished(_decoded(bytes(self._sequence)))

    def _in_sequence(self, byte: int) -> tuple[int, Token | None]:
        """One byte of a sequence: how many bytes of it are used up (0: it begins something else), and what ended."""
        if byte == ESC and self._state is not _State.STRING_ESCAPE:
            token = self._give_up() if self._state is not _State.MOUSE else None
            self._begin(_State.ESCAPE)
            return 1, token
        if self._state is _State.ESCAPE:
            return self._after_escape(byte)
        if self._state is _State.STRING_ESCAPE:
            if byte == ord("\\"):
                self._state = _State.GROUND
                return 1, None
            self._begin(_State.ESCAPE)
            return 0, None
        if self._state is _State.MOUSE:
            self._skipped += 1
            if self._skipped == 3:
                self._state = _State.GROUND
            return 1, None
        if not 0x20 <= byte <= 0x7E:
            return 0, self._give_up()
        if self._skipped or len(self._sequence) >= MAX_SEQUENCE:
            self._skipped += 1
        else:
            self._sequence.append(byte)
        if self._state is _State.SS3:
            return 1, None if 0x30 <= byte <= 0x3B else self._whole()
        if not 0x40 <= byte <= 0x7E or self._sequence == b"\x1b[[":  # the Linux console's F1 is ESC [ [ A
            return 1, None
        if self._sequence == b"\x1b[M":
            self._state = _State.MOUSE
            return 1, None
        if self._sequence == PASTE_BEGIN:
            self._state, self._paste_cut = _State.PASTE, False
            self._paste.clear()
            return 1, None
        return 1, self._whole()

    def _after_escape(self, byte: int) -> tuple[int, Token | None]:
        if byte >= 0x80:
            return 0, self._give_up()
        self._sequence.append(byte)
        if byte in STRING_INTRODUCERS:
            self._state = _State.STRING
        elif byte == ord("["):
            self._state = _State.CSI
        elif byte == ord("O"):
            self._state = _State.SS3
        else:
            return 1, self._whole()
        return 1, None

    def _whole(self) -> Typed | None:
        """The sequence, None when it can mean nothing."""
        self._state = _State.GROUND
        text = self._sequence.decode("ascii")
        if self._skipped or text.encode() == PASTE_END:
            return None
        numbers = [int(number) for number in _NUMBER.findall(text)]
        if any(number > 0x10FFFF or 0xD800 <= number <= 0xDFFF for number in numbers):
            return None
        if key := _KEY.fullmatch(text):
            return _key(*key.groups(default=""))
        return Typed(text)

    def _in_string(self, data: bytes, position: int) -> int:
        """Pass over an answer; returns where it ends in `data`, or where the ESC stands that may end it."""
        ends = [end for end in (data.find(b"\x07", position), data.find(ESC, position)) if end >= 0]
        end = min(ends, default=len(data))
        self._skipped += end - position
        self._sequence += data[position : min(end, position + max(0, MAX_SEQUENCE - len(self._sequence)))]
        if end == len(data):
            return end
        self._state = _State.GROUND if data[end] == 0x07 else _State.STRING_ESCAPE
        return end + 1

    # -- pastes -------------------------------------------------------------------------------------------------

    def _in_paste(self, data: bytes, position: int) -> tuple[int, Pasted | None]:
        kept = len(self._paste)
        # The end may have begun in what came before; beyond the cap only its last bytes are kept.
        self._paste += data[position:]
        end = self._paste.find(PASTE_END, max(0, kept - len(PASTE_END) + 1))
        if end >= 0:
            used = end + len(PASTE_END) - kept
            del self._paste[end:]
            return position + used, self._end_paste()
        if len(self._paste) > MAX_PASTE + len(PASTE_END):
            self._paste_cut = True
            tail = self._paste[-len(PASTE_END) :]
            del self._paste[MAX_PASTE:]
            self._paste += tail
        return len(data), None

    def _end_paste(self) -> Pasted:
        self._state = _State.GROUND
        cut = self._paste_cut or len(self._paste) > MAX_PASTE
        text = _decoded(bytes(self._paste[:MAX_PASTE]))
        self._paste = bytearray()
        return Pasted(text.replace("\x00", ""), cut)


def _key(code: str, modifiers: str, rest: str) -> Typed | None:
    """A key without its alternatives, which Textual's parser cannot read; None for a key let go."""
    modifiers, _, happened = modifiers.partition(":")
    if happened.startswith("3"):
        return None
    return Typed(f"\x1b[{code.partition(':')[0]}{';' + modifiers if modifiers or rest[0] == ';' else ''}{rest}")


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape").translate(_NOT_UTF8)
