"""What `espmon decode` sends to a terminal: the log in colour, and nothing that acts."""

from __future__ import annotations

import io

from hypothesis import given, settings
from hypothesis import strategies as st

from espmon.cli.elf_help import ElfHelp
from espmon.cli.record_output import LogOutput, harmless, safe
from espmon.records import Demultiplexer
from espmon.records.print_filter import PrintFilter
from tests.records.streams import STREAMS

LINES = st.lists(
    st.sampled_from(
        [
            b"I (1) a: b\r\n", b"\x1b[0;31mE (2) a: b\x1b[0m\n", b"a\tb\r\n", b"\x1b[2J\n", b"\x07\r\n", b"10%\r",
            b"W (3) gr\xc3\xbc\xc3\x9fe\r\n", b"E (4) \xff\r\r\n", b"E (5) end", b"\x9b2J\n", b"\x1b[\n",
        ]
    ),
    max_size=6,
).map(b"".join)  # fmt: skip


def shown(data: bytes, *, colour: bool, terminal: bool, by_line: bool, strip: bool = False) -> bytes:
    """What is printed for a stream."""
    out = io.BytesIO()
    kind = ByLine if by_line else LogOutput
    output = kind(
        out, PrintFilter(), ElfHelp([]), colour=colour, terminal=terminal, fold=False, remarks=True, strip=strip
    )
    demux = Demultiplexer()
    output.take(demux.feed(data))
    output.take(demux.flush())
    return out.getvalue()


class ByLine(LogOutput):
    """Never takes a block at once."""

    def _whole(self, data: bytes) -> None:
        return None


@given(st.one_of(LINES, STREAMS), st.booleans(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_blocks_are_printed_as_their_lines_are(data: bytes, colour: bool, terminal: bool) -> None:
    whole = shown(data, colour=colour, terminal=terminal, by_line=False)
    assert whole == shown(data, colour=colour, terminal=terminal, by_line=True)


@given(st.one_of(LINES, STREAMS), st.booleans())
@settings(max_examples=100, deadline=None)
def test_without_colour_no_colour_is_left_of_any_block(data: bytes, terminal: bool) -> None:
    whole = shown(data, colour=False, terminal=terminal, by_line=False, strip=True)
    assert whole == shown(data, colour=False, terminal=terminal, by_line=True, strip=True)


@given(STREAMS)
@settings(max_examples=100, deadline=None)
def test_harmless_blocks_are_what_safe_makes_of_them(data: bytes) -> None:
    if harmless(data):
        lines = b"".join(safe(line) + b"\n" for line in data.splitlines())
        assert data.replace(b"\r\n", b"\n").replace(b"\t", b"    ") == lines


@given(LINES, st.lists(st.integers(1, 9), max_size=20), st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_line_shown_before_its_end_is_the_same_line(data: bytes, cuts: list[int], terminal: bool) -> None:
    out = io.BytesIO()
    output = LogOutput(out, PrintFilter(), ElfHelp([]), colour=False, terminal=terminal, fold=False, remarks=True)
    demux = Demultiplexer()
    at = 0
    for cut in [*cuts, len(data)]:
        output.take(demux.feed(data[at : at + cut]))
        at += cut
        if demux.unfinished is not None:
            output.show_unfinished(demux.unfinished)
    output.take(demux.flush())
    assert out.getvalue() == shown(data, colour=False, terminal=terminal, by_line=False)
