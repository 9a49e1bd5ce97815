"""Payloads that change from one to the next: files under a name, frames of the binary log."""

from __future__ import annotations

import base64
import zlib

BINLOG_APPLICATION = 2
LEVELS = {"E": 1, "W": 2, "I": 3, "D": 4, "V": 5}


def frame(kind: str, payload: bytes, encoding: str = "raw") -> bytes:
    """An @ESPFRAME with its checksum; `encoding` as in its header."""
    wire = payload
    if "zlib" in encoding:
        wire = zlib.compress(wire)
    if "base64" in encoding:
        wire = base64.b64encode(wire)
    header = f"@ESPFRAME {kind} {len(wire)} {encoding} {zlib.crc32(wire):08x}\n"
    return header.encode() + wire + b"\n@ESPFRAME_END\n"


def crc8(data: bytes) -> int:
    """Polynomial 0x07, start 0, not reflected."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x07) & 0xFF if crc & 0x80 else crc << 1
    return crc


def _embedded(text: str) -> bytes:
    content = text.encode()
    return (1 - len(content)).to_bytes(2, "big", signed=True) + content


def binary_log(level: str, milliseconds: int, tag: str, text: str) -> bytes:
    """One frame of the binary log with its strings inside, so that no ELF is needed."""
    body = _embedded(text) + _embedded(tag) + milliseconds.to_bytes(4, "big")
    length = 1 + 2 + len(body) + 1
    control = length | LEVELS[level] << 10
    whole = bytes([BINLOG_APPLICATION]) + control.to_bytes(2, "big") + body
    return whole + bytes([crc8(whole)])
