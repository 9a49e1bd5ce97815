"""A text field whose keys with Alt are keys."""

from __future__ import annotations

from textual import events
from textual.widgets import Input


class Field(Input):
    """`Input`, without the letter that Alt and a letter would type.

    Most terminals send Alt and a letter as an escape character and the letter. The toolkit reads a key with a name
    ("alt+c") and with a character, and the base class inserts the character before any binding is looked at.
    """

    async def _on_key(self, event: events.Key) -> None:
        if event.key.startswith("alt+"):
            event.prevent_default()
