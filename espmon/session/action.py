"""What an action is: something done with the port over a lease of it. Each is one module; `Session.run` runs any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from espmon.session.lease import Lease
    from espmon.session.reporter import Reporter


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


class Action(Protocol):
    """Something done with the port that the pipeline must not read meanwhile. The user has agreed to it."""

    @property
    def name(self) -> str:
        """Who holds the lease, in `Status.lease` and in the recording."""

    async def run(self, lease: Lease, reporter: Reporter) -> bytes:
        """Act, and report what came of it, also when it fails or is cancelled.

        Returns the tail of what was read that is log after all. Raises `ActionError` when it failed, `PortError` when
        the port is gone.
        """
