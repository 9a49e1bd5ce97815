"""Filters under names: saved, chosen again, and as the print filter of idf.py monitor."""

from __future__ import annotations

import asyncio

from espmon.tui.host import Host
from espmon.tui.log.filter_form import FilterForm
from espmon.tui.log.query import QueryError
from espmon.tui.saved_filters import MAX_NAME, filters_file, read_filters, save_filter

NOTHING = "Nothing is filtered: f begins"


class FilterDialogs:
    """Asks for names, and what to do with them.

    Args:
        app: the app.
    """

    def __init__(self, app: Host) -> None:
        self._app = app

    def _form(self) -> FilterForm | None:
        """The filter that is typed; None, and the user is told, when there is none."""
        try:
            form = self._app.monitor.filter_form
        except QueryError as error:
            self._say(str(error))
            return None
        if form == FilterForm(regex=form.regex):
            self._say(NOTHING)
            return None
        return form

    def _say(self, text: str) -> None:
        self._app.notify(text, markup=False)

    def save(self) -> None:
        """Keep the filter under a name."""
        from espmon.tui.screens.prompt import TextPrompt

        form = self._form()
        if form is None:
            return

        def answered(name: str | None) -> None:
            if name:
                self._app.run_worker(self._save(name, form), group="filters")

        prompt = TextPrompt(
            "Save this filter under a name",
            check=lambda name: "" if 0 < len(name.strip()) <= MAX_NAME else f"1 to {MAX_NAME} characters",
            label="Save",
        )
        self._app.push_screen(prompt, answered)

    async def _save(self, name: str, form: FilterForm) -> None:
        try:
            await asyncio.to_thread(save_filter, filters_file(), name.strip(), form)
        except OSError as error:
            self._app.notify(f"Not saved: {error}", severity="error", markup=False)
        else:
            self._say(f"Saved as {name.strip()}")

    def choose(self) -> None:
        """Use a saved filter."""
        self._app.run_worker(self._choose(), group="filters")

    async def _choose(self) -> None:
        from espmon.tui.screens.prompt import TextPrompt

        found, problem = await asyncio.to_thread(read_filters, filters_file())
        if problem:
            self._app.notify(problem, severity="warning", markup=False)
        if not found:
            self._say("No filter is saved: f filters, Ctrl-S saves it")
            return

        def answered(name: str | None) -> None:
            if name in found:
                self._app.run_worker(self._app.monitor.use_form(found[name]), group="filters")

        prompt = TextPrompt(
            "Use a saved filter",
            check=lambda name: "" if name in found else "There is no filter of this name",
            candidates=list(reversed(found)),
            label="Use",
        )
        self._app.push_screen(prompt, answered)

    def copy_print_filter(self) -> None:
        """The filter as `--print-filter` and idf.py monitor take it, to the terminal's clipboard."""
        form = self._form()
        if form is not None:
            text = form.print_filter or "*:V"
            self._app.copy_to_clipboard(text)
            self._say(f"{text} sent to the terminal's clipboard: tags and levels of the filter")
