"""A board that waits in its debug stub: the offer, inspecting it here, and handing the port to a real gdb."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, TypeVar

from textual.app import SuspendNotSupported

from espmon.model.architecture import PC_NAMES
from espmon.programs import Program, start
from espmon.session.state import State
from espmon.session.status import Activity, Status
from espmon.tui.host import Host
from espmon.tui.sanitise import plain

if TYPE_CHECKING:
    from espmon.model.stack_frame import StackFrame
    from espmon.session.stopped import Snapshot
    from espmon.tui.monitor.session_link import SessionLink
    from espmon.tui.screens.gdb_inspector import GdbAction, GdbInspectScreen, GdbView

Result = TypeVar("Result")

OFFER = (
    "Inspect: registers, threads, backtrace and memory in this window; the log waits.",
    "Hand over: the gdb of this computer gets the terminal and the port; espmon comes back when it ends.",
    "Serve: a debugger or IDE of this computer connects to a port, now and at each stop to come.",
    "Stay: nothing is sent. The board goes on waiting; D offers this again.",
)
"""What the answers do."""

WAITS_IN_STUB = "The board waits in its debug stub: D"
"""Said where the offer may not open by itself."""

SERVE_PORT = 3333
"""Where an IDE looks for a debug server first (OpenOCD's number); another one is taken where that is in use."""

COUNTERS = (*PC_NAMES, "pc")
"""Names of the program counter: Xtensa's and gdb's, and that of a RISC-V trap."""

NOT_SEEN = "It has not said so since it started: a board that runs does not answer, and gets a few bytes for nothing."
"""The warning where no stop packet was seen."""


class DebugDialogs:
    """Leads the user through the debug lease. Everything that asks the board runs on the session's thread.

    Args:
        app: the app.
        show_ide_screen: shows that an IDE has the port; False when none has.
    """

    def __init__(self, app: Host, show_ide_screen: Callable[[], bool]) -> None:
        self._app = app
        self._show_ide_screen = show_ide_screen
        self._screen: GdbInspectScreen | None = None
        self._view: GdbView | None = None
        self._frames: dict[str, tuple[StackFrame, ...]] = {}
        self._activity = Activity.RUNNING
        self._offering = False
        self._serving: AsyncExitStack | None = None
        self._served = ""
        """What a debugger is told to connect to, "" while the board is not served."""
        self._stack_at = 0
        """Where the memory begins that a snapshot brings: shown until the user reads elsewhere."""

    # -- changes ---------------------------------------------------------------------------------------------------

    def follow_status(self, status: Status) -> None:
        """Offer what can be done about a board that has stopped in its stub, unless an IDE gets the port.

        An inspection that ended by itself closes its screen; the session tells why. What counts for that is how it is
        now: `status` may be from before the lease was taken.
        """
        halted = status.activity is Activity.HALTED and self._activity is not Activity.HALTED
        self._activity = status.activity
        if status.state is State.CLOSED:
            self._serving, self._served = None, ""  # the server has ended with the port
        if halted and self._served:
            if not status.debugger:
                self._app.notify(f"The board waits in its debug stub: {self._served}", markup=False)
            halted = False
        if halted and self._screen is None and not self._app.link.session.lends_to_ide:
            if self._app.may_interrupt():
                self.offer()
            else:
                self._app.invite(WAITS_IN_STUB, "gdb")
        if self._screen is not None and self._app.status.lease != "gdb":
            screen, self._screen = self._screen, None
            if screen in self._app.screen_stack:
                screen.pop_until_active()  # an address may be being typed over it
                screen.dismiss(None)

    # -- the offer ----------------------------------------------------------------------------------------------

    def offer(self) -> None:
        """Ask what to do about the stub."""
        from espmon.tui.screens.stub_offer import HAND_OVER, INSPECT, SERVE, StubScreen

        if self._offering or self._show_ide_screen():
            return
        if self._app.status.lease == "gdb":
            # Nothing is shown that would give it back: a terminal that could not be handed over.
            self._app.link.ask(self._app.link.session.debugging.abandon())
            return
        if self._app.status.state is not State.MONITORING:
            self._app.notify("The debug stub needs an open port that nothing else uses", markup=False)
            return
        self._offering = True
        self._app.withdraw(WAITS_IN_STUB)

        def answered(answer: str | None) -> None:
            self._offering = False
            if answer == INSPECT:
                self._app.run_worker(self._inspect(), group="debug", exclusive=True)
            elif answer == HAND_OVER:
                self._app.run_worker(self._hand_over(), group="debug", exclusive=True)
            elif answer == SERVE:
                self._app.run_worker(self._stop_serving() if self._served else self._serve(), group="debug")

        name = self._app.status.name or self._app.status.url
        title, body = f"{name} waits in its debug stub", OFFER
        if self._app.status.activity is not Activity.HALTED:
            title, body = f"Is {name} in its debug stub?", (*OFFER[:3], NOT_SEEN)
        if self._served:
            body = (*OFFER[:2], f"It is served: {self._served}.", body[-1])
        self._app.push_screen(StubScreen(title, body, served=bool(self._served)), answered)

    async def _asked(self, work: Coroutine[object, None, Result]) -> Result | None:
        """What the session answers; None when it does not, and the toast says why."""
        from espmon.port import PortError
        from espmon.session.debug_lease import DebugError
        from espmon.session.state import ForbiddenTransition

        try:
            return await self._app.link.run(work)
        except (DebugError, PortError, ForbiddenTransition) as error:
            self._app.notify(plain(str(error)), title="Debug stub", severity="error", timeout=10, markup=False)
            return None

    # -- inspecting here ----------------------------------------------------------------------------------------

    async def _inspect(self) -> None:
        from espmon.tui.screens.crash_parts import local_source
        from espmon.tui.screens.gdb_inspector import GdbInspectScreen

        snapshot = await self._asked(self._app.link.session.debugging.start())
        if snapshot is None or self._app.status.lease != "gdb":
            return
        self._frames = {}
        self._view = self._view_of(snapshot)
        source = local_source(self._app.settings.path_map)
        self._screen = GdbInspectScreen(self._view, self._act, source=source)
        self._app.push_screen(self._screen, self._left)

    def _view_of(self, snapshot: Snapshot) -> GdbView:
        from espmon.session.gdb_client import Thread
        from espmon.tui.screens.gdb_inspector import GdbThread, GdbView

        shown = snapshot.thread or ""
        listed = snapshot.threads or (Thread(shown or "1", ""),)
        if shown not in {thread.id for thread in listed}:
            shown = listed[0].id
        self._frames[shown] = snapshot.frames
        threads = tuple(
            GdbThread(
                thread.id,
                thread_name(thread.name),
                "shown" if thread.id == shown else "read" if thread.id in self._frames else "Enter reads",
                self._frames.get(thread.id, ()),
            )
            for thread in listed
        )
        old = self._view
        kept = old is not None and old.memory and old.memory_address != self._stack_at
        self._stack_at = snapshot.stack_address
        return GdbView(
            f"Stopped: {snapshot.reason or 'the reason is not known'}",
            threads,
            registers=snapshot.registers,
            notes={**snapshot.notes, **snapshot.symbols},
            memory_address=old.memory_address if old is not None and kept else self._stack_at,
            memory=old.memory if old is not None and kept else snapshot.stack,
            warnings=snapshot.warnings,
        )

    def _act(self, action: GdbAction) -> None:
        self._app.run_worker(self._do(action), group="debug")

    async def _do(self, action: GdbAction) -> None:
        from dataclasses import replace

        debugging = self._app.link.session.debugging
        screen, view = self._screen, self._view
        if screen is None or view is None or view.busy:
            return
        self._show(replace(view, busy={"step": "stepping ...", "memory": "reading ..."}.get(action.name, "asking ...")))
        if action.name == "memory":
            data = await self._asked(debugging.memory(action.address, action.length))
            if data is not None:
                view = replace(view, memory_address=action.address, memory=bytes(data))
        else:
            stepped = action.name == "step"
            if stepped:
                self._frames = {}
            snapshot = await self._asked(debugging.step() if stepped else debugging.select(action.thread))
            if snapshot is not None:
                self._view = view
                view = replace(self._view_of(snapshot), place=step_text(view, snapshot) if stepped else "")
        if self._screen is screen:
            self._show(view)

    def _show(self, view: GdbView) -> None:
        self._view = view
        if self._screen is not None and self._screen.is_attached:
            self._screen.refresh_view(view)

    def _left(self, answer: str | None) -> None:
        ended, self._screen, self._view = self._screen is None, None, None
        if ended:
            return
        link = self._app.link
        debugging = link.session.debugging
        if answer == "reset":
            link.ask(link.session.reset())
        elif answer in ("continue", "detach"):
            self._app.run_worker(self._asked(debugging.resume(detach=answer == "detach")), group="debug")
        else:
            link.ask(debugging.abandon())
            self._app.notify("The board still waits in its debug stub: D goes back to it", markup=False)

    # -- a debugger that connects -------------------------------------------------------------------------------

    async def _serve(self) -> None:
        """Let a debugger of this computer connect, until the session ends or the user has enough."""
        from espmon.session.session import Session
        from espmon.session.stub_server import StubServer

        link, session = self._app.link, self._app.link.session
        if not isinstance(session, Session):
            self._app.notify("Only the espmon that holds the port can serve the board", markup=False)
            return
        server, why = StubServer(session), ""
        for number in (SERVE_PORT, 0):
            serving = AsyncExitStack()
            try:
                port = await link.run(serving.enter_async_context(server.listening(number)))
            except OSError as error:
                why = error.strerror or str(error)
                continue
            self._serving, self._served = serving, f"target remote 127.0.0.1:{port}"
            self._app.notify(f"Debuggers of this computer get the board: {self._served}", timeout=20, markup=False)
            return
        self._app.notify(f"No debugger can be let in: {why}", severity="error", markup=False)

    async def _stop_serving(self) -> None:
        serving, self._serving, self._served = self._serving, None, ""
        if serving is not None:
            await self._app.link.run(serving.aclose())
            self._app.notify("The board is not served any more", markup=False)

    async def end(self, link: SessionLink) -> str:
        """The user leaves: let no debugger in any more, and the board of this session go on, which need not be the one
        that is looked at. Returns how it was left."""
        await self._stop_serving()
        return await link.run(link.session.debugging.let_go())

    # -- a real gdb ---------------------------------------------------------------------------------------------

    async def _hand_over(self) -> None:
        app = self._app
        debugging = app.link.session.debugging
        command = await self._asked(debugging.hand_over())
        if command is None:
            return
        try:
            with app.suspend():
                run_in_terminal(command, app.lend_terminal)
        except SuspendNotSupported:
            app.notify(
                f"This terminal cannot be handed over. Elsewhere: {shlex.join(command)}. D takes the port back",
                severity="warning", timeout=20, markup=False,
            )  # fmt: skip
            return
        except OSError as error:
            app.notify(f"{command[0]} did not start: {error.strerror or error}", severity="error", markup=False)
        await self._asked(debugging.take_back())


def step_text(before: GdbView, snapshot: Snapshot) -> str:
    """Where a step has led, also when it led nowhere."""
    pc = counter(snapshot.registers)
    if pc is None:
        return "Stepped; the stub did not tell where to"
    text = f"0x{pc:08x}"
    if snapshot.frames:
        frame = snapshot.frames[0]
        file = (frame.file or "").rpartition("/")[2]
        where = f"{file}:{frame.line}" if file and frame.line else ""
        text = ", ".join(part for part in (text, frame.function or "", where) if part)
    if counter(before.registers) == pc:
        return f"The step did not move it: still at {text}"
    return f"Stepped to {text}"


def counter(registers: Mapping[str, int]) -> int | None:
    """The program counter among registers, by either processor's name for it; None where there is none."""
    return next((registers[name] for name in COUNTERS if registers.get(name)), None)


def thread_name(told: str) -> str:
    """The name in what a stub tells of a thread."""
    from espmon.postmortem.gdb_target import parse_thread_title

    return parse_thread_title(told)[0]


def run_in_terminal(command: list[str], lend: Callable[[Program | None], object] = lambda program: None) -> None:
    """Run a program that has the terminal; Ctrl-C is meant for it alone. Raises `OSError` when it does not start.

    Blocks: the session serves the port on its own thread meanwhile.

    Args:
        command: the program and its arguments.
        lend: told of the program when it has the terminal, and of None when it has ended.
    """

    def ignore(*_: object) -> None:
        """A handler of our own, since the program would inherit SIG_IGN."""

    before = signal.signal(signal.SIGINT, ignore)
    try:
        print(f"\nespmon: {shlex.join(command)}\n(the log goes on when it ends)\n", flush=True)
        with start(command, terminal=True) as program:
            lend(program)
            program.wait()
    finally:
        lend(None)
        signal.signal(signal.SIGINT, before)
