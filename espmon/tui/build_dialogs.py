"""Building the project: its command is asked for once, its output shown, its errors opened, what changed flashed."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable
from pathlib import Path

from espmon.session.build_command import BuildCommands, command_problem, project_root, proposed_words, words_of
from espmon.session.build_run import BuildRun
from espmon.session.compiler_messages import CompilerMessage, find_source
from espmon.tui.builds import project_of
from espmon.tui.host import Host
from espmon.tui.interruptible_work import OwnWork
from espmon.tui.screens.build_screen import BuildScreen
from espmon.tui.source_editor import open_in_editor
from espmon.tui.source_places import SourcePlace

ASKED_ONCE = (
    "It runs in {folder}, by its words and without a shell. It is kept for this project, apart from its files; "
    "another one can be chosen from the palette."
)


class Building:
    """Leads the user through builds; one runs at a time.

    Args:
        app: the app.
        commands: the file that keeps the commands; None keeps them while the app runs.
        flash: begins to flash the project; it asks first.
    """

    def __init__(self, app: Host, commands: Path | None, flash: Callable[[], None]) -> None:
        self._app = app
        self._commands = BuildCommands(commands)
        self._flash = flash
        self._run: BuildRun | None = None
        self._unseen = False
        """The last build has ended while its output was hidden."""

        self._opening = False
        """Its screen is on the way: that tells the end."""

    async def start(self, *, ask: bool = False) -> None:
        """Build; the first time, or where `ask`, the user is asked for the command. A build that runs is shown."""
        app = self._app
        if self._run is not None and not ask and (self._run.running or self._unseen):
            await self._show(self._run, seen=self._unseen)
            return
        asked = app.last_key
        project, words = await asyncio.to_thread(self._look)
        if words and not ask:
            await self._begin(project, words)
        elif app.still_wanted(asked):
            await self._ask(project, words)

    def _look(self) -> tuple[Path, tuple[str, ...]]:
        app = self._app
        project = project_root(project_of(app.status.elf, app.project), app.project)
        return project, self._commands.of(project)

    async def _ask(self, project: Path, words: tuple[str, ...]) -> None:
        from espmon.tui.screens.prompt import TextPrompt

        app = self._app
        proposed = words or await asyncio.to_thread(proposed_words, project)

        def answered(text: str | None) -> None:
            if text:
                app.run_worker(self._chosen(project, words_of(text, project)), group="build")

        prompt = TextPrompt(
            "Which command builds this project?",
            shlex.join(proposed),
            check=lambda text: command_problem(text, project),
            placeholder="idf.py build",
            note=ASKED_ONCE.format(folder=project),
            label="Build",
        )
        await app.push_screen(prompt, answered)

    async def _chosen(self, project: Path, words: tuple[str, ...]) -> None:
        try:
            await asyncio.to_thread(self._commands.choose, project, words)
        except OSError as error:
            said = f"The build command is not kept: {error.strerror or error}"
            self._app.notify(said, severity="warning", markup=False)
        await self._begin(project, words)

    async def _begin(self, project: Path, words: tuple[str, ...]) -> None:
        app = self._app
        if self._run is not None and self._run.running:
            app.notify("A build runs already: b shows it", severity="warning", markup=False)
            return
        run = BuildRun(words, project, lambda: app.link.on_screen(self._ended))
        self._opening = True
        try:
            await asyncio.to_thread(run.start)
        except OSError as error:
            self._opening = False
            said = f"{words[0]} did not start: {error.strerror or error}"
            app.notify(said, severity="error", markup=False)
            return
        self._run = run
        await self._show(run)

    async def _show(self, run: BuildRun, *, seen: bool = False) -> None:
        app = self._app
        self._unseen = False

        def again() -> None:
            app.run_worker(self._begin(run.folder, run.words), group="build")

        screen = BuildScreen(
            run,
            open_place=lambda message: self._open(run, message),
            built=self._built,
            stop=lambda: self._stop(run),
            again=again,
            seen=seen,
        )
        if not isinstance(app.screen, BuildScreen):
            await app.push_screen(screen)
        self._opening = False

    def _ended(self) -> None:
        """The build has ended: where its output is not shown, say so."""
        run, app = self._run, self._app
        if run is None or run.running or self._opening or isinstance(app.screen, BuildScreen):
            return
        self._unseen = True
        if run.code == 0 and not run.stopped:
            app.invite("The build has ended: Ctrl-T F flashes what changed, b shows its output")
        elif not run.stopped:
            app.invite(f"The build failed (exit code {run.code}): b shows its errors")

    def _stop(self, run: BuildRun) -> None:
        self._app.run_worker(asyncio.to_thread(run.stop), group="build-stop")

    def _built(self) -> None:
        """It has ended well: ask about flashing, in place of the output."""
        if isinstance(self._app.screen, BuildScreen):
            self._app.screen.dismiss(None)
        self._flash()

    def _open(self, run: BuildRun, message: CompilerMessage) -> None:
        found = find_source(message.file, (run.folder, run.folder / "build", run.folder / "main"))
        if found is None:
            self._app.notify(f"{message.file} is not in {run.folder}", severity="warning", markup=False)
        else:
            open_in_editor(self._app, SourcePlace(str(found.absolute()), message.line))

    def own_work(self) -> list[OwnWork]:
        """The build that runs."""
        run = self._run
        if run is None or not run.running:
            return []

        async def end() -> str:
            await asyncio.to_thread(run.stop)
            return f"Build stopped: {shlex.join(run.words)}" if run.stopped else ""

        means = f"{' '.join(run.words)} is ended, with what it started."
        return [OwnWork("A build runs: really leave?", means, end)]

    def end(self) -> None:
        """The program is left: no build outlives it. Blocks for a moment."""
        if self._run is not None:
            self._run.stop()
