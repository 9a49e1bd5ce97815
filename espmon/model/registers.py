"""The registers of one core, by name."""

from __future__ import annotations

from collections.abc import Sequence


class RegisterSet(dict[str, int]):
    """Register name -> 32-bit value, in the order printed or stored.

    Panics name registers in capitals ("MEPC", "S0/FP", "A10"), core dumps in small letters ("pc", "s0", "a10").
    """

    def first(self, names: Sequence[str]) -> int | None:
        """Returns the value of the first of `names` that is there, None when none is."""
        return next((self[name] for name in names if name in self), None)

    def lowered(self) -> RegisterSet:
        """Returns the same values by the names that unwinders use: small letters, without an alias ("s0" for
        "S0/FP").
        """
        return RegisterSet((name.lower().split("/")[0], value) for name, value in self.items())

    def to_json(self) -> dict[str, str]:
        """Returns name -> `0x` and eight digits."""
        return {name: f"0x{value:08x}" for name, value in self.items()}
