"""Every action of the monitor, once: bindings, footer, palette, help and key map all read this table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from espmon.tui.key_names import split as split
from espmon.tui.key_names import written as written

if TYPE_CHECKING:
    from textual.binding import Binding


@dataclass(frozen=True, slots=True)
class Action:
    """One thing the user can do.

    Args:
        id: stable name, for the key map in the settings.
        keys: default keys, separated by commas; "" for palette only.
        label: a word or two, for the footer.
        title: the whole thing, for the palette and the help.
        help: one sentence that says more than the title, for the tooltip; "" where there is no more to say.
        group: heading in the help.
        call: Textual action string, resolved on the monitor screen.
        footer: shown in the footer.
        priority: looked at before the focused widget gets the key. Such a key works everywhere, or (the keys that
            begin typing) where the monitor's `check_action` lets it: only so do the next keys of a burst go there too.
        also: keys, as people write them, that do the same and cannot be changed.
        listed: stands in the help and in the palette; one of a row of alike ones speaks for the others.
    """

    id: str
    keys: str
    label: str
    title: str
    help: str
    group: str
    call: str
    footer: bool = False
    priority: bool = False
    also: str = ""
    listed: bool = True

    def binding(self) -> Binding:
        """The action as a Textual binding."""
        from textual.binding import Binding  # the table is read before the toolkit is there

        return Binding(
            self.keys,
            self.call,
            self.label,
            show=self.footer,
            priority=self.priority,
            id=self.id,
            tooltip=self.help or self.title,
        )


MOVE, LOOK, FIND, BOARD, SEND, LINE = "Move", "Look", "Find", "Board", "Send", "Line"
PLAY, TABS, PROGRAM = "Recording", "Several boards", "Program"

MAX_NUMBERED = 9
"""Boards that a key with their number leads to."""

# fmt: off
ACTIONS: tuple[Action, ...] = (
    Action("log.input", "i", "Input", "Type to the board", "Go to the input line.", BOARD, "input",
           footer=True, priority=True),
    Action("log.raw", "r", "Raw keys", "Raw keys: every key goes to the board",
           "Ctrl-T Esc comes back.", BOARD, "raw", priority=True),
    Action("log.raw_anywhere", "f2", "Raw keys", "Raw keys, also while you type",
           "What stands in the input line stays.", BOARD, "raw_anywhere", priority=True),
    Action("log.search", "slash", "Search", "Search the log", "Text or expression, found while you type.", FIND,
           "search", footer=True, priority=True),
    Action("log.next", "n", "Next match", "To the next match", "", FIND, "match(1)"),
    Action("log.previous", "N", "Previous match", "To the match before", "", FIND, "match(-1)"),
    Action("log.filter", "f", "Filter", "Filter by level, tag and text", "New lines and history.", FIND, "filter",
           footer=True, priority=True),
    Action("log.unfilter", "F", "No filter", "Show all lines again", "Drop the filter.", FIND, "unfilter"),
    Action("log.save_filter", "", "Save filter", "Save the filter under a name", "For every session.", FIND,
           "app.save_filter"),
    Action("log.saved_filters", "", "Saved filters", "Use a saved filter", "Of those that have names.", FIND,
           "app.choose_filter"),
    Action("log.print_filter", "", "Print filter", "Copy the filter for --print-filter",
           "As idf.py monitor takes it; the tag field reads such ones.", FIND, "app.print_filter"),
    Action("log.follow", "space", "Follow", "Follow new lines, or hold still", "Scrolling up holds still too.",
           MOVE, "follow"),
    Action("log.end", "G,end", "Newest", "To the newest line, and follow", "Back to the tail.", MOVE, "end"),
    Action("log.start", "g,home", "Oldest", "To the oldest line", "Of those kept in memory.", MOVE, "start"),
    Action("log.up", "k,up", "Up", "One row up", "", MOVE, "scroll(-1)"),
    Action("log.down", "j,down", "Down", "One row down", "", MOVE, "scroll(1)"),
    Action("log.page_up", "pageup,ctrl+b", "Page up", "One page up", "", MOVE, "page(-1.0)"),
    Action("log.page_down", "pagedown,ctrl+f", "Page down", "One page down", "", MOVE, "page(1.0)"),
    Action("log.half_up", "ctrl+u", "Half page up", "Half a page up", "", MOVE, "page(-0.5)"),
    Action("log.half_down", "ctrl+d", "Half page down", "Half a page down", "", MOVE, "page(0.5)"),
    Action("log.left", "h,left", "Left", "Left along long lines", "While lines do not wrap.", MOVE, "sideways(-1)"),
    Action("log.right", "l,right", "Right", "Right along long lines", "While lines do not wrap.", MOVE,
           "sideways(1)"),
    Action("log.walk_previous", "left_square_bracket", "Previous", "Error, warning, crash, boot, mark before",
           "Then one more key.", MOVE, "walk(-1)"),
    Action("log.walk_next", "right_square_bracket", "Next", "Next error, warning, crash, boot, mark",
           "Then one more key.", MOVE, "walk(1)"),
    Action("log.boot_previous", "", "Previous boot", "To the boot before", "Boots are marked.", MOVE, "boot(-1)"),
    Action("log.boot_next", "", "Next boot", "To the next boot", "Boots are marked.", MOVE, "boot(1)"),
    Action("log.compare_boots", "", "Compare boots", "Compare the newest boot with the one before",
           "What is new, what is missing.", LOOK, "app.compare_boots"),
    Action("log.mark", "m", "Mark", "Mark a line, or take its mark away",
           "The line walked to last, or the newest.", MOVE, "mark"),
    Action("log.fold", "enter", "Open", "Open a crash or a loop, or fold it", "The one walked to, or the lowest.", MOVE,
           "fold"),
    Action("log.fold_all", "z", "Fold all", "Open everything that is folded, or fold it", "Crashes, boot loops.", MOVE,
           "fold_all"),
    Action("log.go_to", "apostrophe", "Go to", "Go to a mark, line, boot or time", "Lists marks and boots.", MOVE,
           "app.go_to"),
    Action("log.inspector", "e", "Events", "Events: resets, panics, captures", "Side panel from 100 columns.",
           LOOK, "inspector", footer=True),
    Action("log.wrap", "w", "Wrap", "Wrap long lines", "Long lines wrap, or go beyond the edge.", LOOK, "wrap"),
    Action("log.timestamps", "t", "Times", "Times: none, host, device, between lines",
           "Since the boot and a mark, too, and the lines' numbers.", LOOK, "timestamps"),
    Action("log.shape", "x", "Bytes", "Show lines as text, escaped bytes or hex", "What really came.", LOOK,
           "shape"),
    Action("log.decorations", "d", "Locations", "Source locations under addresses", "On and off.", LOOK,
           "decorations"),
    Action("log.plot", "P", "Plot", "Numbers in the log, plotted", "Found by themselves; several curves, CSV.", LOOK,
           "plot"),
    Action("log.statistics", "number_sign", "Statistics", "Lines and bytes a second, by level and by tag",
           "Over all of the session, and lately.", LOOK, "app.statistics"),
    Action("log.clear", "c", "Clear", "Clear the screen", "Lines and events stay in memory.", LOOK, "clear"),
    Action("log.unclear", "u", "Bring back", "Bring back what was cleared", "Undo a clear.", LOOK, "unclear"),
    Action("log.select_up", "shift+up", "Select up", "Select rows, one more upward",
           "From the row walked to, or the lowest.", LOOK, "select(-1)"),
    Action("log.select_down", "shift+down", "Select down", "Select rows, one more downward", "", LOOK, "select(1)"),
    Action("log.select_page_up", "shift+pageup", "Select page", "Select a page upward", "", LOOK, "select_page(-1)"),
    Action("log.select_page_down", "shift+pagedown", "Select page", "Select a page downward", "", LOOK,
           "select_page(1)"),
    Action("log.select_start", "shift+home", "Select to start", "Select up to the oldest line", "", LOOK,
           "select_all(-1)"),
    Action("log.select_end", "shift+end", "Select to end", "Select down to the newest line", "", LOOK, "select_all(1)"),
    Action("log.copy", "y", "Copy", "Copy the selection, or the visible lines", "Through the terminal (OSC 52).",
           LOOK, "copy"),
    Action("log.copy_markdown", "Y", "Markdown", "Copy the crash here as an issue's text, or lines as Markdown",
           "Sentence, chip, versions, backtrace, log.", LOOK, "app.copy_markdown"),
    Action("log.copy_decoded", "", "Decoded", "Copy the selection, or the visible lines, with locations",
           "What stands below the lines, too.", LOOK, "app.copy_decoded"),
    Action("log.save", "S", "Save", "Save the selection, or what the filter shows",
           "Text, JSON lines, Markdown or HTML.", LOOK, "app.save_log('')"),
    Action("log.save_boot", "", "Save boot", "Save this boot", "Text, JSON lines, Markdown or HTML.", LOOK,
           "app.save_log('boot')"),
    Action("log.save_all", "", "Save all", "Save everything in memory", "Text, JSON lines, Markdown or HTML.", LOOK,
           "app.save_log('all')"),
    Action("log.edit", "v", "Editor", "Open the source line here in the editor",
           "VISUAL, VS Code in its own terminal, EDITOR.", LOOK, "app.open_source"),
    Action("log.copy_place", "V", "Place", "Copy file:line of the source line here", "Of a crash or a location.", LOOK,
           "app.copy_source"),
    Action("board.screenshot", "s", "Screenshot", "Take a screenshot of the board",
           "Sends the trigger, waits for the picture.", BOARD, "screenshot", footer=True),
    Action("board.abilities", "A", "Abilities", "What this board can do",
           "Commands, payloads, screenshots.", BOARD, "app.abilities"),
    Action("board.reset", "", "Reset", "Reset the board", "Moves the reset line.", BOARD, "reset"),
    Action("board.bootloader", "", "Bootloader", "Reset into the ROM loader", "Asks first; for flashing.", BOARD,
           "app.bootloader"),
    Action("board.probe", "p", "Probe", "Probe the board", "Asks first: probing resets the board.", BOARD,
           "app.probe"),
    Action("board.flash", "", "Flash", "Flash the project", "Writes the project's images.", BOARD,
           "app.flash('flash')" ),
    Action("board.app_flash", "", "Flash app", "Flash the application only", "Writes the application image.",
           BOARD, "app.flash('app-flash')"),
    Action("board.erase_flash", "", "Erase", "Erase the flash, then flash", "Everything on it is lost.", BOARD,
           "app.flash('erase-flash')"),
    Action("board.flash_info", "", "Partitions", "Partition table as the board has it",
           "Asks first: the board is reset into its loader.", BOARD, "app.flash_info"),
    Action("board.flash_panel", "M", "Flash panel", "Flash panel: partitions, NVS, OTA data, read and write",
           "Asks first: the board stays in its loader until you leave.", BOARD, "app.flash_panel"),
    Action("board.flash_verify", "", "Compare", "Compare the project with the flash",
           "Asks first: the board is reset into its loader.", BOARD, "app.flash('verify')"),
    Action("board.build", "b", "Build", "Build the project, then flash what changed", "", BOARD, "app.build"),
    Action("board.build_command", "", "Build command", "Choose another build command for this project", "", BOARD,
           "app.build_command"),
    Action("board.coredump", "K", "Core dump", "Core dump panel", "The running or the last core dump.", BOARD,
           "app.coredump"),
    Action("board.crash", "C", "Crash", "Report of the last crash", "The last panic or core dump, decoded.", BOARD,
           "app.crash"),
    Action("board.stub", "D", "Debug stub", "Debug stub: inspect, hand over to gdb, or serve it to an IDE",
           "For a board that waits in its debug stub.", BOARD, "app.stub"),
    Action("board.baud", "B", "Baud rate", "Set baud rate", "Of this port; the board is not told.", BOARD,
           "app.baud"),
    Action("board.line", "", "Line settings", "Line: data bits, parity, stop bits, flow control",
           "As in 8N1 or 7E1 rts-cts.", LINE, "app.line('format')"),
    Action("board.break", "", "Break", "Send a break", "Of a length of your choice.", LINE, "app.line('break')"),
    Action("board.dtr_on", "", "DTR on", "DTR on (asserted)", "By hand.", LINE, "modem_line('dtr', True)"),
    Action("board.dtr_off", "", "DTR off", "DTR off (released)", "By hand.", LINE, "modem_line('dtr', False)"),
    Action("board.rts_on", "", "RTS on", "RTS on (asserted)", "By hand.", LINE, "modem_line('rts', True)"),
    Action("board.rts_off", "", "RTS off", "RTS off (released)", "By hand.", LINE, "modem_line('rts', False)"),
    Action("board.elf", "E", "ELF", "Choose the ELF for decoding", "Also for lines already there.", BOARD, "app.elf"),
    Action("board.reload_elf", "L", "Reload ELF", "Load the ELF in use again", "After a build.", BOARD,
           "app.reload_elf"),
    Action("board.abort", "a", "Abort capture", "End the running capture", "What came is kept.", BOARD, "abort"),
    Action("board.interrupt", "ctrl+c", "Ctrl-C", "Send Ctrl-C to the board", "With a selection: copy it.", BOARD,
           "interrupt", priority=True),
    Action("board.eol", "", "Line end", "Change the line end of the input line",
           "CR, LF or CRLF; Ctrl-O while typing.", BOARD, "eol"),
    Action("board.echo", "", "Local echo", "Local echo: off, sent lines, keys too",
           "Sent lines stand in the log, marked.", SEND, "echo"),
    Action("board.replies", "", "Replies", "Replies to what the board says: on and off",
           "All of the settings' [replies].", SEND, "replies"),
    Action("board.send_text", "", "Send a file", "Send a file as text", "Line by line, with the pauses below.", SEND,
           "app.send('text')"),
    Action("board.send_hex", "", "Send bytes", "Send bytes written in hex", "As in 48 65 6c.", SEND, "app.send('hex')"),
    Action("board.send_xmodem", "", "Send by XMODEM", "Send a file by XMODEM", "Blocks of 128 bytes, CRC or checksum.",
           SEND, "app.send('xmodem')"),
    Action("board.send_xmodem_1k", "", "Send by XMODEM-1K", "Send a file by XMODEM-1K", "Blocks of 1024 bytes.", SEND,
           "app.send('xmodem-1k')"),
    Action("board.send_ymodem", "", "Send by YMODEM", "Send a file by YMODEM", "With its name and size.", SEND,
           "app.send('ymodem')"),
    Action("board.receive_xmodem", "", "Receive by XMODEM", "Receive a file by XMODEM", "Into a folder.", SEND,
           "app.send('receive-xmodem')"),
    Action("board.receive_ymodem", "", "Receive by YMODEM", "Receive files by YMODEM", "Into a folder.", SEND,
           "app.send('receive-ymodem')"),
    Action("board.stop_sending", "escape", "Stop sending", "Stop the text that is being sent; drop the selection", "",
           SEND, "stop_sending"),
    Action("board.line_delay", "", "Line delay", "Pause after each line of a text", "Pastes and files.", SEND,
           "app.pacing('line')"),
    Action("board.char_delay", "", "Character delay", "Pause after each character of a text", "Pastes and files.",
           SEND, "app.pacing('char')"),
    Action("board.line_prompt", "", "Prompt", "Prompt between the lines of a text", "A regular expression.",
           SEND, "app.pacing('prompt')"),
    Action("board.output", "", "Output", "Output on the screen on and off", "Recording goes on.", LOOK, "output"),
    Action("board.log", "", "Log file", "Log to a file on and off", "Asks for the name.", BOARD, "app.log_file"),
    Action("play.faster", "greater_than_sign", "Faster", "Play the recording faster", "Twice the speed.", PLAY,
           "app.pace('faster')"),
    Action("play.slower", "less_than_sign", "Slower", "Play the recording slower", "Half the speed.", PLAY,
           "app.pace('slower')"),
    Action("play.at_once", "equals_sign", "At once", "Read the rest of the recording at once", "As fast as it can be.",
           PLAY, "app.pace('at_once')"),
    Action("play.pause", "full_stop", "Pause", "Hold the recording still, or go on", "", PLAY, "app.pace('pause')"),
    Action("play.skip", "right_parenthesis", "Skip", "Skip a minute of the recording", "Read at once, not left out.",
           PLAY, "app.pace('skip')"),
    Action("board.writing", "W", "Writing", "Who writes, where several look at one board",
           "Ask for it, give it back, take it back.", BOARD, "app.writing"),
    Action("tabs.next", "f8,ctrl+pagedown", "Next board", "To the next board", "Or to all of them in one timeline.",
           TABS, "app.step_tab(1)", priority=True),
    Action("tabs.previous", "f7,ctrl+pageup", "Previous board", "To the board before", "As the tabs stand.", TABS,
           "app.step_tab(-1)", priority=True),
    Action("tabs.all", "0", "All", "All boards in one timeline", "In the order of time.", TABS, "app.tab(0)"),
    *(
        Action(f"tabs.board_{number}", str(number), f"Board {number}", "To a board by its number",
               f"1 to {MAX_NUMBERED}, as the tabs say.", TABS, f"app.tab({number})", listed=number == 1)
        for number in range(1, MAX_NUMBERED + 1)
    ),
    Action("tabs.close", "", "Close board", "Close this board, and its tab", "Its recording stays; the others go on.",
           TABS, "app.close_tab"),
    Action("app.menu", "ctrl+t", "Menu", "Menu of idf.py monitor", "Then one more key.", PROGRAM, "menu",
           footer=True, priority=True),
    Action("app.ports", "o", "Ports", "Open another port", "Back to the list of ports.", PROGRAM, "app.ports"),
    Action("app.devices", "", "Devices", "Names of known boards", "Name a board, forget a board.", PROGRAM,
           "app.devices" ),
    Action("app.palette", "ctrl+p", "Palette", "Every action by its name", "Also those that have no key.", PROGRAM,
           "app.command_palette"),
    Action("app.help", "question_mark,f1", "Help", "Help: all keys", "Everything you can do.", PROGRAM,
           "app.help", footer=True),
    Action("app.exit", "ctrl+right_square_bracket", "Quit", "Quit", "From anywhere.", PROGRAM,
           "app.exit_key", footer=True, priority=True,
           also="Ctrl-Q"),
)
# fmt: on
"""All of it, in the order of the help."""


@dataclass(frozen=True, slots=True)
class MenuKey:
    """One key after the menu key.

    Args:
        keys: Textual key names that mean the same.
        shown: how it is written in the hint.
        label: what it does, a word or two; "" leaves it out of the hint.
        call: Textual action string.
        action: id of the action that it is, or comes closest to; "" for what only the menu does.
    """

    keys: tuple[str, ...]
    shown: str
    label: str
    call: str
    action: str = ""


# fmt: off
MENU: tuple[MenuKey, ...] = (
    MenuKey(("r", "R", "ctrl+r"), "R", "reset", "reset", "board.reset"),
    MenuKey(("p", "P", "ctrl+p"), "P", "bootloader", "app.bootloader", "board.bootloader"),
    MenuKey(("f", "F", "ctrl+f"), "F", "flash", "app.flash('flash')", "board.flash"),
    MenuKey(("a", "A", "ctrl+a"), "A", "app-flash", "app.flash('app-flash')", "board.app_flash"),
    MenuKey(("e", "E", "ctrl+e"), "E", "erase+flash", "app.flash('erase-flash')", "board.erase_flash"),
    MenuKey(("y", "Y", "ctrl+y"), "Y", "output", "output", "board.output"),
    MenuKey(("l", "L", "ctrl+l"), "L", "log file", "app.log_file", "board.log"),
    MenuKey(("i", "I", "ctrl+i", "tab"), "I", "times", "host_times", "log.timestamps"),
    MenuKey(("k", "K"), "K", "raw keys", "raw", "log.raw"),
    MenuKey(("h", "H", "question_mark", "ctrl+h", "backspace"), "H", "help", "app.help", "app.help"),
    MenuKey(("x", "X", "ctrl+x"), "X", "quit", "app.quit", "app.exit"),
    MenuKey(("ctrl+t",), "Ctrl-T", "send it", "send_key('menu')"),
    MenuKey(("ctrl+right_square_bracket",), "Ctrl-]", "send it", "send_key('exit')"),
)
# fmt: on
"""As in idf.py monitor (each letter also with Ctrl), and K."""

TAB_KEYS: tuple[MenuKey, ...] = tuple(
    MenuKey((str(number),), str(number), f"board {number}" if number else "all boards", f"app.tab({number})",
            f"tabs.board_{number}" if number else "tabs.all")
    for number in (*range(1, MAX_NUMBERED + 1), 0)
)  # fmt: skip
"""After the menu key, while several boards are open."""

WALK: tuple[MenuKey, ...] = (
    MenuKey(("e",), "e", "error", "error"),
    MenuKey(("w",), "w", "warning", "warning"),
    MenuKey(("c",), "c", "crash", "crash"),
    MenuKey(("b", "left_square_bracket", "right_square_bracket"), "b", "boot", "boot"),
    MenuKey(("m",), "m", "mark", "mark"),
)
"""After `]` to the next one, after `[` to the one before."""

WALK_KEYS = {"previous": "left_square_bracket", "next": "right_square_bracket"}

BY_NAME = "palette"
"""Written in place of a key for what has none."""


def bindings(actions: Iterable[Action] = ACTIONS) -> list[Binding]:
    """The bindings of all actions that have keys."""
    return [action.binding() for action in actions if action.keys]


def chosen_bindings(keymap: Mapping[str, str]) -> list[Binding]:
    """The bindings of the actions that have keys only because the user's `keymap` (id -> keys) gives them some."""
    without = [action for action in ACTIONS if not action.keys and keymap.get(action.id)]
    return [replace(action, keys=keymap[action.id]).binding() for action in without]


def call_after(key: str, table: Iterable[MenuKey]) -> str | None:
    """What `key` does after the key that opens `table`, None for keys that mean nothing there."""
    return next((entry.call for entry in table if key in entry.keys), None)


def help_rows(keymap: Mapping[str, str] | None = None) -> list[tuple[str, str, str, str]]:
    """(keys, title, help, group) of every action, for the help screen; `keymap` is the user's id -> keys."""
    keymap = keymap or {}
    rows = [
        (keys_of(action, keymap) or BY_NAME, action.title, action.help, action.group)
        for action in ACTIONS
        if action.listed
    ]
    menu = written(keymap.get("app.menu", "ctrl+t"))
    rows += [(f"{menu} {entry.shown}", f"Send {entry.shown} itself", "", PROGRAM) for entry in MENU if not entry.action]
    back, on = (written(split(keymap.get(f"log.walk_{way}", key))[0]) for way, key in WALK_KEYS.items())
    rows += [
        (f"{on} {entry.shown}, {back} {entry.shown}", f"To the next {entry.label}, to the one before", "", MOVE)
        for entry in WALK
    ]
    groups = list(dict.fromkeys(group for *_, group in rows))
    return sorted(rows, key=lambda row: groups.index(row[3]))


def keys_of(action: Action, keymap: Mapping[str, str]) -> str:
    """Every way to reach an action by key, as people write them, "" when there is none."""
    return ", ".join(_ways(action, keymap))


def first_key(action: Action, keymap: Mapping[str, str]) -> str:
    """The first way to reach an action by key, as people write it, "" when there is none."""
    return next(iter(_ways(action, keymap)), "")


def _ways(action: Action, keymap: Mapping[str, str]) -> list[str]:
    others = (keys for other, keys in keymap.items() if other != action.id and other in BY_ID)
    taken = {key for keys in others for key in split(keys)}
    own = split(keymap[action.id]) if action.id in keymap else [key for key in split(action.keys) if key not in taken]
    menu = written(keymap.get("app.menu", "ctrl+t"))
    after_menu = [f"{menu} {entry.shown}" for entry in (*MENU, *TAB_KEYS) if entry.action == action.id]
    return [part for part in (*map(written, own), action.also, *after_menu) if part]


BY_ID: Mapping[str, Action] = {action.id: action for action in ACTIONS}


LEAVE_TYPING: Mapping[str, str] = {"INPUT": "Esc ", "FIND": "Esc ", "FILTER": "Esc "}
"""Mode in which keys are text -> what is pressed before a key that means something in the log."""


@lru_cache(maxsize=8)
def _first_keys(keymap: frozenset[tuple[str, str]]) -> Mapping[str, str]:
    """Id -> the first way to reach it by key. The bars ask for several, a few times a second."""
    chosen = dict(keymap)
    return {action.id: first_key(action, chosen) for action in ACTIONS}


def to_press(identity: str, mode: str, keymap: Mapping[str, str]) -> str:
    """What is pressed in `mode`, where keys go now, for the action of this id; "" where no key reaches it."""
    if not identity or mode == "RAW":
        return ""
    key = _first_keys(frozenset(keymap.items()))[identity]
    after_menu = key.startswith(written(keymap.get("app.menu", "ctrl+t")))
    return key if after_menu or not key else LEAVE_TYPING.get(mode, "") + key


def press_among_raw_keys(identity: str, keymap: Mapping[str, str]) -> str:
    """What is pressed in raw mode, where the menu's key alone is not the board's; "" where no key reaches it."""
    menu = written(keymap.get("app.menu", "ctrl+t"))
    key = to_press(identity, "LOG", keymap)
    return key if key.startswith(menu) or not key else f"{menu} Esc {key}"


def full_call(call: str) -> str:
    """An action string that means the same wherever it is run from."""
    return call if call.startswith("app.") else f"screen.{call}"
