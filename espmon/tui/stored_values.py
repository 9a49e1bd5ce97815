"""Stored values as they are shown: passwords and keys are hidden unless somebody asks to see them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from espmon.rom.nvs import NvsContents, NvsItem, NvsPage
from espmon.rom.ota_data import OtaChoice
from espmon.text import counted, plain
from espmon.tui.log.row_texts import hex_rows

SECRET = re.compile(
    r"(?i)pass|pswd|pwd|psk|pmk|secret|token|cred|private|priv[._-]?key|api[._-]?key|enc[._-]?key|cert|\bkey\b|\bpin\b"
)
"""Keys of NVS whose values are nobody else's business."""

SECRET_NAMESPACES = frozenset({"nimble_bond", "bt_config.conf", "nvs_keys", "esp_secure_cert"})
"""Namespaces that hold nothing else."""

SECRET_KEYS = frozenset({"sta.apinfo", "ap.apinfo"})
"""Blobs of the Wi-Fi driver that have a password among other things."""

PEM = b"-----BEGIN"
HIDDEN = "hidden"
MAX_BLOB_SHOWN = 24
"""Bytes of a blob in a table's row."""

MAX_TEXT_SHOWN = 200
"""Characters of a string in a table's row."""


def is_secret(item: NvsItem) -> bool:
    """Whether a value is hidden until it is asked for."""
    named = item.key in SECRET_KEYS or item.namespace in SECRET_NAMESPACES or SECRET.search(item.key) is not None
    return named or (isinstance(item.value, bytes) and PEM in item.value)


def value_text(item: NvsItem, *, secrets: bool = False) -> str:
    """A value in one line."""
    if is_secret(item) and not secrets:
        return f"{HIDDEN}, {counted(item.size, 'byte')}"
    if isinstance(item.value, int):
        return f"{item.value} (0x{item.value:x})" if item.value > 9 else str(item.value)
    if item.kind == "string":
        return plain(item.value.decode("utf-8", "backslashreplace")[:MAX_TEXT_SHOWN])
    shown = item.value[:MAX_BLOB_SHOWN].hex(" ")
    more = f" … {counted(item.size, 'byte')}" if item.size > MAX_BLOB_SHOWN else ""
    return shown + more


def whole_value(item: NvsItem) -> str:
    """All of a value, secret or not, as text of several lines."""
    if isinstance(item.value, int):
        return f"{item.value} (0x{item.value & (1 << 8 * item.size) - 1:x})"
    if item.kind == "string":
        return item.value.decode("utf-8", "backslashreplace")
    return "\n".join(hex_rows(item.value))


def pages_text(pages: Sequence[NvsPage]) -> str:
    """The pages of an NVS partition, neighbours alike in one row."""
    return "\n".join(_by_page((page.index, _page_text(page)) for page in pages))


def page_problems(pages: Sequence[NvsPage]) -> list[str]:
    """What was not read of the pages, neighbours alike in one row."""
    return _by_page((page.index, page.problem) for page in pages if page.problem)


def _page_text(page: NvsPage) -> str:
    if page.sequence is not None:
        told = f"{page.state}, number {page.sequence}: {page.written} used, {page.erased} erased, {page.free} free"
        return f"{told}; {page.problem}" if page.problem else told
    # Of noise the state is any number.
    return "; ".join(part for part in ("" if page.state.startswith("0x") else page.state, page.problem) if part)


def _by_page(told: Iterable[tuple[int, str]]) -> list[str]:
    rows: list[tuple[int, int, str]] = []
    for index, text in told:
        if rows and rows[-1][1:] == (index - 1, text):
            rows[-1] = (rows[-1][0], index, text)
        else:
            rows.append((index, index, text))
    return [
        f"page {first}: {text}" if first == last else f"pages {first} to {last}: {text}" for first, last, text in rows
    ]


def nvs_summary(contents: NvsContents) -> str:
    """An NVS partition in a line."""
    spaces = len({item.namespace for item in contents.items})
    found = f"{counted(len(contents.items), 'key')} in {counted(spaces, 'namespace')}"
    return found if contents.items or not contents.problems else "nothing can be read"


def record_rows(choice: OtaChoice) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """(title, rows) of each record of the OTA data."""
    found: list[tuple[str, tuple[tuple[str, str], ...]]] = []
    for index, record in enumerate(choice.records):
        rows: tuple[tuple[str, str], ...] = (("verdict", record.verdict),)
        if not record.erased:
            right = "right" if record.crc_ok else "WRONG"
            rows += (
                ("sequence", str(record.sequence)),
                ("CRC", f"0x{record.crc:08x}, {right}"),
                ("state", record.state_text),
            )
        decides = ", it decides" if index == choice.chosen else ""
        found.append((f"Record {index}{decides}", rows))
    return found
