"""Symbols, unwinding and core dumps from the ELF alone. Public names are imported from here."""

from __future__ import annotations

from espmon.postmortem.errors import PostmortemError
from espmon.postmortem.symbolizer import Frame, Symbolizer

__all__ = ["Frame", "PostmortemError", "Symbolizer"]
