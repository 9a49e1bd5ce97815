"""What a chip's ROM prints when it starts: the end of everything that was being sent before."""

from __future__ import annotations

RESET_BANNER = rb"ets [A-Z][a-z]{2} [ \d]\d \d{4}[ ,]|ESP-ROM:esp|rst:0x[0-9a-f]{1,2} \("
"""The ROM's first lines as it prints them, in the middle of anything: a pattern for bytes."""
