"""The reset record: the chip started over, as an event of the stream."""

from __future__ import annotations

from typing import ClassVar

from espmon.records.events.boot_loop import LOOP_AT
from espmon.records.record import Event, JsonObject, Severity


class Reset(Event):
    """The chip started over.

    Attributes:
        code: the ROM's number for the reason.
        reason: its name: as printed; from the tables when the print was cut; "unknown" when neither knows.
        boot_code: the strapping pins as printed after `boot:`, None when it was cut.
        boot_mode: where the chip starts from, as printed.
        expected: True (power on, deep sleep, USB), False (watchdog, brownout, after a panic), None when nothing says.
        hint: what it means, in plain words; None when there is nothing to say.
        saved_pc: where each core was when it was reset: core number -> address.
        repeats: how many resets of this kind came in a row, this one included, since the board was last restarted on
            purpose (`Demultiplexer.restarted`).
        after_panic: a panic was printed just before.
    """

    __slots__ = json_fields = (
        "code", "reason", "boot_code", "boot_mode", "expected", "hint", "chip", "saved_pc", "repeats", "after_panic",
    )  # fmt: skip
    type: ClassVar[str] = "reset"

    def __init__(self, offset: int, length: int, time: float | None, *, code: int, reason: str, chip: str | None):
        super().__init__(offset, length, time)
        self.code = code
        self.reason = reason
        self.chip = chip
        self.boot_code: int | None = None
        self.boot_mode: str | None = None
        self.expected: bool | None = None
        self.hint: str | None = None
        self.saved_pc: dict[int, int] = {}
        self.repeats = 1
        self.after_panic = False

    @property
    def title(self) -> str:
        """The reason, and what it means."""
        title = f"Reset: {self.reason or f'code {self.code}'}"
        return f"{title} ({self.hint})" if self.hint else title

    @property
    def severity(self) -> Severity:
        """A warning when nobody wanted it, or it comes again and again."""
        return Severity.WARNING if self.expected is False or self.repeats >= LOOP_AT else Severity.INFO

    @property
    def stays_in_loader(self) -> bool:
        """The chip waits in its ROM loader, and starts nothing."""
        return self.boot_mode is not None and ("DOWNLOAD" in self.boot_mode or self.boot_mode == "USB_BOOT")

    def fields(self) -> JsonObject:
        """The fields of a `reset` in JSON."""
        return super().fields() | {"saved_pc": {str(core): f"0x{pc:08x}" for core, pc in sorted(self.saved_pc.items())}}
