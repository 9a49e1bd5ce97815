"""What the screen needs of a session: one interface for the session itself and for each of its parts that it asks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from espmon.port import LineFormat
from espmon.session.pace import Pace
from espmon.session.pacing import Pacing, Text
from espmon.session.sent import LocalEcho, SentBy
from espmon.session.session_reading import ReadableSession
from espmon.session.share_state import WritingTurn
from espmon.session.status import OpenRequest

if TYPE_CHECKING:
    from espmon.session.action import Action
    from espmon.session.flash_job import FlashJob
    from espmon.session.stopped import Snapshot


class Debugging(Protocol):
    """The debug stub's lease: inspect a stopped board, or hand it over to gdb. Raises `DebugError`, `PortError`."""

    async def start(self) -> Snapshot:
        """Take the port and ask the stub where it stopped."""

    async def select(self, thread: str) -> Snapshot:
        """Look at another thread."""

    async def step(self) -> Snapshot:
        """One instruction."""

    async def memory(self, address: int, length: int) -> bytes:
        """Memory of the target."""

    async def resume(self, *, detach: bool = False) -> None:
        """Let the board run on."""

    async def abandon(self) -> None:
        """Give the port back without a word to the board."""

    async def let_go(self) -> str:
        """The user leaves: let the board run on. Returns how it was left."""

    async def hand_over(self) -> list[str]:
        """Lend the port to a gdb of this computer; returns the command to start."""

    async def take_back(self) -> None:
        """gdb has ended."""


class OutgoingLike(Protocol):
    """Texts that are sent, and how; see `espmon.session.sending.outgoing`."""

    def set_local_echo(self, echo: LocalEcho) -> None:
        """Show this of what is sent."""

    def set_replies(self, on: bool) -> None:
        """Reply to what the board says, or no more."""

    def set_pacing(self, pacing: Pacing) -> None:
        """Pause like this in texts."""

    def send_text(self, text: Text) -> None:
        """Begin to send several lines."""

    async def send_file(self, path: Path, eol: bytes) -> None:
        """Begin to send a file as text."""

    def stop(self) -> None:
        """Send no more of it."""

    async def end(self) -> str:
        """The user leaves: send no more of it. Returns how far it came."""


class SessionLike(ReadableSession, Protocol):
    """What the screen needs of a session; the session's methods run on the session's thread."""

    async def open(self, request: OpenRequest) -> None:
        """Open the port."""

    async def consent(self) -> None:
        """The user agreed to the probe."""

    async def decline(self) -> None:
        """The user did not."""

    async def cancel(self) -> None:
        """Cancel the running action."""

    async def close(self) -> None:
        """Close the port."""

    async def send(self, data: bytes, by: SentBy = SentBy.LINE) -> object:
        """Send bytes."""

    @property
    def outgoing(self) -> OutgoingLike:
        """Texts that are sent, and how."""

    async def reset(self) -> object:
        """Reset the board."""

    async def reset_to_loader(self) -> object:
        """Reset into the ROM loader."""

    async def probe(self) -> None:
        """Probe again."""

    async def screenshot(self) -> object:
        """Ask the board for a picture."""

    async def abort_capture(self) -> None:
        """End the running capture."""

    async def run(self, action: Action) -> None:
        """Run an action over a lease of the port."""

    async def flash(self, job: FlashJob) -> None:
        """Run a flash job."""

    @property
    def debugging(self) -> Debugging:
        """The debug stub's lease."""

    @property
    def turn(self) -> WritingTurn | None:
        """Who writes to the board, of a session that several look at."""

    @property
    def pace(self) -> Pace | None:
        """How fast it is played, of a recording."""

    @property
    def lends_to_ide(self) -> bool:
        """Whether an IDE gets the port when the board stops."""

    def stop_waiting_for_ide(self) -> None:
        """Take the port back from the IDE."""

    async def decode_again(self, identity: int) -> None:
        """Decode an event once more."""

    async def set_baud(self, baud: int) -> object:
        """Change the rate."""

    async def set_format(self, line: LineFormat) -> object:
        """Change data bits, parity, stop bits and flow control."""

    async def set_lines(self, dtr: bool | None = None, rts: bool | None = None) -> object:
        """Move DTR and RTS."""

    async def send_break(self, seconds: float) -> object:
        """Hold the line in a break."""

    async def set_elf(self, paths: tuple[Path, ...]) -> None:
        """Use these ELF files for decoding."""

    async def set_log(self, path: Path | None) -> None:
        """Start or stop a copy of the log text."""

    def salvage(self) -> None:
        """Save what can be saved; called from another thread when the session's own does not answer."""
