"""What bittty 0.3 leaves where characters are erased, inserted or deleted, made what xterm leaves: the background.

ECH and ICH would leave blanks with every attribute that is on (underlined, reversed), DCH blanks with none.
"""

from __future__ import annotations

from bittty import Board
from bittty.style import Style


def erase_with_background(board: Board) -> None:
    """Change the operations of `board`."""
    blitter, style = board.blitter, board.style
    erase, insert, delete = blitter.erase_characters, blitter.insert_characters, blitter.delete_characters

    def background() -> Style:
        return Style(bg=style.current.bg)

    def erase_characters(count: int) -> None:
        kept = style.current
        style.current = background()
        try:
            erase(count)
        finally:
            style.current = kept

    def insert_characters(count: int, _style: Style | str = "") -> None:
        insert(count, background())

    def delete_characters(count: int) -> None:
        cursor = board.cursor
        delete(count)
        inside = blitter.left_margin <= cursor.x <= blitter.right_margin
        if style.current.bg is None or not inside or not blitter.scroll_top <= cursor.y <= blitter.scroll_bottom:
            return
        blank, right = background(), blitter.right_margin
        for column in range(max(cursor.x, right + 1 - count), right + 1):
            blitter.current_page.set_cell(column, cursor.y, " ", blank)

    blitter.erase_characters = erase_characters
    blitter.insert_characters = insert_characters
    blitter.delete_characters = delete_characters
