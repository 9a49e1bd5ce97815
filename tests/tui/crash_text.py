"""A crash and the start after it, as a board prints them."""

from __future__ import annotations

CRASH = b"""Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.

Core  0 register dump:
PC      : 0x400d0e38  PS      : 0x00060d30  A0      : 0x800d1b2c  A1      : 0x3ffb5190
A2      : 0x00000000  A3      : 0x00000001  A4      : 0x00000000  A5      : 0x3ffb5200
EXCVADDR: 0x00000000  LBEG    : 0x00000000  LEND    : 0x00000000  LCOUNT  : 0x00000000

Backtrace: 0x400d0e35:0x3ffb5190 0x400d1b29:0x3ffb51b0

ELF file SHA256: 62d1b7a8f

Rebooting...
"""
RESET = b"rst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\nload:0x3fff0030,len:7176\nI (10) boot: here\n"
