"""Device text made safe for the screen."""

from __future__ import annotations

from espmon.text import plain

__all__ = ["plain"]
