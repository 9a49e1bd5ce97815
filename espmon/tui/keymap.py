"""The user's own keys: what may stand in [keymap], and every key that works somewhere, for the help."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from textual.binding import Binding
from textual.keys import KEY_NAME_REPLACEMENTS, Keys, key_to_character

from espmon.session.settings import Settings
from espmon.tui import actions

if TYPE_CHECKING:
    from textual.binding import ActiveBinding
    from textual.screen import Screen

Result = TypeVar("Result")

MODULES = {
    "input": "widgets.input_line",
    "search": "widgets.search_bar",
    "filter": "widgets.filter_bar",
    "events": "widgets.event_list",
    "plot": "plot.plot_panel",
    "picker": "screens.picker",
    "devices": "screens.device_manager",
    "past": "screens.past_sessions_screen",
    "device_form": "screens.device_form",
    "help": "screens.help",
    "confirm": "screens.confirm",
    "prompt": "screens.prompt",
    "probing": "screens.probing_screen",
    "capture": "screens.capture",
    "crash": "screens.crash_parts",
    "panic": "screens.panic_screen",
    "coredump": "screens.core_dump_screen",
    "globals": "screens.globals_pane",
    "screenshot": "screens.screenshot_screen",
    "report": "screens.report_screen",
    "abilities": "screens.board_abilities",
    "flash": "screens.flash_screens",
    "palette": "screens.palette_screen",
    "build": "screens.build_screen",
    "panel": "screens.flash_panel",
    "nvs": "screens.nvs_screen",
    "flash_progress": "screens.flash_screens",
    "transfer": "screens.transfer_screen",
    "gdb": "screens.gdb_inspector",
    "stub": "screens.stub_offer",
    "ide": "screens.ide_has_port",
}
"""First part of an id -> module of `espmon.tui` that has those bindings. The monitor's own are in `actions.ACTIONS`."""

PARTS = {"filter": ("espmon.tui.widgets.level_picker",)}
"""First part of an id -> other modules that have some of those bindings, and that the first one imports."""

IN_THE_HELP = {
    "input": "In the input line",
    "search": "In the search field",
    "filter": "In the filter",
    "events": "In the events",
    "plot": "In the plot",
}
"""First part of an id -> heading in the help, for what the monitor consists of."""

MODIFIERS = frozenset({"ctrl", "shift", "alt", "super", "hyper", "meta"})
NAMES = frozenset({*(key.value for key in Keys), *KEY_NAME_REPLACEMENTS.values()})


def is_key(name: str) -> bool:
    """Whether a key can be called so."""
    *modifiers, last = name.split("+")
    character = last if len(last) == 1 else key_to_character(last)
    return MODIFIERS.issuperset(modifiers) and (
        last in NAMES or (character is not None and character.isprintable() and bool(last))
    )


def checked(settings: Settings, source: str) -> tuple[Settings, list[str]]:
    """The settings without keys that mean nothing, and one line a problem; `source` names where they were read."""
    defaults = Settings()
    problems: list[str] = []
    keymap: dict[str, str] = {}
    for name in ("menu_key", "exit_key"):
        if not is_key(key := getattr(settings, name)):
            problems.append(f"{source}: {name} = {key!r} is no key; the default is used")
            settings = replace(settings, **{name: getattr(defaults, name)})
    for name, keys in settings.keymap.items():
        wrong = [key for key in actions.split(keys) if not is_key(key)]
        if name not in ids(name.partition(".")[0]):
            problems.append(f"{source}: [keymap] {name!r} is no action; ignored")
        elif wrong or not actions.split(keys):
            problems.append(f"{source}: [keymap] {name} = {keys!r}: {(wrong or [''])[0]!r} is no key; ignored")
        else:
            keymap[name] = keys
    problems += [f"{source}: [keymap] {clash}" for clash in _clashes(settings, keymap)]
    macro_keys = {key: name for key, name in settings.macro_keys.items() if is_key(key) and name in settings.macros}
    for key, name in settings.macro_keys.items():
        if key not in macro_keys:
            why = f"there is no macro {name!r}" if is_key(key) else "it is no key"
            problems.append(f"{source}: [macro_keys] {key!r}: {why}; ignored")
    return replace(settings, keymap=keymap, macro_keys=macro_keys), problems


def ids(context: str) -> Mapping[str, str]:
    """Every id that begins with `context`, with its default keys; imports the screen that has them."""
    if context in MODULES:
        return {binding.id: binding.key for binding in _bindings(context) if binding.id}
    return {action.id: action.keys for action in actions.ACTIONS if action.id.partition(".")[0] == context}


def _bindings(context: str) -> Iterator[Binding]:
    """What the module of `context` binds under such ids, in the order in which it is written."""
    module = import_module(f"espmon.tui.{MODULES[context]}")
    for thing in vars(module).values():
        own = isinstance(thing, type) and thing.__module__ in (module.__name__, *PARTS.get(context, ()))
        for binding in vars(thing).get("BINDINGS", ()) if own else ():
            if isinstance(binding, Binding) and (binding.id or "").partition(".")[0] == context:
                yield binding


def _clashes(settings: Settings, keymap: Mapping[str, str]) -> Iterator[str]:
    """What the user put on a key that does something else in the same place, as sentences."""
    main = {action.id: action.keys for action in actions.ACTIONS}
    main |= {"app.menu": settings.menu_key, "app.exit": settings.exit_key}
    places = [main, *(dict(ids(context)) for context in {name.partition(".")[0] for name in keymap} & set(MODULES))]
    for place in places:
        users: dict[str, list[str]] = {}
        for name in place:
            for key in actions.split(keymap.get(name, place[name])):
                users.setdefault(key, []).append(name)
        for key, names in users.items():
            chosen = [name for name in names if name in keymap]
            if len(names) > 1 and chosen:
                others = " and ".join(name for name in names if name != chosen[0])
                yield f"{chosen[0]} = {keymap[chosen[0]]!r}: {actions.written(key)} is the key of {others} too"


OWN_KEYS = frozenset({"app.command_palette", "app.exit_key", "app.help"})
"""Calls that each screen has keys for, and that the table of actions lists."""

HERE = "On this screen"
"""Heading in the help of what only the screen has that it was asked from."""


def own_bindings(screen: Screen[Result]) -> Iterator[tuple[str, ActiveBinding]]:
    """(title, binding) of what a screen over the monitor can do by itself, each once."""
    seen: set[str] = set()
    for active in screen.active_bindings.values():
        binding = active.binding
        title = active.tooltip or binding.description
        foreign = not binding.id or binding.id in actions.BY_ID
        if foreign or not title or not active.enabled or binding.action in OWN_KEYS | seen:
            continue
        seen.add(binding.action)
        yield title if title.startswith(binding.description) else f"{binding.description}: {title}", active


def rows_here(screen: Screen[Result], display: Callable[[Binding], str]) -> list[tuple[str, str, str, str]]:
    """The same as rows of the help."""
    return [(display(active.binding), title, "", HERE) for title, active in own_bindings(screen)]


def help_rows(keymap: Mapping[str, str]) -> list[tuple[str, str, str, str]]:
    """(keys, title, help, group) of everything in the monitor; `keymap` is the user's id -> keys."""
    rows = actions.help_rows(keymap)
    for context, heading in IN_THE_HELP.items():
        for binding in _bindings(context):
            if binding.tooltip:
                keys = actions.split(keymap.get(binding.id or "", binding.key))
                rows.append((", ".join(map(actions.written, keys)), binding.tooltip, "", heading))
    return rows
