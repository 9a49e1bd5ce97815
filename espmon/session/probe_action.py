"""What a lease is used for: the ROM room's work, with its errors in the session's words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from espmon.records.record import JsonObject
    from espmon.session.lease import Lease


class ActionError(Exception):
    """An action over a lease failed; the board was brought back as far as possible.

    Args:
        message: one line, what happened.
        hint: what the user can do, or "".
        transcript: the exchange, for bug reports.
        pushback: bytes read that belong to the log.
    """

    def __init__(self, message: str, hint: str = "", transcript: str = "", pushback: bytes = b"") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.transcript = transcript
        self.pushback = pushback


@dataclass(frozen=True, slots=True)
class ProbeOutcome:
    """What a probe brought back."""

    result: JsonObject
    transcript: str
    pushback: bytes


async def run_probe(lease: Lease, on_step: Callable[[str], None]) -> ProbeOutcome:
    """Probe the chip over `lease`. Raises `ActionError`, and `PortError` when the port goes away."""
    from espmon.rom import RomError, probe

    try:
        result = await probe(lease, on_progress=on_step)
    except RomError as error:
        raise ActionError(
            error.message, error.hint, getattr(error, "transcript", ""), getattr(error, "pushback", b"")
        ) from error
    return ProbeOutcome(result.to_json(), result.transcript, result.pushback)
