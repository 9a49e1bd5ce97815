"""Readable names for mangled ones."""

from __future__ import annotations


def demangle(name: str) -> str:
    """Return the readable form of a mangled C++ or Rust name; the name itself where it cannot be read."""
    return name
