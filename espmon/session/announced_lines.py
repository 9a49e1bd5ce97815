"""The lines that a board understands by its own announcement (`@ESPCAPS`), as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from espmon.session.settings import LINE_ENDS, SCREENSHOT_TRIGGER, Settings

if TYPE_CHECKING:
    from espmon.records.capabilities import Capabilities
    from espmon.session.status import Status

CONSOLES = ("esp_console", "repl")
"""Consoles that are known to end a line at CR."""


def announced_line(line: str, settings: Settings, capabilities: Capabilities | None) -> bytes:
    """A line that the board announced or its console listed, with the end that its console takes."""
    end = "CR" if capabilities is not None and capabilities.console in CONSOLES else settings.eol
    return line.encode() + LINE_ENDS[end]


def screenshot_line(settings: Settings, capabilities: Capabilities | None) -> bytes:
    """What asks the board for a picture: the user's own setting, else what it announced, else `SCREENSHOT_TRIGGER`."""
    if capabilities is None or not capabilities.screenshot or settings.screenshot_trigger != SCREENSHOT_TRIGGER:
        return settings.screenshot_trigger.encode()
    return announced_line(capabilities.screenshot, settings, capabilities)


def offers_screenshots(status: Status, settings: Settings) -> bool:
    """Whether a picture can be expected when one is asked for: announced, configured by the user, or one has come."""
    known = status.capabilities
    announced = known is not None and known.pictures
    return announced or status.pictured or settings.screenshot_trigger != SCREENSHOT_TRIGGER
