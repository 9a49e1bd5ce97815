"""The strings of a binary log, read from ELF files.

Bootloader frames take theirs from the bootloader's ELF (a file called `bootloader.elf`), application frames from the
first other one. An address whose top byte is 0 belongs to the section `.noload`, which is in the file only; any other
one to the first section that holds it.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterable
from io import BufferedReader
from pathlib import Path

from espmon.regular_file import open_regular

BOOTLOADER, APPLICATION = 1, 2
"""Frame types of the binary log."""

MAX_SECTIONS = 1024
"""A build has some fifty."""

NOT_LOADED = ".noload"
"""The section whose strings are in the file only."""

MAX_STRING = 4096
"""Bytes of one string."""


class ElfStrings:
    """The sections of one ELF file, by address. The file is read once.

    Raises OSError when it cannot be read, and ValueError when it is no ELF file.
    """

    def __init__(self, path: Path) -> None:
        from elftools.common.exceptions import ELFError
        from elftools.elf.constants import SH_FLAGS
        from elftools.elf.elffile import ELFFile

        self._noload: list[tuple[int, bytes]] = []
        self._sections: list[tuple[int, bytes]] = []
        with BufferedReader(open_regular(path)) as file:
            try:
                elf = ELFFile(file)
                if elf.num_sections() > MAX_SECTIONS:
                    raise ValueError(f"it has {elf.num_sections()} sections")
                left = os.fstat(file.fileno()).st_size
                for section in elf.iter_sections():
                    loaded = section["sh_flags"] & (SH_FLAGS.SHF_ALLOC | SH_FLAGS.SHF_COMPRESSED) == SH_FLAGS.SHF_ALLOC
                    if section["sh_type"] == "SHT_NOBITS" or not (loaded or section.name == NOT_LOADED):
                        continue
                    left -= section["sh_size"]
                    if left < 0:
                        raise ValueError("its sections are larger than the file")
                    address, data = int(section["sh_addr"]), section.data()
                    if section.name == NOT_LOADED:
                        self._noload.append((address, data))
                    elif address and data:
                        self._sections.append((address, data))
            except (ELFError, ValueError, LookupError, AttributeError, TypeError) as error:
                raise ValueError(f"{path} is not an ELF file: {error}") from error
        self._sections.sort(key=lambda entry: entry[0])
        self._starts = [address for address, _ in self._sections]

    def read(self, address: int, size: int | None) -> bytes | None:
        """The bytes at `address`, up to a NUL or (with `size`) that many; None when no section holds the address."""
        if address >> 24 == 0:
            candidates = self._noload
        else:
            index = bisect_right(self._starts, address) - 1
            candidates = self._sections[index : index + 1] if index >= 0 else []
        for start, data in candidates:
            at = address - start
            if 0 <= at < len(data):
                if size is not None:
                    return data[at : at + size]
                end = data.find(b"\0", at, at + MAX_STRING)
                return data[at : end if end >= 0 else at + MAX_STRING]
        return None


class BinlogStrings:
    """The strings of a project: its application and, if there is one, its bootloader."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._files: dict[int, ElfStrings] = {}
        for path in paths:
            kind = BOOTLOADER if path.name == "bootloader.elf" else APPLICATION
            if kind not in self._files:
                self._files[kind] = ElfStrings(path)

    def has(self, kind: int) -> bool:
        """True when there is an ELF for frames of this type."""
        return kind in self._files

    def read(self, kind: int, address: int, size: int | None) -> bytes | None:
        """The bytes at an address of the ELF for this type of frame, None when no section holds it."""
        return self._files[kind].read(address, size)
