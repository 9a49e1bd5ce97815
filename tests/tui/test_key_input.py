"""Nothing that a terminal sends can do harm, and all that means something arrives."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual import events
from textual._xterm_parser import XTermParser
from textual.message import Message

from espmon.tui.terminal.key_input import MAX_PASTE, KeyInput, Pasted, Token, Typed, Unfinished

PARTS = st.sampled_from(
    b"\x1b [ O ] P < ? ; : 0 1 97 55555 1114112 99999999999 u ~ M m R A t $y \xe9 \xc3\xa9 \xff \x9b \x07".split(b" ")
    + b"\\ x \x00 \r \x1b[200~ \x1b[201~ \x1b[48;".split(b" ")
)
INPUT = st.lists(PARTS, max_size=24).map(b"".join)


def tokens_of(*reads: bytes) -> list[Token]:
    keys = KeyInput()
    tokens = [token for data in reads for token in keys.feed(data)]
    return tokens + list(keys.quiet(60.0))


def joined(tokens: list[Token]) -> list[Token]:
    """Tokens with neighbouring text as one."""
    result: list[Token] = []
    for token in tokens:
        last = result[-1] if result else None
        text = isinstance(token, Typed) and not token.text.startswith("\x1b")
        if text and isinstance(last, Typed) and not last.text.startswith("\x1b"):
            assert isinstance(token, Typed)
            result[-1] = Typed(last.text + token.text)
        else:
            result.append(token)
    return result


def messages_of(data: bytes) -> list[Message]:
    """What Textual makes of the tokens, as the driver asks it."""
    parser, messages = XTermParser(), list[Message]()
    for token in tokens_of(data):
        if isinstance(token, Unfinished):
            alone = XTermParser()
            messages += [*alone.feed(token.text), *alone.feed("")]
        elif isinstance(token, Typed):
            messages += parser.feed(token.text)
    return messages


@settings(max_examples=400, deadline=None)
@given(INPUT)
def test_no_input_makes_textual_s_parser_fail(data: bytes) -> None:
    for message in messages_of(data):
        if isinstance(message, events.Key) and message.character:
            message.character.encode()  # what is sent to the board: no half characters


@settings(max_examples=400, deadline=None)
@given(INPUT, st.lists(st.integers(0, 60), max_size=6))
def test_any_cut_of_the_same_bytes_gives_the_same_keys(data: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    reads = [data[start:end] for start, end in pairwise(places)]
    assert joined(tokens_of(*reads)) == joined(tokens_of(data))


@pytest.mark.parametrize(
    ("data", "tokens"),
    [
        (b"abc\xc3\xa9", [Typed("abcé")]),
        (b"caf\xe9", [Typed("café")]),  # a Latin-1 terminal, or Alt as the eighth bit
        (b"\x9b\x84", []),  # C1 controls
        (b"\x1b[M \xff\xff" + b"x", [Typed("x")]),  # a legacy mouse event beyond column 95
        (b"\x1b[<0;10;10M", [Typed("\x1b[<0;10;10M")]),
        (b"\x1b[[A", [Typed("\x1b[[A")]),
        (b"\x1bOP", [Typed("\x1bOP")]),
        (b"\x1bx", [Typed("\x1bx")]),
        (b"\x1b", [Unfinished("\x1b")]),
        (b"\x1b]", [Unfinished("\x1b]")]),  # Alt-]
        (b"\x1b]e", [Unfinished("\x1b]"), Typed("e")]),  # and soon another: no answer begins so
        (b"\x1b]11;rgb:00/00/00\x1b\\y", [Typed("y")]),
        (b"\x1b]52;c;" + b"A" * 1_000_000 + b"\x07y", [Typed("y")]),
        (b"\x1bP>|XTerm(380)\x1b\\y", [Typed("y")]),
        (b"\x1b[" + b"1" * 5000 + b"~y", [Typed("y")]),
        (b"\x1b[55555u\x1b[1114112u", []),  # half a character, and none
        (b"\x1b[97:65;2:1u", [Typed("\x1b[97;2u")]),
        (b"\x1b[97;1:3u", []),  # a key let go
        (b"\x1b[200~a\x00b\xe9\n\x1b[201~c", [Pasted("abé\n", False), Typed("c")]),
        (b"\x1b[200~never ended", [Pasted("never ended", False)]),
    ],
)
def test_what_a_terminal_sends(data: bytes, tokens: list[Token]) -> None:
    assert joined(tokens_of(data)) == tokens


def test_a_paste_beyond_the_cap_is_cut_and_says_so() -> None:
    keys = KeyInput()
    tokens = list(keys.feed(b"\x1b[200~"))
    for _ in range((MAX_PASTE >> 20) + 2):
        tokens += keys.feed(b"p" * (1 << 20))
    tokens += keys.feed(b"\x1b[201~q")
    assert tokens == [Pasted("p" * MAX_PASTE, True), Typed("q")]


def test_an_answer_that_pauses_is_not_taken_for_keys() -> None:
    keys = KeyInput()
    assert list(keys.feed(b"\x1b]52;c;" + b"A" * 100)) == []
    assert list(keys.quiet(0.2)) == []
    assert list(keys.feed(b"A" * 100 + b"\x07x")) == [Typed("x")]
