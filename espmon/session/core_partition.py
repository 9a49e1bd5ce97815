"""The core dump that a board keeps in its own flash: found by the partition table, read as far as it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from espmon.postmortem.binary import u32
from espmon.postmortem.core_input import plausible_header
from espmon.rom.rom_error import RomError, RomErrorKind

if TYPE_CHECKING:
    from espmon.rom.app_image import Partition
    from espmon.rom.flash_regions import FlashOutcome
    from espmon.rom.loader_session import LoaderSession

HEAD_BYTES = 64
"""Read first: the header says how long the dump is. A ROM reads as many at once."""

DUMP_PARTITION = ("data", "coredump")
"""Type and subtype, as the partition table has them."""

TO_HAVE_ONE = (
    "Firmware with CONFIG_ESP_COREDUMP_ENABLE_TO_FLASH and a partition of type data, subtype coredump keeps one"
)


async def read_core_partition(loader_session: LoaderSession, table_at: int | None = None) -> FlashOutcome:
    """Read the core dump that is stored in flash.

    Args:
        loader_session: an open session with the loader.
        table_at: where the partition table is; None: at its usual place.

    Returns:
        `data` is the dump as the board wrote it, `partitions` the row of its partition.

    Raises:
        RomError: there is no partition for it (FLASH), none is stored in it (FLASH), or flash cannot be read.
    """
    table = await loader_session.partitions(table_at)
    row = _dump_partition(table)
    head = await loader_session.read(row.offset, min(HEAD_BYTES, row.size))
    warnings = [*table.warnings, *head.warnings]
    size = _stored_bytes(head.data, row, warnings)
    outcome = await loader_session.read(row.offset, size)
    outcome.action, outcome.partitions = "coredump", [row]
    outcome.warnings = list(dict.fromkeys([*warnings, *outcome.warnings]))
    return outcome


def _dump_partition(table: FlashOutcome) -> Partition:
    for row in table.partitions:
        if (row.type_name, row.subtype_name) == DUMP_PARTITION:
            return row
    why = "; ".join(table.warnings) or "The partition table has no partition for core dumps"
    raise RomError(RomErrorKind.FLASH, why, TO_HAVE_ONE)


def _stored_bytes(head: bytes, row: Partition, warnings: list[str]) -> int:
    """Bytes of the dump whose first ones are `head`."""
    place = f"the partition {row.name!r} (0x{row.offset:x})"
    if not head.strip(b"\xff"):
        raise RomError(RomErrorKind.FLASH, f"No core dump is stored: {place} is erased", TO_HAVE_ONE)
    if not plausible_header(head):
        why = "; ".join(warnings)
        raise RomError(RomErrorKind.FLASH, f"What {place} holds does not begin as a core dump does", why)
    size = u32(head, 0)
    if size > row.size:
        raise RomError(
            RomErrorKind.FLASH, f"The core dump claims {size:,} bytes, and {place} has {row.size:,}: it is damaged"
        )
    return size
