"""Which board this is and how it is doing."""

from __future__ import annotations

from espmon.session.state import State
from espmon.session.view import ElfState, Status
from espmon.tui.widgets.text_row import Part, TextRow

LINK: dict[State, Part] = {
    State.CLOSED: ("○ closed", "$secondary"),
    State.OPENING: ("◌ opening", "$warning"),
    State.AWAITING_CONSENT: ("● open", "$warning"),
    State.PROBING: ("● probing", "$warning"),
    State.MONITORING: ("● open", "$success"),
    State.LEASED: ("● in use", "$warning"),
    State.LOST: ("○ lost", "$error bold"),
    State.REOPENING: ("◌ reopening", "$warning"),
}
"""State -> what the header calls it."""

ELF: dict[ElfState, Part] = {
    ElfState.NONE: ("no ELF", "$secondary"),
    ElfState.LOADING: ("ELF …", "$secondary"),
    ElfState.UNVERIFIED: ("ELF ?", "$secondary"),
    ElfState.MATCH: ("ELF ✓", "$success"),
    ElfState.MISMATCH: ("ELF ✗ other build", "$error"),
    ElfState.FAILED: ("ELF ✗ unreadable", "$error"),
}
"""ELF state -> what the header calls it."""


class BoardHeader(TextRow):
    """Board, chip, rate, link, ELF, boot, loop."""

    DEFAULT_CSS = """
    BoardHeader { background: $panel; color: $foreground; padding: 0 1; }
    """

    def show(self, status: Status) -> None:
        """Show a session's status."""
        link, link_style = LINK[status.state]
        if status.state is State.LEASED and status.lease:
            link = f"● {status.lease}"
        elf, elf_style = ELF[status.elf_state]
        if status.elf is not None and status.elf_state in (ElfState.MATCH, ElfState.UNVERIFIED):
            elf = f"{elf} {status.elf.name}"
        left: list[Part] = [
            ("espmon", "$accent bold"),
            ("  ", ""),
            (status.name or status.url or "no port", "bold"),
            ("  ", ""),
            (link, link_style),
        ]
        if status.chip:
            left += [("  ", ""), (status.chip.split(" (")[0], "$primary")]
        if status.loop:
            left += [("  ", ""), (f"▲ {status.loop}", "$error bold")]
        right: list[Part] = [("  ", ""), (elf, elf_style), ("  ", ""), (f"{status.baud} Bd", "$secondary")]
        if status.boot:
            right = [("  ", ""), (f"boot {status.boot}", "$secondary"), *right]
        self.set_parts(left, right)
