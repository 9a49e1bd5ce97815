"""What the palette lists, and in which order: pure functions over names, keys and what was typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

MAX_RECENT = 20
"""Commands that stand first because they were used last."""

MIN_SCATTERED = 3
"""Letters from which on letters with others between them count as a match."""

SCATTERED = 7
"""Grade of such a match; it counts where nothing fits better."""


@dataclass(frozen=True, slots=True)
class PaletteCommand:
    """One row of the palette.

    Args:
        title: what it does.
        run: does it.
        label: a word or two for it, "" where the title is all.
        help: says more than the title.
        keys: how it is reached without the palette, as people write it.
    """

    title: str
    run: Callable[[], Awaitable[None]]
    label: str = ""
    help: str = ""
    keys: str = ""


def ranked(query: str, commands: Sequence[PaletteCommand], recent: Sequence[str] = ()) -> list[PaletteCommand]:
    """The commands that fit `query`, the best first; of equals what was used last, then as they are listed.

    Args:
        query: as it is typed; "" fits all.
        commands: in the order in which they are listed.
        recent: titles of what was used, the newest first.
    """
    words = query.lower().split()
    age = {title: index for index, title in enumerate(recent)}
    found = [
        (grade, age.get(command.title, len(age)), index, command)
        for index, command in enumerate(commands)
        if (grade := _grade(words, command)) is not None
    ]
    if any(grade < SCATTERED for grade, *_ in found):
        found = [row for row in found if row[0] < SCATTERED]
    return [command for *_, command in sorted(found, key=lambda row: row[:3])]


def _grade(words: Sequence[str], command: PaletteCommand) -> int | None:
    """How well a command fits, 0 best; None: not at all."""
    if not words:
        return 0
    query, label, title = " ".join(words), command.label.lower(), command.title.lower()
    named, told = title.split(), f"{label} {title} {command.help.lower()}".split()
    grades = (
        query in (label, title),
        label.startswith(query),
        title.startswith(query),
        _begin(words, named),
        query in title,
        _begin(words, told),
        query in command.help.lower(),
        len(query) >= MIN_SCATTERED and _scattered(query, title),
    )
    return next((grade for grade, fits in enumerate(grades) if fits), None)


def _begin(words: Sequence[str], texts: Sequence[str]) -> bool:
    """Whether each of `words` begins one of `texts`."""
    return all(any(text.startswith(word) for text in texts) for word in words)


def _scattered(query: str, text: str) -> bool:
    """Whether the letters of `query` stand in `text` in that order, the first at the beginning of a word."""
    letters = query.replace(" ", "")
    start = 0
    for index, letter in enumerate(letters):
        start = text.find(letter, start)
        if start < 0 or (index == 0 and start and text[start - 1].isalnum()):
            return False
        start += 1
    return True


def used(title: str, recent: Sequence[str]) -> list[str]:
    """What was used last, now that `title` was."""
    return [title, *(other for other in recent if other != title)][:MAX_RECENT]
