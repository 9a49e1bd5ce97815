"""Standard input to the boards of a run: line by line with the line end that the settings name, or byte by byte."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Callable, Iterator

CHUNK = 4096
"""Bytes of one read."""

MAX_LINE = 64 << 10
"""A line longer than this is sent in pieces."""


def reads_input(options: argparse.Namespace) -> bool:
    """Whether standard input goes to the boards: asked for, or no terminal and not ruled out."""
    return bool(
        options.interactive or options.raw_stdin or not (options.no_stdin or options.script or sys.stdin.isatty())
    )


class InputLines:
    """Cuts what is read into what is sent. Sans-IO.

    Args:
        eol: the line end that the board gets; None sends every byte as it is.
    """

    def __init__(self, eol: bytes | None) -> None:
        self._eol = eol
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What is to be sent now."""
        if self._eol is None:
            yield data
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r") + self._eol
        if len(self._rest) > MAX_LINE:
            yield self._rest
            self._rest = b""

    def end(self) -> Iterator[bytes]:
        """What is left where the input ends: a last line without its end is a line."""
        if self._eol is not None and self._rest:
            yield self._rest + self._eol


def forward_input(descriptor: int, lines: InputLines, send: Callable[[bytes], object]) -> threading.Thread:
    """Start a thread that reads `descriptor` until it ends and calls `send`, which may block, with each piece.

    Reads the descriptor itself: a thread that waits in Python's own `sys.stdin` cannot be left behind.
    """

    def main() -> None:
        try:
            while data := os.read(descriptor, CHUNK):
                for piece in lines.feed(data):
                    send(piece)
        except OSError:
            return  # standard input is closed, or a terminal that went away
        for piece in lines.end():
            send(piece)

    thread = threading.Thread(target=main, name="espmon-input", daemon=True)
    thread.start()
    return thread
