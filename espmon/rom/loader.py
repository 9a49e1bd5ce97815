"""The ROM loader, or a stub in its place, at the other end of a channel."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterable, Sequence

from espmon.rom import baud_registers as baud_rules
from espmon.rom import boot_text as boot
from espmon.rom import identity, spi
from espmon.rom.channel import Channel, EntrySequence
from espmon.rom.chips import MAGIC_REGISTER, Chip, Chips, load_chips
from espmon.rom.command_link import Link
from espmon.rom.protocol import SECURITY_INFO, Op, SecurityInfo, read_security_info
from espmon.rom.rom_error import RomError, RomErrorKind
from espmon.rom.spi import FlashId

ATTEMPTS = 7
"""Resets into the loader before giving up."""

SYNCS = 5
"""SYNCs sent after each."""

REGISTER_SECONDS = 0.5
"""Seconds to wait for a register, each time it is asked for."""

REGISTER_ATTEMPTS = 3

MD5_SECONDS_PER_MEGABYTE = 8.0
"""Seconds that a loader may take to digest a megabyte of flash."""

MD5_SECONDS = 3.0
"""Least seconds to wait for a digest."""

BAUD_CHANGE_SECONDS = 0.05
"""Seconds a chip takes to change its rate, with some to spare."""

WATCHDOG_TICKS = 2000
"""Ticks of the slow clock until the watchdog bites."""

WATCHDOG_RESETS_ALL = (1 << 31) | (5 << 28) | (1 << 8) | 2
"""Enabled, its first stage resets the whole chip."""

WATCHDOG_SECONDS = 0.5
"""Seconds until that has happened."""

Progress = Callable[[str], None]


class Loader(Link):
    """Connect, find out which chip it is, and use its commands.

    Every method may raise `RomError`; what the channel raises passes through. Nothing here opens or closes the channel.
    """

    def __init__(self, channel: Channel, chips: Chips | None = None) -> None:
        super().__init__(channel)
        self.chips = chips or load_chips()
        self.touched = False
        """The board was reset by this object and should be brought back."""

        self.lines_reach_board = False
        """A loader answered after this object had moved the lines, and none before."""

        self.initial_baud = channel.baud
        self.words: dict[int, int] = {}
        """Registers read so far through `read_words`."""

        self.security: SecurityInfo | None = None
        """What GET_SECURITY_INFO told; None for chips that do not know it."""

        self._chip: Chip | None = None

    @property
    def chip(self) -> Chip:
        """The chip that `detect` found. Raises `RomError` when it has not been asked yet."""
        if self._chip is None:
            raise RomError(RomErrorKind.UNKNOWN_CHIP, "The chip has not been identified yet")
        return self._chip

    @property
    def identified(self) -> bool:
        """`detect` has found the chip."""
        return self._chip is not None

    @property
    def secure_download(self) -> bool:
        """Registers, RAM and flash reads are forbidden by the chip's fuses."""
        bit = self.chips.security_flags["secure_download_enable"]
        return self.security is not None and bool(self.security.flags >> bit & 1)

    async def connect(
        self,
        *,
        reset: bool = True,
        entries: Sequence[EntrySequence] | None = None,
        attempts: int | None = None,
        on_progress: Progress | None = None,
    ) -> None:
        """Reach a loader: one that runs already, else by the channel's entry sequences in their order.

        Args:
            reset: False: only ask, never move a line.
            entries: sequences to use in place of the channel's.
            attempts: most sequences that are played; None: `ATTEMPTS`.
            on_progress: told in words what is being tried.

        Raises:
            RomError: NO_ANSWER after `attempts` sequences with `SYNCS` SYNCs each.
        """
        tell = on_progress or (lambda text: None)
        attempts = ATTEMPTS if attempts is None else attempts
        tell("Asking whether a loader is running")
        if await self.sync():
            self.transcript.note("a loader was running already")
            return
        if not (reset and self.channel.has_modem_lines):
            entries = ()
        elif entries is None:
            entries = self.channel.loader_entries()
        if not entries:
            tell("Waiting for a loader (hold BOOT, press and release EN)")
            for _ in range(attempts * SYNCS):
                if await self.sync():
                    return
            raise boot.no_answer(self.recent, lines=self.channel.has_modem_lines, reset=reset)
        heard = b""
        for attempt in range(attempts):
            entry = entries[attempt % len(entries)]
            tell(f"Resetting the board into its loader ({entry.name}, {attempt + 1} of {attempts})")
            self.transcript.note(f"reset into the loader: {entry.name}")
            self.forget()
            self.touched = True
            await self.channel.run_sequence(entry)
            for _ in range(SYNCS):
                if await self.sync():
                    self.lines_reach_board = True
                    return
            heard = self.recent or heard
        raise boot.no_answer(heard, lines=True, reset=True)

    async def detect(self) -> Chip:
        """Find out which chip it is; sets `chip`, `security` and `secure_download`.

        Raises:
            RomError: UNKNOWN_CHIP, SILENT or BAD_REPLY.
        """
        self.security = await self._security_info()
        if self.security is not None and self.security.chip_id is not None:
            return self._by_chip_id(self.security.chip_id)
        try:
            magic = await self._read_reg(MAGIC_REGISTER)
        except RomError as error:
            if error.kind is not RomErrorKind.REFUSED:
                raise
            self._chip = self.chips.silent_when_secure
            bit = 1 << self.chips.security_flags["secure_download_enable"]
            known = self.security or SecurityInfo(0, 0, None, None)
            self.security = SecurityInfo(known.flags | bit, known.flash_crypt_count, None, None)
            return self._chip
        self._chip = self.chips.by_magic(magic)
        if self._chip is not None:
            return self._chip
        self.security = self.security or await self._security_info()  # it may have been lost, not refused
        if self.security is not None and self.security.chip_id is not None:
            return self._by_chip_id(self.security.chip_id)
        raise boot.unknown_magic(magic, stub=self.is_stub)

    def _by_chip_id(self, chip_id: int) -> Chip:
        self._chip = self.chips.by_chip_id(chip_id)
        if self._chip is None:
            raise boot.unknown_chip(chip_id, self.chips)
        return self._chip

    async def read_reg(self, address: int) -> int:
        """A 32-bit register. Raises `RomError` SECURE_DOWNLOAD where the fuses forbid it."""
        self._allowed("reading a register")
        return await self._read_reg(address)

    async def write_reg(self, address: int, value: int, mask: int = 0xFFFFFFFF, delay_us: int = 0) -> None:
        """Set the bits of a register that `mask` has, then let the chip wait `delay_us` microseconds."""
        self._allowed("writing a register")
        data = struct.pack("<IIII", address, value, mask, delay_us)
        await self.command(Op.WRITE_REG, data, timeout=REGISTER_SECONDS, attempts=REGISTER_ATTEMPTS, ask_again=True)

    async def read_words(self, registers: Iterable[int]) -> dict[int, int]:
        """Registers that do not change (fuses), each read once in this object's life."""
        for register in registers:
            if register not in self.words:
                self.words[register] = await self.read_reg(register)
        return self.words

    async def revision(self) -> int:
        """100 * major + minor; 0 where the chip will not tell."""
        if self.secure_download or not self.chip.has_revision:
            return 0
        words = await self.read_words(identity.registers_of(self.chip))
        return identity.field_values(self.chip, words)["revision"]

    async def crystal_mhz(self) -> int | None:
        """The crystal's rate; None where it can only be measured and registers are forbidden."""
        registers = identity.crystal_registers(self.chip, stub=self.is_stub)
        if registers and self.secure_download:
            return None
        words = {register: await self.read_reg(register) for register in registers}
        return identity.crystal_mhz(self.chip, words, baud=self.channel.baud, stub=self.is_stub)

    @property
    def is_basic(self) -> bool:
        """The loader is a ROM with the first commands alone (see `Chip.basic_rom`)."""
        return self.chip.basic_rom and not self.is_stub

    async def spi_attach(self) -> None:
        """Connect the flash chip's pins to the controller; needed before any flash command through ROM."""
        await self.power_flash()
        if self.is_basic:
            # This ROM has no such command; an empty write attaches the flash, too.
            await self.command(Op.FLASH_BEGIN, bytes(16), timeout=3.0, attempts=2)
            return
        await self.command(Op.SPI_ATTACH, bytes(4 if self.is_stub else 8), attempts=2)

    async def power_flash(self) -> None:
        """Switch the flash chip on, for revisions whose ROM leaves that to the host."""
        power = self.chip.flash_power
        if power is None or self.secure_download or self.is_stub:
            return
        revision = await self.revision()
        if revision not in power.revisions:
            return
        fuse, release = power.on_already, power.release
        if revision >= fuse.min_revision and await self.read_reg(fuse.register) & fuse.mask:
            if await self.read_reg(release.register) & release.mask == release.mask:
                await self.write_reg(release.register, 0, release.mask)
            return
        for register, value, mask, wait in power.steps:
            await self.write_reg(register, value, mask)
            await asyncio.sleep(wait)

    async def spi_command(self, command: int, data: bytes = b"", *, read_bits: int = 0) -> int:
        """A command to the flash chip itself; see `espmon.rom.spi.spi_command`."""
        return await spi.spi_command(self, self.chip.spi, command, data, read_bits=read_bits)

    async def flash_id(self) -> FlashId | None:
        """The flash chip's JEDEC id; None when no flash chip answers."""
        return FlashId.from_word(await self.spi_command(spi.READ_JEDEC_ID, read_bits=24), self.chips)

    async def md5(self, address: int, size: int) -> bytes:
        """The 16-byte MD5 of a piece of flash. Raises UNSUPPORTED for ROMs that cannot (ESP8266)."""
        if not self.is_stub and not self.chip.rom_md5:
            raise RomError(
                RomErrorKind.UNSUPPORTED,
                f"The {self.chip.name} ROM cannot compute an MD5",
                "Allow the stub loader to be used.",
            )
        wait = max(MD5_SECONDS, MD5_SECONDS_PER_MEGABYTE * size / (1 << 20))
        data = struct.pack("<IIII", address, size, 0, 0)
        reply = await self.command(Op.SPI_FLASH_MD5, data, payload=(32, 16), timeout=wait, attempts=2)
        if len(reply.data) == 16:
            return reply.data
        try:
            return bytes.fromhex(reply.data.decode("ascii"))
        except ValueError as error:
            raise RomError(RomErrorKind.BAD_REPLY, "The chip's MD5 is not a hexadecimal number") from error

    async def change_baud(self, baud: int) -> None:
        """Let chip and host talk at another rate.

        Raises:
            RomError: UNSUPPORTED for ROMs that cannot (ESP8266), SILENT when the chip is not heard at the new rate.
        """
        if not self.is_stub and baud_rules.is_unsupported(self.chip):
            raise RomError(
                RomErrorKind.UNSUPPORTED,
                f"The {self.chip.name} ROM cannot change its baud rate",
                "Open the port with the rate you want, or allow the stub loader to be used.",
            )
        old = self.channel.baud
        number = baud
        if not self.is_stub and not self.secure_download and self.chip.change_baud is not None:
            crystal = await self.crystal_mhz() or 0
            words = {register: await self.read_reg(register) for register in baud_rules.registers_for_baud(self.chip)}
            number = baud_rules.rom_baud(self.chip, words, crystal, baud)
        await self.command(Op.CHANGE_BAUDRATE, struct.pack("<II", number, old if self.is_stub else 0))
        await self.channel.set_baud(baud)
        self.transcript.note(f"{baud} baud")
        await self.channel.read(BAUD_CHANGE_SECONDS)  # what arrives while both sides change is not a reply
        await self.barrier()

    async def disable_watchdogs(self) -> None:
        """Switch the RTC and the super watchdog off, where the chip has them."""
        dog = self.chip.watchdog
        if dog is None or self.secure_download:
            return
        await self.write_reg(dog.wprotect, dog.wkey)
        await self.write_reg(dog.cfg0, 0)
        await self.write_reg(dog.wprotect, 0)
        if dog.swd_conf is None or dog.swd_auto_feed_bit is None or dog.swd_wprotect is None or dog.swd_wkey is None:
            return
        await self.write_reg(dog.swd_wprotect, dog.swd_wkey)
        await self.write_reg(dog.swd_conf, await self.read_reg(dog.swd_conf) | dog.swd_auto_feed_bit)
        await self.write_reg(dog.swd_wprotect, 0)

    async def watchdog_reset(self) -> None:
        """Let the RTC watchdog restart the chip, within `WATCHDOG_SECONDS` seconds; for ports whose lines cannot.

        Raises:
            RomError: UNSUPPORTED where the chip's watchdog cannot do that.
        """
        dog = self.chip.watchdog
        if dog is None or not dog.can_reset:
            raise RomError(RomErrorKind.UNSUPPORTED, f"The {self.chip.name} cannot be restarted by its watchdog")
        await self.write_reg(dog.wprotect, dog.wkey)
        await self.write_reg(dog.cfg1, WATCHDOG_TICKS)
        await self.write_reg(dog.cfg0, WATCHDOG_RESETS_ALL)
        await self.write_reg(dog.wprotect, 0)
        await asyncio.sleep(WATCHDOG_SECONDS)
        self.forget()

    async def _security_info(self) -> SecurityInfo | None:
        try:
            reply = await self.command(
                Op.GET_SECURITY_INFO, payload=SECURITY_INFO, timeout=REGISTER_SECONDS, attempts=2
            )
        except RomError as error:
            if error.kind in (RomErrorKind.REFUSED, RomErrorKind.SILENT):
                return None
            raise
        return read_security_info(reply.data)

    async def _read_reg(self, address: int) -> int:
        data = struct.pack("<I", address)
        wait, attempts = REGISTER_SECONDS, REGISTER_ATTEMPTS
        return (await self.command(Op.READ_REG, data, timeout=wait, attempts=attempts, ask_again=True)).value

    def _allowed(self, what: str) -> None:
        if self.secure_download:
            raise RomError(
                RomErrorKind.SECURE_DOWNLOAD,
                f"The chip is in secure download mode, which forbids {what}",
                "Its fuses are set so; nothing but writing flash is left.",
            )
