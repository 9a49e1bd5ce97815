"""Readable names for mangled ones: the Itanium C++ ABI's grammar (without expressions), and both forms of Rust."""

from __future__ import annotations

import re

from espmon.postmortem.demangle_itanium import Parser
from espmon.postmortem.demangle_rust import rust_name
from espmon.postmortem.demangle_tables import Unreadable

MAX_NAME = 4_000

RUST_HASH = re.compile(r"17h[0-9a-f]{16}E(?=$|\.llvm\.)")
RUST_ESCAPES = {"SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ","}


def demangle(name: str) -> str:
    """Return the readable form of a mangled C++ or Rust name; the name itself where it cannot be read."""
    if not name.startswith(("_Z", "_R")) or len(name) > MAX_NAME:
        return name
    mangled, dot, clone = name.partition(".")
    try:
        if mangled.startswith("_R"):
            return rust_name(mangled[2:])  # what follows the dot is LLVM's
        rust = RUST_HASH.search(name)
        if rust:
            return _rust(name[: rust.end()])
        parser = Parser(mangled[2:])
        text = parser.encoding()
        if parser.pos != len(parser.text):
            return name
    except (Unreadable, IndexError, RecursionError):
        return name
    return f"{text} [clone .{clone}]" if dot else text


def _rust(name: str) -> str:
    parts: list[str] = []
    pos = 3
    while name[pos] != "E":
        digits = re.compile(r"\d+").match(name, pos)
        if digits is None:
            raise Unreadable
        pos = digits.end() + int(digits.group())
        parts.append(name[digits.end() : pos])
    shown = []
    for part in parts[:-1]:
        part = part[1:] if part.startswith("_$") else part
        part = re.sub(r"\$u([0-9a-f]{1,5})\$", lambda match: chr(int(match[1], 16)), part)
        part = re.sub(r"\$([A-Z]{1,2})\$", lambda match: RUST_ESCAPES.get(match[1], match[0]), part)
        shown.append(part.replace("..", "::"))
    return "::".join(shown)
