"""Textual's driver for POSIX terminals, with keys and pictures on the event loop and no thread that can block.

Textual's own reads keys in one thread and writes pictures in another. The writer blocks for as long as the terminal
does, and with it everything that waits for the writer; SIGCONT starts both threads a second time; a terminal that is
gone makes the reader spin. Here both ends are one non-blocking descriptor of our own on the loop.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import termios
import tty
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from textual import constants, events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size
from textual.message import Message

from espmon.tui.terminal.key_input import MAX_PASTE, KeyInput, Pasted, Token, Typed, Unfinished
from espmon.tui.terminal.key_pacing import START_SECONDS, KeyPacing
from espmon.tui.terminal.raw_input import ForBoard, ForScreen, RawInput, RawToken
from espmon.tui.terminal.screen_output import ScreenOutput
from espmon.tui.terminal.taken_terminal import ENTER, HIDE_CURSOR, SHOW_CURSOR, TakenTerminal, in_front, own_descriptor

if TYPE_CHECKING:
    from types import FrameType

    from textual.app import App

MAX_READ = 1 << 16
"""Bytes of keys read at once."""

MAX_WAITING = 1 << 16
"""Bytes of keys that wait for the keys before them; the terminal keeps what comes behind."""

POLL_SECONDS = 0.0005
"""Shortest time between two looks for keys in the middle of a picture."""

RESTORE_SECONDS = 0.2
"""Longest wait for the terminal to take what puts it back."""

_ALT_KEY = re.compile(r"\x1b[^\x1b]", re.DOTALL)
"""Alt and a key: whole as it is, where Textual's parser would wait for more."""

_ESC_AND_KEY = ("\x1b[", "\x1b]", "\x1bO", "\x1bP", "\x1b^", "\x1b_", "\x1bX")
"""What begins a sequence, and did not go on."""

FOCUS_ON, FOCUS_OFF = "\x1b[?1004h", "\x1b[?1004l"
KITTY_KEYS = "\x1b[>25u"
"""Disambiguate, all keys, with their text: as Textual asks for them."""

KEYS_RAW = "\x1b[<u\x1b[?2004l"
"""Keys as every terminal sends them, pastes as if typed: what a board expects until it asks for something else."""

KEYS_PLAIN = "\x1b[?1l\x1b>"
"""Cursor keys and keypad as at power-on."""

RESTORE = (
    "\x1b[?2026l"  # what is drawn is shown
    "\x1b[?2004l"  # pastes without brackets
    "\x1b[?7h"  # long lines wrap
    "\x1b[?2048l"  # no reports of the size
    "\x1b[?1016l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l"  # no mouse
    "\x1b[?1l\x1b>"  # cursor keys and keypad as they were
    "\x1b[<u"  # and all other keys; before the alternate screen is left, which has its own
    "\x1b[?1049l" + SHOW_CURSOR + FOCUS_OFF
)
"""Gives the terminal back, whatever mode it is in."""


class TerminalDriver(LinuxDriver):
    """Keys from, and pictures to, the terminal that standard input is."""

    def __init__(
        self, app: App[int], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        own = own_descriptor(self.fileno)
        self._shared = own is None
        self._terminal = self.fileno if own is None else own
        self._output = ScreenOutput(self._terminal, self._redraw, self._gone)
        self._keys = KeyInput()
        self._parser = XTermParser(debug)
        self._pacing = KeyPacing(getattr(app, "settled", lambda: True), self._hand_on)
        self._waiting = b""
        self._at = 0
        self._last_input = self._polled = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._active = self._reading = self._started = False
        self._raw_attributes: list[object] | None = None
        self._taken: TakenTerminal | None = getattr(app, "taken", None)
        self._raw: RawInput | None = None
        self._on_raw: Callable[[RawToken], None] = self._drop
        self._key_modes = KEYS_PLAIN
        self._on_gone: Callable[[], object] = getattr(app, "hung_up", app.exit)
        self.disturbed = 0
        """How often something else than a picture was written, or the terminal was resized."""

    @property
    def waiting(self) -> int:
        """Bytes of pictures that the terminal has not taken yet."""
        return self._output.waiting

    def send_message(self, message: Message) -> None:
        """Hand something on to the app, in the order in which it came."""
        self._app.post_message(message)

    # -- pictures -----------------------------------------------------------------------------------------------

    def write(self, data: str) -> None:
        """Write to the terminal, without waiting for it."""
        self.disturbed += 1
        self._output.write(data.encode("utf-8", "replace"))

    def write_picture(self, data: str) -> bool:
        """The same for what changes nothing but cells, and is known to. Returns whether it was not left out."""
        return self._output.write(data.encode("utf-8", "replace"))

    def _redraw(self) -> None:
        """Pictures were left out while the terminal took nothing, or it may have lost what it showed."""
        self.disturbed += 1
        if self._active:
            self._app.refresh(layout=True)

    def _gone(self) -> None:
        self._stop_reading()
        self._forget_keys()
        self._on_gone()

    # -- modes --------------------------------------------------------------------------------------------------

    def start_application_mode(self) -> None:
        """Take the terminal over; once more, where it was taken from us meanwhile."""
        signal.signal(signal.SIGWINCH, self._on_loop(self._resized))
        self._active = True
        self._resized()
        # In the background the system stops us here, until the user brings us to the front.
        starts, self._started = not self._started, True
        taken, self._taken = self._taken, None
        if taken is not None:
            self.attrs_before, self._raw_attributes = taken.hand_over()
        with suppress(termios.error):
            self._take_attributes()
        if taken is None:  # else it shows the first picture, which is not to be wiped away
            self.write(ENTER)
        self._enable_mouse_support()
        self.write(HIDE_CURSOR + FOCUS_ON)
        if not constants.DISABLE_KITTY_KEY:
            self.write(KITTY_KEYS)
        if starts:
            self._pacing.begin(START_SECONDS)
        self._start_reading()
        self._request_terminal_sync_mode_support()
        self._query_in_band_window_resize()
        self._enable_bracketed_paste()
        self._disable_line_wrap()
        if self._raw is not None:
            self.write(KEYS_RAW + self._key_modes)
        if self._must_signal_resume:
            self._must_signal_resume = False
            self.send_message(self.SignalResume())

    def _take_attributes(self) -> None:
        now = termios.tcgetattr(self.fileno)
        if now != self._raw_attributes:
            self.attrs_before = now
        changed = list(now)
        changed[tty.LFLAG] = self._patch_lflag(changed[tty.LFLAG])
        changed[tty.IFLAG] = self._patch_iflag(changed[tty.IFLAG])
        changed[tty.CC] = [*changed[tty.CC]]
        changed[tty.CC][termios.VMIN] = 1
        termios.tcsetattr(self.fileno, termios.TCSANOW, changed)
        if self._shared:
            os.set_blocking(self._terminal, False)
        self._raw_attributes = termios.tcgetattr(self.fileno)

    def disable_input(self) -> None:
        """Take no more keys."""
        self._stop_reading()
        self._forget_keys()
        with suppress(termios.error):
            termios.tcflush(self.fileno, termios.TCIFLUSH)

    def stop_application_mode(self) -> None:
        """Give the terminal back, as far as it lets itself be given."""
        if self._active:
            self._active = False
            self.disable_input()
            self.restore()

    def restore(self) -> None:
        """Put the terminal into the state that it was found in. May be called from any thread, more than once.

        A terminal that somebody else uses meanwhile (we are in the background) is left alone.
        """
        if self._output.gone or not in_front(self.fileno):
            return
        if self.attrs_before is not None:
            with suppress(termios.error):
                termios.tcsetattr(self.fileno, termios.TCSANOW, self.attrs_before)
        self._output.finish(RESTORE.encode(), RESTORE_SECONDS)
        if self._shared:
            os.set_blocking(self._terminal, True)

    def close(self) -> None:
        """Nothing is left to wait for: what the terminal did not take by now it will not get."""
        self._output.stop()

    def process_message(self, message: Message) -> None:
        """Hand on what the terminal said; it also reports its size, where it can."""
        super().process_message(message)
        if isinstance(message, events.Resize):
            self._redraw()

    # -- keys ---------------------------------------------------------------------------------------------------

    def _start_reading(self) -> None:
        if not self._reading and not self._output.gone:
            self._reading = True
            self._loop.add_reader(self._terminal, self._readable)

    def _stop_reading(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._terminal)

    def _forget_keys(self) -> None:
        self._pacing.stop()
        self._waiting, self._at = b"", 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def poll(self) -> None:
        """Take raw keys that have come, in the middle of a picture; other keys act on what is drawn, so they wait."""
        if self._reading and self._raw is not None and (now := self._loop.time()) - self._polled >= POLL_SECONDS:
            self._polled = now
            self._readable()

    def _readable(self) -> None:
        try:
            data = os.read(self._terminal, MAX_READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._output.gone = True
            self._gone()
            return
        self._last_input = self._loop.time()
        self._waiting, self._at = self._waiting[self._at :] + data, 0
        self._hand_on()
        if self._timer is None:
            self._timer = self._loop.call_later(constants.ESCAPE_DELAY, self._quiet)

    def _hand_on(self) -> None:
        """Give what was typed to whom it belongs, key by key; each may change to whom the next one does."""
        while self._at < len(self._waiting) and not self._pacing.busy:
            if self._raw is not None:
                token, self._waiting = self._raw.take(self._waiting[self._at :])
                self._at = 0
                if isinstance(token, ForScreen):
                    for report in self._keys.feed(token.data):
                        self._take(report)
                elif token is not None:
                    self._on_raw(token)
                    if not isinstance(token, ForBoard):
                        self._pacing.begin()
            else:
                key, self._at = self._keys.take(self._waiting, self._at)
                if key is not None and self._take(key):
                    self._pacing.begin()
        full = len(self._waiting) - self._at >= MAX_WAITING
        if full and self._reading:
            self._stop_reading()
        elif not full and self._active and not self._reading:
            self._start_reading()

    # -- every key to the board ---------------------------------------------------------------------------------

    def begin_raw(self, on_token: Callable[[RawToken], None], menu: bytes, leave: bytes) -> None:
        """From the next byte on, keys go to `on_token` (on the loop, in order) and not to the screen.

        Args:
            on_token: receives what is typed, and the two keys that are caught.
            menu: what the terminal sends for the menu key.
            leave: what it sends for the exit key.
        """
        self._raw, self._on_raw, self._key_modes = RawInput(menu, leave), on_token, KEYS_PLAIN
        self.write(KEYS_RAW)

    def end_raw(self) -> None:
        """Keys are the screen's again, from the next byte on."""
        if self._raw is not None:
            self._raw, self._on_raw = None, self._drop
            self.write(KEYS_PLAIN + ("" if constants.DISABLE_KITTY_KEY else KITTY_KEYS))
            self._enable_bracketed_paste()

    def set_key_modes(self, *, application_cursor: bool, application_keypad: bool, bracketed_paste: bool) -> None:
        """Let the terminal send keys and pastes in the form that the board has asked for."""
        if self._raw is not None:
            self._key_modes = (
                f"\x1b[?1{'h' if application_cursor else 'l'}"
                f"\x1b{'=' if application_keypad else '>'}"
                f"\x1b[?2004{'h' if bracketed_paste else 'l'}"
            )
            self.write(self._key_modes)

    def _drop(self, token: RawToken) -> None:
        """Nobody takes raw keys."""

    def _quiet(self) -> None:
        """Nothing may have come for a while: what has begun and does not go on has ended."""
        self._timer = None
        seconds = self._loop.time() - self._last_input
        waits = self._at < len(self._waiting)
        if seconds >= constants.ESCAPE_DELAY and not waits:
            for token in self._keys.quiet(seconds):
                if self._take(token):
                    self._pacing.begin()
        if not waits:
            if self._raw is not None and (held := self._raw.quiet()):
                self._on_raw(ForBoard(held))
            for message in self._parser.tick():
                self.process_message(message)
        if waits or self._keys.waits or seconds < constants.ESCAPE_DELAY:
            # What came after the timer was set has had too little of it.
            self._timer = self._loop.call_later(constants.ESCAPE_DELAY, self._quiet)

    def _take(self, token: Token) -> bool:
        """Hand a token to the app; True: it is a key, and may change what the next one means."""
        if isinstance(token, Pasted):
            self.process_message(events.Paste(token.text))
            if token.cut:
                self._app.notify(f"Only the first {MAX_PASTE >> 20} MB of what was pasted are taken", markup=False)
            return True
        messages: list[Message] = []
        if isinstance(token, Unfinished) or _ALT_KEY.fullmatch(token.text):
            messages = self._alone(token.text)
            if isinstance(token, Typed) and self._at and not any(map(self._means, messages)):
                # Terminals send Alt and a key as Esc and the key: what Alt does not mean is two keys.
                self._at -= 1
                messages = self._alone("\x1b")
            elif token.text in _ESC_AND_KEY:
                # So is the beginning of a sequence: Esc, and soon after it a key.
                self._waiting, self._at = token.text[1:].encode() + self._waiting[self._at :], 0
                messages = self._alone("\x1b")
        else:
            messages += self._parser.feed(token.text)
        for message in messages:
            self.process_message(message)
        return any(isinstance(message, events.Key | events.MouseDown | events.MouseUp) for message in messages)

    def _alone(self, text: str) -> list[Message]:
        """What a sequence means that nothing follows."""
        parser = XTermParser(self._debug)
        return [*parser.feed(text), *parser.feed("")]  # the end of input ends the sequence

    def _means(self, message: Message) -> bool:
        means: Callable[[str], bool] = getattr(self._app, "means", lambda key: True)
        return not isinstance(message, events.Key) or means(message.key)

    # -- signals ------------------------------------------------------------------------------------------------

    def _on_loop(self, work: Callable[[], None]) -> Callable[[int, FrameType | None], None]:
        """A signal handler that does `work` on the loop, where nothing is half done."""

        def received(number: int, frame: FrameType | None) -> None:
            with suppress(RuntimeError):  # the loop is closed: the screen has gone
                self._loop.call_soon_threadsafe(work)

        return received

    def _resized(self) -> None:
        if self._active and not self._in_band_window_resize:
            size = Size(*self._get_terminal_size())
            self.send_message(events.Resize(size, size))
        # Also where it has the size again that it had before: cells were cut off or moved meanwhile.
        self._redraw()

    def _get_terminal_size(self) -> tuple[int, int]:
        try:
            width, height = os.get_terminal_size(self.fileno)
        except OSError:
            width = height = 0
        return width or 80, height or 25

    def _sigtstp_application(self, *_: object) -> None:
        self._on_loop(self._suspend)(signal.SIGTSTP, None)

    def _suspend(self) -> None:
        if self._auto_restart:
            self.suspend_application_mode()
            self._must_signal_resume = True
        os.kill(os.getpid(), signal.SIGSTOP)

    def _sigcont_application(self, *_: object) -> None:
        self._on_loop(self._continued)(signal.SIGCONT, None)

    def _continued(self) -> None:
        """The process was stopped and goes on: the shell may have had the terminal meanwhile."""
        if self._auto_restart and (self._active or self._must_signal_resume) and not self._output.gone:
            self.resume_application_mode()
            self._app.refresh(layout=True)
