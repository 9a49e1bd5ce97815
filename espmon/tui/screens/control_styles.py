"""One look for buttons, fields and choices on every screen: flat and quiet, and what has the focus is the brightest."""

from __future__ import annotations

RULES = """
    {scope} Button {
        height: 1; min-width: 12; padding: 0 1; line-pad: 1; border: none !important; text-style: none !important;
        background: $foreground 12% !important; background-tint: transparent !important; color: $foreground !important;
    }
    {scope} Button.-primary { color: $text-primary !important; }
    {scope} Button.-error { color: $text-error !important; }
    {scope} Button:hover { background: $foreground 25% !important; }
    {scope} Button:focus {
        background: $primary !important; color: $background !important; text-style: bold !important;
    }
    {scope} Button.-error:focus { background: $error !important; color: $background !important; }
    {scope} Button:ansi:focus { text-style: bold reverse !important; }
    {scope} Input {
        height: 1; border: none !important; padding: 0 1; background: $foreground 10%;
        background-tint: transparent !important;
    }
    {scope} Input:focus { background: $primary 35%; }
    {scope} Input:disabled { color: $text-disabled; }
    {scope} Select > SelectCurrent { background: $foreground 10%; }
    {scope} Select:focus > SelectCurrent { background: $primary; color: $background; text-style: bold; }
    {scope} OptionList { border: none !important; padding: 0; background: $foreground 5%; }
    {scope} OptionList > .option-list--option-highlighted { background: $foreground 12%; color: $foreground; }
    {scope} OptionList:focus > .option-list--option-highlighted {
        background: $primary; color: $background; text-style: bold;
    }
    {scope} Checkbox:focus > .toggle--label { background: $primary; color: $background; text-style: bold; }
"""


def controls_css(scope: str) -> str:
    """The rules for what stands inside `scope`, a screen or a widget."""
    return RULES.replace("{scope}", scope)
