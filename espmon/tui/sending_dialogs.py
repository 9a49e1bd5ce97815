"""What the user is asked before something larger is sent: which file, which bytes, how slowly."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from espmon.session.pacing import MAX_DELAY_SECONDS, Pacing, delay_of
from espmon.session.sent import SentBy
from espmon.session.settings import LINE_ENDS
from espmon.session.state import State
from espmon.session.status import TRANSFER_LEASE, Status
from espmon.tui.host import Host
from espmon.tui.widgets.input_line import InputLine

if TYPE_CHECKING:
    from espmon.tui.screens.transfer_screen import TransferScreen
    from espmon.user_pattern import UserPattern

SENDING = {"xmodem": "XMODEM", "xmodem-1k": "XMODEM-1K", "ymodem": "YMODEM"}
RECEIVING = {"receive-xmodem": "XMODEM", "receive-ymodem": "YMODEM"}
"""What the table of actions calls a protocol -> its name."""

MAX_TYPED_BYTES = 4096
"""Bytes that can be written in hex."""

_SEPARATORS = re.compile(r"[\s,;:]+|0[xX]|\\x")


def bytes_of(text: str) -> bytes | None:
    """The bytes that `text` writes in hex (`48 65 6c`, `0x48,0x65`, `48656c`); None when it writes none or too many."""
    pieces = [piece for piece in _SEPARATORS.split(text) if piece]
    try:
        data = b"".join(bytes.fromhex(piece if len(piece) != 1 else f"0{piece}") for piece in pieces)
    except ValueError:
        return None
    return data if 0 < len(data) <= MAX_TYPED_BYTES else None


def file_problem(text: str) -> str:
    """Why `text` names no file that can be sent, "" when it does."""
    path = Path(text.strip()).expanduser()
    return "" if path.is_file() else "There is no such file"


class SendingDialogs:
    """Asks, and tells the session the answer.

    Args:
        app: the app.
    """

    def __init__(self, app: Host) -> None:
        self._app = app
        self._screen: TransferScreen | None = None
        self._title = "File transfer"

    def ask(self, what: str) -> None:
        """Ask for what is to be sent: "text", "hex", or a key of `SENDING` or `RECEIVING`."""
        app, status = self._app, self._app.status
        if status.state is not State.MONITORING or status.capture is not None:
            app.notify("Sending needs an open port that nothing else uses", severity="warning", markup=False)
        elif what == "text":
            self._ask_text()
        elif what == "hex":
            self._ask_hex()
        elif what in SENDING:
            self._ask_transfer(SENDING[what])
        else:
            self._ask_folder(RECEIVING[what])

    def _ask_file(self, title: str, note: str, chosen: Callable[[Path], None]) -> None:
        from espmon.tui.screens.prompt import TextPrompt
        from espmon.tui.user_input import path_of

        def answered(text: str | None) -> None:
            if text:
                chosen(path_of(text).absolute())

        self._app.push_screen(TextPrompt(title, check=file_problem, note=note, label="Send"), answered)

    def _ask_text(self) -> None:
        app = self._app
        eol = app.monitor.query_one(InputLine).eol
        note = f"Line by line, each with {eol} at its end, {app.status.pacing.describe()}. Esc stops it."

        def chosen(path: Path) -> None:
            app.link.ask(app.link.session.outgoing.send_file(path, LINE_ENDS[eol]))

        self._ask_file("Send a file as text", note, chosen)

    def _ask_hex(self) -> None:
        from espmon.tui.screens.prompt import TextPrompt

        app = self._app

        def check(text: str) -> str:
            return "" if bytes_of(text) else f"Enter 1 to {MAX_TYPED_BYTES:,} bytes in hex, as in 48 65 6c"

        def answered(text: str | None) -> None:
            if data := bytes_of(text or ""):
                app.link.send(data, SentBy.BYTES)

        prompt = TextPrompt(
            "Send bytes", check=check, placeholder="48 65 6c", note="No line end is added.", label="Send"
        )
        app.push_screen(prompt, answered)

    # -- protocols ----------------------------------------------------------------------------------------------

    def _ask_transfer(self, way: str) -> None:
        note = "Start the receiving command on the board first: it asks for the file."
        self._ask_file(f"Send a file by {way}", note, lambda path: self._transfer(way, path, receive=False))

    def _ask_folder(self, way: str) -> None:
        from espmon.tui.screens.prompt import TextPrompt
        from espmon.tui.user_input import path_of

        def check(text: str) -> str:
            return "" if path_of(text).is_dir() else "There is no such folder"

        def answered(text: str | None) -> None:
            if text:
                self._transfer(way, path_of(text).absolute(), receive=True)

        note = "Start the sending command on the board first. A file that is there already is not replaced."
        prompt = TextPrompt(
            f"Receive by {way} into the folder", str(self._app.project), check=check, note=note, label="Receive"
        )
        self._app.push_screen(prompt, answered)

    def _transfer(self, way: str, path: Path, *, receive: bool) -> None:
        from espmon.session.sending.file_transfer import FileTransfer, Transfer, Way

        app = self._app
        self._title = f"{'Receive' if receive else 'Send'} by {way}: {app.status.name or app.status.url}"
        app.link.ask(app.link.session.run(FileTransfer(Transfer(Way(way), path, receive))))

    def follow(self, status: Status) -> None:
        """Show a transfer while the lease is out, and close it when it comes back."""
        running = status.state is State.LEASED and status.lease == TRANSFER_LEASE
        if running and self._screen is None:
            from espmon.tui.screens.transfer_screen import TransferScreen

            link = self._app.link

            def cancel() -> None:
                link.ask(link.session.cancel())

            self._screen = TransferScreen(self._title, cancel)
            self._app.push_screen(self._screen)
        if self._screen is None:
            return
        if not running:
            self._screen.finish()
            self._screen = None
        elif status.progress is not None:
            self._screen.update_progress(status.progress)

    # -- how slowly ---------------------------------------------------------------------------------------------

    def ask_pacing(self, what: str) -> None:
        """Ask for a pause in texts: "line", "char" or "prompt"."""
        if what == "prompt":
            self._ask_prompt()
        else:
            self._ask_delay(what)

    def _set(self, pacing: Pacing) -> None:
        self._app.link.on_outgoing(lambda outgoing: outgoing.set_pacing(pacing))

    def _ask_delay(self, what: str) -> None:
        from espmon.tui.screens.prompt import TextPrompt

        pacing = self._app.status.pacing
        seconds = pacing.line_delay if what == "line" else pacing.char_delay
        title = f"Seconds of pause after each {'line' if what == 'line' else 'character'} of a text"

        def check(text: str) -> str:
            return "" if delay_of(text) is not None else f"Enter a number from 0 to {MAX_DELAY_SECONDS:g}"

        def answered(text: str | None) -> None:
            if (chosen := delay_of(text or "")) is not None:
                new = replace(pacing, line_delay=chosen) if what == "line" else replace(pacing, char_delay=chosen)
                self._set(new)

        note = "For pastes of several lines and files; a single line goes out at once."
        self._app.push_screen(TextPrompt(title, f"{seconds:g}", check=check, note=note, label="Set"), answered)

    def _ask_prompt(self) -> None:
        from espmon.tui.screens.prompt import TextPrompt
        from espmon.user_pattern import PatternError, UserPattern

        pacing = self._app.status.pacing

        def pattern(text: str) -> UserPattern | None:
            return UserPattern(text, text) if text else None

        def check(text: str) -> str:
            try:
                pattern(text)
            except PatternError as error:
                return str(error)
            return ""

        def answered(text: str | None) -> None:
            if text is not None:
                self._set(replace(pacing, prompt=pattern(text)))

        note = "A regular expression; each line of a text waits for it. Empty: none waits."
        used = pacing.prompt.name if pacing.prompt is not None else ""
        prompt = TextPrompt(
            "Prompt before the next line", used, check=check, note=note, placeholder=">>> $", label="Set"
        )
        self._app.push_screen(prompt, answered)
