"""What the user is asked about the serial line: its format, the length of a break."""

from __future__ import annotations

from espmon.port.line_format import MAX_BREAK_SECONDS, LineFormat
from espmon.tui.host import Host
from espmon.tui.user_input import break_of, format_problem

LIKELY_FORMATS = ("8N1", "7E1", "8E1", "8N2", "8N1 rts-cts", "8N1 xon-xoff")


class LineDialogs:
    """Asks, and tells the session the answer.

    Args:
        app: the app.
    """

    def __init__(self, app: Host) -> None:
        self._app = app

    def ask(self, what: str) -> None:
        """Ask for "format" or "break"."""
        if what == "format":
            self._ask_format()
        else:
            self._ask_break()

    def _ask_format(self) -> None:
        from espmon.tui.screens.prompt import TextPrompt

        app = self._app
        used = str(app.status.line)

        def answered(text: str | None) -> None:
            if text:
                app.link.ask(app.link.session.set_format(LineFormat.parse(text)))

        prompt = TextPrompt(
            "Data bits, parity, stop bits, flow control",
            used,
            check=format_problem,
            candidates=[text for text in LIKELY_FORMATS if text != used],
            note="The board is not told: it has to speak like this already.",
            label="Set",
        )
        app.push_screen(prompt, answered)

    def _ask_break(self) -> None:
        from espmon.tui.screens.prompt import TextPrompt

        app = self._app

        def check(text: str) -> str:
            return "" if break_of(text) else f"Enter seconds above 0, at most {MAX_BREAK_SECONDS:g}"

        def answered(text: str | None) -> None:
            if seconds := break_of(text or ""):
                app.link.ask(app.link.session.send_break(seconds))

        app.push_screen(TextPrompt("Seconds of break", "0.25", check=check, label="Send"), answered)
