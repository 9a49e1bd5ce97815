"""The monitor as far as it touches the board: input line, raw keys, menu, reset, probe, captures."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import ActiveBinding, BindingsMap, BindingType
from textual.message import Message
from textual.widget import Widget

from espmon.session.announced_lines import offers_screenshots
from espmon.session.sent import LocalEcho, SentBy
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.tui import actions
from espmon.tui.footer_bindings import dress_footer, fit_footer
from espmon.tui.monitor.raw_mode import RawMode
from espmon.tui.monitor.refusal import board_missing, connected, missing, no_picture, reads_only, refusal
from espmon.tui.monitor.sending_view import SendingView, macro_bindings
from espmon.tui.monitor.session_link import PendingChanges, SessionLink
from espmon.tui.raw.terminal_view import TerminalView
from espmon.tui.widgets.event_list import EventList
from espmon.tui.widgets.header import BoardHeader
from espmon.tui.widgets.input_line import InputLine
from espmon.tui.widgets.key_catcher import MenuHint, RawKeys, key_bytes, key_named
from espmon.tui.widgets.level_picker import LevelPicker
from espmon.tui.widgets.log_pane import LogPane

BEGIN_TYPING = frozenset({"input", "raw", "search", "filter"})
"""Actions after which keys are text."""

NEED_ALL = frozenset({"menu", "raw", "raw_anywhere"})
"""Actions that begin with what the first frame does without."""

AT_THE_LEVELS = frozenset({"close_filter", "unfilter"})
"""Actions that work while levels are ticked."""

ALWAYS = frozenset({"menu", "interrupt", "exit_key", "focus", "blur"})
"""Actions that work while keys go to the board."""


class MonitorScreen(SendingView):
    """One session on the screen, and the keys that act on it."""

    BINDINGS: ClassVar[list[BindingType]] = list(actions.bindings())

    class PictureWanted(Message):
        """The user asked the board for a picture."""

    class PictureDoubtful(Message):
        """The user wants a picture of a board that has not said that it sends any."""

    _before_menu: Widget | None = None
    _by_menu = False
    _step = 0

    def __init__(
        self, link: SessionLink, settings: Settings, history: Path | None, *, timestamps: bool = False
    ) -> None:
        super().__init__(link, settings, history, timestamps=timestamps)
        self._before_raw: Widget | None = None
        self._raw_wanted = False
        caught = (key_bytes(settings.menu_key, None), key_bytes(settings.exit_key, None))
        reply = partial(self._send, by=SentBy.KEYS) if settings.answer_queries else None
        self._raw = RawMode(self, self._send_keys, lambda: self.status, *caught, reply=reply)
        # Textual's key map moves bindings that there are; these are there because the user wants them.
        chosen = BindingsMap(actions.chosen_bindings(settings.keymap))
        self._bindings = BindingsMap.merge([BindingsMap(macro_bindings(settings)), self._bindings, chosen])

    # -- typing -------------------------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether bytes can be sent now."""
        return connected(self.status)

    def on_mount(self) -> None:
        """The input line keeps what cannot be sent now."""
        self.query_one(InputLine).refusal = self._refusal
        self.begin()

    def begin(self) -> None:
        """A port is being opened: keys go where the settings say. Raw mode begins when the board can hear them."""
        if self.has_class("-raw"):
            self.action_raw()
        replays = reads_only(self.status)
        self.set_class(replays, "-replay")
        self._raw_wanted = self.settings.start_in == "raw" and not replays
        if replays or self.settings.start_in == "log":
            self.set_focus(self.pane)
        else:
            self.query_one(InputLine).focus_field()

    def take(self, changes: PendingChanges) -> None:
        """As the view; and raw mode begins, once the port is open and nothing lies over this screen."""
        super().take(changes)
        if reads_only(self.status) != self.has_class("-replay"):
            self._change_hands()
        if self._raw_wanted and self.completed and self.status.state is State.MONITORING and self.app.screen is self:
            self._raw_wanted = False
            if self.mode == "INPUT":
                self.action_raw()

    def _change_hands(self) -> None:
        """What is typed may go to the board from now on, or may no more."""
        reads = reads_only(self.status)
        self.set_class(reads, "-replay")
        if reads and self.mode in ("INPUT", "RAW"):
            if self.has_class("-raw"):
                self.action_raw()
            self.set_focus(self.pane)
        self.refresh_bindings()

    def _refusal(self) -> str:
        """Why a line cannot be sent now, "" when it can."""
        return refusal(self.status)

    def _send(self, data: bytes, by: SentBy = SentBy.LINE) -> None:
        if self.connected:
            self.link.send(data, by)
        else:
            self.app.notify(self._refusal(), severity="warning", markup=False)

    def _send_keys(self, data: bytes) -> None:
        """Send what was typed in raw mode, and show it where the board does not."""
        if not self.connected:
            self._send(data)
            return
        self.link.send_key(data)
        if self.status.local_echo is LocalEcho.KEYS:
            self.query_one(TerminalView).echo(data)

    def action_input(self) -> None:
        """Type a line."""
        if self.has_class("-raw"):
            self.action_raw()
        self.query_one(InputLine).focus_field()

    @on(InputLine.Sent)
    def _line(self, event: InputLine.Sent) -> None:
        if len(event.lines) > 1:
            self.send_lines(event.lines, event.eol)
        else:
            self._send(event.lines[0].encode() + event.eol)
        if not self.pane.follow:
            # Whoever sends something wants to see the answer.
            self.pane.go_to_end()

    @on(InputLine.Dismissed)
    def _input_left(self) -> None:
        if self.status.sending is not None:
            self.action_stop_sending()
        else:
            self.pane.focus()

    def action_eol(self) -> None:
        """The next line end."""
        self.app.notify(f"The input line ends lines with {self.query_one(InputLine).next_eol()}", markup=False)

    def action_raw(self) -> None:
        """Raw mode on and off."""
        turn_on = not self.has_class("-raw")
        self.set_class(turn_on, "-raw")
        self.query_one(RawKeys).set_class(turn_on, "-on")
        before, self._before_raw = self._before_raw, self.focused if turn_on else None
        view = self.query_one(TerminalView)
        self.link.lively = turn_on
        if turn_on:
            view.poll = self._raw.poll
            self._raw.begin()
            self.call_after_refresh(self._show_terminal, view)
        else:
            self._raw.end()
            view.hide()
            self.link.answer_queries(True)
        # Back to the field that was typed in, where it still is on the screen.
        self.set_focus(view if turn_on else before if before is not None and before.focusable else self.pane)
        self.refresh_bindings()
        self.show_state()

    def _show_terminal(self, view: TerminalView) -> None:
        """The terminal has its size: fill it. Until its emulator is there, the session answers the board."""
        if self.has_class("-raw"):
            view.show(self.link.session.store, lambda: self.link.answer_queries(False))

    @property
    def takes_raw_keys(self) -> bool:
        """Whether a key goes to the board now, whatever it is; not when the menu or the palette asks."""
        return self.mode == "RAW" and not self._by_menu

    @on(RawMode.Opened)
    async def _raw_menu(self) -> None:
        await self.action_menu()

    @on(RawMode.Chosen)
    async def _raw_chosen(self, event: RawMode.Chosen) -> None:
        await self.menu_key(key_named(event.data))

    @on(RawMode.Exit)
    async def _raw_exit(self) -> None:
        await self.app.run_action("app.exit_key")

    @on(TerminalView.Answered)
    def _raw_answered(self, event: TerminalView.Answered) -> None:
        self._raw.answer(event)

    @on(TerminalView.WishesChanged)
    def _raw_wishes(self, event: TerminalView.WishesChanged) -> None:
        self._raw.wishes(event)

    def action_raw_anywhere(self) -> None:
        """Raw keys, also from a field."""
        self.action_raw()

    @on(TerminalView.Typed)
    def _raw_typed(self, event: TerminalView.Typed) -> None:
        self._send_keys(event.data)

    @on(RawKeys.Dismissed)
    @on(RawMode.Dismissed)
    def _raw_left(self) -> None:
        if self.in_table:
            self._close_menu()
        if self.has_class("-raw"):
            self.action_raw()

    def action_interrupt(self) -> None:
        """Ctrl-C: copy the selection, or send it to the board."""
        if self.in_table:
            self._close_menu()
        elif self.get_selected_text():
            self.action_copy()
            self.clear_selection()
        else:
            self._send(b"\x03")

    # -- the menu key -------------------------------------------------------------------------------------------

    @property
    def in_table(self) -> bool:
        """Whether the next key is one of a table's."""
        return self.completed and self.query_one(MenuHint).has_class("-on")

    @property
    def in_menu(self) -> bool:
        """Whether the next key belongs to the menu."""
        return self.in_table and not self._step

    async def action_menu(self) -> None:
        """Wait for one more key; the menu key again sends itself."""
        if self.in_menu:
            await self.menu_key("ctrl+t")
        else:
            table = [entry for entry in self.menu if not board_missing(self.status, entry.call)]
            self._open_table("Ctrl-T", table)

    def action_walk(self, step: int) -> None:
        """Wait for the key that says what to walk to: the next one (1) or the one before (-1)."""
        self._open_table(actions.written(actions.WALK_KEYS["next" if step > 0 else "previous"]), actions.WALK, step)

    async def action_boot(self, step: int) -> None:
        """To the boot before or after."""
        await self.walking.go("boot", step)

    def action_mark(self) -> None:
        """Mark a line."""
        self.walking.mark()

    def _open_table(self, opened_by: str, table: Iterable[actions.MenuKey], step: int = 0) -> None:
        hint = self.query_one(MenuHint)
        if not self.in_table:
            self._before_menu = self.focused
        self._step = step
        hint.offer(opened_by, table)
        hint.add_class("-on")
        self.set_focus(hint)
        self.refresh_bindings()

    def _close_menu(self) -> None:
        self.query_one(MenuHint).remove_class("-on")
        before, self._before_menu = self._before_menu, None
        self._step = 0
        self.set_focus(before if before is not None and before.is_attached else self.pane)
        self.refresh_bindings()

    @on(MenuHint.Chosen)
    async def _chosen(self, event: MenuHint.Chosen) -> None:
        if step := self._step:
            self._close_menu()
            kind = actions.call_after(event.key, actions.WALK)
            if kind is not None:
                await self.walking.go(kind, step)
            elif event.key != "escape":
                self.say(f"{actions.written(event.key)} names nothing to walk to")
        else:
            await self.menu_key(event.key)

    async def menu_key(self, key: str) -> None:
        """Do what `key` means after the menu key."""
        self._close_menu()
        if key == "escape":
            if self.has_class("-raw"):
                self.action_raw()
            return
        call = actions.call_after(key, self.menu)
        if call is None:
            self.say(f"{actions.written(key)} means nothing after the menu key")
            return
        if board_missing(self.status, call):
            self.say(missing(self.status))
            return
        await self.run_from_elsewhere(actions.full_call(call))

    @on(BoardHeader.Chosen)
    async def _chip_chosen(self, event: BoardHeader.Chosen) -> None:
        event.stop()
        if not self.in_table:
            await self.run_from_elsewhere(actions.full_call(actions.BY_ID[event.action].call))

    async def run_from_elsewhere(self, call: str) -> None:
        """Run an action for the menu or the palette, whatever has the focus."""
        self._by_menu = True
        try:
            await self.app.run_action(call)
        finally:
            self._by_menu = False

    @property
    def ticks_levels(self) -> bool:
        """Whether letters tick levels now: none of them does something to the board."""
        return isinstance(self.focused, LevelPicker) and not self._by_menu

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While keys go to the board or to the menu, only what still works is offered."""
        if not self.completed and action in NEED_ALL:
            return False
        if board_missing(self.status, action):
            return False
        if self._by_menu or not self.completed or action in ALWAYS:
            return True
        if action == "stop_sending":
            return self.status.sending is not None or self.pane in self.selections
        if self.ticks_levels:
            return action in AT_THE_LEVELS
        if action in BEGIN_TYPING:
            # Looked at before the focused widget: must let the key through wherever it can be typed.
            return not self.in_table and isinstance(self.focused, LogPane | EventList | None)
        if action == "raw_anywhere":
            # In raw mode the key comes back, and the raw keys take it themselves.
            return not (self.has_class("-raw") or self.in_table)
        return not (self.has_class("-raw") or self.in_table)

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """As Textual's; what the footer shows of them depends on where keys go.

        Where `?` is a character, help is `F1`, and not there at all while every key goes to the board. The events have
        keys of their own: finding and typing, which work there too, would not fit beside them.
        """
        found = super().active_bindings
        mode = self.mode
        hidden: frozenset[str] = frozenset()
        if mode == "RAW" or (self.in_table and not self.in_menu):
            hidden = frozenset({"app.help"})
        elif isinstance(self.focused, EventList):
            hidden = frozenset({"log.input", "log.search", "log.filter", "log.inspector", "board.screenshot"})
        if not offers_screenshots(self.status, self.settings):
            hidden |= {"board.screenshot"}
        palette = mode != "RAW" and not self.in_table
        dress_footer(found, hidden, palette=palette, help_key="F1" if self.typing else None)
        fit_footer(found, self.size.width, self.app.get_key_display)
        return found

    def on_resize(self) -> None:
        """The footer has room for more or less."""
        self.refresh_bindings()

    def action_send_key(self, key: str) -> None:
        """Send a key itself that means something here: "menu", "exit", "palette" or "quit"."""
        palette = self.app.COMMAND_PALETTE_BINDING
        keys = {"menu": self.settings.menu_key, "exit": self.settings.exit_key, "palette": palette, "quit": "ctrl+q"}
        self._send(key_bytes(keys[key], None))

    # -- the board ----------------------------------------------------------------------------------------------

    def action_reset(self) -> None:
        """Reset into the application."""
        self.link.ask(self.link.session.reset())

    def action_screenshot(self) -> None:
        """Ask the board for a picture, where one can be expected."""
        if why := no_picture(self.status):
            self.app.notify(why, severity="warning", markup=False)
        elif offers_screenshots(self.status, self.settings):
            self.ask_for_picture()
        else:
            self.post_message(self.PictureDoubtful())

    def ask_for_picture(self) -> None:
        """Ask the board for a picture."""
        self.post_message(self.PictureWanted())
        self.link.ask(self.link.session.screenshot())

    def action_abort(self) -> None:
        """End the running capture."""
        if self.status.capture is None:
            self.app.notify("Nothing is being captured", markup=False)
        else:
            self.link.ask(self.link.session.abort_capture())
