"""The footer, made anew only when its keys are others."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Footer


class KeyFooter(Footer):
    """Textual's, which makes all of its keys anew whenever the focus moves or a binding may have changed: at the start
    a dozen times before the first key is answered."""

    _made: tuple[object, ...] | None = None
    """The keys that it has."""

    def _offered(self) -> tuple[object, ...]:
        """What the keys say, and whether they do something now."""
        return tuple(
            (binding.key, self.app.get_key_display(binding), binding.description, binding.action, enabled, tooltip)
            for _, binding, enabled, tooltip in self.screen.active_bindings.values()
            if binding.show
        )

    def compose(self) -> ComposeResult:
        """The keys."""
        if self._bindings_ready:
            self._made = self._offered()
        yield from super().compose()

    def bindings_changed(self, screen: Screen[object]) -> None:
        """Make them anew, if they are others after what happens now."""
        self._bindings_ready = True
        if self.is_attached and screen is self.screen and screen.app.app_focus:
            self.call_after_refresh(self._renew)

    async def _renew(self) -> None:
        # The screen may have gone since: that of a tab that was closed.
        if self.is_attached and self._offered() != self._made:
            await self.recompose()
