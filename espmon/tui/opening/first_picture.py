"""Whether there is a first picture, and which."""

from __future__ import annotations

import os

from espmon.session.settings import Settings
from espmon.session.status import OpenRequest
from espmon.tui.choices_file import choices_file, chosen_theme, read_choices
from espmon.tui.opening.opening_colours import depth


def first_picture(request: OpenRequest | None, settings: Settings, size: tuple[int, int]) -> str | None:
    """What is drawn while everything else is imported; None where nothing is. Reads the file of choices.

    Args:
        request: what is opened; None: the list of ports is shown, and has no first picture.
        settings: the user's.
        size: columns and rows of the terminal.
    """
    if request is None:
        return None
    from espmon.tui.opening.opening_picture import opening_picture

    theme = chosen_theme(read_choices(choices_file()), settings.theme)
    return opening_picture(request, settings, theme, size, depth(os.environ))
