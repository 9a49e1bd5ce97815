"""The user's settings: one TOML file, every field documented here, defaults that work without a file.

The file is `config.toml` in the platform's configuration folder (`espmon devices path` prints the folder). An unknown
key or a value of the wrong type is reported and ignored; it never stops the program.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from espmon.records.limits import Limits
from espmon.records.record import JsonObject
from espmon.regular_file import read_regular
from espmon.session.pacing import MAX_DELAY_SECONDS, Pacing
from espmon.session.sent import LocalEcho
from espmon.text import plain
from espmon.user_pattern import PatternError, UserPattern

if TYPE_CHECKING:
    from espmon.session.line_rules import HighlightRule, LevelRule, ReplyRule

SCREENSHOT_TRIGGER = "screenshot\r\n"
LINE_ENDS = {"CR": b"\r", "LF": b"\n", "CRLF": b"\r\n"}
"""What `eol` can be -> what is sent."""

START_MODES = ("input", "log", "raw")
"""What `start_in` can be."""

CHOICES: Mapping[str, Collection[str]] = {
    "eol": LINE_ENDS,
    "start_in": START_MODES,
    "local_echo": tuple(LocalEcho),
}
"""Setting -> the words that it can be."""

DELAYS = frozenset({"line_delay", "char_delay"})
"""Settings that are pauses; there may be none."""

MAX_FILE = 1 << 20
"""Bytes of a settings file that is read."""

MAX_NUMBER = 1 << 50
"""Largest number that a setting can have: a petabyte, or more seconds than anybody waits."""

MAX_FORMAT = 64
"""Characters of a format of times."""

MAX_SHOWN = 200
"""Characters of a wrong value, or of what is wrong with the file, that are shown."""

_WANTED = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", dict: "a table"}
"""Type of a setting -> how people call what it takes."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user can set."""

    start_in: str = "input"
    """Where keys go when a port is opened: `input` is the line that is sent to the board, `log` the log's own keys, and
    `raw` a terminal for the board (`--input`, `--start-in`, `--raw`)."""

    eol: str = "CR"
    """Line end that the input line sends: CR, LF or CRLF."""

    local_echo: str = "lines"
    """What is shown of what is sent: "off"; "lines": each sent line stands in the log, marked; "keys": also what is
    typed in raw mode, for boards that do not echo it."""

    line_delay: float = 0.0
    """Seconds of pause after each line of a text of several lines (a paste, a file)."""

    char_delay: float = 0.0
    """Seconds of pause after each character of such a text."""

    line_prompt: str = ""
    """What the board says when it is ready for the next line of such a text, as a regular expression: each line waits
    for it."""

    prompt_seconds: float = 10.0
    """Longest wait for `line_prompt`; then sending stops."""

    menu_key: str = "ctrl+t"
    """The key that opens the menu, as in idf.py monitor."""

    exit_key: str = "ctrl+right_square_bracket"
    """Leaves at once, as in idf.py monitor; Ctrl-Q always does too."""

    timestamp_format: str = "%H:%M:%S.%f"
    """strftime format of host time; %f is cut to milliseconds."""

    raw_escapes: bool = False
    """Leave the device's control sequences in log files as they came (`--raw-escapes`)."""

    log_times: bool = False
    """Write the host time in front of each line of a log file (`--log`, Ctrl-T L), as `timestamp_format` says."""

    log_locations: bool = False
    """Write the source locations of addresses below the lines of a log file, as the screen shows them."""

    log_bytes: int = 1 << 30
    """Bytes of a log file beyond which a new one is begun; the old one is called `FILE.1` then."""

    logs_kept: int = 5
    """Log files that are kept so, beside the one that is written."""

    theme: str = "espmon"
    """`espmon`, `espmon-light` or any Textual theme; the `ansi-*` themes keep the terminal's own colours."""

    terminal_diff: bool = True
    """Send the terminal only what changes on the screen. Set it to false where a terminal gets the screen wrong."""

    idle_seconds: float = 0.1
    """After this pause a line without an end counts as a prompt, and what it asks for is looked at. It stays open."""

    cr_overwrites: bool = True
    """A carriage return alone starts its row anew, as on every terminal: a progress bar is one row. Set it to false for
    a board whose lines end in CR alone."""

    stall_seconds: float = 5.0
    """A payload that stops arriving for this long is given up, and its bytes are shown as text."""

    coredump_stall_seconds: float = 30.0
    """The same for core dumps, which boards may print slowly."""

    screenshot_trigger: str = SCREENSHOT_TRIGGER
    """What the screenshot key sends, unless the board has announced another line for it (`@ESPCAPS`)."""

    ask_capabilities: bool = False
    """Ask each board `@ESPCAPS?` at its prompt, once a boot. One that has announced itself before is asked anyway."""

    answer_coredump_prompt: bool = False
    """Answer `Press Enter to print core dump to UART...` without asking."""

    answer_queries: bool = True
    """Answer what a board's console asks its terminal: `ESC[5n`, `ESC[6n`, `ESC[c`. Besides this only
    `@ESPCAPS?` is sent unasked, see `ask_capabilities`, and what `replies` wishes."""

    gdb_init: bool = False
    """Let gdb read its `.gdbinit` files and run the scripts that an ELF brings along. Both run commands unasked."""

    store_bytes: int = 512 << 20
    """Memory for the logs that are scrolled and searched, of all boards together; the recordings have the rest."""

    line_bytes: int = 64 << 10
    """Longest line shown as one; longer ones are shown in pieces."""

    frame_bytes: int = 16 << 20
    """Largest @ESPFRAME or PNG payload accepted."""

    coredump_bytes: int = 32 << 20
    """Largest core dump accepted."""

    recording: bool = True
    """Keep the raw bytes of every session on disk."""

    recording_bytes: int = 4 << 30
    """Raw bytes recorded per session at most."""

    sessions_bytes: int = 4 << 30
    """All session folders together; the oldest go first."""

    sessions_kept: int = 200
    """Session folders kept at most."""

    sessions_days: float = 3650.0
    """Session folders that ended longer ago than this are removed."""

    compress_sessions: bool = False
    """Compress the bytes of closed sessions (gzip). They can be opened and searched as before."""

    elf_library_bytes: int = 1 << 30
    """ELF files kept so that yesterday's crash still decodes."""

    reconnect: bool = True
    """Reopen a lost port when it comes back."""

    share: bool = True
    """Let other espmons of the same user look on at the session of a port that is open here (not on Windows)."""

    print_filter: str = ""
    """Filter at start, in idf.py monitor's syntax."""

    keymap: Mapping[str, str] = field(default_factory=dict)
    """Binding id -> keys, to rebind any key: the ids of `espmon.tui.actions.ACTIONS` ("log.search"), and app.menu."""

    macros: Mapping[str, str] = field(default_factory=dict)
    """Name -> text that the palette sends under that name, each of its lines with the line end of the input line."""

    macro_keys: Mapping[str, str] = field(default_factory=dict)
    """Key -> name of the macro that it sends, as in `f5 = "heap"`."""

    levels: tuple[LevelRule, ...] = ()
    """Tables `[levels.NAME]` with `regex`, `level` and `tag`: heads of lines that espmon does not know."""

    highlights: tuple[HighlightRule, ...] = ()
    """Tables `[highlights.NAME]` with `regex`, `color` and `whole_line`: what stands out in the log."""

    replies: tuple[ReplyRule, ...] = ()
    """Tables `[replies.NAME]` with `regex`, `send`, `line_end` and `once`: what is sent when a line has the expression.
    More than 10 replies a second or 100 a minute switch a rule off."""

    elf: str = ""
    """The ELF that decodes addresses where the command line, the picker and the device's own settings name none."""

    secrets: Mapping[str, str] = field(default_factory=dict)
    """Kind -> regular expression: what else is taken out of a session that is exported."""

    otlp: bool = False
    """Send lines, crashes and metrics to the OpenTelemetry collector that `OTEL_*` variables name (`espmon[otlp]`)."""

    otlp_numbers: Mapping[str, str] = field(default_factory=dict)
    """Name of a number in the log, as the plot has it -> metric that it is sent as: `"free heap" = "heap.free"`."""

    path_map: Mapping[str, str] = field(default_factory=dict)
    """Prefix of a source path in the ELF -> local folder; `~` is the home folder."""

    @property
    def chosen_keys(self) -> dict[str, str]:
        """Id of an action -> the keys that the user has chosen for it."""
        return {"app.menu": self.menu_key, "app.exit": self.exit_key, **self.keymap}

    @property
    def pacing(self) -> Pacing:
        """The pauses in texts that are sent."""
        prompt = UserPattern(self.line_prompt, self.line_prompt) if self.line_prompt else None
        return Pacing(self.line_delay, self.char_delay, prompt, self.prompt_seconds)


def limits_of(settings: Settings) -> Limits:
    """The caps on what the demultiplexer keeps."""
    return Limits(
        line=settings.line_bytes,
        frame=settings.frame_bytes,
        png=settings.frame_bytes,
        coredump=settings.coredump_bytes,
    )


def config_folder() -> Path:
    """Where settings and the device registry live."""
    from platformdirs import user_config_path

    return user_config_path("espmon", appauthor=False)


def data_folder() -> Path:
    """Where sessions and the ELF library live."""
    from platformdirs import user_data_path

    return user_data_path("espmon", appauthor=False)


def state_folder() -> Path:
    """Where lines typed before live."""
    from platformdirs import user_state_path

    return user_state_path("espmon", appauthor=False)


def load_settings(path: Path | None = None) -> tuple[Settings, list[str]]:
    """Read the settings file.

    Returns:
        The settings, and one line a problem: what was wrong and what is used instead.
    """
    path = user_file() if path is None else path
    table, problems = read_table(path)
    settings, more = settings_from(table, str(path))
    return settings, [*problems, *more]


def user_file() -> Path:
    """The user's settings file."""
    return config_folder() / "config.toml"


def read_table(path: Path, instead: str = "the defaults are used") -> tuple[JsonObject, list[str]]:
    """A settings file as it stands; (empty, nothing) where there is none, and one line where it cannot be read.

    Args:
        path: the file.
        instead: what counts where it cannot, in words.
    """
    try:
        text = read_regular(path, MAX_FILE).decode("utf-8")
        import tomllib  # most users have no such file

        return tomllib.loads(text), []
    except FileNotFoundError:
        return {}, []
    except OSError as error:
        return {}, [f"{path}: {error.strerror or error}; {instead}"]
    except RecursionError:
        return {}, [f"{path}: nested too deeply; {instead}"]
    except UnicodeDecodeError as error:
        return {}, [f"{path}: no UTF-8 text (at byte {error.start:,}); {instead}"]
    except ValueError as error:  # no TOML, or a number of thousands of digits
        return {}, [f"{path}: {_short(str(error))}; {instead}"]


def _short(text: str) -> str:
    """What was wrong, on one line; a setting may be of any length."""
    return plain(text) if len(text) <= MAX_SHOWN else f"{plain(text[:MAX_SHOWN])}…"


def _written(value: object) -> str:
    """A value as it can be shown."""
    try:
        return _short(repr(value))
    except (ValueError, RecursionError):  # a number of thousands of digits; lists in lists in lists
        return "a value too large to show"


def _format_problem(pattern: str) -> str:
    """Why times cannot be written this way, "" when they can."""
    try:
        time.strftime(pattern)
    except (ValueError, UnicodeError) as error:
        return _short(str(error))
    return "" if len(pattern) <= MAX_FORMAT else f"longer than {MAX_FORMAT} characters"


def _number_problem(name: str, value: float) -> str:
    """What this number should be, "" when it is."""
    if name in DELAYS:
        return "" if 0 <= value <= MAX_DELAY_SECONDS else f"between 0 and {MAX_DELAY_SECONDS:g} seconds"
    return "" if 0 < value <= MAX_NUMBER else f"above 0, and no more than {MAX_NUMBER:,}"


def _regex_problem(expression: str) -> str:
    """Why this is no regular expression, "" when it is one."""
    try:
        UserPattern("line_prompt", expression)
    except PatternError as error:
        return _short(str(error))
    return ""


def settings_from(table: Mapping[str, object], source: str) -> tuple[Settings, list[str]]:
    """Settings from a TOML table; `source` names it in the problems."""
    chosen, problems = chosen_from(table, source)
    return Settings(**chosen), problems


def chosen_from(
    table: Mapping[str, object], source: str, instead: str = "the default is used"
) -> tuple[JsonObject, list[str]]:
    """What a TOML table sets, and one line for each key that is unknown and each value that means nothing.

    Args:
        table: the file.
        source: its name.
        instead: what counts in place of such a value, in words.
    """
    defaults = Settings()
    known = {item.name: getattr(defaults, item.name) for item in fields(Settings)}
    problems = []
    chosen: JsonObject = {}
    for name, value in table.items():
        if name not in known:
            problems.append(f"{source}: unknown setting {_written(name)} is ignored")
            continue
        default = known[name]
        if isinstance(default, tuple):
            from espmon.session.line_rules import read_rules

            found: list[str] = []
            chosen[name] = tuple(read_rules(name, value, found))
            problems += [f"{source}: {problem}" for problem in found]
            continue
        if isinstance(default, float) and type(value) is int and abs(value) <= MAX_NUMBER:
            value = float(value)
        wanted = Mapping if isinstance(default, Mapping) else type(default)
        if not isinstance(value, wanted) or (isinstance(value, bool) and not isinstance(default, bool)):
            wanted_words = _WANTED[type(default)]
            problems.append(f"{source}: {name} = {_written(value)} should be {wanted_words}; {instead}")
            continue
        if name in CHOICES and value not in CHOICES[name]:
            problems.append(
                f"{source}: {name} = {_written(value)} should be one of {', '.join(CHOICES[name])}; {instead}"
            )
            continue
        if name == "timestamp_format" and (problem := _format_problem(str(value))):
            problems.append(f"{source}: {name} = {_written(value)}: {problem}; {instead}")
            continue
        if isinstance(value, int | float) and not isinstance(value, bool) and (problem := _number_problem(name, value)):
            problems.append(f"{source}: {name} = {_written(value)} should be {problem}; {instead}")
            continue
        if name == "line_prompt" and (problem := _regex_problem(str(value))):
            problems.append(f"{source}: {name}: {problem}; {instead}")
            continue
        if isinstance(value, Mapping) and not all(isinstance(item, str) for item in value.values()):
            problems.append(f"{source}: the values of [{name}] should be strings; {instead}")
            continue
        if name == "path_map":
            value = {prefix: os.path.expanduser(folder) for prefix, folder in value.items()}
        chosen[name] = value
    return chosen, problems
