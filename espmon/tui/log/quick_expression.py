"""The regular expressions that people mostly type, for Python's own engine: it is several times faster, on whole pages.

That engine cannot be stopped. So only expressions are taken whose cost is bounded by the length of a line: alternatives
of plain sequences, in which little repeats without limit. Only whether a line has one is asked: what may be missing at
the ends of a sequence is left out, and the search is for the text in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cached_property
from typing import NamedTuple

from espmon.tui.log.page_expression import COLOUR, LINE_END, TRANSLATED, PageToken, page_tokens

MAX_ALTERNATIVES = 8
"""Sequences that an expression may come to."""

MAX_OPEN_REPEATS = 2
"""Repeats without limit in one sequence."""

MAX_CHOICES = 4
"""Repeats with a limit in one sequence."""

MAX_WAYS = 2
"""By how much more often than it must be there something repeats with such a limit."""

MAX_WIDTH = 64
"""Characters of the text that a sequence takes at least."""

IN_SGR = "[0123456789;:m"
"""With what a match can begin that begins inside of a colour, behind its ESC."""

_BEFORE_IN_SGR = {
    "[": (r"\x1b",),
    "0123456789": (r"\x1b\[", r"\x1b\[\d", r"\x1b\[\d;", r"\x1b\[\d;\d"),
    ";": (r"\x1b\[\d",),
    "m": (r"\x1b\[\d", r"\x1b\[\d\d", r"\x1b\[\d;\d\d"),
}
"""Characters of a usual colour (`USUAL_SGR`) -> what stands before them there."""

LF = r"\n"

_USUAL = (r"\x1b\[\d;\d\dm", r"\x1b\[\d\dm", r"\x1b\[\dm")
"""Usual colours, by their lengths: what is looked behind for has a certain length."""

_BEHIND_COLOUR = "|".join(f"(?<={colour})" for colour in _USUAL)
_NOT_BEHIND_COLOUR = "".join(f"(?<!{colour})" for colour in _USUAL)

_REPEAT = re.compile(r"[*+?]|\{(\d{1,2})(?:,(\d{0,2}))?\}")
_CLASS = re.compile(r"\\[dws]")
_CLASS_RANGE = re.compile(r"\\[dws]-|-\\[dws]")
_RANGE = re.compile(r".-.")
_NO_LETTERS = re.compile(r"[^a-zA-Z ][^a-zA-Z]*")


class Colours(Enum):
    """Which colours are in a page."""

    NONE = auto()
    USUAL = auto()
    """`USUAL_SGR`, one at the beginning of a line and one at its end at most."""

    ANY = auto()
    """At the beginnings and ends of lines."""


@dataclass(frozen=True, slots=True)
class Item:
    """One character of a sequence, or several that always come together, so many times.

    Attributes:
        source: the expression for it.
        char: the character, where it is a certain one.
        least, most: how often; None without a limit.
        width: how many characters it is.
        first: the expression for the first of them; "" where that is `source`.
    """

    source: str
    char: str | None = None
    least: int = 1
    most: int | None = 1
    width: int = 1
    first: str = ""

    @property
    def open(self) -> bool:
        """It repeats without limit, or nearly so."""
        return self.most is None or self.most - self.least > MAX_WAYS

    @property
    def fixed(self) -> bool:
        """Always as often."""
        return self.least == self.most

    @property
    def text(self) -> str:
        """The expression with its repeat."""
        if self.least == self.most == 1:
            return self.source
        return f"{self.source}{{{self.least},{'' if self.most is None else self.most}}}"


EDGE = Item(r"\b", width=0)
"""The edge of a word, which is no character."""


class Anchor(NamedTuple):
    """A text in a sequence."""

    at: int
    """With which item it begins."""

    text: str


@dataclass(frozen=True)
class QuickSequence:
    """Items that follow one another in a line.

    Attributes:
        items: all of them.
        begins: the line begins with them.
        ends: the line ends with them.
    """

    items: tuple[Item, ...] = ()
    begins: bool = False
    ends: bool = False

    @property
    def everywhere(self) -> bool:
        """Every line has it."""
        return not self.items and not (self.begins and self.ends)

    @cached_property
    def words(self) -> Sequence[bytes]:
        """Text that a line has that has this sequence."""
        return [word.encode("ascii") for _, word in self._runs() if len(word) > 1]

    @cached_property
    def word(self) -> bytes | None:
        """The text that it is, where it is nothing else."""
        runs = list(self._runs())
        whole = len(runs) == 1 and len(runs[0][1]) == len(self.items) and not self.begins and not self.ends
        return runs[0][1].encode("ascii") if whole else None

    @cached_property
    def repeats(self) -> bool:
        """How long a search for it takes is not a matter of the length of the text alone."""
        return not all(item.fixed for item in self.items)

    @cached_property
    def in_colour(self) -> bool:
        """What is found where there are colours may be none: it may begin within one, or right behind one."""
        return not self.begins and (self.items[:1] == (EDGE,) or any(self._may_begin_with(char) for char in IN_SGR))

    def _may_begin_with(self, char: str) -> bool:
        for item in self.items:
            if item != EDGE:
                if re.match(item.first or item.source, char):
                    return True
                if item.least:
                    return False
        return True

    def source(self, colours: Colours, anchor: Anchor | None = None) -> str:
        """The expression for a page with such colours; where there are any, for a sequence that is not `in_colour`.

        It is found in a line once at most. What the line has to begin with is looked for where an LF is before each
        line, and begins with that LF where `takes_lf` says so. With an anchor, one of those without letters, it is for
        lines in any case.
        """
        items, end = self.items, self._end()
        case = "(?i:" if anchor else "(?:"
        if self.takes_lf(colours):
            return f"{LF}{'' if colours is Colours.NONE else f'{COLOUR}*+'}{case}{_text(items)}){end}"
        at, word = anchor or self._search_word()
        stop, behind = at + len(word), ""
        if self.begins:
            before = (*_USUAL, "") if colours is Colours.USUAL else ("",)
            behind = f"(?:{'|'.join(f'(?<={LF}{colour}{case}{_text(items[:stop])}))' for colour in before)})"
        elif colours is Colours.USUAL and self.in_colour:
            begin = int(items[0] == EDGE)
            if not word:  # what is looked at everywhere must be quick
                at, stop = begin, begin + sum(item.fixed for item in items[begin : begin + 1])
            behind = f"(?<={self._apart()}{case}{_text(items[begin:stop])}))"
        elif at:
            behind = f"(?<={case}{_text(items[:stop])}))"
        # What comes later in the same line does not matter.
        rest = f"{case}{_text(items[stop:])})" if items[stop:] else ""
        return f"{re.escape(word) or _text(items[at:stop])}{behind}{rest}{end}[^\\n]*+"

    def takes_lf(self, colours: Colours) -> bool:
        """Whether what is looked for begins with the LF before the line."""
        return self.begins and (colours is Colours.ANY or not self._search_word()[1])

    def _apart(self) -> str:
        """True where it does not begin within a usual colour, nor right behind one with what is no edge there."""
        signs = [chars for chars in _BEFORE_IN_SGR if any(map(self._may_begin_with, chars))]
        before = dict.fromkeys(text for chars in signs for text in _BEFORE_IN_SGR[chars])
        apart = "".join(f"(?<!{text})" for text in before)
        if self.items[0] != EDGE:
            return apart
        return rf"{apart}(?:{_NOT_BEHIND_COLOUR}\b|(?:{_BEHIND_COLOUR})(?=\w))"

    def _end(self) -> str:
        if not self.ends:
            return ""
        # Behind a character of the text there is no colour but at the end of the line.
        return LINE_END if not any(item.least for item in self.items if item != EDGE) else r"(?=[\x1b\r\n])"

    def _search_word(self) -> Anchor:
        """Where the longest text is among those with a known distance from the beginning, and the text."""
        return max(self._anchors(), key=_length, default=Anchor(0, ""))

    def _anchors(self) -> Iterator[Anchor]:
        """Texts at a known distance from the beginning. Those that are everywhere are none: blanks, and next to the
        beginning of a line any single character."""
        known = next((at for at, item in enumerate(self.items) if not item.fixed), len(self.items))
        return (run for run in self._runs() if run.at < known and len(run.text.strip()) > self.begins)

    @cached_property
    def plain_anchors(self) -> Sequence[Anchor]:
        """Texts at a known distance from the beginning, without letters; a blank is found too often to begin with."""
        return [
            Anchor(run.at + part.start(), part[0])
            for run in self._anchors()
            for part in _NO_LETTERS.finditer(run.text)
            if not self.takes_lf(Colours.USUAL)
        ]

    def _runs(self) -> Iterator[Anchor]:
        """Where plain text begins in it, and the text."""
        begin, text = 0, ""
        for at, item in enumerate(self.items):
            if item.char is not None and item.least == item.most == 1:
                begin, text = (begin, text + item.char) if text else (at, item.char)
            elif text:
                yield Anchor(begin, text)
                text = ""
        if text:
            yield Anchor(begin, text)

    def joined(self, other: QuickSequence) -> QuickSequence:
        """This one, and the other behind it."""
        if (self.ends and (other.items or other.begins)) or (self.items and other.begins):
            raise _NotQuick
        return QuickSequence(self.items + other.items, self.begins or other.begins, self.ends or other.ends)

    def repeated(self, least: int, most: int | None) -> QuickSequence:
        """This one so many times, where it is always as long: in one way only, then."""
        items = self.items
        width = sum(item.least * item.width for item in items)
        if self.begins or self.ends or most == 0 or EDGE in items or not width or not all(item.fixed for item in items):
            raise _NotQuick
        first = items[0].first or items[0].source
        return QuickSequence((Item(f"(?:{_text(items)})", None, least, most, width, first),))

    def trimmed(self) -> QuickSequence:
        """What says of the same lines that they have it, without what may be missing at its ends."""
        items = list(self.items)
        while items and not self.begins and not items[0].fixed:
            items[:1] = [replace(items[0], most=items[0].least)] if items[0].least else []
        while items and not self.ends and not items[-1].fixed:
            items[-1:] = [replace(items[-1], most=items[-1].least)] if items[-1].least else []
        found = replace(self, items=tuple(items))
        begin = next((at for at, item in enumerate(items) if item.least and item != EDGE), len(items))
        edge_first = EDGE in items[0 if self.begins else 1 : begin]
        opens, choices = sum(item.open for item in items), sum(not item.fixed for item in items)
        width = sum(item.least * item.width for item in items)
        if edge_first or opens > MAX_OPEN_REPEATS or choices - opens > MAX_CHOICES or width > MAX_WIDTH:
            raise _NotQuick
        return found


def _length(run: Anchor) -> int:
    return len(run.text)


def _text(items: Sequence[Item]) -> str:
    return "".join(item.text for item in items)


class _NotQuick(Exception):
    """The expression has something that is left to the other engine."""


def quick_word(text: str) -> QuickSequence:
    """A text of ASCII, in lower case where that is what is looked for."""
    return QuickSequence(tuple(Item(re.escape(char), char) for char in text))


def quick_sequences(expression: str, *, case: bool) -> Sequence[QuickSequence] | None:
    """The alternatives of which a line of ASCII has one; None when the expression cannot be made quick.

    Args:
        expression: for a line without CR, LF and ESC.
        case: upper and lower case differ; else the sequences are for lines in lower case.
    """
    tokens = page_tokens(expression)
    if tokens is None:
        return None
    try:
        found = [one.trimmed() for one in _Reader(tokens, case=case).alternatives()]
    except _NotQuick:
        return None
    return [QuickSequence()] if any(one.everywhere for one in found) else found


class _Reader:
    """Reads tokens into sequences."""

    def __init__(self, tokens: Sequence[PageToken], *, case: bool) -> None:
        self._tokens = tokens
        self._case = case
        self._at = self._depth = 0

    def alternatives(self, *, inside: bool = False) -> list[QuickSequence]:
        """What stands up to the end, or up to the end of the group."""
        done, going = list[QuickSequence](), [QuickSequence()]
        while self._next != (")" if inside else ""):
            if not self._next:
                raise _NotQuick
            token = self._tokens[self._at]
            self._at += 1
            if token.written == "|":
                done, going = done + going, [QuickSequence()]
            elif token.page == "(?:":
                group = self._group(first=all(one == QuickSequence() for one in going))
                going = [one.joined(other) for one in going for other in group]
            else:
                item = self._item(token)
                going = [one.joined(item) for one in going]
            if len(done) + len(going) > MAX_ALTERNATIVES:
                raise _NotQuick
        return done + going

    @property
    def _next(self) -> str:
        """What the next token is; "" at the end."""
        return self._tokens[self._at].written if self._at < len(self._tokens) else ""

    def _group(self, *, first: bool) -> list[QuickSequence]:
        """What a group and its repeat come to; `first`: nothing stands before it."""
        self._depth += 1
        found = self.alternatives(inside=True)
        self._depth -= 1
        self._at += 1
        least, most = self._repeat()
        if not self._depth and least <= 1 and most != 0 and (first or self._next in ("", "|")):
            return found if least else [QuickSequence()]  # at an end, what repeats need not
        if most == 1:
            return found if least else [*found, QuickSequence()]
        if len(found) != 1:
            raise _NotQuick
        return [found[0].repeated(least, most)]

    def _item(self, token: PageToken) -> QuickSequence:
        written = token.written
        item, (least, most) = self._one(token), self._repeat()
        if written in ("^", "$", r"\b"):
            if (least, most) != (1, 1):
                raise _NotQuick
            return QuickSequence((EDGE,) if written == r"\b" else (), begins=written == "^", ends=written == "$")
        return QuickSequence((replace(item, least=least, most=most),) if most != 0 else ())

    def _one(self, token: PageToken) -> Item:
        written = token.written
        if token.is_set:
            self._check_set(written[1:-1])
            return Item(token.page)
        if written in TRANSLATED or written in (r"\d", r"\w"):
            return Item(token.page)
        if written in (")", "*", "+", "?") or written.startswith("{") or (written[0] == "\\" and written[1].isalnum()):
            raise _NotQuick
        char = written[-1] if self._case else written[-1].lower()
        return Item(re.escape(char), char)

    def _check_set(self, characters: str) -> None:
        # Python's engine warns of a bracket in a set. In lower case, a range must not have what was a capital letter.
        if "[" in characters or _CLASS_RANGE.search(characters):
            raise _NotQuick
        plain = _CLASS.sub("", characters)
        if not self._case and (plain != plain.lower() or not all(map(_one_kind, _RANGE.findall(plain)))):
            raise _NotQuick

    def _repeat(self) -> tuple[int, int | None]:
        """How often what came before is wanted."""
        repeat = _REPEAT.fullmatch(self._next)
        if repeat is None:
            return 1, 1
        self._at += 1
        if self._next == "?":
            self._at += 1  # the shortest: it is in the same lines
        elif self._next in ("+", "*") or self._next.startswith("{"):
            raise _NotQuick
        if repeat[0] in "*+?":
            return int(repeat[0] == "+"), 1 if repeat[0] == "?" else None
        least = int(repeat[1])
        return least, least if repeat[2] is None else int(repeat[2]) if repeat[2] else None


def _one_kind(ends: str) -> bool:
    return any(ends[0] in kind and ends[-1] in kind for kind in ("0123456789", "abcdefghijklmnopqrstuvwxyz"))
