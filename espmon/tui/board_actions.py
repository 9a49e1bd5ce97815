"""What the app does with the board that is looked at: each action goes to the part of that board that asks or shows."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events

from espmon.session.status import OpenRequest
from espmon.tui.board_tabs import BoardTabs
from espmon.tui.flash_actions import FlashActions
from espmon.tui.line_dialogs import LineDialogs
from espmon.tui.monitor.screen import MonitorScreen
from espmon.tui.open_board import OpenBoard


class BoardActions(FlashActions):
    """The actions of a board that are the app's."""

    line: LineDialogs
    tabs: BoardTabs

    @property
    def board(self) -> OpenBoard:
        """The board that is looked at."""
        return self.tabs.current

    @property
    def boards(self) -> Sequence[OpenBoard]:
        """All boards that are open."""
        return self.tabs.boards

    @property
    def boardless(self) -> bool:
        """Whether all boards are looked at, and none of them."""
        return self.tabs.current is self.tabs.timeline

    @property
    def can_add(self) -> bool:
        """Whether one more board can be opened beside those that are."""
        return self.tabs.can_add

    async def add_board(self, request: OpenRequest) -> None:
        """Open one more board."""
        await self.tabs.add(request)

    async def action_step_tab(self, step: int) -> None:
        """To the tab after (1) or before (-1)."""
        await self.tabs.step(step)

    async def action_tab(self, number: int) -> None:
        """To the board with this number, 0 for the timeline of all."""
        await self.tabs.go(number)

    def action_close_tab(self) -> None:
        """Close the board that is looked at."""
        self.tabs.close(self.board)

    def action_probe(self) -> None:
        """Ask, then probe."""
        self.board.router.ask_probe()

    def action_bootloader(self) -> None:
        """Ask, then reset into the ROM loader."""
        self.board.router.ask_loader()

    def action_coredump(self) -> None:
        """The core dump that waits for Enter, the one that is coming, or the last."""
        if not self.board.questions.ask_enter():
            self.board.artifacts.show_core_dump()

    def action_elf(self) -> None:
        """Choose the ELF for decoding."""
        self.board.questions.ask_elf()

    def action_reload_elf(self) -> None:
        """Load the ELF in use again."""
        self.board.builds.reload()

    def action_log_file(self) -> None:
        """A copy of the log text, on and off."""
        self.board.questions.ask_log()

    def action_pace(self, what: str) -> None:
        """How fast a recording is played."""
        self.board.played.change_pace(what)

    def on_paste(self, event: events.Paste) -> None:
        """What no field and no board took: perhaps a file that was dropped here."""
        self.run_worker(self.board.played.open_dropped(event.text), group="dropped")

    def action_writing(self) -> None:
        """Who writes, where several look at one board."""
        self.board.sharing.change()

    def action_go_to(self) -> None:
        """A mark, line, boot or time."""
        self.board.questions.ask_place()

    def action_send(self, what: str) -> None:
        """Ask what to send."""
        self.board.sending.ask(what)

    def action_pacing(self, what: str) -> None:
        """Other pauses in texts that are sent."""
        self.board.sending.ask_pacing(what)

    def action_line(self, what: str) -> None:
        """Data bits and parity, or a break."""
        self.line.ask(what)

    def action_baud(self) -> None:
        """Another rate."""
        self.board.questions.ask_baud()

    def action_crash(self) -> None:
        """The report of the crash walked to, else of the last panic or core dump."""
        monitor = self.monitor
        line, folding = monitor.walking.last, monitor.folding
        event = None if line is None or folding is None else folding.crash_at(line)
        here = next((entry for entry in monitor.entries if entry.id == event), None)
        self.board.artifacts.show_crash(here)

    def action_stub(self) -> None:
        """The debug stub that the board waits in."""
        self.board.stub.offer()

    def action_ports(self) -> None:
        """Choose another port."""
        self.board.router.show_picker()

    def action_devices(self) -> None:
        """The device manager."""
        self.board.router.show_devices()

    def action_abilities(self) -> None:
        """What the board announced; a command of its own can be sent."""
        self.board.router.show_abilities()

    def action_help(self) -> None:
        """All keys."""
        self.board.router.show_help()

    def on_monitor_view_show_artifact(self, event: MonitorScreen.ShowArtifact) -> None:
        """A picture, a core dump or a report."""
        if self.boardless:
            self.tabs.show_event(event.entry)
            return
        self.board.artifacts.show(event.entry)

    def on_monitor_screen_picture_doubtful(self) -> None:
        """Say what the board would need for a screenshot."""
        self.board.router.ask_for_picture()

    def on_monitor_screen_picture_wanted(self) -> None:
        """Show the picture when it is there."""
        self.board.artifacts.expect_picture()
