"""Raw mode: the board has a terminal of its own on the screen, and every key but two."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, cast

from textual.message import Message
from textual.screen import Screen

from espmon.session.state import State
from espmon.session.status import Status
from espmon.tui.raw.terminal_view import TerminalView
from espmon.tui.terminal.raw_input import ExitPressed, ForBoard, MenuChosen, MenuOpened, RawToken

MAX_ANSWER_BYTES, WINDOW_SECONDS = 1024, 1.0
"""Bytes of answers in so many seconds: a board may ask where the cursor is with every key, a hundred times a second."""

TOO_MANY_QUESTIONS = "The board asks its terminal too many questions: not all of them are answered"


class RawDriver(Protocol):
    """A driver that can hand bytes over before Textual reads keys in them; others only know keys."""

    def begin_raw(self, on_token: Callable[[RawToken], None], menu: bytes, leave: bytes) -> None:
        """Keys go to `on_token` from now on; these two are caught."""

    def end_raw(self) -> None:
        """Keys are the screen's again."""

    def poll(self) -> None:
        """Take the keys that have come, as the loop would a little later."""

    def set_key_modes(self, *, application_cursor: bool, application_keypad: bool, bracketed_paste: bool) -> None:
        """Let the terminal send keys as the board wants them."""


class RawMode:
    """Leads keys to the board and its answers back, while raw mode is on.

    Args:
        screen: the screen whose keys they are.
        send: sends bytes to the board.
        status: the session's status.
        menu: what the terminal sends for the menu key.
        leave: what it sends for the exit key.
        reply: sends what the board asks its terminal, None where it shall not be told.
    """

    class Opened(Message):
        """The menu key was pressed."""

    class Chosen(Message):
        """The key after the menu key."""

        def __init__(self, data: bytes) -> None:
            super().__init__()
            self.data = data

    class Exit(Message):
        """The exit key was pressed."""

    class Dismissed(Message):
        """The user has left raw mode by its own key."""

    def __init__(
        self,
        screen: Screen[None],
        send: Callable[[bytes], None],
        status: Callable[[], Status],
        menu: bytes,
        leave: bytes,
        *,
        reply: Callable[[bytes], None] | None,
    ) -> None:
        self._screen = screen
        self._send = send
        self._status = status
        self._caught = (menu, leave)
        self._reply = reply
        self._window = float("-inf")
        self._answered = 0
        self.on = False

    @property
    def _driver(self) -> RawDriver | None:
        driver = self._screen.app._driver
        return cast("RawDriver", driver) if hasattr(driver, "begin_raw") else None

    def begin(self) -> None:
        """Every key goes to the board."""
        self.on = True
        if self._driver is not None:
            self._driver.begin_raw(self._token, *self._caught)

    def end(self) -> None:
        """Keys are the screen's again."""
        self.on = False
        if self._driver is not None:
            self._driver.end_raw()

    def poll(self) -> None:
        """A picture is being drawn: let keys that have come go first."""
        if self.on and self._driver is not None:
            self._driver.poll()

    def _token(self, token: RawToken) -> None:
        """On the loop, as the bytes come."""
        if isinstance(token, ForBoard):
            self._send(token.data)
        elif isinstance(token, MenuOpened):
            self._screen.post_message(self.Opened())
        elif isinstance(token, MenuChosen):
            if token.data == b"\x1b":
                self.end()  # at once: what was typed behind it is the screen's
                self._screen.post_message(self.Dismissed())
            else:
                self._screen.post_message(self.Chosen(token.data))
        elif isinstance(token, ExitPressed):
            self._screen.post_message(self.Exit())

    def answer(self, answered: TerminalView.Answered) -> None:
        """What the emulator says to the board: never while bytes of the port are somebody else's, or a payload."""
        status, reply = self._status(), self._reply
        if reply is None or not self.on or status.state is not State.MONITORING or status.capture is not None:
            return
        now = time.monotonic()
        if now - self._window >= WINDOW_SECONDS:
            self._window, self._answered = now, 0
        room = max(0, MAX_ANSWER_BYTES - self._answered)
        data = answered.data
        if len(data) > room:
            data = data[: data.rfind(b"\x1b", 0, room + 1)] if room else b""
            self._screen.app.notify(TOO_MANY_QUESTIONS, severity="warning", markup=False)
        self._answered += len(data)
        if data:
            reply(data)

    def wishes(self, changed: TerminalView.WishesChanged) -> None:
        """The board wants keys in another form."""
        if self._driver is not None:
            self._driver.set_key_modes(
                application_cursor=changed.application_cursor,
                application_keypad=changed.application_keypad,
                bracketed_paste=changed.bracketed_paste,
            )
