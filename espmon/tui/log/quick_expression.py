"""The regular expressions that people mostly type, for Python's own engine: it is several times faster, on whole pages.

That engine cannot be stopped. So only expressions are taken whose cost is bounded by the length of a line: alternatives
of plain sequences, in which little repeats without limit. Only whether a line has one is asked: what may be missing at
the ends of a sequence is left out, and the search is for the text in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from espmon.tui.log.page_expression import COLOUR, LINE_END, TRANSLATED, PageToken, page_tokens

MAX_ALTERNATIVES = 8
"""Sequences that an expression may come to."""

MAX_OPEN_REPEATS = 2
"""Repeats without limit in one sequence."""

MAX_CHOICES = 4
"""Repeats with a limit in one sequence."""

MAX_WIDTH = 64
"""Characters of the text that a sequence takes at least."""

IN_SGR = "[0123456789;:mM"
"""With what a match can begin that begins inside of a colour, behind its ESC."""

APART = r"(?<![\x1b\[0-9;:])"
APART_EDGE = r"(?<![\x1b\[0-9;:m])"
"""Where they are true no colour goes on, or goes on or ends."""

_REPEAT = re.compile(r"[*+?]|\{(\d{1,2})(?:,(\d{0,2}))?\}")
_CLASS = re.compile(r"\\[dws]")
_CLASS_RANGE = re.compile(r"\\[dws]-|-\\[dws]")
_RANGE = re.compile(r".-.")


@dataclass(frozen=True, slots=True)
class Item:
    """One character of a sequence, so many times.

    Attributes:
        source: the expression for it.
        char: the character, where it is a certain one.
        least, most: how often; None without a limit.
    """

    source: str
    char: str | None = None
    least: int = 1
    most: int | None = 1

    @property
    def open(self) -> bool:
        """It repeats without limit, or nearly so."""
        return self.most is None or self.most - self.least > 1

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


EDGE = Item(r"\b")
"""The edge of a word, which is no character."""


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
        """Something repeats without limit in it."""
        return any(item.open for item in self.items)

    @cached_property
    def in_colour(self) -> bool:
        """A match in a coloured page may be none: it may begin within the sequence of a colour, or right behind it."""
        if self.begins or not self.items:
            return False
        first = self.items[0]
        return first == EDGE or re.search(first.source, IN_SGR) is not None

    def source(self, *, coloured: bool, strict: bool = False) -> str:
        """The expression for a page. What the line has to begin with begins with the LF before the line.

        Args:
            coloured: there are colours at the ends of lines.
            strict: it must not begin where that might be within a colour.
        """
        items, end = self.items, self._end()
        if self.begins:
            return f"\\n{COLOUR}*+{_text(items)}{end}"
        at, word = self._search_word()
        stop = at + len(word)
        apart = (APART_EDGE if items[:1] == (EDGE,) else APART) if strict else ""
        behind = f"(?<={apart}{_text(items[:stop])})" if at or apart else ""
        if coloured and not strict and items[:1] == (EDGE,):
            stop = max(stop, 1)
            behind = rf"(?:{behind or EDGE.text}|(?<=[\[0-9;:]m{_text(items[1:stop])}))"
        rest = end or r"[^\n]*+"  # once a line is enough
        return f"{_text(items[at : at + len(word)])}{behind}{_text(items[stop:])}{rest}"

    def _end(self) -> str:
        if not self.ends:
            return ""
        # Behind a character of the text there is no colour but at the end of the line.
        return LINE_END if not any(item.least for item in self.items if item != EDGE) else r"(?=[\x1b\r\n])"

    def _search_word(self) -> tuple[int, str]:
        """Where the longest text is among those with a known distance from the beginning, and the text."""
        known = next((at for at, item in enumerate(self.items) if not item.fixed), len(self.items))
        return max(((at, word) for at, word in self._runs() if at < known), key=_length, default=(0, ""))

    def _runs(self) -> Iterator[tuple[int, str]]:
        """Where plain text begins in it, and the text."""
        begin, text = 0, ""
        for at, item in enumerate(self.items):
            if item.char is not None and item.least == item.most == 1:
                begin, text = (begin, text + item.char) if text else (at, item.char)
            elif text:
                yield begin, text
                text = ""
        if text:
            yield begin, text

    def joined(self, other: QuickSequence) -> QuickSequence:
        """This one, and the other behind it."""
        if (self.ends and (other.items or other.begins)) or (self.items and other.begins):
            raise _NotQuick
        return QuickSequence(self.items + other.items, self.begins or other.begins, self.ends or other.ends)

    def trimmed(self) -> QuickSequence:
        """What says of the same lines that they have it, without what may be missing at its ends."""
        items = list(self.items)
        while items and not self.begins and not items[0].fixed:
            items[:1] = [replace(items[0], most=items[0].least)] if items[0].least else []
        while items and not self.ends and not items[-1].fixed:
            items[-1:] = [replace(items[-1], most=items[-1].least)] if items[-1].least else []
        found = replace(self, items=tuple(items))
        edge_first = self.begins and EDGE in items and not any(item.least for item in items[: items.index(EDGE)])
        opens, choices = sum(item.open for item in items), sum(not item.fixed for item in items)
        width = sum(item.least for item in items)
        if edge_first or opens > MAX_OPEN_REPEATS or choices - opens > MAX_CHOICES or width > MAX_WIDTH:
            raise _NotQuick
        return found


def _length(run: tuple[int, str]) -> int:
    return len(run[1])


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
        self._at = 0

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
                group = self._group()
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

    def _group(self) -> list[QuickSequence]:
        found = self.alternatives(inside=True)
        self._at += 1
        repeat = self._repeat()
        if repeat not in ((1, 1), (0, 1)):
            raise _NotQuick
        return found if repeat == (1, 1) else [*found, QuickSequence()]

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
